"""What a plan does to mailboxes when nothing goes wrong, and what it asks of the server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.execution.batches import batches_of
from mailrules.execution.effects import EffectOutcome
from mailrules.journal.records import Operation, RunKind, RunOutcome, StepState
from mailrules.plan.history import LedgerKey
from mailrules.plan.plan import Finding, StepKind
from mailrules.testing.capabilities import without
from mailrules.testing.mail_state import changed_rights
from mailrules.testing.memory_faults import MemoryFault, Moment
from mailrules.testing.memory_store import MemoryStore
from tests.execution.world import ACCOUNT, add, copy, delete, mailbox_step, move, remove, ring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.execution.report import Progress
    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import CopyOutcome
    from mailrules.testing.mail_state import MailAccount
    from tests.execution.world import World


async def test_flags_come_before_copies_and_copies_before_the_move(world: World) -> None:
    plan = world.plan({1: [move("Archive"), copy("Junk"), add("\\Seen")]})

    report = await world.run(plan)

    assert [call.name for call in world.stores[-1].calls if call.uids] == ["store_flags", "copy", "move"]
    assert report.outcome is RunOutcome.DONE
    assert report.applied == {StepKind.ADD_FLAGS: 1, StepKind.COPY: 1, StepKind.MOVE: 1}
    assert world.flags(1, "Archive") == world.flags(1, "Junk") == {"\\Seen"}


async def test_a_second_run_of_the_same_plan_reports_what_is_gone_and_changes_nothing(world: World) -> None:
    plan = world.plan({1: [move("Archive")]})
    await world.run(plan)

    report = await world.run(plan)

    assert report.count(StepState.VANISHED) == 1
    assert world.ids("Archive") == ["1"]


async def test_targets_that_the_plan_may_make_are_made_first(world: World) -> None:
    plan = world.plan({1: [move("Lists/a", create=True)], 2: [copy("Lists/b", create=True)]})

    report = await world.run(plan)

    assert report.outcome is RunOutcome.DONE
    assert (world.ids("Lists/a"), world.ids("Lists/b")) == (["1"], ["2"])


async def test_mailboxes_that_were_made_before_the_connection_was_lost_are_known_to_be(world: World) -> None:
    plan = world.plan({1: [copy("Lists/a", create=True), copy("Lists/b", create=True)]})

    run, report = await world.run_named(plan, MemoryFault(call="create", moment=Moment.BEFORE, nth=2))

    made, lost = await world.journal.steps_of(run)
    assert (made.intent.command.mailbox, made.state) == ("Lists/a", StepState.APPLIED)
    assert (lost.intent.command.mailbox, lost.state) == ("Lists/b", StepState.INTENT)
    assert report.count(StepState.UNKNOWN) == 1


async def test_a_missing_target_leaves_its_messages_out_and_says_why(world: World) -> None:
    report = await world.run(world.plan({1: [move("Nowhere")], 2: [move("Archive")]}))

    (shortfall,) = report.shortfalls
    assert (shortfall.uids, shortfall.state) == ((1,), None)
    assert "make the mailbox" in shortfall.reason or "does not exist" in shortfall.reason
    assert report.outcome is RunOutcome.PARTLY_DONE
    assert world.ids("Archive") == ["2"]


async def test_flags_of_several_rules_go_out_in_one_command_and_are_journalled_apart(world: World) -> None:
    plan = world.plan({1: [add("\\Seen", rule="a"), add("\\Flagged", rule="b")]})

    run, _ = await world.run_named(plan)

    assert [call.name for call in world.stores[-1].calls].count("store_flags") == 1
    assert [(one.intent.rule, one.intent.flags) for one in await world.journal.steps_of(run)] == [
        ("a", ("\\Seen",)),
        ("b", ("\\Flagged",)),
    ]


async def test_flags_are_added_and_removed(world: World) -> None:
    world.mail["INBOX"].set_flags(1, frozenset({"\\Seen"}))

    await world.run(world.plan({1: [remove("\\Seen"), add("$Important")]}))

    assert world.flags(1) == {"$Important"}


async def test_move_becomes_copy_store_and_uid_expunge_when_the_server_lacks_move(world: World) -> None:
    world.capabilities = without("MOVE")
    world.mail["INBOX"].set_flags(2, frozenset({"\\Deleted"}))

    run, report = await world.run_named(world.plan({1: [move("Archive")]}))

    steps = await world.journal.steps_of(run)
    assert [one.intent.command.operation for one in steps] == [Operation.COPY, Operation.STORE, Operation.EXPUNGE]
    assert {one.state for one in steps} == {StepState.APPLIED}
    assert report.applied == {StepKind.MOVE: 1}
    assert (world.ids("Archive"), world.flags(1, "Archive")) == (["1"], frozenset())
    assert "2" in world.ids(), "other people's \\Deleted mail stays"


async def test_without_uidplus_deleted_stays_set_and_the_report_says_so(world: World) -> None:
    world.capabilities = without("MOVE", "UIDPLUS")

    report = await world.run(world.plan({1: [move("Archive")], 2: [delete()]}))

    assert report.outcome is RunOutcome.DONE
    assert "no UIDPLUS" in report.warnings[0]
    assert world.flags(1) == world.flags(2) == {"\\Deleted"}
    assert world.ids("Archive") == ["1"]
    assert "expunge" not in [call.name for call in world.stores[-1].calls]


async def test_delete_removes_exactly_its_messages(world: World) -> None:
    world.mail["INBOX"].set_flags(3, frozenset({"\\Deleted"}))

    report = await world.run(world.plan({1: [delete()], 2: [delete()]}))

    assert report.applied == {StepKind.DELETE: 2}
    assert world.ids() == sorted(["3", "4", "5", "6", "7", "8", "9", "10"])


async def test_a_message_that_somebody_touched_after_it_was_judged_is_not_deleted(world: World) -> None:
    plan = world.plan({1: [delete()], 2: [delete()]})
    world.mail["INBOX"].set_flags(1, frozenset({"\\Flagged"}))

    report = await world.run(plan)

    assert report.count(StepState.NOT_APPLIED) == 1
    assert world.flags(1) == {"\\Flagged"}
    assert "2" not in world.ids()


class FullWindow(MemoryStore):
    """Answers no move before two are under way, as a slow line would."""

    def __init__(self, mail: MailAccount) -> None:
        super().__init__(mail, account=ACCOUNT)
        self.underway = self.most = 0
        self.full = asyncio.Event()

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        self.underway += 1
        self.most = max(self.most, self.underway)
        if self.most == 2:
            self.full.set()
        async with asyncio.timeout(60):
            await self.full.wait()
        try:
            return await super().move(uids, target)
        finally:
            self.underway -= 1


async def test_a_message_newer_than_the_mailboxes_modseq_is_deleted_unless_touched(world: World) -> None:
    plan = world.plan({1: [delete()]})
    plan = replace(plan, mailboxes=(replace(plan.mailboxes[0], highest_modseq=1),))

    report = await world.run(plan)

    assert report.applied == {StepKind.DELETE: 1}


async def test_batches_overlap_and_none_is_larger_than_500_messages(world: World) -> None:
    world.deliver(1190, start=11)
    plan = world.plan({uid: [move("Archive")] for uid in range(1, 1201)})
    store = FullWindow(world.mail)

    report = await world.run(plan, store=store)

    assert report.applied == {StepKind.MOVE: 1200}
    assert store.most == 2, "at most 1,000 messages are in flight"
    assert max(len(call.uids) for call in store.calls if call.name == "move") == 500


async def test_one_message_gets_all_its_copies(world: World) -> None:
    report = await world.run(world.plan({1: [copy("Archive"), copy("Junk"), copy("Trash")]}))

    assert report.applied == {StepKind.COPY: 3}
    assert world.ids("Archive") == world.ids("Junk") == world.ids("Trash") == ["1"]


async def test_a_mailbox_with_a_new_uidvalidity_is_left_out(world: World) -> None:
    plan = world.plan({1: [delete()]})
    world.mail.change_uidvalidity("INBOX")

    report = await world.run(plan)

    assert "UIDVALIDITY was" in report.shortfalls[0].reason
    assert len(world.ids()) == 10
    assert await world.journal.position(ACCOUNT, "INBOX") is None


async def test_an_incomplete_mailbox_plan_is_never_run(world: World) -> None:
    plan = world.plan({1: [delete()]})
    plan = replace(plan, mailboxes=(replace(plan.mailboxes[0], complete=False, incomplete_reason="cut off"),))

    report = await world.run(plan)

    assert "incomplete: cut off" in report.shortfalls[0].reason
    assert len(world.ids()) == 10


async def test_an_account_without_a_connection_is_left_out(world: World) -> None:
    plan = world.plan({1: [delete()]}, mailbox_steps=(mailbox_step(StepKind.CREATE, "X"),))
    plan = replace(
        plan,
        mailboxes=(replace(plan.mailboxes[0], account="work"),),
        mailbox_steps=(replace(plan.mailbox_steps[0], account="work"),),
    )

    report = await world.run(plan)

    assert report.count(None) == 2
    assert "not connected" in report.shortfalls[0].reason


async def test_copies_and_effects_are_entered_in_the_ledger(world: World) -> None:
    await world.run(world.plan({1: [copy("Archive"), ring(), add("\\Seen")]}))

    history = await world.journal.history(rules=(), now=world.now())
    assert {one for one in history.ledger if one.name.startswith("key-of-")} == {
        LedgerKey("key-of-<1@example.org>", "copier", "copy", "Archive"),
        LedgerKey("key-of-<1@example.org>", "ringer", "ring", ""),
    }


async def test_an_effect_that_did_not_happen_is_refused_and_may_be_tried_again(world: World) -> None:
    world.effect.outcome = EffectOutcome(done=False, detail="busy")

    report = await world.run(world.plan({1: [ring(), move("Archive")]}))

    assert report.count(StepState.REFUSED) == 1
    assert "1" in world.ids(), "the disposition waits for everything before it"
    assert (await world.journal.history(rules=(), now=world.now())).ledger == frozenset()


async def test_an_effect_that_raises_is_unknown_and_is_never_repeated(world: World) -> None:
    world.effect.outcome = OSError("connection reset after the final dot")

    report = await world.run(world.plan({1: [ring()], 2: [move("Archive")]}))

    assert report.count(StepState.UNKNOWN) == 1
    assert len(await world.journal.unknown_effects()) == 1
    ledger = (await world.journal.history(rules=(), now=world.now())).ledger
    assert {one.rule for one in ledger} == {"ringer"}
    assert world.ids("Archive") == ["2"]


async def test_an_effect_that_no_plugin_offers_is_left_out(world: World) -> None:
    world.effect.name = "other"

    report = await world.run(world.plan({1: [ring()]}))

    assert "no plugin offers the action 'ring'" in report.shortfalls[0].reason


async def test_positions_pass_what_is_final_and_keep_what_is_held_or_failed(world: World) -> None:
    plan = world.plan({1: [move("Nowhere")], 2: [move("Archive")]})
    held = Finding(uid=9, rule="mover", kind="held", reason="guard")
    mailbox = plan.mailboxes[0]
    final = tuple(uid for uid in mailbox.final_uids if uid != 9)
    plan = replace(plan, mailboxes=(replace(mailbox, findings=(held,), final_uids=final),))

    await world.run(plan, kind=RunKind.DAEMON)

    position = await world.journal.position(ACCOUNT, "INBOX")
    assert (position.last_uid, position.pending) == (10, {1, 9})


async def test_progress_counts_every_step(world: World) -> None:
    seen: list[Progress] = []

    await world.run(world.plan({1: [add("\\Seen"), move("Archive")], 2: [move("Nowhere")]}), progress=seen)

    assert (seen[-1].done_steps, seen[-1].total_steps) == (3, 3)


async def test_a_flag_that_the_mailbox_does_not_keep_is_left_out(world: World) -> None:
    report = await world.run(world.plan({1: [add("\\Strange")]}))

    assert "does not keep \\Strange" in report.shortfalls[0].reason


async def test_a_message_that_vanished_is_reported_and_the_others_go_on(world: World) -> None:
    plan = world.plan({1: [move("Archive")], 2: [move("Archive")]})
    world.mail["INBOX"].remove(1)

    report = await world.run(plan)

    assert report.count(StepState.VANISHED) == 1
    assert world.ids("Archive") == ["2"]
    assert (await world.journal.position(ACCOUNT, "INBOX")).pending == frozenset()


@pytest.mark.parametrize("call", ["store_flags", "copy", "move"])
@pytest.mark.parametrize("moment", [Moment.UNCONFIRMED, Moment.IGNORED])
async def test_an_ok_that_proves_nothing_is_read_up_on(world: World, call: str, moment: Moment) -> None:
    plan = world.plan({1: [add("\\Seen"), copy("Junk"), move("Archive")]})

    report = await world.run(plan, MemoryFault(call=call, moment=moment))

    if moment is Moment.UNCONFIRMED:
        assert report.outcome is RunOutcome.DONE
        assert (world.ids("Junk"), world.ids("Archive")) == (["1"], ["1"])
    else:
        assert report.count(StepState.NOT_APPLIED) == 1
        assert "1" in world.ids()


@pytest.mark.parametrize("capabilities", [without(), without("MOVE"), without("OBJECTID"), without("MOVE", "OBJECTID")])
async def test_a_move_that_was_done_by_a_part_and_refused_is_finished(
    world: World, capabilities: frozenset[str]
) -> None:
    world.capabilities = capabilities
    call = "move" if "MOVE" in capabilities else "copy"
    fault = MemoryFault(call=call, moment=Moment.REFUSED_HALFWAY, code="OVERQUOTA")

    report = await world.run(world.plan({uid: [move("Archive")] for uid in range(1, 7)}), fault)

    assert sorted(world.ids() + world.ids("Archive"), key=int) == [str(number) for number in range(1, 11)]
    assert world.ids("Archive") == (["1", "2", "3", "4"] if call == "move" else ["1", "2", "3"])
    assert report.count(StepState.REFUSED) == 6 - len(world.ids("Archive"))
    assert "free space" in report.shortfalls[0].reason


async def test_nothing_more_goes_to_a_target_that_is_over_quota(world: World) -> None:
    plan = world.plan({1: [copy("Archive"), move("Archive")], 2: [move("Archive")], 3: [move("Junk")]})

    report = await world.run(plan, MemoryFault(call="copy", moment=Moment.REFUSED, code="OVERQUOTA"))

    assert report.count(StepState.REFUSED) == 1
    assert report.count(None) == 2
    assert world.ids("Junk") == ["3"]
    assert len(world.ids()) == 9


async def test_the_journal_knows_where_each_message_went(world: World) -> None:
    run, _ = await world.run_named(world.plan({1: [move("Archive")]}))

    (step,) = await world.journal.steps_of(run)
    assert (step.target_uidvalidity, step.target_uid) == (world.mail["Archive"].uidvalidity, 1)
    assert step.intent.command.target_uidnext == 1
    assert step.intent.object_id


async def test_what_cannot_be_read_up_on_stays_unknown_and_nothing_depends_on_it(world: World) -> None:
    faults = (
        MemoryFault(call="copy", moment=Moment.UNCONFIRMED),
        MemoryFault(call="examine", moment=Moment.REFUSED, nth=2, code="INUSE"),
    )

    report = await world.run(world.plan({1: [copy("Junk"), move("Archive")], 2: [move("Archive")]}), *faults)

    assert (report.count(StepState.UNKNOWN), report.count(None)) == (1, 1)
    assert "1" in world.ids()
    assert world.ids("Archive") == ["2"]


async def test_a_mailbox_that_is_replaced_between_two_rounds_is_left_alone(world: World) -> None:
    def replace_inbox(call: str) -> None:
        if call == "fetch_from":
            world.mail.change_uidvalidity("INBOX")

    store = world.store(MemoryFault(call="copy", moment=Moment.UNCONFIRMED), before_call=replace_inbox)

    report = await world.run(world.plan({1: [copy("Junk"), move("Archive")]}), store=store)

    assert report.count(None) == 1
    assert "UIDVALIDITY" in report.shortfalls[0].reason
    assert "1" in world.ids()


async def test_a_refused_reopening_leaves_the_rest_out(world: World) -> None:
    faults = (
        MemoryFault(call="copy", moment=Moment.UNCONFIRMED),
        MemoryFault(call="open", moment=Moment.REFUSED, nth=2, code="UNAVAILABLE"),
    )

    report = await world.run(world.plan({1: [copy("Junk"), move("Archive")]}), *faults)

    assert report.applied == {StepKind.COPY: 1}
    assert report.count(None) == 1
    assert "a part of the server is down" in report.shortfalls[0].reason


async def test_a_delete_is_guarded_by_a_modseq_below_the_highest(world: World) -> None:
    world.mail["INBOX"].set_flags(9, frozenset({"\\Seen"}))
    plan = world.plan({1: [delete()], 2: [delete()], 9: [delete()]})

    batches = batches_of(plan.mailboxes[0], capabilities=world.capabilities)

    highest = world.mail["INBOX"].highest_modseq
    guards = {one.key.unchanged_since: one.uids for one in batches}
    assert guards == {highest - 1: (1, 2), highest: (9,)}


async def test_losing_our_own_rights_is_refused(world: World) -> None:
    step = mailbox_step(
        StepKind.SETACL, "Archive", identifier="ann", rights="r", was=world.mail["Archive"].rights["ann"]
    )

    report = await world.run(world.plan({}, mailbox_steps=(step,)))

    assert "taking al away is refused" in report.shortfalls[0].reason
    assert "a" in world.mail["Archive"].rights["ann"]


async def test_where_our_own_rights_cannot_be_read_none_is_taken_from_anybody(world: World) -> None:
    step = mailbox_step(
        StepKind.SETACL, "Archive", identifier="ann", rights="r", was=world.mail["Archive"].rights["ann"]
    )

    report = await world.run(
        world.plan({}, mailbox_steps=(step,)), MemoryFault(call="my_rights", moment=Moment.REFUSED, code="UNAVAILABLE")
    )

    assert "our own rights there cannot be read" in report.shortfalls[0].reason
    assert "a" in world.mail["Archive"].rights["ann"]


async def test_rights_that_are_so_already_are_not_sent(world: World) -> None:
    world.mail["Archive"].rights["bob"] = "rlcd"
    step = mailbox_step(StepKind.SETACL, "Archive", identifier="bob", rights="lr")

    report = await world.run(world.plan({}, mailbox_steps=(step,)))

    assert report.applied == {}
    assert report.shortfalls == ()
    assert "set_rights" not in [call.name for call in world.stores[-1].calls]


class GivesRightsMeanwhile(MemoryStore):
    """Somebody else gives and takes rights between our look at them and our change."""

    async def set_rights(self, mailbox: str, *, identifier: str, rights: str) -> None:
        entries = self.mail[mailbox].rights
        entries[identifier] = changed_rights(changed_rights(entries.get(identifier, ""), "+w"), "-l")
        await super().set_rights(mailbox, identifier=identifier, rights=rights)


async def test_of_rights_only_the_difference_is_written_so_what_others_change_meanwhile_stays(world: World) -> None:
    world.mail["Archive"].rights["bob"] = "lrx"
    step = mailbox_step(StepKind.SETACL, "Archive", identifier="bob", rights="lrs", was="lrx")
    store = GivesRightsMeanwhile(world.mail, account=ACCOUNT)

    report = await world.run(world.plan({}, mailbox_steps=(step,)), store=store)

    assert report.applied == {StepKind.SETACL: 1}
    assert set(world.mail["Archive"].rights["bob"]) == set("rsw")


async def test_rights_that_the_server_did_not_set_are_found_by_reading_back(world: World) -> None:
    step = mailbox_step(StepKind.SETACL, "Archive", identifier="bob", rights="lr")

    report = await world.run(
        world.plan({}, mailbox_steps=(step,)), MemoryFault(call="set_rights", moment=Moment.IGNORED)
    )

    assert report.count(StepState.NOT_APPLIED) == 1
    assert "bob has '', wanted 'lr'" in report.shortfalls[0].reason


async def test_a_server_without_acl_leaves_rights_out(world: World) -> None:
    world.capabilities = without("ACL")
    step = mailbox_step(StepKind.SETACL, "Archive", identifier="bob", rights="lr")

    report = await world.run(world.plan({}, mailbox_steps=(step,)))

    assert "needs ACL (RFC 4314)" in report.shortfalls[0].reason


async def test_a_mailbox_is_made_before_it_is_subscribed(world: World) -> None:
    steps = (mailbox_step(StepKind.SUBSCRIBE, "New"), mailbox_step(StepKind.CREATE, "New"))

    report = await world.run(world.plan({}, mailbox_steps=steps))

    assert report.applied == {StepKind.CREATE: 1, StepKind.SUBSCRIBE: 1}
    assert "New" in world.mail.subscriptions


async def test_a_refused_mailbox_step_is_reported(world: World) -> None:
    step = mailbox_step(StepKind.CREATE, "New")

    report = await world.run(
        world.plan({}, mailbox_steps=(step,)), MemoryFault(call="create", moment=Moment.REFUSED, code="NOPERM")
    )

    assert report.count(StepState.REFUSED) == 1
    assert "the login lacks the right" in report.shortfalls[0].reason
