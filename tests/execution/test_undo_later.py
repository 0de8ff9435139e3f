"""Whether an undo does what is still possible after others have changed things, and lists the rest beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.execution.executor import execute
from mailrules.execution.undo import plan_undo
from mailrules.execution.undo_check import still_possible
from mailrules.journal.database import Database
from mailrules.journal.records import RunKind, RunOutcome
from mailrules.plan.plan import StepKind
from mailrules.testing.capabilities import without
from mailrules.testing.memory_faults import MemoryFault, Moment
from tests.execution.test_crashes import Death, Killed, MortalJournal
from tests.execution.test_undo import every_reversible_step, state_of
from tests.execution.world import ACCOUNT, World, add, copy, delete, mailbox_step, move, remove

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.execution.report import ExecutionReport
    from mailrules.execution.undo import UndoPlan
    from mailrules.journal.records import RunId


async def undo(world: World, run: RunId, **only: str) -> tuple[UndoPlan, RunId, ExecutionReport]:
    """As the engine does it: plan, look, carry out."""
    store = world.store()
    planned = await plan_undo(world.journal, run, now=world.now(), **only)
    way_back = await still_possible(planned, {ACCOUNT: store}, journal=world.journal)
    undo_run, report = await world.run_named(way_back.plan, kind=RunKind.UNDO, store=store)
    return way_back, undo_run, report


async def test_undone_and_done_again_for_many_times_each_state_comes_back_whole(world: World) -> None:
    plan = every_reversible_step(world)
    before = state_of(world.mail)
    run, _ = await world.run_named(plan)
    after = state_of(world.mail)

    last = run
    for turn in range(5):
        way_back, last, report = await undo(world, last)
        assert (way_back.cannot, report.outcome) == ((), RunOutcome.DONE), (turn, report.shortfalls)
        assert state_of(world.mail) == (after if turn % 2 else before), f"turn {turn}"


async def test_a_run_that_was_done_again_can_be_taken_back_by_its_own_name(world: World) -> None:
    plan = every_reversible_step(world)
    before = state_of(world.mail)
    run, _ = await world.run_named(plan)
    _, undone, _ = await undo(world, run)
    await undo(world, undone)

    _, _, report = await undo(world, run)

    assert report.outcome is RunOutcome.DONE
    assert state_of(world.mail) == before
    assert (await plan_undo(world.journal, run, now=world.now())).plan.is_empty


async def test_a_copy_that_is_made_again_is_in_the_ledger_again(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [copy("Archive")]}))
    _, undone, _ = await undo(world, run)

    await undo(world, undone)

    assert world.ids("Archive") == ["1"]
    ledger = (await world.journal.history(rules=(), now=world.now())).ledger
    assert {one.target for one in ledger} == {"Archive"}


async def test_what_a_person_moved_on_or_removed_is_listed_beforehand_and_the_rest_is_done(world: World) -> None:
    run, _ = await world.run_named(world.plan({uid: [move("Archive")] for uid in (1, 2, 3)}))
    archive = world.mail["Archive"]
    archive.remove(1)
    world.mail.copy(archive, 2, world.mail["Junk"])
    archive.remove(2)

    way_back, _, report = await undo(world, run)

    assert way_back.cannot == ("2 x move in home/Archive: it is no longer there: somebody moved or removed it since",)
    assert report.outcome is RunOutcome.DONE
    assert "3" in world.ids()
    assert world.ids("Junk") == ["2"]


async def test_what_a_later_run_moved_on_names_that_run(world: World) -> None:
    first, _ = await world.run_named(world.plan({1: [move("Archive")]}))
    later, _ = await world.run_named(world.plan({1: [move("Junk")]}, mailbox="Archive"))

    way_back, _, _ = await undo(world, first)
    assert way_back.cannot == (f"move in home/Archive: run {later} moved it on to Junk; take that run back first",)

    await undo(world, later)
    way_back, _, report = await undo(world, first)
    assert report.outcome is RunOutcome.DONE or way_back.cannot


async def test_flags_that_a_person_changed_since_stay_and_nothing_is_sent_for_them(world: World) -> None:
    world.mail["INBOX"].set_flags(2, frozenset({"\\Seen"}))
    run, _ = await world.run_named(world.plan({1: [add("\\Seen", "$Work")], 2: [remove("\\Seen")]}))
    world.mail["INBOX"].set_flags(1, frozenset({"\\Seen", "\\Flagged"}))
    world.mail["INBOX"].set_flags(2, frozenset({"\\Seen"}))

    way_back, undone, _ = await undo(world, run)

    assert [(step.kind, step.flags) for _, _, step in way_back.plan.steps()] == [(StepKind.REMOVE_FLAGS, ("\\Seen",))]
    assert world.flags(1) == {"\\Flagged"}
    assert world.flags(2) == {"\\Seen"}
    await undo(world, undone)
    assert world.flags(1) == {"\\Seen", "\\Flagged"}


@pytest.mark.parametrize("capabilities", [without(), without("OBJECTID")], ids=["object ids", "no object ids"])
async def test_messages_are_told_again_under_a_new_uidvalidity(world: World, capabilities: frozenset[str]) -> None:
    world.capabilities = capabilities
    before = state_of(world.mail)
    run, _ = await world.run_named(world.plan({1: [add("\\Seen"), move("Archive")], 2: [move("Archive")]}))
    world.mail.change_uidvalidity("Archive")

    way_back, _, report = await undo(world, run)

    assert way_back.cannot == ()
    assert report.outcome is RunOutcome.DONE
    assert state_of(world.mail) == before


async def test_equal_messages_under_a_new_uidvalidity_are_left_alone(world: World) -> None:
    world.capabilities = without("OBJECTID")
    run, _ = await world.run_named(world.plan({1: [move("Archive")]}))
    archive = world.mail["Archive"]
    world.mail.copy(archive, 1, archive)
    world.mail.change_uidvalidity("Archive")

    way_back, _, _ = await undo(world, run)

    assert "the message cannot be told again" in way_back.cannot[0]
    assert world.ids("Archive") == ["1", "1"]


async def test_one_message_under_a_new_uidvalidity_does_not_stand_for_two_equal_ones(world: World) -> None:
    world.capabilities = without("OBJECTID")
    (equal,) = world.deliver(1, start=1)
    run, _ = await world.run_named(world.plan({1: [move("Archive")], equal.uid: [move("Archive")]}))
    world.mail["Archive"].remove(1)
    world.mail.change_uidvalidity("Archive")

    way_back, _, report = await undo(world, run)

    assert len(list(way_back.plan.steps())) == 1
    assert [one.partition(": ")[0] for one in way_back.cannot] == ["move in home/Archive"]
    assert report.applied == {StepKind.MOVE: 1}
    assert world.ids("Archive") == []


async def test_a_mailbox_that_was_renamed_since_is_followed(world: World) -> None:
    world.mail.create("Old")
    world.deliver(1, mailbox="Old", start=20)
    run, _ = await world.run_named(world.plan({1: [move("Archive")]}, mailbox="Old"))
    world.mail.rename("Archive", "Store")
    world.mail.rename("Old", "Older")

    way_back, _, report = await undo(world, run)

    assert (way_back.cannot, report.outcome) == ((), RunOutcome.DONE)
    assert world.ids("Older") == ["20"]
    assert world.ids("Store") == []


async def test_a_mailbox_that_was_deleted_since_is_listed(world: World) -> None:
    world.mail.create("Old")
    world.deliver(2, mailbox="Old", start=20)
    run, _ = await world.run_named(world.plan({1: [move("Archive")], 2: [move("Junk")]}, mailbox="Old"))
    world.mail.delete("Junk")
    world.mail.delete("Old")

    way_back, _, _ = await undo(world, run)

    assert way_back.cannot == (
        "move from home/Archive: Old does not exist any more; make it, then undo again",
        "move in home/Junk: Junk does not exist any more",
    )
    world.mail.create("Old")
    await undo(world, run)
    assert world.ids("Old") == ["20"]


async def test_a_mailbox_with_other_mail_in_it_is_listed_beforehand(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [move("Lists/a", create=True)]}))
    world.deliver(1, mailbox="Lists/a", start=50)

    way_back, _, report = await undo(world, run)

    assert way_back.cannot == ("home/Lists/a holds 1 other message, so it stays",)
    assert report.outcome is RunOutcome.DONE
    assert world.ids("Lists/a") == ["50"]


async def test_rights_that_somebody_changed_since_are_listed_beforehand(world: World) -> None:
    step = mailbox_step(StepKind.SETACL, "Archive", identifier="bob", rights="lrs")
    run, _ = await world.run_named(world.plan({}, mailbox_steps=(step,)))
    world.mail["Archive"].rights["bob"] = "lrswi"

    way_back, _, _ = await undo(world, run)

    assert "somebody changed it since to 'lrswi', so it stays" in way_back.cannot[0]
    assert way_back.plan.is_empty


async def test_a_copy_that_a_person_has_removed_already_needs_nothing_but_a_word(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [copy("Archive")]}))
    world.mail["Archive"].remove(1)

    way_back, _, _ = await undo(world, run)

    assert way_back.plan.is_empty
    assert way_back.cannot == ("copy in home/Archive: it is no longer there: somebody moved or removed it since",)


async def test_what_a_rule_deleted_is_gone_for_ever_and_said_so(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [delete()], 2: [move("Archive")]}))

    way_back, _, report = await undo(world, run)

    assert way_back.cannot == ("delete in home/INBOX cannot be taken back: the messages are gone for ever",)
    assert report.outcome is RunOutcome.DONE


def new_world(tmp_path: Path, name: str) -> World:
    world = World(tmp_path / name / "journal.sqlite")
    world.deliver(6)
    return world


async def done_and_undone(world: World) -> tuple[object, RunId]:
    """After the run and its undo; the state that the undo of the undo brings back, and the undo's name."""
    run, _ = await world.run_named(every_reversible_step(world))
    after = state_of(world.mail)
    _, undone, _ = await undo(world, run)
    return after, undone


@pytest.mark.parametrize("moment", [Moment.HALFWAY, Moment.AFTER])
async def test_an_undo_of_an_undo_that_loses_its_connection_at_any_call_is_completed_by_the_next(
    tmp_path: Path, moment: Moment
) -> None:
    nth, was_lost = (0 if moment is Moment.AFTER else 1), True
    while was_lost:
        nth += 3  # the plain undo is cut at every call, in test_crashes
        world = new_world(tmp_path, f"{moment}-{nth}")
        after, undone = await done_and_undone(world)
        again = await plan_undo(world.journal, undone, now=world.now())
        await world.run(again.plan, MemoryFault(call="*", moment=moment, nth=nth), kind=RunKind.UNDO)
        was_lost = world.stores[-1].lost

        await world.close()
        await world.recover()
        await undo(world, undone)
        await world.close()

        assert state_of(world.mail) == after, f"{moment} call {nth}: {world.stores[2].calls[-1]}"
    assert nth > 10


@pytest.mark.parametrize("is_written", [False, True], ids=["before the write", "after the write"])
async def test_an_undo_that_is_killed_at_any_write_of_the_journal_is_completed_by_the_next(
    tmp_path: Path, is_written: bool
) -> None:
    at_write, was_killed = int(is_written), True
    while was_killed:
        at_write += 2  # each write from one side
        world = new_world(tmp_path, f"write-{at_write}-{is_written}")
        plan = every_reversible_step(world)
        before = state_of(world.mail)
        run, _ = await world.run_named(plan)
        way_back = await plan_undo(world.journal, run, now=world.now())
        was_killed = await _killed(world, way_back, Death(at_write=at_write, is_written=is_written))

        await world.recover()
        await undo(world, run)
        await world.close()

        assert state_of(world.mail) == before, f"killed at write {at_write}"
    assert at_write > 15


async def _killed(world: World, way_back: UndoPlan, death: Death) -> bool:
    """Whether the process died in the undo before it was through."""
    await world.close()
    database = Database(world.path)
    await database.open()
    journal = MortalJournal(database)
    journal.death = death
    run = await journal.begin_run(kind=RunKind.UNDO, started=world.now(), plan=way_back.plan)
    try:
        await execute(
            way_back.plan,
            run=run,
            stores={ACCOUNT: world.store()},
            journal=journal,
            effects={},
            now=world.now,
        )
    except Killed:
        return True
    finally:
        await journal.close()
    return False
