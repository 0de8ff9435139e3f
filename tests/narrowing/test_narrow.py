"""When a sweep is narrowed, what it reads in any case, and what becomes of a server that does not search."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from mailrules.client.imap_store import connect_reader
from mailrules.errors import CommandRefused
from mailrules.journal.records import Position
from mailrules.mailbox.message import UID
from mailrules.narrowing import SearchTrust
from mailrules.testing.builders import message
from mailrules.testing.capabilities import without
from mailrules.testing.memory_faults import MemoryFault, Moment
from mailrules.testing.memory_reader import MemoryReader
from mailrules.testing.server_faults import AtCommand, Refuse, Rewrite
from tests.narrowing import generated
from tests.narrowing.liars import ONE_KEY
from tests.narrowing.sweeping import Sweeping, done_and_said, tried_already
from tests.plan.planned import load, mail

if TYPE_CHECKING:
    from mailrules.plan.plan import MailboxPlan
    from mailrules.settings import AccountSettings
    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from mailrules.testing.server_faults import Reaction

FLAGGED = "rules: [{name: r, if: {flag: flagged, size: {over: 0}}, do: [{keyword: $Done}]}]\n"
COUNT = 40


def _account(*, count: int = COUNT) -> MailAccount:
    """Every tenth message is flagged."""
    account = mail(mailboxes=["Other", "Copies"])
    for number in range(1, count + 1):
        flags = {"\\Flagged"} if number % 10 == 0 else frozenset[str]()
        account.add("INBOX", message(subject=f"Number {number}"), flags=flags)
    return account


def _chosen(plan: MailboxPlan) -> list[int]:
    return [one.uid for one in plan.messages]


async def _both(sweeping: Sweeping, text: str = FLAGGED) -> MailboxPlan:
    """The narrowed plan, which has to do and say what the whole one does."""
    rules = load(text).rules.rules
    narrowed = await sweeping.plan(rules, narrowed=True)
    assert done_and_said(narrowed) == done_and_said(await sweeping.plan(rules, narrowed=False))
    return narrowed


async def test_what_lies_outside_the_search_is_not_read_and_counts_as_judged() -> None:
    reader = MemoryReader(_account(), account="home")

    plan = await Sweeping(reader, trust=_trusting()).plan(load(FLAGGED).rules.rules, narrowed=True)

    assert _chosen(plan) == [10, 20, 30, 40]
    assert (plan.judged, plan.left_out, plan.search) == (COUNT, COUNT - 4, "FLAGGED LARGER 0")
    assert {uid for call in reader.calls if call.name == "fetch" for uid in call.uids} == {10, 20, 30, 40}


async def test_what_lies_beyond_the_position_or_is_pending_is_read_in_any_case() -> None:
    reader = MemoryReader(_account(), account="home")
    position = Position(
        account="home", mailbox="INBOX", uidvalidity=_uidvalidity(reader), last_uid=35, pending=frozenset({UID(3)})
    )
    sweeping = Sweeping(reader, trust=_trusting(), position=position)

    plan = await sweeping.plan(load(FLAGGED).rules.rules, narrowed=True)

    assert plan.left_out == 35 - 3 - 1
    assert set(plan.final_uids) == {3, 10, 20, 30, 36, 37, 38, 39, 40}
    assert plan.moves_position


async def test_a_position_of_another_uidvalidity_is_none_and_none_is_made() -> None:
    position = Position(account="home", mailbox="INBOX", uidvalidity=1, last_uid=35, pending=frozenset({UID(3)}))
    sweeping = Sweeping(MemoryReader(_account(), account="home"), trust=_trusting(), position=position)

    plan = await sweeping.plan(load(FLAGGED).rules.rules, narrowed=True)

    assert plan.left_out == COUNT - 4
    assert not plan.moves_position


async def test_mail_that_arrives_while_the_server_searches_is_read() -> None:
    account = _account()
    arriving = iter(("search_as_written", "fetch_from"))
    awaited = next(arriving)

    def deliver(call: str) -> None:
        nonlocal awaited
        if call == awaited:
            awaited = next(arriving, "")
            account.add("INBOX", message(subject="New"), flags={"\\Flagged"})

    sweeping = Sweeping(MemoryReader(account, account="home", before_call=deliver), trust=_trusting())

    plan = await sweeping.plan(load(FLAGGED).rules.rules, narrowed=True)

    assert _chosen(plan) == [10, 20, 30, 40, 41, 42]
    assert plan.left_out == COUNT - 4


async def test_only_the_rule_that_is_asked_for_is_searched_for() -> None:
    text = FLAGGED.rstrip()[:-1] + ", {name: all, if: always, do: [{flag: seen}]}]\n"
    rules = load(text).rules.rules
    sweeping = Sweeping(MemoryReader(_account(), account="home"), trust=_trusting())

    one = await sweeping.plan(rules, narrowed=True, rule="r")
    every = await sweeping.plan(rules, narrowed=True)

    assert one.search == "FLAGGED LARGER 0"
    assert (every.search, every.left_out) == ("", 0)


@pytest.mark.parametrize("condition", ["duplicate: true", "thread: {flag: seen}", "first_seen: true"])
async def test_a_condition_on_other_messages_has_all_of_them_read(condition: str) -> None:
    text = f"rules: [{{name: r, if: {{flag: flagged, {condition}}}, do: [{{keyword: $Done}}]}}]\n"
    reader = MemoryReader(_account(), account="home")

    plan = await _both(Sweeping(reader, trust=_trusting()), text)

    assert (plan.search, plan.left_out) == ("", 0)


async def test_a_search_that_nothing_can_fulfil_reads_nothing_and_asks_nothing() -> None:
    reader = MemoryReader(_account(), account="home")

    plan = await Sweeping(reader).plan(
        load("rules: [{name: r, if: {flag: seen, mailbox: Other}, do: [keep]}]\n").rules.rules, narrowed=True
    )

    assert (plan.judged, plan.left_out) == (COUNT, COUNT)
    assert {"fetch", "search_as_written"}.isdisjoint(call.name for call in reader.calls)


async def test_in_a_mailbox_with_gaps_the_server_is_asked_which_messages_there_are() -> None:
    account = _account(count=2_000)
    for uid in list(account["INBOX"].messages):
        if uid % 97:
            account["INBOX"].remove(uid)
    for uid in (97, 970):
        account["INBOX"].set_flags(uid, frozenset({"\\Flagged"}))
    reader = MemoryReader(account, account="home")

    plan = await _both(Sweeping(reader))

    assert _chosen(plan) == [97, 970, 1940]
    assert plan.left_out == 17


async def test_what_is_refused_of_what_was_found_is_told() -> None:
    reader = MemoryReader(
        _account(), account="home", faults=[MemoryFault(call="fetch_from", moment=Moment.REFUSED, code="SERVERBUG")]
    )

    with pytest.raises(CommandRefused, match="SERVERBUG"):
        await Sweeping(reader).plan(load(FLAGGED).rules.rules, narrowed=True)


# Over the wire, with servers that do not do as they should.


async def test_what_is_refused_of_a_search_that_turns_out_to_lie_hinders_nothing(
    imap_settings: AccountSettings, imap_server: ImapServer
) -> None:
    lie = next(lie for lie in ONE_KEY if lie.key == "FLAGGED" and lie.name.endswith("NOT ALL"))
    refused: list[bytes] = []

    def is_first_reading_beyond(command: bytes) -> bool:
        if b":* (" not in command or refused:
            return False
        refused.append(command)
        return True

    refusal = AtCommand(command="UID FETCH", nth=None, reaction=Refuse(code="SERVERBUG"), when=is_first_reading_beyond)
    imap_server.faults += [lie.fault, refusal]

    plan = await _over_the_wire(imap_settings, imap_server)

    assert refused
    assert "FLAGGED" not in plan.search


async def _over_the_wire(settings: AccountSettings, server: ImapServer, **options: object) -> MailboxPlan:
    for one in generated.messages(random.Random("wire")):
        server.mail.add("INBOX", one.content, flags=one.flags, received=one.received)
    reader = await connect_reader(settings)
    try:
        return await _both(Sweeping(reader, trust=SearchTrust(account="home", **options)))  # type: ignore[arg-type]  # whichever
    finally:
        await reader.close()


async def test_a_server_without_esearch_narrows_as_well(
    imap_settings: AccountSettings, imap_server: ImapServer
) -> None:
    imap_server.capabilities = without("ESEARCH")

    plan = await _over_the_wire(imap_settings, imap_server)

    assert plan.left_out > 0


@pytest.mark.parametrize(
    "reaction",
    [
        Refuse(),
        Refuse(status="BAD"),
        Refuse(code="SERVERBUG"),
        Rewrite(pattern=rb"ALL [^\r]*", replacement=b"ALL 1:4294967295"),
        Rewrite(pattern=rb"ALL [^\r]*", replacement=b"ALL *"),
        Rewrite(pattern=rb"ESEARCH [^\r]*", replacement=b"ESEARCH"),
        Rewrite(pattern=rb"ESEARCH [^\r]*", replacement=b"ESEARCH )("),
    ],
    ids=lambda reaction: getattr(reaction, "status", "") or reaction.replacement.decode(),
)
async def test_a_server_that_does_not_answer_as_it_should_narrows_nothing(
    imap_settings: AccountSettings, imap_server: ImapServer, reaction: Reaction
) -> None:
    imap_server.faults.append(AtCommand(command="UID SEARCH", nth=None, reaction=reaction))

    plan = await _over_the_wire(imap_settings, imap_server)

    assert plan.left_out == 0


async def test_a_key_that_is_known_to_lie_is_not_asked(imap_settings: AccountSettings, imap_server: ImapServer) -> None:
    imap_server.faults.append(next(lie for lie in ONE_KEY if lie.key == "FLAGGED").fault)

    plan = await _over_the_wire(imap_settings, imap_server, refused={"FLAGGED"}, tried=tried_already())

    assert "FLAGGED" not in plan.search


def _trusting() -> SearchTrust:
    """Of a server that was tried a moment ago."""
    return SearchTrust(account="home", tried=tried_already())


def _uidvalidity(reader: MemoryReader) -> int:
    return reader.mail["INBOX"].uidvalidity
