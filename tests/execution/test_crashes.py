"""Whether a run that dies at any point, then recovers and goes on, ends as if nothing had happened.

Points are enumerated from an undisturbed run: the connection before, in the middle of and after
every call, and our own process before and after every write of the journal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import JournalError
from mailrules.execution.executor import execute
from mailrules.execution.undo import plan_undo
from mailrules.journal.database import Database
from mailrules.journal.journal import Journal
from mailrules.journal.records import RunKind
from mailrules.plan.history import LedgerKey
from mailrules.plan.plan import StepKind
from mailrules.testing.capabilities import EVERY_CAPABILITY, without
from mailrules.testing.memory_faults import MemoryFault, Moment
from tests.execution.world import ACCOUNT, World, add, copy, delete, mailbox_step, move, remove, ring

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from mailrules.journal.records import RunId, StepId, StepIntent, StepVerdict
    from mailrules.plan.plan import Plan, Step

SERVERS = {
    "all": EVERY_CAPABILITY,
    "no MOVE": without("MOVE"),
    "no OBJECTID": without("OBJECTID"),
    "no MOVE, no OBJECTID": without("MOVE", "OBJECTID"),
    "no UIDPLUS": without("UIDPLUS"),
    "no MOVE, no UIDPLUS": without("MOVE", "UIDPLUS"),
}


class Killed(Exception):
    """Stands for kill -9."""


@dataclass
class Death:
    """At which write of the journal the process dies, and whether the write is still done."""

    at_write: int
    is_written: bool
    writes: int = 0


class MortalJournal(Journal):
    """A journal whose process can die at a write."""

    death = Death(at_write=0, is_written=False)

    async def intend(self, run: RunId, intents: Sequence[StepIntent], *, now: datetime) -> tuple[StepId, ...]:
        self._pass()
        ids = await super().intend(run, intents, now=now)
        self._arrive()
        return ids

    async def judge(self, verdicts: Sequence[StepVerdict]) -> None:
        self._pass()
        await super().judge(verdicts)
        self._arrive()

    def _pass(self) -> None:
        self.death.writes += 1
        if self.death.writes == self.death.at_write and not self.death.is_written:
            raise Killed

    def _arrive(self) -> None:
        # Nothing that other tasks still write counts: the process is dead.
        if self.death.at_write and self.death.writes >= self.death.at_write:
            raise Killed


def fresh_world(tmp_path: Path, capabilities: frozenset[str], name: str) -> World:
    world = World(tmp_path / name / "journal.sqlite", capabilities=capabilities)
    world.deliver(9)
    world.mail["INBOX"].set_flags(3, frozenset({"\\Seen"}))
    # Two equal messages, as when mail is delivered twice.
    world.deliver(1, start=1)
    return world


def every_kind_of_step(world: World) -> Plan:
    return world.plan(
        {
            1: [add("\\Seen", "$Work"), copy("Junk"), move("Lists/a", create=True)],
            2: [copy("Junk"), copy("Archive"), ring(), move("Archive")],
            3: [remove("\\Seen"), move("Archive")],
            4: [move("Archive")],
            5: [delete()],
            6: [add("\\Flagged"), delete()],
            7: [ring()],
            10: [move("Lists/a", create=True)],
        },
        mailbox_steps=(
            mailbox_step(StepKind.CREATE, "Made"),
            mailbox_step(StepKind.SUBSCRIBE, "Made"),
            mailbox_step(StepKind.SETACL, "Made", identifier="bob", rights="lr"),
        ),
    )


def state_of(world: World) -> object:
    """Messages with flags by mailbox, rights, subscriptions.

    Without UIDPLUS what is removed only gets \\Deleted, and an interrupted MOVE ends in that way too.
    """
    messages = {
        name: sorted(
            (one.content, sorted(one.flags))
            for one in mailbox.messages.values()
            if "UIDPLUS" in world.capabilities or "\\Deleted" not in one.flags
        )
        for name, mailbox in world.mail.mailboxes.items()
    }
    rights = {name: mailbox.rights for name, mailbox in world.mail.mailboxes.items()}
    return messages, rights, set(world.mail.subscriptions)


def still_wanted(world: World, plan: Plan, ledger: frozenset[LedgerKey]) -> Plan:
    """What the planner would plan now: the same wishes for the messages that are still there."""
    inbox = world.mail["INBOX"].messages
    steps: dict[int, list[Step]] = {}
    for message in plan.mailboxes[0].messages:
        if message.uid not in inbox or "\\Deleted" in inbox[message.uid].flags:
            continue
        flags = inbox[message.uid].flags
        wanted = []
        for step in message.steps:
            key = LedgerKey(message.content_key, step.rule, step.effect or str(step.kind), step.to)
            is_so = (
                (step.kind is StepKind.ADD_FLAGS and flags >= set(step.flags))
                or (step.kind is StepKind.REMOVE_FLAGS and flags.isdisjoint(step.flags))
                or key in ledger
            )
            if not is_so:
                wanted.append(step)
        if wanted:
            steps[message.uid] = wanted
    return world.plan(steps, mailbox_steps=plan.mailbox_steps)


async def go_on(world: World, plan: Plan) -> None:
    """What the next start does: recover, plan anew, carry out."""
    await world.close()
    await world.recover()
    assert await world.journal.open_steps(ACCOUNT) == ()
    ledger = (await world.journal.history(rules=(), now=world.now())).ledger
    await world.run(still_wanted(world, plan, ledger))


async def undisturbed(tmp_path: Path, capabilities: frozenset[str]) -> tuple[object, int]:
    world = fresh_world(tmp_path, capabilities, "undisturbed")
    await world.run(every_kind_of_step(world))
    await world.close()
    return state_of(world), len(world.stores[0].calls)


def assert_no_effect_was_doubled(world: World) -> None:
    uids = [call.uid for call in world.effect.calls]
    assert len(uids) == len(set(uids))


@pytest.mark.parametrize(
    ("server", "moment"),
    [(server, Moment.HALFWAY) for server in SERVERS]
    + [(server, moment) for server in ("all", "no MOVE, no UIDPLUS") for moment in (Moment.BEFORE, Moment.AFTER)],
)
async def test_a_connection_lost_at_any_call_loses_and_doubles_nothing(
    tmp_path: Path, server: str, moment: Moment
) -> None:
    wanted, calls = await undisturbed(tmp_path, SERVERS[server])

    for nth in range(1, calls + 1):
        world = fresh_world(tmp_path, SERVERS[server], f"call-{nth}")
        plan = every_kind_of_step(world)
        await world.run(plan, MemoryFault(call="*", moment=moment, nth=nth))
        await go_on(world, plan)
        await world.close()

        assert state_of(world) == wanted, f"{moment} call {nth}: {world.stores[0].calls[-1]}"
        assert_no_effect_was_doubled(world)


async def run_until_killed(world: World, plan: Plan, death: Death, *, kind: RunKind = RunKind.ONCE) -> bool:
    await world.close()
    database = Database(world.path)
    await database.open()
    journal = MortalJournal(database)
    journal.death = death
    run = await journal.begin_run(kind=kind, started=world.now(), plan=plan)
    try:
        await execute(
            plan,
            run=run,
            stores={ACCOUNT: world.store()},
            journal=journal,
            effects={world.effect.name: world.effect},
            now=world.now,
        )
    except Killed:
        return True
    finally:
        await journal.close()
    return False


@pytest.mark.parametrize("is_written", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("server", ["all", "no MOVE, no OBJECTID"])
async def test_a_process_killed_at_any_write_of_the_journal_loses_and_doubles_nothing(
    tmp_path: Path, server: str, is_written: bool
) -> None:
    wanted, _ = await undisturbed(tmp_path, SERVERS[server])

    at_write, was_killed = 0, True
    while was_killed:
        at_write += 1
        world = fresh_world(tmp_path, SERVERS[server], f"write-{at_write}")
        plan = every_kind_of_step(world)
        was_killed = await run_until_killed(world, plan, Death(at_write=at_write, is_written=is_written))
        await go_on(world, plan)
        await world.close()

        assert state_of(world) == wanted, f"killed at write {at_write}"
        assert_no_effect_was_doubled(world)
    assert at_write > 20


def every_reversible_step(world: World) -> Plan:
    plan = every_kind_of_step(world)
    mailbox = plan.mailboxes[0]
    kept = tuple(message for message in mailbox.messages if message.uid not in {2, 5, 6, 7})
    return replace(plan, mailboxes=(replace(mailbox, messages=kept),))


@pytest.mark.parametrize(
    ("server", "moment"),
    [("all", Moment.BEFORE), ("all", Moment.AFTER), ("all", Moment.HALFWAY), ("no MOVE, no OBJECTID", Moment.HALFWAY)],
)
async def test_an_undo_that_loses_its_connection_at_any_call_is_completed_by_the_next(
    tmp_path: Path, server: str, moment: Moment
) -> None:
    nth, was_lost = 0, True
    while was_lost:
        nth += 1
        world = fresh_world(tmp_path, SERVERS[server], f"undo-{nth}")
        before = state_of(world)
        run, _ = await world.run_named(every_reversible_step(world))
        first = await plan_undo(world.journal, run, now=world.now())
        await world.run(first.plan, MemoryFault(call="*", moment=moment, nth=nth), kind=RunKind.UNDO)
        was_lost = world.stores[-1].lost

        await world.close()
        await world.recover()
        second = await plan_undo(world.journal, run, now=world.now())
        await world.run(second.plan, kind=RunKind.UNDO)
        await world.close()

        assert state_of(world) == before, f"{moment} call {nth}: {world.stores[1].calls[-1]}"
    assert nth > 10


async def test_a_full_disk_under_the_journal_stops_all_sending_and_loses_nothing(tmp_path: Path) -> None:
    wanted, _ = await undisturbed(tmp_path, EVERY_CAPABILITY)
    sent = []

    for spare_pages in range(0, 12, 2):
        world = fresh_world(tmp_path, EVERY_CAPABILITY, f"spare-{spare_pages}")
        plan = wordy(every_kind_of_step(world))
        database = Database(world.path)
        await database.open()
        world.journal = Journal(database)
        await database.read(lambda connection, spare=spare_pages: limit_pages(connection, spare))
        with pytest.raises(JournalError, match="disk is full; free some space"):
            await world.run(plan)
        await go_on(world, plan)
        await world.close()

        assert state_of(world) == wanted, f"{spare_pages} spare pages"
        assert_no_effect_was_doubled(world)
        sent.append(len(world.stores[0].calls))
    assert len(set(sent)) > 3, "the disk was full at different points"


def wordy(plan: Plan) -> Plan:
    """The same plan, with reasons that soon fill a page of the journal."""
    mailbox = plan.mailboxes[0]
    messages = [
        replace(one, steps=tuple(replace(step, reason="because " * 300) for step in one.steps))
        for one in mailbox.messages
    ]
    return replace(plan, mailboxes=(replace(mailbox, messages=tuple(messages)),))


def limit_pages(connection: sqlite3.Connection, spare: int) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + spare}")
