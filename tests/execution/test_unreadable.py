"""A message that the server describes unreadably: left for later with its reason, and never taken for gone."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mailrules.arrivals import Watch
from mailrules.client.imap_store import connect_store
from mailrules.journal.journal import Journal
from mailrules.journal.records import StepState
from mailrules.narrowing import WORTH_A_SEARCH
from mailrules.plan.planner import IDENTITY_FIELDS
from mailrules.planning import plan_accounts
from mailrules.rules.rule import MailboxRef
from mailrules.session import Scope
from mailrules.settings import SecretReference
from mailrules.testing.builders import message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.memory_faults import Moment
from mailrules.testing.server_faults import AtCommand, Rewrite
from mailrules.testing.threaded_server import serve_in_thread
from tests.execution.broken_off import BrokenOff
from tests.execution.each_server import Place
from tests.execution.household import Household
from tests.execution.world import move

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mailrules.client.imap_store import ImapStore

RULES = """\
defaults: {first_run: act}
rules:
  - {name: sort, in: [home/INBOX], if: {subject: Sort}, do: [{move: Archive}]}
"""
INBOX = MailboxRef(account="home", mailbox="INBOX")
SECRET = SecretReference(kind="env", value="MAILRULES_UNREADABLE_SECRET")
COUNT = WORTH_A_SEARCH + 10
SECOND_IS_BROKEN = Rewrite(pattern=rb"\* (\d+) FETCH \(UID 2 [^\r]*", replacement=rb"* \1 FETCH (UID 2 (((")


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    household = Household(folder=tmp_path, rules=RULES)
    await household.open()
    yield household
    await household.close()


@asynccontextmanager
async def connected(server: ImapServer) -> AsyncIterator[ImapStore]:
    store = await connect_store(server.settings(SECRET, name="home"))
    try:
        yield store
    finally:
        await store.close()


async def test_it_is_pending_with_its_reason_until_it_can_be_read(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET.value, "pass")
    account = household.accounts["home"]
    async with ImapServer(account) as server, connected(server) as store:
        watch = await Watch.begin(household.session, store, INBOX)
        for number in (1, 2, 3):
            account.add("INBOX", message(subject=f"Sort {number}", message_id=f"<{number}@example.org>"))
        server.faults.append(AtCommand(command="UID FETCH", reaction=SECOND_IS_BROKEN, nth=None))
        assert await store.wait_for_news(timeout_seconds=10)
        await watch.judge_arrivals()
        (pending,) = await household.session.journal.pending()
        left = list(account["INBOX"].messages)
        await watch.judge_arrivals()
        still = await household.session.journal.pending()

        server.faults.clear()
        await watch.judge_arrivals()

    assert (pending.uid, pending.kind, left) == (2, "unknowable", [2])
    assert "cannot be read" in pending.reason
    assert [one.uid for one in still] == [2]
    assert await household.session.journal.pending() == ()
    assert len(account["Archive"].messages) == 3


@pytest.mark.parametrize("condition", ["{subject: Sort}", "{received: {older_than: 30d}}"])
async def test_a_plan_of_all_mail_tells_it_and_goes_on_with_the_others(
    household: Household, monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    """By a search of the server's too, which is tried on some messages first."""
    monkeypatch.setenv(SECRET.value, "pass")
    household.edit(RULES.replace("{subject: Sort}", condition))
    account = household.accounts["home"]
    for number in range(1, COUNT + 1):
        account.add("INBOX", message(subject=f"Sort {number}", message_id=f"<{number}@example.org>"))
    last = Rewrite(pattern=rb"\* (\d+) FETCH \(UID %d [^\r]*" % COUNT, replacement=rb"* \1 FETCH (UID %d (((" % COUNT)
    broken = AtCommand(command="UID FETCH", reaction=last, nth=None)
    async with ImapServer(account, faults=[broken]) as server, connected(server) as store:
        plan = await plan_accounts(household.session, {"home": store}, scope=Scope(), describe=IDENTITY_FIELDS)

    (mailbox,) = plan.mailboxes
    assert [(one.uid, one.kind) for one in mailbox.findings if one.kind == "unknowable"] == [(COUNT, "unknowable")]
    assert [one.uid for one in mailbox.messages] == list(range(1, COUNT))


@pytest.mark.parametrize("moment", [Moment.HALFWAY, Moment.AFTER])
async def test_recovery_does_not_take_it_for_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moment: Moment
) -> None:
    monkeypatch.setenv(SECRET.value, "pass")
    journal = await Journal.open(tmp_path / "state" / "journal.sqlite")
    with serve_in_thread(ImapServer()) as server:
        place = Place(server.settings(SECRET, name="home"), journal)
        await place.fill("From", [message(subject=f"{n}", message_id=f"<{n}@example.org>") for n in range(1, 4)])
        await place.fill("To", ())
        lost = await BrokenOff.connected(place.settings, at="move", moment=moment)
        await place.run(await place.plan("From", lambda *_: [move("To")]), lost)
        broken = AtCommand(command="UID FETCH", reaction=SECOND_IS_BROKEN, nth=None)
        server.faults.append(broken)

        first = await place.recover()
        left_open = await journal.open_steps()
        server.faults.remove(broken)
        report = await place.recover()

        assert first.settled == {StepState.UNKNOWN: 3}
        assert "can be read" in first.alarms[0]
        assert [one.state for one in left_open] == [StepState.UNKNOWN] * 3
        assert report.settled
        left = [one.content for name in ("From", "To") for one in server.mail[name].messages.values()]
        assert len(left) == len(set(left)) == 3
        await place.leave()
    await journal.close()
