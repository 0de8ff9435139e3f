"""What recovery concludes from two mailboxes about a step whose answer never came."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import ConnectionLost
from mailrules.execution.effects import EffectOutcome
from mailrules.execution.executor import execute
from mailrules.execution.undo import plan_undo
from mailrules.journal.records import RunKind, RunOutcome, StepState
from mailrules.plan.plan import StepKind
from mailrules.testing.builders import A_DAY, message
from mailrules.testing.capabilities import EVERY_CAPABILITY, without
from mailrules.testing.memory_faults import MemoryFault, Moment
from tests.execution.world import ACCOUNT, add, copy, delete, mailbox_step, move, ring

if TYPE_CHECKING:
    from mailrules.execution.effects import EffectCall
    from tests.execution.world import World

LOST_MOVE = MemoryFault(call="move", moment=Moment.AFTER)


async def states(world: World) -> list[StepState]:
    runs = await world.journal.runs()
    return [one.state for one in await world.journal.steps_of(runs[-1].id)]


async def test_with_nothing_open_nothing_is_sent_and_nothing_waited_for(world: World) -> None:
    await world.run(world.plan({1: [move("Archive")]}))
    store = world.store()

    report = await world.recover(store)

    assert (store.calls, world.waits, report.settled, report.alarms) == ([], [], {}, ())


async def test_a_lost_connection_ends_the_run_partly_done_and_leaves_the_step_to_recovery(world: World) -> None:
    report = await world.run(world.plan({1: [move("Archive")], 2: [move("Junk")]}), LOST_MOVE)

    assert report.outcome is RunOutcome.PARTLY_DONE
    assert report.count(StepState.UNKNOWN) >= 1
    assert await world.journal.position(ACCOUNT, "INBOX") is None

    recovery = await world.recover()

    assert recovery.settled[StepState.APPLIED] == 1
    assert await world.journal.open_steps() == ()


async def test_a_move_found_in_both_mailboxes_is_finished_and_not_repeated(world: World) -> None:
    await world.run(world.plan({1: [move("Archive")]}), MemoryFault(call="move", moment=Moment.HALFWAY))
    assert (world.ids("Archive"), "1" in world.ids()) == (["1"], True)

    await world.recover()

    assert (world.ids("Archive"), "1" in world.ids()) == (["1"], False)
    assert "move" not in [call.name for call in world.stores[-1].calls]


async def test_an_equal_message_in_both_mailboxes_is_removed_only_if_its_content_is_equal(world: World) -> None:
    world.capabilities = without("OBJECTID")
    await world.run(world.plan({1: [move("Archive")]}), MemoryFault(call="move", moment=Moment.BEFORE))
    original = world.mail["INBOX"].messages[1]
    forged = original.content.replace(b"Number 1", b"Forged 1")
    world.mail.add("Archive", forged, received=original.received)

    report = await world.recover()

    assert report.settled == {StepState.AMBIGUOUS: 1}
    assert "is another message" in report.alarms[0]
    assert "1" in world.ids()


async def test_of_equal_messages_as_many_are_applied_as_arrived(world: World) -> None:
    for _ in range(2):
        world.mail.add("INBOX", message(message_id="<same@example.org>"), received=A_DAY)
    world.capabilities = without("OBJECTID")
    plan = world.plan({11: [copy("Archive")], 12: [copy("Archive")]})
    await world.run(plan, MemoryFault(call="copy", moment=Moment.HALFWAY))

    await world.recover()

    assert sorted(await states(world)) == [StepState.APPLIED, StepState.NOT_APPLIED]


async def test_what_lay_in_the_target_before_is_not_taken_for_the_copy(world: World) -> None:
    world.mail.copy(world.mail["INBOX"], 1, world.mail["Archive"])
    await world.run(world.plan({1: [copy("Archive")]}), MemoryFault(call="copy", moment=Moment.BEFORE))

    await world.recover()

    assert await states(world) == [StepState.NOT_APPLIED]


async def test_what_another_of_our_steps_put_there_is_not_taken_for_the_copy(world: World) -> None:
    store = world.store(MemoryFault(call="move", moment=Moment.BEFORE))
    plan = world.plan({1: [copy("Archive"), move("Archive")]})
    await world.run(plan, store=store)

    await world.recover()

    assert await states(world) == [StepState.APPLIED, StepState.NOT_APPLIED]
    assert "1" in world.ids()


async def test_a_message_in_neither_mailbox_has_vanished_and_is_not_made_again(world: World) -> None:
    await world.run(world.plan({1: [move("Archive")]}), LOST_MOVE)
    world.mail["Archive"].remove(1)

    report = await world.recover()

    assert report.settled == {StepState.VANISHED: 1}
    assert "neither in INBOX nor in Archive" in report.alarms[0]


@pytest.mark.parametrize("changed", ["INBOX", "Archive"])
async def test_after_a_new_uidvalidity_a_move_is_found_by_its_identity(world: World, changed: str) -> None:
    await world.run(world.plan({1: [move("Archive")]}), LOST_MOVE)
    world.mail.change_uidvalidity(changed)

    report = await world.recover()

    assert report.settled == {StepState.APPLIED: 1}
    assert (world.ids("Archive"), "1" in world.ids()) == (["1"], False)


async def test_a_move_that_is_in_both_mailboxes_is_finished_under_the_uids_of_the_new_uidvalidity(world: World) -> None:
    await world.run(world.plan({3: [move("Archive")]}), MemoryFault(call="move", moment=Moment.HALFWAY))
    remade(world, "INBOX")

    report = await world.recover()

    assert report.settled == {StepState.APPLIED: 1}
    assert (world.ids("Archive"), "3" in world.ids(), len(world.ids())) == (["3"], False, 9)
    assert "UIDVALIDITY of INBOX was" in (await world.journal.steps_of((await world.journal.runs())[0].id))[0].detail


def remade(world: World, name: str) -> None:
    """The same messages, in the opposite order, under a new UIDVALIDITY and new UIDs."""
    mailbox = world.mail[name]
    messages = list(mailbox.messages.values())
    mailbox.messages.clear()
    for stored in reversed(messages):
        mailbox.add(stored.content, flags=stored.flags, received=stored.received, object_id=stored.object_id)
    world.mail.change_uidvalidity(name)


async def test_an_equal_message_in_a_target_with_a_new_uidvalidity_may_have_lain_there_before(world: World) -> None:
    await world.run(world.plan({1: [move("Archive")]}), MemoryFault(call="move", moment=Moment.HALFWAY))
    world.mail.change_uidvalidity("Archive")

    report = await world.recover()

    assert report.settled == {StepState.AMBIGUOUS: 1}
    assert "may have lain there before" in report.alarms[0]
    assert "1" in world.ids()


async def test_a_move_out_of_a_source_that_was_deleted_is_found_in_the_target(world: World) -> None:
    world.deliver(1, mailbox="Junk", start=20)
    await world.run(world.plan({1: [move("Archive")]}, mailbox="Junk"), LOST_MOVE)
    world.mail.delete("Junk")

    report = await world.recover()

    assert report.settled == {StepState.APPLIED: 1}


async def test_a_flag_in_a_source_that_was_deleted_has_vanished(world: World) -> None:
    world.deliver(1, mailbox="Junk", start=20)
    lost = MemoryFault(call="store_flags", moment=Moment.AFTER)
    await world.run(world.plan({1: [add("\\Seen")]}, mailbox="Junk"), lost)
    world.mail.delete("Junk")

    assert (await world.recover()).settled == {StepState.VANISHED: 1}


async def test_a_message_that_vanished_is_looked_for_in_the_trash(world: World) -> None:
    await world.run(world.plan({1: [move("Archive")]}), LOST_MOVE)
    archive = world.mail["Archive"]
    world.mail.copy(archive, 1, world.mail["Trash"])
    archive.remove(1)

    report = await world.recover()

    assert report.settled == {StepState.VANISHED: 1}
    assert "but in Trash (UID 1)" in report.alarms[0]


async def test_recovery_reads_by_examine_alone(world: World) -> None:
    await world.run(world.plan({1: [move("Archive")]}), LOST_MOVE)
    world.mail["Archive"].recent.add(1)
    store = world.store()

    await world.recover(store)

    assert {call.name for call in store.calls} <= {"status", "examine", "fetch", "fetch_from", "list_mailboxes"}
    assert world.mail["Archive"].recent == {1}


async def test_a_half_move_whose_copy_a_person_removed_meanwhile_keeps_its_original(world: World) -> None:
    world.capabilities = without("MOVE")
    await world.run(world.plan({1: [move("Archive")]}), MemoryFault(call="store_flags", moment=Moment.BEFORE))
    world.mail["Archive"].remove(1)

    report = await world.recover()

    assert report.settled[StepState.NOT_APPLIED] >= 1
    assert "1" in world.ids()


async def test_an_original_that_is_marked_when_its_copy_is_gone_is_left_to_a_person(world: World) -> None:
    world.capabilities = without("MOVE")
    await world.run(world.plan({1: [move("Archive")]}), MemoryFault(call="expunge", moment=Moment.BEFORE))
    world.mail["Archive"].remove(1)

    report = await world.recover()

    assert report.settled[StepState.AMBIGUOUS] == 1
    assert any("take the flag away to keep the message" in alarm for alarm in report.alarms)
    assert "1" in world.ids()


async def test_a_half_delete_whose_mark_a_person_took_back_is_not_finished(world: World) -> None:
    await world.run(world.plan({1: [delete()]}), MemoryFault(call="expunge", moment=Moment.BEFORE))
    world.mail["INBOX"].set_flags(1, frozenset())

    report = await world.recover()

    assert report.settled[StepState.NOT_APPLIED] >= 1
    assert "1" in world.ids()
    assert await world.journal.open_steps() == ()


@pytest.mark.parametrize("left", [frozenset(), frozenset({"unknown-0", "unknown-1"})])
@pytest.mark.parametrize("moment", [Moment.AFTER, Moment.HALFWAY])
async def test_keywords_that_a_killed_server_lost_in_a_move_are_set_again(
    world: World, moment: Moment, left: frozenset[str]
) -> None:
    world.mail["INBOX"].set_flags(1, frozenset({"\\Seen", "$Work"}))
    plan = world.plan({1: [add("$Label"), move("Archive")]})
    run, _ = await world.run_named(plan, MemoryFault(call="move", moment=moment))
    world.mail["Archive"].set_flags(1, left | {"\\Seen"})

    await world.recover()

    assert world.flags(1, "Archive") == {"\\Seen", "$Work", "$Label"}
    assert (await plan_undo(world.journal, run, now=world.now())).cannot == ()


async def test_keywords_of_an_arrival_that_has_some_are_left_alone(world: World) -> None:
    world.mail["INBOX"].set_flags(1, frozenset({"$Work", "$Later"}))
    await world.run(world.plan({1: [move("Archive")]}), LOST_MOVE)
    world.mail["Archive"].set_flags(1, frozenset({"$Later"}))

    await world.recover()

    assert world.flags(1, "Archive") == {"$Later"}


async def test_steps_whose_mailboxes_do_not_come_to_rest_are_parked_and_the_others_settled(world: World) -> None:
    world.deliver(1, mailbox="Junk", start=20)
    first = world.plan({1: [move("Archive")]})
    await world.run(first, MemoryFault(call="move", moment=Moment.AFTER))
    await world.run(world.plan({1: [copy("Trash")]}, mailbox="Junk"), MemoryFault(call="copy", moment=Moment.AFTER))

    def deliver(call: str) -> None:
        if call == "status":
            world.deliver(1, mailbox="INBOX", start=100 + len(world.stores[-1].calls))

    report = await world.recover(world.store(before_call=deliver))

    assert report.settled == {StepState.APPLIED: 1}
    assert "INBOX did not come to rest" in report.alarms[0]
    (parked,) = await world.journal.open_steps()
    assert (parked.state, parked.intent.command.mailbox) == (StepState.UNKNOWN, "INBOX")
    await world.recover()
    assert await world.journal.open_steps() == ()


async def test_a_copy_in_both_mailboxes_is_told_from_another_message_by_its_content(world: World) -> None:
    world.capabilities = without("OBJECTID")
    await world.run(world.plan({1: [copy("Archive")]}), MemoryFault(call="copy", moment=Moment.BEFORE))
    original = world.mail["INBOX"].messages[1]
    world.mail.add("Archive", original.content.replace(b"Number 1", b"Forged 1"), received=original.received)

    await world.recover()

    assert await states(world) == [StepState.NOT_APPLIED]


async def test_a_target_that_cannot_be_opened_now_leaves_the_step_to_the_next_recovery(world: World) -> None:
    await world.run(world.plan({1: [move("Archive")]}), LOST_MOVE)

    report = await world.recover(world.store(MemoryFault(call="examine", moment=Moment.REFUSED, nth=3, code="INUSE")))

    assert report.settled == {StepState.UNKNOWN: 1}
    assert "cannot look into Archive" in report.alarms[0]
    assert (await world.recover()).settled == {StepState.APPLIED: 1}


async def test_a_source_that_cannot_be_opened_now_leaves_the_step_to_the_next_recovery(world: World) -> None:
    world.capabilities = without("MOVE")
    await world.run(world.plan({1: [move("Archive")]}), MemoryFault(call="store_flags", moment=Moment.AFTER))

    fault = MemoryFault(call="examine", moment=Moment.REFUSED, nth=3, code="UNAVAILABLE")
    assert (await world.recover(world.store(fault))).settled[StepState.HALFWAY] == 1

    await world.recover()
    assert "1" not in world.ids()
    assert await world.journal.open_steps() == ()


async def test_a_target_that_is_gone_holds_nothing(world: World) -> None:
    plan = world.plan({1: [move("Junk")]})
    await world.run(plan, MemoryFault(call="move", moment=Moment.BEFORE))
    world.mail.delete("Junk")

    assert (await world.recover()).settled == {StepState.NOT_APPLIED: 1}


async def test_a_copy_that_got_another_object_id_is_known_by_its_content(world: World) -> None:
    await world.run(world.plan({1: [move("Archive")]}), MemoryFault(call="move", moment=Moment.HALFWAY))
    world.mail["Archive"].messages[1].object_id = "M-other"

    await world.recover()

    assert (world.ids("Archive"), "1" in world.ids()) == (["1"], False)


async def test_mailboxes_that_come_to_rest_late_are_waited_for(world: World) -> None:
    await world.run(world.plan({1: [move("Archive")]}), MemoryFault(call="move", moment=Moment.BEFORE))
    arrivals = iter(range(100, 103))

    def old_process_runs_on(call: str) -> None:
        if call == "status" and (number := next(arrivals, None)):
            world.deliver(1, mailbox="Archive", start=number)

    await world.recover(world.store(before_call=old_process_runs_on))

    assert world.waits == [5.0, 5.0]
    assert await states(world) == [StepState.NOT_APPLIED]


async def test_mailboxes_that_never_rest_park_the_steps_with_an_alarm_and_their_messages_are_left_alone(
    world: World,
) -> None:
    plan = world.plan({1: [move("Archive")], 2: [move("Archive")]})
    await world.run(world.plan({1: [move("Archive")]}), MemoryFault(call="move", moment=Moment.BEFORE))
    store = world.store(before_call=lambda call: world.deliver(1, mailbox="Archive") if call == "status" else None)

    report = await world.recover(store)

    assert "did not come to rest" in report.alarms[0]
    assert await states(world) == [StepState.UNKNOWN]
    again = await world.run(plan)
    assert "is not settled yet" in again.shortfalls[0].reason
    assert again.shortfalls[0].uids == (1,)
    assert "2" not in world.ids()


async def test_the_steps_of_a_run_that_is_still_under_way_are_not_recoverys(world: World) -> None:
    plan = world.plan({1: [move("Archive")]})
    journal = await world.open_journal()
    run = await journal.begin_run(kind=RunKind.DAEMON, started=world.now(), plan=plan)
    lost = world.store(MemoryFault(call="move", moment=Moment.AFTER))
    await execute(plan, run=run, stores={ACCOUNT: lost}, journal=journal, effects={}, now=world.now)

    assert (await world.recover()).settled == {}

    await journal.finish_run(run, ended=world.now(), outcome=RunOutcome.PARTLY_DONE)
    assert (await world.recover()).settled == {StepState.APPLIED: 1}


async def test_a_delete_that_was_only_marked_is_finished(world: World) -> None:
    await world.run(world.plan({1: [delete()]}), MemoryFault(call="store_flags", moment=Moment.AFTER))

    await world.recover()

    assert "1" not in world.ids()


async def test_a_delete_whose_mark_a_person_took_back_is_not_finished(world: World) -> None:
    await world.run(world.plan({1: [delete()]}), MemoryFault(call="store_flags", moment=Moment.AFTER))
    world.mail["INBOX"].set_flags(1, frozenset())

    await world.recover()

    assert await states(world) == [StepState.NOT_APPLIED]
    assert "1" in world.ids()


async def test_a_mailbox_that_may_be_ours_is_there_as_wanted_and_undo_leaves_it(world: World) -> None:
    """LIST shows that the goal is reached, and not who made it: another client may have been quicker."""
    plan = world.plan({}, mailbox_steps=(mailbox_step(StepKind.CREATE, "Made"),))
    await world.run(plan, MemoryFault(call="create", moment=Moment.AFTER))

    report = await world.recover()
    (run,) = await world.journal.runs()
    undone = await plan_undo(world.journal, run.id, now=world.now())

    assert report.settled == {StepState.APPLIED: 1}
    assert report.alarms == ()
    assert undone.plan.is_empty
    assert "whether we made the mailbox is not known" in undone.cannot[0]


async def test_rights_that_were_set_before_the_connection_went_are_applied(world: World) -> None:
    step = mailbox_step(StepKind.SETACL, "Archive", identifier="bob", rights="lr")
    await world.run(world.plan({}, mailbox_steps=(step,)), MemoryFault(call="set_rights", moment=Moment.AFTER))

    report = await world.recover()

    assert report.settled == {StepState.APPLIED: 1}


class Endless:
    """An effect that never returns."""

    name = "ring"

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def perform(self, call: EffectCall) -> EffectOutcome:
        self.begun.set()
        await asyncio.Event().wait()
        return EffectOutcome(done=True, detail=call.effect)


async def test_an_effect_under_way_when_we_stopped_is_unknown_and_shown_to_a_person(world: World) -> None:
    world.effect = Endless()
    task = asyncio.ensure_future(world.run(world.plan({1: [ring()]})))
    await world.effect.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await world.close()

    report = await world.recover()

    assert report.settled == {StepState.UNKNOWN: 1}
    assert len(await world.journal.unknown_effects()) == 1
    assert await world.journal.open_steps() == ()


async def test_a_connection_lost_during_recovery_leaves_everything_to_the_next_one(world: World) -> None:
    await world.run(world.plan({1: [move("Archive")]}), MemoryFault(call="move", moment=Moment.HALFWAY))
    for moment, call in ((Moment.BEFORE, "examine"), (Moment.AFTER, "store_flags"), (Moment.AFTER, "expunge")):
        with pytest.raises(ConnectionLost):
            await world.recover(world.store(MemoryFault(call=call, moment=moment)))

    await world.recover()

    assert (world.ids("Archive"), "1" in world.ids()) == (["1"], False)
    assert await world.journal.open_steps() == ()


@pytest.mark.parametrize("call", ["store_flags", "expunge"])
async def test_a_move_that_cannot_be_finished_stays_halfway_and_is_never_copied_again(world: World, call: str) -> None:
    world.capabilities = without("MOVE")
    plan = world.plan({1: [move("Archive")]})
    report = await world.run(plan, MemoryFault(call=call, moment=Moment.REFUSED, code="NOPERM"))
    assert report.count(StepState.HALFWAY) == 1

    world.capabilities = EVERY_CAPABILITY - {"MOVE"}
    again = await world.run(plan, MemoryFault(call=call, moment=Moment.REFUSED))

    assert again.count(None) == 1
    assert world.ids("Archive") == ["1"]
    await world.recover()
    assert "1" not in world.ids()
