"""What the journal has forgotten after 400 days, and what it must not forget."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.execution.undo import plan_undo
from mailrules.journal.records import Operation, RunKind, RunOutcome, StepState
from mailrules.plan.plan import StepKind
from tests.journal.builders import EMPTY_PLAN, NOON, begin, command, intent, verdict

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunId

DAY = timedelta(days=1)
RINGING = command(StepKind.EFFECT, Operation.EFFECT, target="", effect="ring")


async def moved(journal: Journal, *, at: datetime, undo_of: RunId | str = "", back: bool = False) -> RunId:
    """A run that moved message 1, or an undo that moved it back."""
    plan = replace(EMPTY_PLAN, undo_of=undo_of)
    run = await begin(journal, RunKind.UNDO if undo_of else RunKind.ONCE, at=at, plan=plan)
    there = (
        command(mailbox="Archive", uidvalidity=9, target="INBOX")
        if back
        else command(mailbox="INBOX", target="Archive")
    )
    (step,) = await journal.intend(run, [intent(there, 31 if back else 1)], now=at)
    place = {"target_uidvalidity": 7, "target_uid": 20} if back else {"target_uidvalidity": 9, "target_uid": 31}
    await journal.judge([verdict(step, at=at, **place)])
    await journal.finish_run(run, ended=at, outcome=RunOutcome.DONE)
    return run


async def names(journal: Journal) -> list[str]:
    return [run.id for run in await journal.runs()]


@pytest.mark.parametrize(("days", "is_kept"), [(399, True), (400, True), (401, False)])
async def test_a_finished_run_can_be_taken_back_for_400_days(journal: Journal, days: int, *, is_kept: bool) -> None:
    run = await moved(journal, at=NOON)

    await journal.prune(now=NOON + days * DAY)

    assert (await names(journal) == [run]) is is_kept
    assert (await plan_undo(journal, run, now=NOON)).plan.is_empty is not is_kept
    assert (await journal.health()).orphans == ()


async def test_a_run_is_kept_as_long_as_an_undo_of_it_can_itself_be_taken_back(journal: Journal) -> None:
    run = await moved(journal, at=NOON)
    undone = await moved(journal, at=NOON + 300 * DAY, undo_of=run, back=True)

    await journal.prune(now=NOON + 500 * DAY)
    assert await names(journal) == [undone, run]
    assert (await plan_undo(journal, run, now=NOON)).plan.is_empty, "it is taken back already"
    assert not (await plan_undo(journal, undone, now=NOON)).plan.is_empty

    await journal.prune(now=NOON + 701 * DAY)
    await journal.prune(now=NOON + 701 * DAY)
    assert await names(journal) == []


async def test_all_that_stands_below_an_undo_is_kept_with_it(journal: Journal) -> None:
    run = await moved(journal, at=NOON)
    undone = await moved(journal, at=NOON + 300 * DAY, undo_of=run, back=True)
    again = await moved(journal, at=NOON + 650 * DAY, undo_of=undone)

    await journal.prune(now=NOON + 720 * DAY)

    assert await names(journal) == [again, undone, run]


async def test_a_run_that_was_killed_counts_from_its_start(journal: Journal) -> None:
    await begin(journal, at=NOON)

    await journal.prune(now=NOON + 400 * DAY)
    assert len(await names(journal)) == 1

    await journal.prune(now=NOON + 401 * DAY)
    assert await names(journal) == []


@pytest.mark.parametrize(
    ("state", "is_kept"),
    [
        (StepState.INTENT, True),
        (StepState.HALFWAY, True),
        (StepState.UNKNOWN, True),
        (StepState.WAITING, True),
        (StepState.APPLIED, False),
        (StepState.REFUSED, False),
        (StepState.AMBIGUOUS, False),
        (StepState.GIVEN_UP, True),
    ],
)
async def test_what_somebody_has_still_to_settle_is_never_forgotten(
    journal: Journal, state: StepState, *, is_kept: bool
) -> None:
    run = await begin(journal)
    (step,) = await journal.intend(run, [intent(RINGING)], now=NOON)
    await journal.judge([verdict(step, state)])
    await journal.finish_run(run, ended=NOON, outcome=RunOutcome.PARTLY_DONE)

    await journal.prune(now=NOON + 1000 * DAY)

    assert (await names(journal) == [run]) is is_kept


async def test_what_a_person_resolved_goes_with_its_run(journal: Journal) -> None:
    run = await begin(journal)
    (step,) = await journal.intend(run, [intent(RINGING)], now=NOON)
    await journal.judge([verdict(step, StepState.UNKNOWN)])
    await journal.resolve([step], became=StepState.APPLIED, who="ann", now=NOON)
    await journal.finish_run(run, ended=NOON, outcome=RunOutcome.DONE)
    assert [one.who for one in await journal.resolutions()] == ["ann"]

    await journal.prune(now=NOON + 401 * DAY)

    assert await journal.resolutions() == ()
    assert (await journal.health()).orphans == ()


async def test_what_we_brought_into_a_mailbox_stays_known_as_long_as_its_run(journal: Journal) -> None:
    await moved(journal, at=NOON)

    await journal.prune(now=NOON + 400 * DAY)

    assert await journal.placed_by_us("home", "Archive", uidvalidity=9, after_uid=0) == {31}
