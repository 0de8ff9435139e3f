"""What became of steps that no answer has settled: read the mailboxes and decide (failure-model's table).

Nothing here writes to a server. Text from a stranger is compared, never sent.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from mailrules.errors import CommandRefused
from mailrules.execution.flag_words import flags_hold
from mailrules.execution.identity import (
    IDENTITY_REQUEST,
    content_hashes,
    identities_of_facts,
    identities_of_intent,
    is_certain,
)
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
    from mailrules.mailbox.store import MailboxStatus, MailStore

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


class _Double(NamedTuple):
    """A move's message that is in the source, and under another UID in the target."""

    record: StepRecord
    copy: UID
    is_certain: bool


class _MailboxReading:
    """Reads one source mailbox and the targets of its open steps."""

    def __init__(self, store: MailStore, *, journal: Journal, now: datetime) -> None:
        self._store, self._journal, self._now = store, journal, now
        self._verdicts: list[StepVerdict] = []

    async def decide(self, mailbox: str, steps: Sequence[StepRecord]) -> list[StepVerdict]:
        status = await self._open(mailbox)
        if status is None or isinstance(status, CommandRefused):
            # What cannot be looked into now may be later; what is gone will not come back by itself.
            state = StepState.AMBIGUOUS if status is None else StepState.UNKNOWN
            for record in steps:
                self._judge(record, state, f"cannot look into {mailbox}: {status or 'it does not exist any more'}")
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
        elif not flags_hold(flags, frozenset(command.flags), removed=command.removes_flags):
            self._judge(record, StepState.NOT_APPLIED)
        else:
            # A delete's \Deleted is only its first half.
            self._judge(record, StepState.HALFWAY if command.kind is StepKind.DELETE else StepState.APPLIED)

    async def _decide_transfers(
        self, mailbox: str, target: str, steps: Sequence[StepRecord], *, present: frozenset[UID]
    ) -> None:
        status = await self._open(target)
        arrivals: dict[Identity, list[UID]] = {}
        uidvalidity = 0
        if isinstance(status, CommandRefused):
            for record in steps:
                self._judge(record, StepState.UNKNOWN, f"cannot look into {target}: {status}")
            return
        if status is not None:
            uidvalidity = status.uidvalidity
            if {one.intent.command.target_uidvalidity for one in steps} - {0, uidvalidity}:
                for record in steps:
                    self._judge(record, StepState.AMBIGUOUS, f"UIDVALIDITY of {target} is now {uidvalidity}")
                return
            arrivals = await self._arrivals(target, [one.intent.command for one in steps], uidvalidity=uidvalidity)
        both: list[_Double] = []
        taken: set[UID] = set()
        # What is gone from the source has the first claim on an equal message in the target.
        for record in sorted(steps, key=lambda one: (one.intent.uid in present, one.id)):
            identities = identities_of_intent(record.intent)
            is_present = record.intent.uid in present
            match = next(((one, uid) for one in identities for uid in arrivals.get(one, ()) if uid not in taken), None)
            if match is not None:
                identity, uid = match
                taken.add(uid)
                if is_present and record.intent.command.kind is StepKind.MOVE:
                    both.append(_Double(record, uid, is_certain(identity)))
                else:
                    self._judge(record, StepState.APPLIED, uidvalidity=uidvalidity, uid=uid)
            elif not identities:
                self._judge(record, StepState.AMBIGUOUS, "too little is known of the message to find it again")
            elif is_present:
                self._judge(record, StepState.NOT_APPLIED)
            else:
                self._judge(record, StepState.VANISHED, f"the message is neither in {mailbox} nor in {target}")
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

    async def _decide_in_both(self, mailbox: str, target: str, both: Sequence[_Double], *, uidvalidity: int) -> None:
        """A move's message in both mailboxes is to be removed from the source, if it surely is the same."""
        uncertain = [one for one in both if not one.is_certain]
        copies: dict[UID, bytes] = {}
        originals: dict[UID, bytes] = {}
        if uncertain:
            copies = await content_hashes(self._store, [one.copy for one in uncertain])
            await self._store.open(mailbox)
            originals = await content_hashes(self._store, [one.record.intent.uid for one in uncertain])
        for record, uid, certain in both:
            # The sender writes the Message-ID, so what is to be removed is compared as a whole.
            if not certain and copies.get(uid) != originals.get(record.intent.uid):
                detail = f"UID {uid} of {target} has the same Message-ID, date and size, but is another message"
                self._judge(record, StepState.AMBIGUOUS, detail)
            else:
                self._judge(record, StepState.HALFWAY, uidvalidity=uidvalidity, uid=uid)

    async def _open(self, mailbox: str) -> MailboxStatus | CommandRefused | None:
        """The opened mailbox; None if it does not exist, else the refusal."""
        try:
            return await self._store.open(mailbox)
        except CommandRefused as refused:
            names = {one.name for one in await self._store.list_mailboxes()}
            return refused if mailbox in names else None

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
