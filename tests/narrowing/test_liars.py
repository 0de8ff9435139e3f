"""A server that answers SEARCH wrongly: omissions at most, and it is found out and not asked again."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.client.imap_store import connect_reader
from mailrules.mailbox.message import UID
from mailrules.narrowing import SearchTrust, try_out
from mailrules.plan.search_truth import PART, Untruth, sample_uids
from mailrules.testing.memory_reader import MemoryReader
from tests.narrowing import generated
from tests.narrowing.liars import LIES, OF_ALL, OF_TEXT, ONE_KEY, Lie
from tests.narrowing.sweeping import Sweeping, done_and_said, tried_already
from tests.plan.planned import load, mail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailrules.settings import AccountSettings
    from mailrules.testing.imap_server import ImapServer

FILES = 2
RULE_OF_KEY = {
    "BEFORE": "{received: {older_than: 10d}}",
    "SINCE": "{received: {newer_than: 10d}}",
    "SEEN": "{flag: seen}",
    "FLAGGED": "{not: {flag: flagged}}",
    "KEYWORD": "{keyword: todo}",
    "LARGER": "{size: {over: 1500}}",
    "SMALLER": "{size: {under: 1500}}",
    "FROM": "{from: ann@example.org}",
    "SUBJECT": "{subject: {contains: garden}}",
    "SEARCH": "{any: [{flag: seen, not: {keyword: todo}}, {flag: flagged, not: {flag: answered}}]}",
}


@pytest.fixture
async def sweeping(imap_server: ImapServer, imap_settings: AccountSettings) -> AsyncIterator[Sweeping]:
    """INBOX of the in-memory server, with mail by chance."""
    for name in ("Other", "Copies"):
        imap_server.mail.create(name)
    for one in generated.messages(random.Random("liars")):
        imap_server.mail.add("INBOX", one.content, flags=one.flags, received=one.received)
    reader = await connect_reader(imap_settings)
    yield Sweeping(reader, trust=SearchTrust(account="home", trusts_text=True))
    await reader.close()


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
async def test_a_lie_that_nobody_has_found_out_leaves_out_messages_and_adds_none(
    sweeping: Sweeping, imap_server: ImapServer, lie: Lie
) -> None:
    imap_server.faults.append(lie.fault)
    sweeping.trust.tried = tried_already()
    texts = [generated.rules(random.Random(f"{lie.key} {number}"), count=2) for number in range(FILES)]
    files = [load(text).rules.rules for text in (*texts, _rule(RULE_OF_KEY[lie.key]))]

    for rules in files:
        whole = await sweeping.plan(rules, narrowed=False)
        narrowed = await sweeping.plan(rules, narrowed=True)

        done, said = done_and_said(narrowed)
        all_done, all_said = done_and_said(whole)
        assert [one for one in done if one not in all_done] == []
        assert set(said) <= set(all_said)


@pytest.mark.parametrize("lie", [*ONE_KEY, *OF_TEXT, *OF_ALL], ids=lambda lie: lie.name)
async def test_a_lie_is_found_out_before_anything_is_left_out_and_its_key_is_not_asked_again(
    sweeping: Sweeping, imap_server: ImapServer, lie: Lie
) -> None:
    imap_server.faults.append(lie.fault)
    rules = load(_rule(RULE_OF_KEY[lie.key])).rules.rules

    whole = await sweeping.plan(rules, narrowed=False)
    narrowed = await sweeping.plan(rules, narrowed=True)

    assert done_and_said(narrowed) == done_and_said(whole)
    if lie in (*ONE_KEY, *OF_TEXT):
        assert sweeping.trust.refused == {lie.key}
        assert lie.key not in narrowed.search
    assert {one.key for one in sweeping.trust.learned} == sweeping.trust.refused
    assert sweeping.trust.refused


async def test_an_honest_server_is_called_no_liar(sweeping: Sweeping) -> None:
    for condition in RULE_OF_KEY.values():
        await sweeping.plan(load(_rule(condition)).rules.rules, narrowed=True)

    assert sweeping.trust.learned == []
    assert {word for _, word in sweeping.trust.tried} == {
        *RULE_OF_KEY.keys() - {"SEARCH"},
        "ANSWERED",
        "AND",
        "OR",
        "NOT",
    }


async def test_what_a_server_does_is_tried_again_after_a_day(sweeping: Sweeping, imap_server: ImapServer) -> None:
    rules = load(_rule(RULE_OF_KEY["SEEN"])).rules.rules
    await sweeping.plan(rules, narrowed=True)
    imap_server.faults.append(next(lie for lie in ONE_KEY if lie.key == "SEEN").fault)

    await sweeping.plan(rules, narrowed=True)
    unnoticed = set(sweeping.trust.refused)
    sweeping.trust.tried = tried_already(at=generated.NOW - timedelta(days=1))
    await sweeping.plan(rules, narrowed=True)

    assert (unnoticed, sweeping.trust.refused) == (set(), {"SEEN"})


async def test_flags_that_change_while_a_server_is_tried_are_no_lie() -> None:
    account = mail(mailboxes=["Other", "Copies"])
    for one in generated.messages(random.Random("changing")):
        account.add("INBOX", one.content, flags=one.flags, received=one.received)
    changing = iter(tuple(account["INBOX"].messages.values()))

    def change_one(call: str) -> None:
        if call == "search_as_written" and (stored := next(changing, None)) is not None:
            account["INBOX"].set_flags(stored.uid, stored.flags ^ {"\\Seen"})

    sweeping = Sweeping(MemoryReader(account, account="home", before_call=change_one))
    for _ in range(5):
        sweeping.trust.tried.clear()
        await sweeping.plan(load(_rule(RULE_OF_KEY["SEEN"])).rules.rules, narrowed=True)

    assert sweeping.trust.learned == []


@pytest.mark.parametrize("lie", ONE_KEY[:6], ids=lambda lie: lie.name)
async def test_a_server_can_be_tried_without_any_rule(sweeping: Sweeping, imap_server: ImapServer, lie: Lie) -> None:
    imap_server.faults.append(lie.fault)
    status = await sweeping.reader.open("INBOX")

    trial = await try_out(sweeping.reader, status, now=generated.NOW)

    assert [one.key for one in trial.untruths] == [lie.key]
    assert trial.messages == generated.MESSAGES


def test_an_untruth_says_what_is_wrong() -> None:
    one = Untruth(
        account="home",
        key="BEFORE",
        mailbox="INBOX",
        uid=UID(7),
        search="BEFORE 1-Feb-2026",
        was_found=False,
        seen=generated.NOW,
    )

    assert str(one) == "SEARCH BEFORE 1-Feb-2026 misses UID 7 of 'INBOX'"


def test_a_sample_has_the_first_the_last_and_others_every_second() -> None:
    one, other = (sample_uids(100_000, now=generated.NOW + timedelta(seconds=second)) for second in (0, 1))

    assert one[:PART] == other[:PART] == list(range(1, PART + 1))
    assert one[-PART:] == list(range(100_001 - PART, 100_001))
    assert one != other
    assert len(one) <= 4 * PART
    assert sample_uids(5, now=generated.NOW) == [1, 2, 3, 4, 5]


def _rule(condition: str) -> str:
    return f"rules: [{{name: r, if: {condition}, do: [{{keyword: $Done}}]}}]\n"
