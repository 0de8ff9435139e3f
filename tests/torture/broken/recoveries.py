"""Recoveries, executors and undos that decide wrongly, as replacements of what the program has there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from mailrules import engine, execution
from mailrules.execution import commands, mailbox_run, mailbox_steps, reconcile, recovery
from mailrules.execution.arrived import Checked
from mailrules.execution.drift import CheckedPlan
from mailrules.execution.effects import EffectCall
from mailrules.execution.recovery import RecoveryReport
from mailrules.journal.records import Operation, StepState
from mailrules.mailbox.message import UID
from mailrules.plan.plan import Plan, Step, StepKind
from mailrules.testing.memory_store import MemoryStore
from tests.torture.cases import DELETED
from tests.torture.watching import WatchingWorld
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailrules.execution.transfers import Decision
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import StepRecord

    Replacements = Iterable[tuple[object, str, object]]


class NoRecovery(World):
    """Begins with new work at once."""

    def replacements(self) -> Replacements:
        async def recover(journal: object, stores: object, **_more: object) -> RecoveryReport:
            return RecoveryReport()

        return [(engine, "recover", recover)]


class NoSettle(World):
    """Reads and decides while the old connection's command may still run."""

    def replacements(self) -> Replacements:
        async def settle(*_arguments: object, **_more: object) -> frozenset[str]:
            return frozenset()

        return [(recovery, "_settle", settle)]


class NoQuietTime(World):
    """Takes two readings, one right after the other."""

    async def wait(self, seconds: float) -> None:
        if not seconds:
            await super().wait(seconds)


class _DecidesOtherwise(World, ABC):
    """One whose reading of the mailboxes comes to another decision."""

    def replacements(self) -> Replacements:
        real = reconcile.read_up

        async def read_up(store: object, steps: Iterable[StepRecord], **more: object) -> list[Decision]:
            return self.others(await real(store, steps, **more))

        async def check_halfway(_store: object, records: Sequence[StepRecord], **_more: object) -> Checked:
            return Checked(finishable=tuple(records), verdicts=(), arrived=())

        yield reconcile, "read_up", read_up
        yield recovery, "read_up", read_up
        if self.believes_halves:
            yield recovery, "check_halfway", check_halfway

    believes_halves = False
    """Whether it goes on without looking at the copies again."""

    def others(self, decisions: list[Decision]) -> list[Decision]:
        return [replace(one, state=self.other(one)) for one in decisions]

    @abstractmethod
    def other(self, decision: Decision) -> StepState:
        """The state that it makes of a right decision."""


class CopiesAgain(_DecidesOtherwise):
    """Holds every copy without an answer for not made."""

    def other(self, decision: Decision) -> StepState:
        is_copy = decision.record.intent.command.operation is Operation.COPY
        return StepState.NOT_APPLIED if is_copy else decision.state


class HoldsAllForDone(_DecidesOtherwise):
    """Holds every step without an answer for done."""

    def other(self, decision: Decision) -> StepState:
        is_once = decision.record.intent.command.kind in {StepKind.COPY, StepKind.EFFECT}
        return StepState.APPLIED if is_once else decision.state


class ExpungesUnverified(_DecidesOtherwise):
    """Goes on to \\Deleted and UID EXPUNGE, whether or not the copy is there."""

    believes_halves = True

    def other(self, decision: Decision) -> StepState:
        is_open = decision.state is StepState.NOT_APPLIED and decision.record.intent.command.kind is StepKind.MOVE
        return StepState.HALFWAY if is_open else decision.state


class CountsEqualsTwice(_DecidesOtherwise):
    """Takes one copy for the copy of every equal message."""

    believes_halves = True

    def others(self, decisions: list[Decision]) -> list[Decision]:
        self._seen = {
            one.record.intent.message_id for one in decisions if one.state in {StepState.HALFWAY, StepState.APPLIED}
        }
        return super().others(decisions)

    def other(self, decision: Decision) -> StepState:
        intent = decision.record.intent
        is_move = intent.command.kind is StepKind.MOVE and intent.message_id in self._seen
        return StepState.HALFWAY if is_move and decision.state is StepState.NOT_APPLIED else decision.state


class SetsAgainWhatWasTakenBack(World):
    """Has rules decide anew about what a person took back, as if nothing had been done."""

    def replacements(self) -> Replacements:
        def same_flags(_one: frozenset[str], _other: frozenset[str]) -> bool:
            return False

        return [(reconcile, "same_flags", same_flags)]


class RefusedMeansUndone(World):
    """Takes NO for the proof that nothing was done."""

    def replacements(self) -> Replacements:
        def refused(*_arguments: object) -> StepState:
            return StepState.REFUSED

        return [(mailbox_run.MailboxRun, "_refused", refused)]


class RemovesSurplus(World):
    """Removes from the target what is there twice, whoever put it there."""

    async def run(self) -> object:
        report = await super().run()
        if self.is_dead or self.between is not None:
            return report
        store = self.store_type(self)
        for name, mailbox in list(self.mail.mailboxes.items()):
            seen: set[bytes] = set()
            doubles = [one.uid for one in mailbox.messages.values() if one.content in seen or seen.add(one.content)]
            if doubles and name != "INBOX":
                await MemoryStore.open(store, name)
                await MemoryStore.store_flags(store, doubles, add=frozenset({DELETED}))
                await MemoryStore.expunge(store, doubles)
        return report


class RecreatesVanished(_DecidesOtherwise):
    """Puts back what somebody removed."""

    def other(self, decision: Decision) -> StepState:
        if decision.state in {StepState.VANISHED, StepState.NOT_APPLIED}:
            for letter in self.case.letters:
                is_it = decision.record.intent.message_id.strip("<").startswith(f"{letter.name}.")
                if is_it and self.person.expunged[letter.name]:
                    self.mail.add("INBOX", letter.content, flags=letter.flags)
        return decision.state


class IgnoresUidvalidity(World):
    """Uses a plan's UIDs whatever they mean by now."""

    def replacements(self) -> Replacements:
        def checked(self: object, status: object) -> object:
            return status

        async def still_current(plan: Plan, _stores: object) -> CheckedPlan:
            return CheckedPlan(plan=plan, left_out=())

        return [(mailbox_run.MailboxRun, "_checked", checked), (engine, "still_current", still_current)]


class GivesUpItsRights(World):
    """Sets rights as it is told, its own too."""

    def replacements(self) -> Replacements:
        async def object_(*_arguments: object, **_more: object) -> None:
            return None

        return [(mailbox_steps, "_object", object_)]


class RepeatsEffects(World):
    """Sends an outside effect once more when no answer came."""

    def replacements(self) -> Replacements:
        real = commands._effect

        async def effect(batch: object, handler: object, **more: object) -> object:
            proofs = await real(batch, handler, **more)
            if any(one.state is StepState.UNKNOWN for one in proofs.values()):
                return await real(batch, handler, **more)
            return proofs

        return [(commands, "_effect", effect)]


class AtLeastOnce(World):
    """Sends effects again after a crash, to a receiver that does not know them again."""

    async def _again(self) -> None:
        rows = self.watcher.effects_without_answer()
        for rule, uid, message_id in rows:
            call = EffectCall(
                effect="ring", rule=rule, account="home", mailbox="INBOX", uid=UID(uid), message_id=message_id
            )
            await self.perform(call)

    async def restart(self) -> None:
        await super().restart()
        await self._again()


class FinishesUncompared(World):
    """Takes what has the same Message-ID, date and size for the same message."""

    def replacements(self) -> Replacements:
        async def content_hashes(reader: object, uids: Iterable[UID]) -> dict[UID, bytes]:
            return dict.fromkeys(uids, b"the same")

        return [(module, "content_hashes", content_hashes) for module in _modules_with("content_hashes")]


class ForgetsHeldMail(WatchingWorld):
    """After a failure it begins behind everything that is there."""

    async def run(self) -> object:
        try:
            return await super().run()
        finally:
            if self.journal is not None and not self.is_dead:
                await self._pass_everything(self.journal)

    async def _pass_everything(self, journal: Journal) -> None:
        inbox = self.mail["INBOX"]
        everything = [UID(uid) for uid in inbox.messages]
        await journal.advance_position("home", "INBOX", uidvalidity=inbox.uidvalidity, final=everything, pending=())


class UndoOverwrites(World):
    """Restores flags as they were, and a person's go with them."""

    def replacements(self) -> Replacements:
        real = engine.plan_undo

        async def plan_undo(*arguments: object, **more: object) -> object:
            way_back = await real(*arguments, **more)
            plan = way_back.plan
            removal = Step(kind=StepKind.REMOVE_FLAGS, rule="undo", flags=("\\Answered",))
            mailboxes = tuple(
                replace(
                    mailbox,
                    messages=tuple(replace(one, steps=(removal, *one.steps)) for one in mailbox.messages),
                )
                for mailbox in plan.mailboxes
            )
            return replace(way_back, plan=replace(plan, mailboxes=mailboxes))

        return [(engine, "plan_undo", plan_undo)]


class UndoCopiesBack(World):
    """Takes a move back by a copy, and leaves the message where it was, too."""

    def replacements(self) -> Replacements:
        real = engine.plan_undo

        async def plan_undo(*arguments: object, **more: object) -> object:
            way_back = await real(*arguments, **more)
            mailboxes = tuple(
                replace(
                    mailbox,
                    messages=tuple(
                        replace(
                            one,
                            steps=tuple(
                                replace(step, kind=StepKind.COPY) if step.kind is StepKind.MOVE else step
                                for step in one.steps
                            ),
                        )
                        for one in mailbox.messages
                    ),
                )
                for mailbox in way_back.plan.mailboxes
            )
            return replace(way_back, plan=replace(way_back.plan, mailboxes=mailboxes))

        return [(engine, "plan_undo", plan_undo)]


def _modules_with(name: str) -> list[object]:
    """The modules of the executor that use it."""
    modules = [import_module(f"mailrules.execution.{one.name}") for one in iter_modules(execution.__path__)]
    return [one for one in modules if hasattr(one, name)]
