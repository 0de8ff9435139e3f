"""What came of a copy or move after recovery had found nothing of it: the old connection's command ran on too late.

Where it was done again meanwhile, one of the two is too many, and the one that COPYUID proves ours is removed.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.batches import DELETED
from mailrules.execution.flag_words import flags_hold
from mailrules.execution.identity import (
    IDENTITY_REQUEST,
    content_hashes,
    identities_of_facts,
    identities_of_intent,
    is_certain,
)
from mailrules.execution.places import look_into
from mailrules.execution.session import Session
from mailrules.journal.records import CommandIntent, Operation, StepIntent, StepState, StepVerdict
from mailrules.mailbox.message import UID
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from mailrules.journal.journal import Journal
    from mailrules.journal.records import StepRecord
    from mailrules.mailbox.message import MessageFacts
    from mailrules.mailbox.store import MailStore

NOT_SEEN = "nothing of it was there when the mailboxes were read"
"""The detail of steps that are looked at again."""

LOOKED_BACK = timedelta(hours=1)
"""For so long after it was sent a command is expected to show late, if at all."""


async def settle_late(
    journal: Journal, store: MailStore, *, now: Callable[[], datetime], guard: Callable[[], Awaitable[None]] | None
) -> list[str]:
    """Look again for what recovery has found nothing of lately; a sentence for each surplus that stays.

    With nothing to look for it sends nothing. Raises ConnectionLost.
    """
    since = now() - LOOKED_BACK
    candidates = await journal.not_seen(store.account, detail=NOT_SEEN, since=since)
    if not candidates:
        return []
    recent = await journal.transfers_since(store.account, since=since)
    sentences: list[str] = []
    for target, group in groupby(sorted(candidates, key=_target), key=_target):
        look = _LateLook(journal, store, target=target, now=now, guard=guard)
        sentences += await look.settle(list(group), recent=recent)
    return sentences


class _LateLook:
    """At one target."""

    def __init__(
        self,
        journal: Journal,
        store: MailStore,
        *,
        target: str,
        now: Callable[[], datetime],
        guard: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self._journal, self._store, self._target = journal, store, target
        self._now, self._guard = now, guard
        self._taken: set[UID] = set()

    async def settle(self, candidates: Sequence[StepRecord], *, recent: Sequence[StepRecord]) -> list[str]:
        status = await look_into(self._store, self._target)
        if status is None or isinstance(status, CommandRefused):
            return []
        candidates = [one for one in candidates if one.intent.command.target_uidvalidity in {0, status.uidvalidity}]
        if not candidates:
            return []
        baseline = max(1, min(one.intent.command.target_uidnext for one in candidates))
        ours = await self._journal.placed_by_us(
            self._store.account, self._target, uidvalidity=status.uidvalidity, after_uid=baseline - 1
        )
        there = {one.uid: one for one in await self._store.fetch_from(IDENTITY_REQUEST, UID(baseline))}
        sentences = []
        for record in candidates:
            again = next((one for one in recent if _is_the_same(one, record) and one.target_uid in there), None)
            late = self._late(record, there, ours=ours)
            if again is None or late is None or not await self._is_equal(late, there[UID(again.target_uid)], record):
                continue
            self._taken.add(late.uid)
            if await self._remove(again, uidvalidity=status.uidvalidity):
                verdict = StepVerdict(
                    step=record.id,
                    state=StepState.APPLIED,
                    judged=self._now(),
                    detail="the old connection's command came through late; what was done again is removed",
                    target_uidvalidity=status.uidvalidity,
                    target_uid=late.uid,
                )
                await self._journal.judge([verdict])
            else:
                sentences.append(
                    f"{self._store.account}/{self._target}: UID {late.uid} and {again.target_uid} are the same message:"
                    " an old connection's command came through late; remove one of them"
                )
            await look_into(self._store, self._target)
        return sentences

    def _late(
        self, record: StepRecord, there: Mapping[UID, MessageFacts], *, ours: frozenset[UID]
    ) -> MessageFacts | None:
        """The first arrival that no step of ours accounts for, and that looks like the step's message."""
        wanted = set(identities_of_intent(record.intent))
        for uid, facts in there.items():
            if uid not in ours and uid not in self._taken and not wanted.isdisjoint(identities_of_facts(facts)):
                return facts
        return None

    async def _is_equal(self, late: MessageFacts, ours: MessageFacts, record: StepRecord) -> bool:
        """Whether both surely are the step's message: the server says so, or every byte does."""
        certain = {one for one in identities_of_intent(record.intent) if is_certain(one)}
        if all(not certain.isdisjoint(identities_of_facts(one)) for one in (late, ours)):
            return True
        hashes = await content_hashes(self._store, {one.uid: one.size_bytes or 0 for one in (late, ours)})
        return len(hashes) == 2 and len(set(hashes.values())) == 1

    async def _remove(self, again: StepRecord, *, uidvalidity: int) -> bool:
        """Remove the copy that COPYUID proved ours; False where the server has no way to remove only that."""
        if "UIDPLUS" not in self._store.capabilities:
            return False
        session = Session(run=again.run, store=self._store, journal=self._journal, now=self._now, guard=self._guard)
        uid = UID(again.target_uid)
        opened = await self._store.open(self._target)
        if opened.uidvalidity != uidvalidity:
            return False
        for operation in (Operation.STORE, Operation.EXPUNGE):
            command = CommandIntent(
                kind=StepKind.MOVE,  # what follows a move is no step that an undo takes back
                operation=operation,
                account=self._store.account,
                mailbox=self._target,
                uidvalidity=uidvalidity,
                flags=(DELETED,) if operation is Operation.STORE else (),
                capabilities=self._store.capabilities,
            )
            (step,) = await session.intend(
                [StepIntent(command=command, rule=again.intent.rule, uid=uid, reason="it is there twice")]
            )
            is_done = await (self._mark(uid) if operation is Operation.STORE else self._expunge(uid))
            state = StepState.APPLIED if is_done else StepState.NOT_APPLIED
            await session.confirm([StepVerdict(step=step, state=state, judged=self._now())])
            if not is_done:
                return False
        return True

    async def _mark(self, uid: UID) -> bool:
        try:
            outcome = await self._store.store_flags([uid], add=frozenset({DELETED}))
        except CommandRefused:
            return False
        return any(flags_hold(one.flags, frozenset({DELETED}), removed=False) for one in outcome.confirmed)

    async def _expunge(self, uid: UID) -> bool:
        try:
            return uid in await self._store.expunge([uid])
        except CommandRefused:
            return False


def _target(record: StepRecord) -> str:
    return record.intent.command.target


def _is_the_same(done: StepRecord, record: StepRecord) -> bool:
    """Whether this is the step that did the other one's work again, with proof of where."""
    one, other = done.intent.command, record.intent.command
    return (
        done.id > record.id
        and done.state in {StepState.APPLIED, StepState.HALFWAY}
        and done.target_uid > 0
        and (one.mailbox, one.uidvalidity, one.target, one.kind)
        == (other.mailbox, other.uidvalidity, other.target, other.kind)
        and done.intent.uid == record.intent.uid
    )
