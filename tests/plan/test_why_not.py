"""Why a rule that matches a message does nothing with it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.mailbox.message import UID
from mailrules.plan.directory import directory_of
from mailrules.plan.explanation import Verdict
from mailrules.plan.history import History, LedgerKey
from mailrules.plan.past_moves import MessageIdentity, PastMove
from mailrules.plan.planner import DISPLAY_FIELDS
from mailrules.plan.why_not import Standing
from mailrules.rules.conditions import Environment
from mailrules.survey import Surroundings, explain_mail
from mailrules.testing.builders import message
from mailrules.testing.memory_reader import MemoryReader
from tests.plan.planned import NOW, load, mail, plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.testing.mail_state import MailAccount

CONTENT = message(message_id="<1@a>", subject="Roses", from_="Ann <ann@example.org>", date="never")


async def verdicts(
    rules: str,
    *,
    account: MailAccount | None = None,
    history: History | None = None,
    moves: Sequence[PastMove] = (),
    standing: Standing | None = None,
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each rule's verdict on the one message, and its notes."""
    account = account or mail(CONTENT, mailboxes=["Filed", "Later"])
    reader = MemoryReader(account, account="home")
    directory = directory_of(await reader.list_mailboxes(), account="home", user="me@example.org")
    received = account["INBOX"].messages[UID(1)].received

    async def past_moves(_ids: Sequence[str]) -> Mapping[MessageIdentity, Sequence[PastMove]]:
        return {MessageIdentity("<1@a>", len(CONTENT), received): moves}

    explained = await explain_mail(
        reader,
        await reader.open("INBOX"),
        load(rules).rules.rules,
        uid=UID(1),
        surroundings=Surroundings(
            directory=directory,
            environment=Environment(now=NOW),
            history=history or History(),
            past_moves=past_moves,
            describe_fields=DISPLAY_FIELDS,
        ),
        standing=standing,
    )
    assert explained is not None
    return {one.rule: (one.verdict, one.notes) for one in explained.rules}


async def test_an_earlier_rule_ended_the_evaluation() -> None:
    found = await verdicts(
        "rules: [{name: first, if: always, do: [{move: Filed}]},"
        " {name: second, if: {subject: roses}, do: [{flag: seen}]},"
        " {name: third, if: {subject: tulips}, do: [{flag: seen}]}]\n"
    )

    assert found["first"] == (Verdict.ACTS, ())
    ends = "the rule 'first' ends what is asked of this message"
    assert found["second"] == (Verdict.NOT_ASKED, (f"{ends}; it would match",))
    assert found["third"] == (Verdict.NOT_ASKED, (ends,))


async def test_a_deleted_message_is_not_seen() -> None:
    account = mail(CONTENT)
    account["INBOX"].messages[UID(1)].flags = frozenset({"\\Deleted"})

    found = await verdicts("rules: [{name: a, if: always, do: [{flag: seen}]}]\n", account=account)

    assert found["a"] == (Verdict.NOT_ASKED, ("it does not see messages that are marked as deleted; it would match",))


async def test_it_is_so_already() -> None:
    account = mail(CONTENT)
    account["INBOX"].messages[UID(1)].flags = frozenset({"\\Seen"})

    found = await verdicts(
        "rules: [{name: marks, if: always, do: [{flag: seen}, {unflag: flagged}]},"
        " {name: moves, if: always, do: [{move: INBOX}]}]\n",
        account=account,
    )
    keeps = await verdicts("rules: [{name: keeps, if: always, do: [keep]}]\n")

    assert found["marks"] == (
        Verdict.MATCHES,
        ("it carries \\Seen already", "it carries no \\Flagged that could be removed"),
    )
    assert found["moves"] == (Verdict.MATCHES, ("the message is in that mailbox already",))
    assert keeps["keeps"] == (Verdict.MATCHES, ("it keeps the message where it is, and no later rule is asked",))


async def test_a_later_rule_has_the_last_word_on_a_flag() -> None:
    found = await verdicts(
        "rules: [{name: a, if: always, do: [{flag: seen}]}, {name: b, if: always, do: [{flag: seen}]}]\n"
    )

    taken_back = await verdicts(
        "rules: [{name: a, if: always, do: [{flag: seen}]}, {name: b, if: always, do: [{unflag: seen}]}]\n"
    )

    assert found["a"] == (Verdict.MATCHES, ("the rule 'b' has the last word on \\Seen",))
    assert found["b"] == (Verdict.ACTS, ())
    assert taken_back["a"] == (Verdict.MATCHES, ("a later rule has the last word on \\Seen",))


async def test_another_disposition_comes_first_or_holds_it() -> None:
    first = "rules: [{name: a, if: always, stop: false, do: [{move: Filed}]}, {name: b, if: always, do: [{move: Later}]"
    shadowed = await verdicts(f"{first}}}]\n")
    held = await verdicts(f"{first}, conflict: error}}]\n")

    assert shadowed["b"] == (Verdict.MATCHES, ("shadowed: another rule's disposition comes first",))
    assert held["b"] == (Verdict.MATCHES, ("held: two rules dispose of this message (conflict: error)",))
    assert held["a"] == (
        Verdict.MATCHES,
        ("the message stays, since rule 'b' holds it: two rules dispose of this message (conflict: error)",),
    )


async def test_an_earlier_rule_could_not_be_judged() -> None:
    found = await verdicts(
        "rules: [{name: old, if: {sent: {older_than: 3d}}, do: [{flag: seen}]},"
        " {name: file, if: always, do: [{move: Filed}]}]\n"
    )

    assert found["old"] == (Verdict.UNKNOWABLE, ("sent: the Date field is no date: 'never'",))
    assert found["file"] == (Verdict.MATCHES, ("held: an earlier rule could not be judged for this message",))


async def test_the_ledger_has_it() -> None:
    rules = "rules: [{name: a, if: always, do: [{copy: Filed}]}]\n"
    made = await plan(rules, mail(CONTENT, mailboxes=["Filed"]))
    done = History(ledger=frozenset({LedgerKey(made.messages[0].content_key, "a", "copy", "Filed")}))

    found = await verdicts(rules, history=done)

    assert found["a"] == (
        Verdict.MATCHES,
        ("its copy to Filed was done before and is not repeated (the journal's ledger)",),
    )


async def test_a_person_moved_it_back() -> None:
    before = PastMove(rule="a", account="home", mailbox="INBOX", moved=NOW - timedelta(days=2))

    found = await verdicts("rules: [{name: a, if: always, do: [{move: Filed}]}]\n", moves=[before])

    assert found["a"] == (
        Verdict.MATCHES,
        ("left here: this rule moved it on 2026-11-20 12:00 UTC, and somebody put it back",),
    )


async def test_what_keeps_the_daemon_from_it_is_told_beside_what_a_run_would_do() -> None:
    standing = Standing(pending={"a": "the guard was used up"}, untried=frozenset({"a"}), used_up=frozenset({"a"}))

    found = await verdicts(
        'rules: [{name: a, if: always, events: [{at: "03:20"}, {every: 2h}], do: [{move: Filed}]}]\n', standing=standing
    )

    assert found["a"] == (
        Verdict.ACTS,
        (
            "an earlier run left the message to be judged again: the guard was used up",
            "the daemon asks this rule only at 03:20 and every 2h, not when mail comes in",
            (
                "the daemon only reports what it would do: the rule has not acted in this mailbox yet; "
                "release it with: mailrules approve a"
            ),
            "the daemon holds it for now: the rule has changed 200 messages in 1h; wait, or: mailrules approve a",
        ),
    )
