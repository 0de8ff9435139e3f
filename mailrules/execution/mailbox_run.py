"""How the messages of one mailbox are changed: overlapping commands, each journalled before it is sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.errors import (
    CommandRefused,
    ConnectionLost,
    LeaseLost,
    MissingCapability,
    ReadOnlyMode,
    RemoteProtocolError,
    first_error,
)
from mailrules.execution.batches import Batch, batches_of, command_intent, step_intents
from mailrules.execution.commands import carry, effect_call, perform
from mailrules.execution.doubles import doubled
from mailrules.execution.effects import EffectRefused, OutboxHandler
from mailrules.execution.finishing import finish_halfway
from mailrules.execution.flag_words import unkept
from mailrules.execution.flights import Flight, Flights
from mailrules.execution.opening import open_all, store_of, why_void
from mailrules.execution.reconcile import reconcile
from mailrules.execution.reply_codes import Handling, explain, reply_for
from mailrules.journal.deliveries import CapReached
from mailrules.journal.records import Operation, StepState, StepVerdict
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.execution.batches import Share
    from mailrules.execution.effects import EffectHandler
    from mailrules.execution.outbox import Draft
    from mailrules.execution.proof import Proof
    from mailrules.execution.report import Tally
    from mailrules.execution.session import Session
    from mailrules.journal.records import CommandIntent, StepId, StepRecord
    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import MailboxStatus
    from mailrules.plan.plan import MailboxPlan

_NO_UIDPLUS = "the server has no UIDPLUS (RFC 4315), so messages removed from {mailbox} keep \\Deleted and stay there"


class MailboxRun:
    """One mailbox's share of a plan.

    A message's next command waits for the verdict on the one before; a command whose answer proves
    nothing is read up on when all others are through, and what depends on it goes in the next round.
    """

    def __init__(
        self,
        plan: MailboxPlan,
        *,
        session: Session,
        effects: Mapping[str, EffectHandler | OutboxHandler],
        tally: Tally,
        known: Mapping[str, MailboxStatus],
    ) -> None:
        self._plan, self._session, self._effects, self._tally, self._known = plan, session, effects, tally, known
        self._plain_effects = {name: one for name, one in effects.items() if not isinstance(one, OutboxHandler)}
        self._store = session.store
        self._targets: dict[str, MailboxStatus] = {}
        self._barred: dict[str, str] = {}
        """Targets to which nothing more goes in this run, and why."""
        self._failed: dict[UID, str] = {}
        self._vanished: set[UID] = set()
        self._unproved: set[UID] = set()
        self._refusals: dict[StepId, str] = {}
        self._uncounted: dict[StepId, tuple[UID, StepKind]] = {}
        """Steps that were sent and have no outcome yet."""
        self._flights = Flights()
        self._one_at_a_time = asyncio.Lock()
        """For messages on their way to other accounts: each takes two connections."""
        self._lost: Exception | None = None
        self._stopped: ReadOnlyMode | None = None
        self._void = ""
        """Why nothing (more) of the plan may be done in this mailbox."""

    async def run(self, *, unsettled: frozenset[UID] = frozenset()) -> Mapping[UID, str] | None:
        """Carry out all commands; the UIDs that have to be judged again, and why; None if nothing could be done.

        ``unsettled`` are messages of which an earlier run's step is still open: they are left alone.
        Raises ConnectionLost and ReadOnlyMode after everything that is known has been journalled.
        """
        for uid in unsettled:
            self._failed[uid] = "an earlier run's change of it is not settled yet; see `mailrules history`"
        batches = batches_of(self._plan, capabilities=self._store.capabilities)
        try:
            status = await self._open(batches)
            while status is not None and batches:
                batches = await self._round(batches, status)
                if self._lost is not None or self._stopped is not None:
                    break
                status = await self._settle(status, reopen=bool(batches))
        except (ConnectionLost, RemoteProtocolError) as error:
            self._lost = error
        except CommandRefused as error:
            self._void = explain(error)
        except ReadOnlyMode as stopped:
            self._stopped = stopped
        await self._look_for_doubles()
        reason = f"the connection was lost: {self._lost}" if self._lost else str(self._stopped or self._void)
        for batch in batches:
            self._leave_out(batch.key.kind, batch.shares, reason)
        for uid, kind in self._uncounted.values():
            self._miss(uid, kind, state=StepState.UNKNOWN, reason=f"{reason}; the next run settles it")
        if self._lost is not None:
            raise ConnectionLost(str(self._lost)) from self._lost
        if self._stopped is not None:
            raise self._stopped
        return None if self._void else {uid: why for uid, why in self._failed.items() if uid not in self._vanished}

    async def _look_for_doubles(self) -> None:
        """Where the lease is lost, what was under way may have been done by another one as well."""
        try:
            if self._session.guard is not None and self._lost is None and self._stopped is None:
                await self._session.guard()
        except LeaseLost as lost:
            self._stopped = lost
        except ConnectionLost as error:
            self._lost = error
        if isinstance(self._stopped, LeaseLost) and self._lost is None:
            for sentence in await doubled(self._session, self._plan.mailbox):
                self._tally.warn(sentence)

    async def _open(self, batches: Sequence[Batch]) -> MailboxStatus | None:
        opened = await open_all(batches, self._plan, session=self._session, known=self._known)
        self._targets, barred = opened.targets, opened.barred
        self._barred.update(barred)
        if isinstance(opened.source, CommandRefused):
            self._void = explain(opened.source)
            return None
        if "UIDPLUS" not in self._store.capabilities and any(batch.removes_by_flag for batch in batches):
            self._tally.warn(_NO_UIDPLUS.format(mailbox=self._plan.mailbox))
        return self._checked(opened.source)

    def _checked(self, status: MailboxStatus) -> MailboxStatus | None:
        """The opened mailbox, if the plan's UIDs still mean its messages."""
        self._void = why_void(status, self._plan)
        return None if self._void else status

    async def _round(self, batches: Sequence[Batch], status: MailboxStatus) -> list[Batch]:
        """Send all that may be sent; what has to wait for a reading of the mailboxes comes back."""
        later: list[Batch] = []
        with first_error():
            async with asyncio.TaskGroup() as group:
                for position, batch in enumerate(batches):
                    await self._flights.wait_for_verdicts(frozenset(batch.uids))
                    ready, waiting = self._sort_out(batch, status)
                    if waiting:
                        later.append(Batch(key=batch.key, shares=waiting))
                    if ready and not await self._launch(group, Batch(key=batch.key, shares=ready)):
                        later += [Batch(key=batch.key, shares=ready), *batches[position + 1 :]]
                        break
        self._flights.clear()
        return later

    def _sort_out(self, batch: Batch, status: MailboxStatus) -> tuple[tuple[Share, ...], tuple[Share, ...]]:
        """Which of a batch's messages may go now, and which have to wait; the rest is left out."""
        key = batch.key
        reason = self._barred.get(key.target, "")
        if lacking := unkept(key.flags, status.permanent_flags):
            reason = f"the mailbox does not keep {' '.join(lacking)} (PERMANENTFLAGS)"
        elif batch.removes_by_flag and unkept(("\\Deleted",), status.permanent_flags):
            reason = "the mailbox does not keep \\Deleted, so nothing can be removed from it without MOVE"
        elif key.operation is Operation.EFFECT and key.effect not in self._effects:
            reason = f"no plugin offers the action {key.effect!r}"
        elif self._goes_out(batch) and self._session.outbox is None:
            reason = "there is no state directory, so nothing can go out"
        if reason:
            self._leave_out(key.kind, batch.shares, reason)
            return (), ()
        ready, waiting = [], []
        for share in batch.shares:
            if share.uid in self._failed:
                self._leave_out(key.kind, (share,), self._failed[share.uid])
            elif share.uid in self._unproved:
                waiting.append(share)
            else:
                ready.append(share)
        return tuple(ready), tuple(waiting)

    async def _launch(self, group: asyncio.TaskGroup, batch: Batch) -> bool:
        """Journal the intent while earlier commands are on their way, then let the command go.

        False if nothing was sent, which the journal knows: the connection is lost, or the kill switch is on.
        """
        if self._has_lost():
            return False
        command = command_intent(
            batch.key, self._plan, target=self._targets.get(batch.key.target), capabilities=self._store.capabilities
        )
        if self._goes_out(batch):
            return await self._launch_outside(group, batch, command)
        intents = [intent for share in batch.shares for intent in step_intents(share, command)]
        try:
            ids = await self._session.intend(intents)
        except ReadOnlyMode as stopped:
            self._stopped = stopped
            return False
        await self._flights.make_room(len(batch.shares))
        if self._has_lost():
            now, detail = self._session.now(), "the connection was lost before it was sent"
            await self._session.confirm(
                [StepVerdict(step=step, state=StepState.NOT_APPLIED, judged=now, detail=detail) for step in ids]
            )
            return False
        steps = [(step_id, intent.uid) for step_id, intent in zip(ids, intents, strict=True)]
        self._uncounted.update({step_id: (uid, command.kind) for step_id, uid in steps})
        flight = Flight(frozenset(batch.uids))
        flight.task = group.create_task(self._send(batch, steps, flight))
        self._flights.begin(flight)
        return True

    def _goes_out(self, batch: Batch) -> bool:
        """Whether it is an effect that goes through the outbox."""
        return batch.key.operation is Operation.EFFECT and isinstance(
            self._effects.get(batch.key.effect), OutboxHandler
        )

    async def _launch_outside(self, group: asyncio.TaskGroup, batch: Batch, command: CommandIntent) -> bool:
        """Write down what will go out, journal the intent, then let it be tried. False as in ``_launch``."""
        outbox, (share,), kind = self._session.outbox, batch.shares, batch.key.kind
        assert outbox is not None  # noqa: S101 -- ``_sort_out`` has seen to it
        (intent,) = step_intents(share, command)
        call = effect_call(share.message, share.steps[0], account=self._session.account, mailbox=self._plan.mailbox)
        try:
            draft = await outbox.prepare(call, self._store)
            if draft.prepared.declined or draft.prepared.refused:
                verdict = await outbox.decline(self._session.run, intent, draft)
                self._uncounted[verdict.step] = (share.uid, kind)
                self._learn([verdict])
                return True
            step = await outbox.intend(self._session.run, intent, draft)
        except (EffectRefused, OSError, RemoteProtocolError) as error:
            self._leave_out(kind, batch.shares, f"{batch.key.effect}: {error}")
            return True
        except ConnectionLost as error:
            self._lost = error
            return False
        except ReadOnlyMode as stopped:
            self._stopped = stopped
            return False
        if isinstance(step, CapReached):
            self._leave_out(kind, batch.shares, step.reason)
            return True
        self._uncounted[step] = (share.uid, kind)
        await self._flights.make_room(1)
        flight = Flight(frozenset(batch.uids))
        flight.task = group.create_task(self._send_outside(step, draft, flight))
        self._flights.begin(flight)
        return True

    async def _send_outside(self, step: StepId, draft: Draft, flight: Flight) -> None:
        """Try an effect; the outbox journals what came of it."""
        outbox = self._session.outbox
        assert outbox is not None  # noqa: S101 -- it has intended the step
        verdict = await outbox.first_attempt(step, draft)
        self._flights.answered(flight)
        self._learn([verdict])

    def _has_lost(self) -> bool:
        return self._lost is not None

    async def _send(self, batch: Batch, steps: Sequence[tuple[StepId, UID]], flight: Flight) -> None:
        """Send one command, and journal what its answer proves."""
        try:
            proofs = await self._perform(batch)
        except (ConnectionLost, RemoteProtocolError) as error:
            self._lost = error
            judged = self._session.now()
            verdicts = [
                StepVerdict(step=step, state=StepState.UNKNOWN, judged=judged, detail=str(error)) for step, _ in steps
            ]
        except (CommandRefused, MissingCapability) as error:
            state = self._refused(batch, error)
            reason = explain(error) if isinstance(error, CommandRefused) else str(error)
            self._refusals.update({step: reason for step, _ in steps})
            judged = self._session.now()
            verdicts = [StepVerdict(step=step, state=state, judged=judged, detail=reason) for step, _ in steps]
        else:
            judged = self._session.now()
            verdicts = [proofs[uid].verdict(step, judged=judged) for step, uid in steps]
        self._flights.answered(flight)
        await self._session.confirm(verdicts)
        self._learn(verdicts)

    async def _perform(self, batch: Batch) -> dict[UID, Proof]:
        if batch.key.operation is Operation.APPEND and batch.key.kind is not StepKind.APPEND:
            account = batch.key.target.partition("/")[0]
            async with self._one_at_a_time:
                return await carry(
                    batch,
                    source=self._store,
                    target=store_of(account, self._session),
                    before=self._targets.get(batch.key.target),
                )
        return await perform(
            batch,
            store=self._store,
            effects=self._plain_effects,
            account=self._session.account,
            mailbox=self._plan.mailbox,
        )

    def _refused(self, batch: Batch, error: CommandRefused | MissingCapability) -> StepState:
        """The state after a NO: some servers have done a part of a command that they refuse."""
        if isinstance(error, MissingCapability):
            return StepState.REFUSED
        reply = reply_for(error)
        if batch.key.target and reply.handling is Handling.HOLD:
            self._barred[batch.key.target] = f"{batch.key.target}: {explain(error)}"
        if batch.key.operation in {Operation.COPY, Operation.MOVE} or batch.key.kind is StepKind.DELETE:
            return StepState.UNKNOWN  # whatever the code says, a part of the messages may have gone before it
        return StepState.REFUSED if reply.nothing_done else StepState.UNKNOWN

    async def _settle(self, status: MailboxStatus, *, reopen: bool) -> MailboxStatus | None:
        """Read up on what no answer proved, and finish what takes another command."""
        unproved = await self._open_steps(StepState.UNKNOWN)
        if unproved:
            now = self._session.now()
            verdicts = await reconcile(
                self._store, unproved, journal=self._session.journal, now=now, others=self._session.others
            )
            verdicts = [self._with_refusal(one) for one in verdicts]
            await self._session.confirm(verdicts)
            self._unproved.clear()
            self._learn(verdicts, after_reading=True)
        halfway = await self._open_steps(StepState.HALFWAY)
        if halfway:
            finished = await finish_halfway(self._session, halfway)
            self._learn(finished)
            for verdict in finished:
                if verdict.state is StepState.HALFWAY:
                    self._miss(*self._uncounted.pop(verdict.step), state=verdict.state, reason=verdict.detail)
        if reopen and (unproved or halfway):
            return self._checked(await self._store.open(self._plan.mailbox))
        return status

    async def _open_steps(self, state: StepState) -> list[StepRecord]:
        """Our own steps in this state."""
        return [
            one
            for one in await self._session.journal.open_steps(self._session.account)
            if one.state is state and one.id in self._uncounted
        ]

    def _with_refusal(self, verdict: StepVerdict) -> StepVerdict:
        """What was refused and indeed not done keeps the server's words."""
        if verdict.state is StepState.NOT_APPLIED and verdict.step in self._refusals:
            return replace(verdict, state=StepState.REFUSED, detail=self._refusals[verdict.step])
        return verdict

    def _learn(self, verdicts: Sequence[StepVerdict], *, after_reading: bool = False) -> None:
        """Count what is decided, and remember what later commands of these messages have to know.

        What is still unknown after the mailboxes were read stays so in this run.
        """
        applied, declined = list[StepKind](), list[StepKind]()
        for verdict in verdicts:
            uid, kind = self._uncounted[verdict.step]
            if verdict.state is StepState.HALFWAY:
                continue
            is_readable = kind is not StepKind.EFFECT and self._lost is None and not after_reading
            if verdict.state is StepState.UNKNOWN and is_readable:
                self._unproved.add(uid)
                continue
            del self._uncounted[verdict.step]
            if verdict.state is StepState.APPLIED:
                (declined if verdict.is_declined else applied).append(kind)
            else:
                self._miss(uid, kind, state=verdict.state, reason=verdict.detail)
        if applied or declined:
            self._tally.count_applied(self._plan.account, self._plan.mailbox, applied, declined=len(declined))

    def _miss(self, uid: UID, kind: StepKind, *, state: StepState, reason: str) -> None:
        reason = reason or "the server says OK, and nothing changed"
        self._failed.setdefault(uid, f"an earlier step failed: {reason}")
        if state is StepState.VANISHED:
            self._vanished.add(uid)
        self._tally.count_missed(self._plan.account, self._plan.mailbox, (kind,), state=state, reason=reason, uid=uid)

    def _leave_out(self, kind: StepKind, shares: Sequence[Share], reason: str) -> None:
        for share in shares:
            self._failed.setdefault(share.uid, f"an earlier step was left out: {reason}")
            self._tally.count_missed(
                self._plan.account,
                self._plan.mailbox,
                [kind] * len(share.steps),
                state=None,
                reason=reason,
                uid=share.uid,
            )
