"""Conditions that relate a message to others read the whole mailbox, and judge only what is to be judged."""

from __future__ import annotations

from dataclasses import replace

from mailrules.mailbox.message import UID
from mailrules.plan.directory import directory_of
from mailrules.plan.history import History
from mailrules.rules.conditions import Environment
from mailrules.survey import Selection, Surroundings, explain_mail, survey_mailbox
from mailrules.testing.builders import message
from mailrules.testing.memory_reader import MemoryReader
from tests.plan.planned import NOW, load, mail, steps_of

RULES = """
rules:
  - {name: twice, if: {duplicate: true}, do: [{keyword: $Twice}]}
  - {name: watched, if: {thread: {flag: flagged}}, do: [{keyword: $Watched}]}
  - {name: new face, if: {first_seen: true}, do: [{keyword: $New}]}
"""
ANN, BOB = "ann@example.org", "bob@example.org"
ACCOUNT_MAIL = (
    message(from_=ANN, message_id="<1@a>"),
    message(from_=BOB, message_id="<2@a>"),
    message(from_=ANN, message_id="<1@a>"),
    message(from_=BOB, message_id="<3@a>", headers={"In-Reply-To": "<2@a>"}),
    message(from_="cleo@example.org", message_id="<4@a>", headers={"References": "<2@a> <3@a>"}),
)


async def _surroundings(reader: MemoryReader) -> Surroundings:
    directory = directory_of(await reader.list_mailboxes(), account="home", user="me@example.org")
    return Surroundings(directory=directory, environment=Environment(now=NOW), history=History())


def _reader() -> MemoryReader:
    account = mail(*ACCOUNT_MAIL)
    account["INBOX"].messages[2].flags = frozenset({"\\Flagged"})
    return MemoryReader(account, account="home")


async def test_new_mail_is_related_to_the_old_and_only_the_new_is_judged() -> None:
    reader, rules = _reader(), load(RULES).rules.rules
    selection = Selection(after_uid=2, without=frozenset({UID(5)}))

    planner = await survey_mailbox(
        reader, await reader.open("INBOX"), rules, surroundings=await _surroundings(reader), selection=selection
    )
    made = planner.finish()

    assert steps_of(made) == {3: ["+$Twice"], 4: ["+$Watched"]}
    assert (made.judged, made.final_uids) == (2, (3, 4))
    # One pass over the mailbox, another to describe what is acted on.
    assert [call.name for call in reader.calls].count("fetch") <= 2


async def test_the_newest_and_the_pending_of_the_mailbox_can_be_chosen() -> None:
    chosen = Selection(after_uid=3, also=frozenset({UID(1)})).of(map(UID, (5, 4, 3, 2, 1)))

    assert chosen == (1, 4, 5)
    assert Selection(newest=2).of(map(UID, (1, 2, 3))) == (2, 3)


async def test_an_explanation_of_one_message_sees_the_others() -> None:
    reader, rules = _reader(), load(RULES).rules.rules

    status = await reader.open("INBOX")
    explained = await explain_mail(reader, status, rules, uid=UID(5), surroundings=await _surroundings(reader))

    assert explained is not None
    verdicts = {one.rule: one.verdict for one in explained.rules}
    assert verdicts == {"twice": "does not match", "watched": "acts", "new face": "acts"}
    assert explained.rules[1].condition.seen == "2 other messages of the thread in this mailbox"


async def test_senders_are_noted_where_a_rule_asks_for_them() -> None:
    reader, surroundings = _reader(), await _surroundings(_reader())
    status = await reader.open("INBOX")

    asking = await survey_mailbox(reader, status, load(RULES).rules.rules, surroundings=surroundings)
    others = "rules: [{name: r, if: {duplicate: true}, do: [{keyword: $Twice}]}]"
    not_asking = await survey_mailbox(reader, status, load(others).rules.rules, surroundings=surroundings)

    senders = asking.finish().senders
    history = History(senders=dict(senders), senders_to_renew=frozenset({senders[1][0]}))
    knowing = await survey_mailbox(
        reader, status, load(RULES).rules.rules, surroundings=replace(surroundings, history=history)
    )

    assert len(senders) == 3
    assert knowing.finish().senders == (senders[1],)
    assert not_asking.finish().senders == ()
