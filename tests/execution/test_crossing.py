"""Moves and copies into another account: nothing lost, nothing twice, wherever it breaks off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.execution.executor import execute
from mailrules.execution.recovery import recover
from mailrules.execution.undo import plan_undo
from mailrules.journal.records import RunKind, StepState
from mailrules.plan.plan import Step, StepKind
from mailrules.testing.builders import message
from mailrules.testing.capabilities import EVERY_CAPABILITY, without
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_faults import MemoryFault, Moment
from mailrules.testing.memory_store import MemoryStore
from tests.execution.world import ACCOUNT, World, add

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.execution.recovery import RecoveryReport
    from mailrules.execution.report import ExecutionReport
    from mailrules.journal.records import RunId
    from mailrules.plan.plan import Plan


def move_to_work(to: str = "Archive", *, create: bool = False) -> Step:
    return Step(kind=StepKind.MOVE, rule="mover", to=f"work/{to}", account="work", create=create)


def copy_to_work(to: str = "Archive") -> Step:
    return Step(kind=StepKind.COPY, rule="copier", to=f"work/{to}", account="work")


class Two:
    """The world, and beside it an account of another server."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.work = MailAccount("ann-at-work")
        self.capabilities = EVERY_CAPABILITY

    def store(self, faults: Iterable[MemoryFault] = ()) -> MemoryStore:
        return MemoryStore(self.work, account="work", capabilities=self.capabilities, faults=faults)

    async def run(
        self,
        plan: Plan,
        *,
        home: Iterable[MemoryFault] = (),
        work: Iterable[MemoryFault] = (),
        kind: RunKind = RunKind.ONCE,
    ) -> tuple[RunId, ExecutionReport]:
        journal = await self.world.open_journal()
        run = await journal.begin_run(kind=kind, started=self.world.now(), plan=plan)
        report = await execute(
            plan,
            run=run,
            stores={ACCOUNT: self.world.store(*home), "work": self.store(work)},
            journal=journal,
            effects={},
            now=self.world.now,
        )
        await journal.finish_run(run, ended=self.world.now(), outcome=report.outcome)
        return run, report

    async def recover(self) -> RecoveryReport:
        journal = await self.world.open_journal()
        return await recover(
            journal,
            {ACCOUNT: self.world.store()},
            now=self.world.now,
            wait=self.world.wait,
            others={"work": self.store()},
        )

    def ids(self, mailbox: str = "Archive") -> list[str]:
        return World(self.world.path, mail=self.work).ids(mailbox)

    async def states(self) -> list[StepState]:
        runs = await self.world.journal.runs()
        return [one.state for one in await self.world.journal.steps_of(runs[-1].id)]


@pytest.fixture
def two(world: World) -> Two:
    return Two(world)


async def test_a_move_takes_flags_and_date_along_and_ends_with_the_original_gone(two: Two) -> None:
    two.world.mail["INBOX"].set_flags(1, frozenset({"\\Seen", "$Work"}))
    before = two.world.mail["INBOX"].messages[1]

    _, report = await two.run(two.world.plan({1: [add("\\Flagged"), move_to_work()]}))

    (arrived,) = two.work["Archive"].messages.values()
    assert (arrived.content, arrived.received) == (before.content, before.received)
    assert arrived.flags == {"\\Seen", "\\Flagged", "$Work"}
    assert report.applied == {StepKind.ADD_FLAGS: 1, StepKind.MOVE: 1}
    assert "1" not in two.world.ids()


async def test_a_copy_leaves_the_original(two: Two) -> None:
    await two.run(two.world.plan({1: [copy_to_work()]}))

    assert (two.ids(), "1" in two.world.ids()) == (["1"], True)


async def test_the_other_accounts_mailbox_is_made_where_the_rule_allows_it(two: Two) -> None:
    await two.run(two.world.plan({1: [move_to_work("Lists/a", create=True)]}))

    assert two.ids("Lists/a") == ["1"]
    assert "work/Lists/a" not in two.world.mail


async def test_a_mailbox_that_is_missing_there_leaves_the_message_here(two: Two) -> None:
    _, report = await two.run(two.world.plan({1: [move_to_work("Nowhere")]}))

    assert "work/Nowhere" in report.shortfalls[0].reason
    assert "1" in two.world.ids()


async def test_an_account_without_a_connection_leaves_its_messages_out(two: Two) -> None:
    report = await two.world.run(two.world.plan({1: [move_to_work()]}))

    assert "'work' is not connected" in report.shortfalls[0].reason
    assert "1" in two.world.ids()


async def test_what_arrives_otherwise_than_it_was_sent_keeps_its_original(two: Two) -> None:
    class Converting(MemoryStore):
        async def append(self, mailbox: str, message: object, **options: object) -> object:
            del message
            return await super().append(mailbox, b"Subject: converted\r\n\r\n", **options)  # type: ignore[arg-type]  # as given

    journal = await two.world.open_journal()
    plan = two.world.plan({1: [move_to_work()]})
    run = await journal.begin_run(kind=RunKind.ONCE, started=two.world.now(), plan=plan)
    stores = {ACCOUNT: two.world.store(), "work": Converting(two.work, account="work")}

    await execute(plan, run=run, stores=stores, journal=journal, effects={}, now=two.world.now)

    (step,) = await journal.steps_of(run)
    assert step.state is StepState.AMBIGUOUS
    assert "bytes instead of" in step.detail
    assert "1" in two.world.ids()


@pytest.mark.parametrize("has_uidplus", [True, False])
@pytest.mark.parametrize("kind", ["move", "copy"])
async def test_broken_off_at_any_call_of_either_connection_it_is_done_once(
    two: Two, kind: str, has_uidplus: bool
) -> None:
    step = move_to_work() if kind == "move" else copy_to_work()
    two.capabilities = EVERY_CAPABILITY if has_uidplus else without("UIDPLUS")
    number = 0
    for side in ("home", "work"):
        for moment in (Moment.BEFORE, Moment.AFTER):
            for nth in range(1, 12):
                number += 1
                (stored,) = two.world.deliver(1, start=100 + number)
                plan = two.world.plan({stored.uid: [step]})
                fault = [MemoryFault(call="*", moment=moment, nth=nth)]
                await two.run(plan, home=fault if side == "home" else (), work=fault if side == "work" else ())

                await two.recover()
                ledger = (await two.world.journal.history(rules=(), now=two.world.now())).ledger
                if stored.uid in two.world.mail["INBOX"].messages and not any(
                    key.name == plan.mailboxes[0].messages[0].content_key for key in ledger
                ):
                    await two.run(two.world.plan({stored.uid: [step]}))

                name = str(100 + number)
                assert two.ids().count(name) == 1, f"{side} {moment} {nth}"
                assert (name in two.world.ids()) == (kind == "copy"), f"{side} {moment} {nth}"
    assert await two.world.journal.open_steps() == ()


async def test_equal_messages_each_arrive_once(two: Two) -> None:
    twins = [two.world.mail.add("INBOX", message(message_id="<same@example.org>")).uid for _ in range(2)]
    plan = two.world.plan({uid: [move_to_work()] for uid in twins})
    await two.run(plan, work=[MemoryFault(call="append", moment=Moment.AFTER)])
    await two.recover()
    left = [uid for uid in twins if uid in two.world.mail["INBOX"].messages]
    assert len(left) == 1

    await two.run(two.world.plan({uid: [move_to_work()] for uid in left}))

    assert two.ids() == ["same", "same"]
    assert "same" not in two.world.ids()


async def test_undo_brings_a_message_back_and_removes_a_copy(two: Two) -> None:
    run, _ = await two.run(two.world.plan({1: [move_to_work()], 2: [copy_to_work()]}))

    way_back = await plan_undo(two.world.journal, run, now=two.world.now())
    await two.run(way_back.plan, kind=RunKind.UNDO)

    assert way_back.cannot == ()
    assert two.ids() == []
    assert {"1", "2"} <= set(two.world.ids())


async def test_without_a_connection_there_the_steps_stay_unsettled_and_it_is_said(two: Two) -> None:
    await two.run(two.world.plan({1: [move_to_work()]}), work=[MemoryFault(call="append", moment=Moment.AFTER)])

    report = await two.world.recover()

    assert "go to work, which is not connected" in report.alarms[0]
    assert (await two.recover()).settled[StepState.APPLIED] >= 1


async def test_what_came_from_another_account_is_no_arrival_there(two: Two) -> None:
    await two.run(two.world.plan({1: [move_to_work()]}))

    uidvalidity = two.work["Archive"].uidvalidity
    assert await two.world.journal.placed_by_us("work", "Archive", uidvalidity=uidvalidity, after_uid=0) == {1}


async def test_an_undo_of_the_undo_of_a_copy_makes_it_again(two: Two) -> None:
    run, _ = await two.run(two.world.plan({2: [copy_to_work()]}))
    back = await plan_undo(two.world.journal, run, now=two.world.now())
    undo, _ = await two.run(back.plan, kind=RunKind.UNDO)
    assert two.ids() == []

    again = await plan_undo(two.world.journal, undo, now=two.world.now())
    await two.run(again.plan, kind=RunKind.UNDO)

    assert two.ids() == ["2"]
