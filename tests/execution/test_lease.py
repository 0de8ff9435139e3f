"""Two mailrules on two machines, one account: only the one that holds the lease acts, and a paused one is found out."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.client.imap_store import connect_store
from mailrules.errors import LeaseHeld, LeaseLost
from mailrules.execution.executor import execute
from mailrules.execution.lease import BEAT_EVERY, EXPIRY, Lease
from mailrules.journal.journal import Journal
from mailrules.journal.records import RunKind, StepState
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_store import MemoryStore
from tests.execution.each_server import SAMPLES, Place, place_on
from tests.execution.world import ACCOUNT, World, move

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mailrules.mailbox.store import AppendOutcome, MailStore, MessageContent

NAME = "mailrules-lease"
OURS, THEIRS = "a" * 32, "b" * 32


@dataclass
class Clock:
    """The server's time and each side's own, which nobody compares with each other."""

    time: datetime = datetime(2026, 11, 28, 12, tzinfo=UTC)
    passed: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return self.time + self.passed


class Stamping(MemoryStore):
    """A store whose server stamps what is appended without a date."""

    clock = Clock()

    async def append(
        self,
        mailbox: str,
        message: bytes | MessageContent,
        *,
        flags: frozenset[str] = frozenset(),
        received: datetime | None = None,
    ) -> AppendOutcome:
        return await super().append(mailbox, message, flags=flags, received=received or self.clock.now())


def lease(mail: MailAccount, clock: Clock, *, token: str) -> Lease:
    store = Stamping(mail, account=ACCOUNT)
    store.clock = clock
    return Lease(store, mailbox=NAME, token=token, now=clock.now)


async def test_one_takes_it_the_other_is_told_and_it_is_given_back() -> None:
    mail, clock = MailAccount(), Clock()
    first, second = lease(mail, clock, token=OURS), lease(mail, clock, token=THEIRS)
    await first.acquire()

    with pytest.raises(LeaseHeld, match="another mailrules holds the lease"):
        await second.acquire()

    await first.check()
    await first.release()
    assert not any(name.startswith(NAME) for name in mail.mailboxes)
    await second.acquire()
    await second.check()


async def test_a_holder_that_is_heard_of_keeps_it() -> None:
    mail, clock = MailAccount(), Clock()
    first, second = lease(mail, clock, token=OURS), lease(mail, clock, token=THEIRS)
    await first.acquire()
    for _ in range(3):
        clock.passed += EXPIRY - BEAT_EVERY
        await first.check()

        with pytest.raises(LeaseHeld):
            await second.acquire()


async def test_a_holder_that_is_not_heard_of_loses_it_and_finds_out() -> None:
    mail, clock = MailAccount(), Clock()
    first, second = lease(mail, clock, token=OURS), lease(mail, clock, token=THEIRS)
    await first.acquire()
    clock.passed += EXPIRY + timedelta(seconds=1)

    await second.acquire()

    with pytest.raises(LeaseLost, match="another mailrules has taken the lease"):
        await first.check()
    await first.release()
    await second.check()


async def test_of_many_who_take_over_an_expired_lease_one_wins() -> None:
    mail, clock = MailAccount(), Clock()
    await lease(mail, clock, token=OURS).acquire()
    clock.passed += EXPIRY + timedelta(seconds=1)
    others = [lease(mail, clock, token=f"{number:032x}") for number in range(1, 9)]

    ended = await asyncio.gather(*(one.acquire() for one in others), return_exceptions=True)

    winners = [one for one, outcome in zip(others, ended, strict=True) if outcome is None]
    assert len(winners) == 1
    await winners[0].check()
    assert all(isinstance(outcome, LeaseHeld) for outcome in ended if outcome is not None)


async def test_our_next_process_takes_over_at_once_what_our_killed_one_held() -> None:
    mail, clock = MailAccount(), Clock()
    await lease(mail, clock, token=OURS).acquire()
    again = lease(mail, clock, token=OURS)

    await again.acquire()

    await again.check()
    assert [name for name in mail.mailboxes if name.startswith(NAME)] == [f"{NAME}-2"]


async def test_one_that_died_before_its_first_beat_does_not_hold_it_for_ever() -> None:
    mail, clock = MailAccount(), Clock()
    mail.create(f"{NAME}-1")
    ours = lease(mail, clock, token=OURS)
    with pytest.raises(LeaseHeld):
        await ours.acquire()
    clock.passed += EXPIRY + timedelta(seconds=1)

    await ours.acquire()

    await ours.check()


async def test_a_paused_twin_doubles_at_most_one_batch_and_says_so(world: World) -> None:
    clock = Clock()
    twin = lease(world.mail, clock, token=OURS)
    await twin.acquire()
    other = lease(world.mail, clock, token=THEIRS)
    world.mail.create("Later")
    plan = world.plan({uid: [move("Archive" if uid < 6 else "Later")] for uid in range(1, 10)})
    is_paused = False

    class Paused(MemoryStore):
        """Suspended between the look at its lease and the command; the other one takes over and does the same."""

        async def move(self, uids: object, target: str) -> object:
            nonlocal is_paused
            if not is_paused:
                is_paused = True
                clock.passed += EXPIRY + timedelta(seconds=1)
                taking_over = threading.Thread(target=lambda: asyncio.run(other.acquire()))
                taking_over.start()
                taking_over.join()  # nothing of ours runs meanwhile
                for uid in list(uids):  # type: ignore[call-overload]  # UIDs
                    self.mail.copy(self.mail["INBOX"], uid, self.mail["Archive"])
            return await super().move(uids, target)  # type: ignore[arg-type]  # as given

    journal = await world.open_journal()
    run = await journal.begin_run(kind=RunKind.ONCE, started=world.now(), plan=plan)
    report = await execute(
        plan,
        run=run,
        stores={ACCOUNT: Paused(world.mail, account=ACCOUNT)},
        journal=journal,
        effects={},
        now=world.now,
        guards={ACCOUNT: twin.check},
    )

    assert "some messages are there twice" in " ".join(report.warnings)
    assert len(world.ids("Archive")) == 10
    assert (world.ids("Later"), len(world.ids())) == ([], 5), "the next batch was not sent"


_ATTEMPTS = 8


@pytest.fixture
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    journal = await Journal.open(tmp_path / "state" / "journal.sqlite")
    with place_on(request, "dovecot", tmp_path, journal) as found:
        yield found
        await found.leave()
    await journal.close()


async def test_two_instances_on_dovecot_move_everything_once(place: Place, tmp_path: Path) -> None:
    await place.fill("From", SAMPLES[:5])
    await place.fill("To", ())
    other_journal = await Journal.open(tmp_path / "other" / "journal.sqlite")
    other = replace(place, journal=other_journal, _looking=None)

    async def act(one: Place, token: str) -> bool:
        store = await connect_store(one.settings)
        held = Lease(store, mailbox=NAME, token=token, now=one.now)
        try:
            await held.acquire()
        except LeaseHeld:
            await store.close()
            return False
        plan = await one.plan("From", lambda *_: [move("To")])
        run = await one.journal.begin_run(kind=RunKind.ONCE, started=one.now(), plan=plan)
        used: MailStore = await one.connect()
        await execute(
            plan,
            run=run,
            stores={"home": used},
            journal=one.journal,
            effects={},
            now=one.now,
            guards={"home": held.check},
        )
        assert {step.state for step in await one.journal.steps_of(run)} <= {StepState.APPLIED}
        await used.close()
        await held.release()
        await store.close()
        return True

    acted = [False]
    for _ in range(_ATTEMPTS):
        acted = await asyncio.gather(act(place, OURS), act(other, THEIRS))
        if any(acted):
            break
        # Dovecot refuses the only one that makes a mailbox with ALREADYEXISTS, once in fifty times, if the other looks
        # into it while it is made. Then neither acts, and what is there without a beat would have to expire first.
        assert await place.contents("To") == []
        await (await place.looking()).delete_mailbox(f"{NAME}-1")

    assert any(acted)
    assert [name for name, _ in await place.contents("To")] == [f"<{number}@example.org>" for number in range(1, 6)]
    assert await place.contents("From") == []
    names = [one.name for one in await (await place.looking()).list_mailboxes()]
    assert not any(name.startswith(NAME) for name in names)
    await other.leave()
    await other_journal.close()
