"""What became of steps that no answer has settled: read the mailboxes and decide (failure-model's table).

Nothing here writes to a server. Text from a stranger is compared, never sent.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.flag_words import flags_hold
from mailrules.execution.identity import IDENTITY_REQUEST, content_hashes, identities_of_facts, identity_of_intent
from mailrules.execution.mailbox_steps import reconcile_mailbox_step
from mailrules.journal.records import Operation, StepState, StepVerdict
from mailrules.mailbox.message import UID, FactRequest
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mailrules.execution.identity import Identity
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import CommandIntent, StepRecord
    from mailrules.mailbox.store import MailStore

_TRANSFERS = frozenset({Operation.COPY, Operation.MOVE})
_ON_MESSAGES = frozenset({Operation.STORE, Operation.EXPUNGE, *_TRANSFERS})


async def reconcile(
    store: MailStore, steps: Iterable[StepRecord], *, journal: Journal, now: datetime
) -> list[StepVerdict]:
    """Verdicts for open steps (``intent`` or ``unknown``) of one account; the caller journals them.

    Leaves some other mailbox open than before. Raises ConnectionLost.
    """
    verdicts: list[StepVerdict] = []
    on_messages = [one for one in steps if one.intent.command.operation in _ON_MESSAGES]
    others = [one for one in steps if one.intent.command.operation not in _ON_MESSAGES]
    for mailbox, group in groupby(sorted(on_messages, key=_mailbox), key=_mailbox):
        verdicts += await _MailboxReading(store, journal=journal, now=now).decide(mailbox, list(group))
    for record in others:
        state, detail = await reconcile_mailbox_step(store, record.intent.command)
        verdicts.append(StepVerdict(step=record.id, state=state, judged=now, detail=detail))
    return verdicts


class _MailboxReading:
    """Reads one source mailbox and the targets of its open steps."""

    def __init__(self, store: MailStore, *, journal: Journal, now: datetime) -> None:
        self._store, self._journal, self._now = store, journal, now
        self._verdicts: list[StepVerdict] = []

    async def decide(self, mailbox: str, steps: Sequence[StepRecord]) -> list[StepVerdict]:
        try:
            status = await self._store.open(mailbox)
        except CommandRefused as error:
            for record in steps:
                self._judge(record, StepState.AMBIGUOUS, f"cannot look into {mailbox}: {error}")
            return self._verdicts
        current = []
        for record in steps:
            if record.intent.command.uidvalidity == status.uidvalidity:
                current.append(record)
            else:
                before = record.intent.command.uidvalidity
                self._judge(record, StepState.AMBIGUOUS, f"UIDVALIDITY was {before} and is {status.uidvalidity}")
        uids = sorted({record.intent.uid for record in current})
        present = {
            one.uid: one.flags or frozenset()
            for one in (await self._store.fetch(FactRequest(flags=True), uids) if uids else [])
        }
        for record in current:
            if record.intent.command.operation not in _TRANSFERS:
                self._judge_in_place(record, present.get(record.intent.uid))
        transfers = [one for one in current if one.intent.command.operation in _TRANSFERS]
        for target, group in groupby(sorted(transfers, key=_target), key=_target):
            await self._decide_transfers(mailbox, target, list(group), present=frozenset(present))
        return self._verdicts

    def _judge_in_place(self, record: StepRecord, flags: frozenset[str] | None) -> None:
        command = record.intent.command
        if command.operation is Operation.EXPUNGE:
            self._judge(record, StepState.APPLIED if flags is None else StepState.NOT_APPLIED)
        elif flags is None:
            self._judge(record, StepState.VANISHED, "the message is no longer there")
        elif not flags_hold(flags, command.flags, removed=command.removes_flags):
            self._judge(record, StepState.NOT_APPLIED)
        else:
            # A delete's \Deleted is only its first half.
            self._judge(record, StepState.HALFWAY if command.kind is StepKind.DELETE else StepState.APPLIED)

    async def _decide_transfers(
        self, mailbox: str, target: str, steps: Sequence[StepRecord], *, present: frozenset[UID]
    ) -> None:
        try:
            status = await self._store.open(target)
        except CommandRefused:
            arrivals: dict[Identity, list[UID]] = {}
            uidvalidity = 0
        else:
            uidvalidity = status.uidvalidity
            before = {one.intent.command.target_uidvalidity for one in steps} - {0, uidvalidity}
            if before:
                for record in steps:
                    self._judge(record, StepState.AMBIGUOUS, f"UIDVALIDITY of {target} is now {uidvalidity}")
                return
            arrivals = await self._arrivals(target, [one.intent.command for one in steps], uidvalidity=uidvalidity)
        both: list[tuple[StepRecord, UID]] = []
        taken: set[UID] = set()
        # What is gone from the source has the first claim on an equal message in the target.
        for record in sorted(steps, key=lambda one: (one.intent.uid in present, one.id)):
            is_present = record.intent.uid in present
            identity = identity_of_intent(record.intent)
            if identity is None:
                self._judge(record, StepState.AMBIGUOUS, "too little is known of the message to find it again")
                continue
            uid = next((uid for uid in arrivals.get(identity, ()) if uid not in taken), None)
            if uid is None:
                state = StepState.NOT_APPLIED if is_present else StepState.VANISHED
                self._judge(record, state, "" if is_present else f"the message is neither in {mailbox} nor in {target}")
                continue
            taken.add(uid)
            if is_present and record.intent.command.kind is StepKind.MOVE:
                both.append((record, uid))
            else:
                self._judge(record, StepState.APPLIED, uidvalidity=uidvalidity, uid=uid)
        await self._decide_in_both(mailbox, target, both, uidvalidity=uidvalidity)

    async def _arrivals(
        self, target: str, commands: Sequence[CommandIntent], *, uidvalidity: int
    ) -> dict[Identity, list[UID]]:
        """Messages at or above the baseline that no other step of ours accounts for, by identity, ascending."""
        baseline = max(1, min(command.target_uidnext for command in commands))
        ours = await self._journal.placed_by_us(
            self._store.account, target, uidvalidity=uidvalidity, after_uid=baseline - 1
        )
        arrivals: defaultdict[Identity, list[UID]] = defaultdict(list)
        for facts in await self._store.fetch_from(IDENTITY_REQUEST, UID(baseline)):
            if facts.uid not in ours:
                for identity in identities_of_facts(facts):
                    arrivals[identity].append(facts.uid)
        return arrivals

    async def _decide_in_both(
        self, mailbox: str, target: str, both: Sequence[tuple[StepRecord, UID]], *, uidvalidity: int
    ) -> None:
        """A move's message in both mailboxes is to be removed from the source, if it surely is the same."""
        weak = [(record, uid) for record, uid in both if not record.intent.object_id]
        copies: dict[UID, bytes] = {}
        originals: dict[UID, bytes] = {}
        if weak:
            copies = await content_hashes(self._store, [uid for _, uid in weak])
            await self._store.open(mailbox)
            originals = await content_hashes(self._store, [record.intent.uid for record, _ in weak])
        for record, uid in both:
            # The sender writes the Message-ID, so what is to be removed is compared as a whole.
            if not record.intent.object_id and copies.get(uid) != originals.get(record.intent.uid):
                detail = f"UID {uid} of {target} has the same Message-ID, date and size, but is another message"
                self._judge(record, StepState.AMBIGUOUS, detail)
            else:
                self._judge(record, StepState.HALFWAY, uidvalidity=uidvalidity, uid=uid)

    def _judge(
        self, record: StepRecord, state: StepState, detail: str = "", *, uidvalidity: int = 0, uid: int = 0
    ) -> None:
        self._verdicts.append(
            StepVerdict(
                step=record.id,
                state=state,
                judged=self._now,
                detail=detail,
                target_uidvalidity=uidvalidity,
                target_uid=uid,
            )
        )


def _mailbox(record: StepRecord) -> str:
    return record.intent.command.mailbox


def _target(record: StepRecord) -> str:
    return record.intent.command.target
