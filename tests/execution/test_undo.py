"""Whether a run can be taken back, and what stays because somebody else touched it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.execution.undo import plan_undo
from mailrules.journal.records import RunKind, RunOutcome, StepState
from mailrules.plan.plan import StepKind
from mailrules.testing.capabilities import without
from mailrules.testing.memory_faults import MemoryFault, Moment
from tests.execution.world import add, copy, delete, mailbox_step, move, remove, ring

if TYPE_CHECKING:
    from mailrules.execution.report import ExecutionReport
    from mailrules.execution.undo import UndoPlan
    from mailrules.journal.records import RunId
    from mailrules.plan.plan import Plan
    from mailrules.testing.mail_state import MailAccount
    from tests.execution.world import World


def state_of(mail: MailAccount) -> object:
    """Everything but UIDs: messages with flags by mailbox, subscriptions, rights."""
    return (
        {
            name: (
                sorted((one.content, sorted(one.flags), one.received) for one in mailbox.messages.values()),
                mailbox.rights,
            )
            for name, mailbox in mail.mailboxes.items()
        },
        set(mail.subscriptions),
    )


def every_reversible_step(world: World) -> Plan:
    world.mail["INBOX"].set_flags(3, frozenset({"\\Seen", "\\Flagged"}))
    world.mail["Archive"].rights["bob"] = "lr"
    return world.plan(
        {
            1: [add("\\Seen", "$Work"), copy("Junk"), move("Lists/a", create=True)],
            2: [move("Archive")],
            3: [remove("\\Seen"), add("\\Answered")],
            4: [copy("Lists/b", create=True), copy("Archive")],
        },
        mailbox_steps=(
            mailbox_step(StepKind.SUBSCRIBE, "Lists/a"),
            mailbox_step(StepKind.SETACL, "Archive", identifier="bob", rights="lrs", was="lr"),
            mailbox_step(StepKind.SETACL, "Archive", identifier="eve", rights="l"),
        ),
    )


async def undo(world: World, run: RunId, **only: str) -> tuple[UndoPlan, RunId, ExecutionReport]:
    undo_plan = await plan_undo(world.journal, run, now=world.now(), **only)
    undo_run, report = await world.run_named(undo_plan.plan, kind=RunKind.UNDO)
    return undo_plan, undo_run, report


async def test_undo_restores_messages_flags_mailboxes_subscriptions_and_rights(world: World) -> None:
    plan = every_reversible_step(world)
    before = state_of(world.mail)
    run, report = await world.run_named(plan)
    assert report.outcome is RunOutcome.DONE
    assert state_of(world.mail) != before

    undo_plan, _, undo_report = await undo(world, run)

    assert undo_plan.cannot == ()
    assert undo_report.outcome is RunOutcome.DONE, undo_report.shortfalls
    assert state_of(world.mail) == before


async def test_undo_works_without_move_and_without_object_ids(world: World) -> None:
    world.capabilities = without("MOVE", "OBJECTID")
    plan = every_reversible_step(world)
    before = state_of(world.mail)
    run, _ = await world.run_named(plan)

    _, _, report = await undo(world, run)

    assert report.outcome is RunOutcome.DONE, report.shortfalls
    assert state_of(world.mail) == before


async def test_an_undo_can_be_undone(world: World) -> None:
    plan = every_reversible_step(world)
    run, _ = await world.run_named(plan)
    after_run = state_of(world.mail)
    _, undo_run, _ = await undo(world, run)

    undo_plan, _, report = await undo(world, undo_run)

    assert [sentence for sentence in undo_plan.cannot if "gone for ever" not in sentence] == []
    assert report.outcome is RunOutcome.DONE, report.shortfalls
    restored = state_of(world.mail)
    for name in ("INBOX", "Lists/a"):
        assert restored[0][name] == after_run[0][name]
    assert restored[1] == after_run[1]


async def test_nothing_is_taken_back_twice(world: World) -> None:
    run, _ = await world.run_named(every_reversible_step(world))
    await undo(world, run)
    before = state_of(world.mail)

    again = await plan_undo(world.journal, run, now=world.now())

    assert again.plan.is_empty
    assert again.cannot == ()
    assert state_of(world.mail) == before


async def test_an_undo_that_was_cut_short_is_completed_by_the_next_one(world: World) -> None:
    plan = every_reversible_step(world)
    before = state_of(world.mail)
    run, _ = await world.run_named(plan)
    first = await plan_undo(world.journal, run, now=world.now())
    await world.run(first.plan, MemoryFault(call="move", moment=Moment.AFTER), kind=RunKind.UNDO)
    await world.recover()

    _, _, report = await undo(world, run)

    assert report.outcome is RunOutcome.DONE, report.shortfalls
    assert state_of(world.mail) == before


async def test_deletes_and_effects_are_listed_as_what_cannot_be_taken_back(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [delete()], 2: [delete()], 3: [ring()]}))

    undo_plan = await plan_undo(world.journal, run, now=world.now())

    assert undo_plan.plan.is_empty
    assert set(undo_plan.cannot) == {
        "effect in home/INBOX cannot be taken back: ring was carried out",
        "2 x delete in home/INBOX cannot be taken back: the messages are gone for ever",
    }


async def test_one_rule_or_one_message_can_be_taken_back(world: World) -> None:
    plan = world.plan({1: [add("\\Seen", rule="a"), move("Archive", rule="b")], 2: [move("Archive", rule="b")]})
    run, _ = await world.run_named(plan)

    await undo(world, run, rule="a")
    assert [one.flags for one in world.mail["Archive"].messages.values()] == [frozenset(), frozenset()]
    assert world.ids("Archive") == ["1", "2"]

    await undo(world, run, message_id="<2@example.org>")
    assert world.ids("Archive") == ["1"]


async def test_flags_that_a_person_changed_since_stay(world: World) -> None:
    world.mail["INBOX"].set_flags(1, frozenset({"\\Flagged"}))
    run, _ = await world.run_named(world.plan({1: [add("\\Seen", "\\Flagged"), move("Archive")]}))
    moved = next(iter(world.mail["Archive"].messages))
    world.mail["Archive"].set_flags(moved, frozenset({"\\Flagged", "\\Answered"}))

    _, _, report = await undo(world, run)

    assert report.outcome is RunOutcome.DONE
    restored = max(world.mail["INBOX"].messages)
    assert world.flags(restored) == {"\\Flagged", "\\Answered"}


async def test_a_message_that_a_person_took_away_is_reported(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [move("Archive")], 2: [move("Archive")]}))
    world.mail["Archive"].remove(1)

    _, _, report = await undo(world, run)

    assert report.count(StepState.VANISHED) == 1
    assert "2" in world.ids()


async def test_a_mailbox_that_is_no_longer_empty_stays(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [move("Lists/a", create=True)]}))
    world.deliver(1, mailbox="Lists/a", start=50)

    _, _, report = await undo(world, run)

    assert "it holds 1 messages" in report.shortfalls[0].reason
    assert world.ids("Lists/a") == ["50"]


async def test_rights_that_somebody_changed_since_stay(world: World) -> None:
    step = mailbox_step(StepKind.SETACL, "Archive", identifier="bob", rights="lrs")
    run, _ = await world.run_named(world.plan({}, mailbox_steps=(step,)))
    world.mail["Archive"].rights["bob"] = "lrswi"

    _, _, report = await undo(world, run)

    assert "somebody changed it since" in report.shortfalls[0].reason
    assert world.mail["Archive"].rights["bob"] == "lrswi"


async def test_a_mailbox_that_was_there_before_is_never_removed(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [move("Archive", create=True)]}))

    undo_plan = await plan_undo(world.journal, run, now=world.now())

    assert undo_plan.plan.mailbox_steps == ()


async def test_an_undone_copy_is_forgotten_by_the_ledger(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [copy("Archive")]}))
    assert (await world.journal.history(rules=(), now=world.now())).ledger

    await undo(world, run)

    assert (await world.journal.history(rules=(), now=world.now())).ledger == frozenset()


async def test_messages_that_an_undo_brought_back_are_known_as_placed_by_us(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [move("Archive")]}))

    await undo(world, run)

    inbox = world.mail["INBOX"]
    placed = await world.journal.placed_by_us("home", "INBOX", uidvalidity=inbox.uidvalidity, after_uid=10)
    assert placed == {11}


async def test_what_is_not_settled_is_not_undone(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [move("Archive")]}), MemoryFault(call="move", moment=Moment.AFTER))

    undo_plan = await plan_undo(world.journal, run, now=world.now())

    assert undo_plan.plan.is_empty
    assert "is unknown" in undo_plan.cannot[0]
