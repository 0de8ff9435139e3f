"""How a change that takes several commands is finished: \\Deleted on what was copied, then UID EXPUNGE of exactly that.

Never EXPUNGE or CLOSE: those would remove other people's \\Deleted mail (failure-model, fact 6).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, first_error
from mailrules.execution.batches import DELETED, cut_uids
from mailrules.execution.reply_codes import explain
from mailrules.journal.records import CommandIntent, Operation, StepState, StepVerdict
from mailrules.mailbox.message import FactRequest
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailrules.execution.session import Session
    from mailrules.journal.records import StepRecord
    from mailrules.mailbox.message import UID

COMMANDS_IN_FLIGHT = 4


async def finish_halfway(session: Session, records: Iterable[StepRecord]) -> list[StepVerdict]:
    """Finish ``halfway`` steps of one account, journalling each command; returns their new verdicts.

    A step that the server does not let us finish stays ``halfway``, with the reason. Raises ConnectionLost.
    """
    verdicts: list[StepVerdict] = []
    for mailbox, group in groupby(sorted(records, key=_place), key=lambda one: one.intent.command.mailbox):
        steps = list(group)
        try:
            status = await session.store.open(mailbox)
        except CommandRefused as error:
            kept = [session.verdict(one, StepState.HALFWAY, explain(error)) for one in steps]
            await session.confirm(kept)
            verdicts += kept
            continue
        current = [one for one in steps if one.intent.command.uidvalidity == status.uidvalidity]
        voided = [
            session.verdict(
                one,
                StepState.HALFWAY,
                f"UIDVALIDITY of {mailbox} is now {status.uidvalidity}; the next start looks for it by its identity",
            )
            for one in steps
            if one not in current
        ]
        if voided:
            await session.confirm(voided)
            verdicts += voided
        verdicts += await _finish_mailbox(session, current)
    return verdicts


async def _finish_mailbox(session: Session, steps: Sequence[StepRecord]) -> list[StepVerdict]:
    by_uid = {one.intent.uid: one for one in steps}
    room = asyncio.Semaphore(COMMANDS_IN_FLIGHT)

    async def finish(uids: tuple[UID, ...]) -> list[StepVerdict]:
        async with room:
            return await _Finisher(session, [by_uid[uid] for uid in uids]).finish()

    with first_error():
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(finish(uids))
                for kind in (StepKind.MOVE, StepKind.DELETE)
                for uids in cut_uids(uid for uid, one in by_uid.items() if one.intent.command.kind is kind)
            ]
    return [verdict for task in tasks for verdict in task.result()]


class _Finisher:
    """One command's worth of steps of one kind, in the open mailbox."""

    def __init__(self, session: Session, records: Sequence[StepRecord]) -> None:
        self._session, self._store = session, session.store
        self._records = {one.intent.uid: one for one in records}
        self._kind = records[0].intent.command.kind
        self._can_expunge = "UIDPLUS" in session.store.capabilities
        self._failures: dict[UID, str] = {}

    async def finish(self) -> list[StepVerdict]:
        if self._kind is StepKind.MOVE:
            await self._run_command(Operation.STORE, list(self._records))
        doomed = [uid for uid in self._records if uid not in self._failures]
        if doomed and self._can_expunge:
            await self._run_command(Operation.EXPUNGE, doomed)
        verdicts = [self._final(uid, record) for uid, record in self._records.items()]
        await self._session.confirm(verdicts)
        return verdicts

    def _final(self, uid: UID, record: StepRecord) -> StepVerdict:
        if uid in self._failures:
            return self._session.verdict(record, StepState.HALFWAY, self._failures[uid])
        detail = record.detail if self._can_expunge else "\\Deleted stays set: the server has no UIDPLUS (RFC 4315)"
        return self._session.verdict(record, StepState.APPLIED, detail)

    async def _run_command(self, operation: Operation, uids: Sequence[UID]) -> None:
        command = _next_command(self._records[uids[0]].intent.command, operation)
        steps = await self._session.intend(
            [replace(self._records[uid].intent, command=command, flags=command.flags) for uid in uids]
        )
        state = StepState.NOT_APPLIED
        try:
            proved = await self._mark(uids) if operation is Operation.STORE else await self._expunge(uids)
            reason = f"the server says OK to UID {operation.upper()}, and nothing changed"
        except CommandRefused as error:
            proved, reason, state = frozenset(), explain(error), StepState.REFUSED
        self._failures.update({uid: reason for uid in uids if uid not in proved})
        now = self._session.now()
        await self._session.confirm(
            [
                StepVerdict(step=step, state=StepState.APPLIED, judged=now)
                if uid in proved
                else StepVerdict(step=step, state=state, judged=now, detail=reason)
                for step, uid in zip(steps, uids, strict=True)
            ]
        )

    async def _mark(self, uids: Sequence[UID]) -> frozenset[UID]:
        """Set \\Deleted; those that carry it, or are gone."""
        outcome = await self._store.store_flags(uids, add=frozenset({DELETED}))
        proved = {one.uid for one in outcome.confirmed if DELETED in one.flags}
        if rest := [uid for uid in uids if uid not in proved]:
            flags = {
                one.uid: one.flags or frozenset() for one in await self._store.fetch(FactRequest(flags=True), rest)
            }
            proved |= {uid for uid in rest if uid not in flags or DELETED in flags[uid]}
        return frozenset(proved)

    async def _expunge(self, uids: Sequence[UID]) -> frozenset[UID]:
        """Remove exactly these; those that are gone."""
        gone = set(await self._store.expunge(uids))
        if rest := [uid for uid in uids if uid not in gone]:
            there = {one.uid for one in await self._store.fetch(FactRequest(flags=True), rest)}
            gone |= {uid for uid in rest if uid not in there}
        return frozenset(gone)


def _place(record: StepRecord) -> tuple[str, int]:
    return record.intent.command.mailbox, record.intent.uid


def _next_command(first: CommandIntent, operation: Operation) -> CommandIntent:
    """The command that follows the first one of a halfway step, for the same purpose."""
    return CommandIntent(
        kind=first.kind,
        operation=operation,
        account=first.account,
        mailbox=first.mailbox,
        uidvalidity=first.uidvalidity,
        flags=(DELETED,) if operation is Operation.STORE else (),
        capabilities=first.capabilities,
    )
