"""What became of steps that no answer has settled: read the mailboxes and decide (failure-model's table).

Nothing here writes to a server: mailboxes are opened by EXAMINE. Text from a stranger is compared, never sent.
"""

from __future__ import annotations

from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, MessagesUnreadable
from mailrules.execution.flag_words import flags_hold, same_flags
from mailrules.execution.mailbox_recovery import reconcile_mailbox_steps
from mailrules.execution.notes import look_for_notes
from mailrules.execution.places import NOWHERE, look_into
from mailrules.execution.transfers import Decision, TransferReading
from mailrules.journal.records import Operation, StepState, StepVerdict
from mailrules.journal.taken_back import TAKEN_BACK
from mailrules.mailbox.message import FactRequest
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mailrules.journal.journal import Journal
    from mailrules.journal.records import StepRecord
    from mailrules.mailbox.message import MessageFacts
    from mailrules.mailbox.store import MailStore

_TRANSFERS = frozenset({Operation.COPY, Operation.MOVE, Operation.APPEND})
_ON_MESSAGES = frozenset({Operation.STORE, Operation.EXPUNGE, *_TRANSFERS})


async def reconcile(
    store: MailStore,
    steps: Iterable[StepRecord],
    *,
    journal: Journal,
    now: datetime,
    others: Mapping[str, MailStore] = MappingProxyType({}),
) -> list[StepVerdict]:
    """Verdicts for open steps (``intent`` or ``unknown``) of one account; the caller journals them.

    Leaves some other mailbox open than before, and read-only. Raises ConnectionLost.
    """
    return [verdict_of(one, now=now) for one in await read_up(store, steps, journal=journal, others=others)]


async def read_up(
    store: MailStore, steps: Iterable[StepRecord], *, journal: Journal, others: Mapping[str, MailStore]
) -> list[Decision]:
    """The same as decisions, which also hold what was found of the messages.

    ``others`` are connections to the accounts that messages went to from this one.
    """
    decisions: list[Decision] = []
    steps = list(steps)
    notes = [one for one in steps if one.intent.command.kind is StepKind.APPEND]
    decisions += await look_for_notes(store, notes)
    steps = [one for one in steps if one not in notes]
    on_messages = [one for one in steps if one.intent.command.operation in _ON_MESSAGES]
    on_mailboxes = [one for one in steps if one.intent.command.operation not in _ON_MESSAGES]
    for mailbox, group in groupby(sorted(on_messages, key=_mailbox), key=_mailbox):
        in_doubt = list(group)
        try:
            decisions += await _read_mailbox(store, mailbox, in_doubt, journal=journal, others=others)
        except MessagesUnreadable as error:
            # A message that cannot be read is no message that is gone: nothing is decided by what is left.
            detail = f"not all messages of {mailbox}, or of where they went, can be read: {error.what}"
            decisions += [Decision(record=one, state=StepState.UNKNOWN, detail=detail) for one in in_doubt]
    verdicts = await reconcile_mailbox_steps(store, [one.intent.command for one in on_mailboxes])
    decisions += [
        Decision(record=record, state=state, detail=detail)
        for record, (state, detail) in zip(on_mailboxes, verdicts, strict=True)
    ]
    return decisions


def verdict_of(decision: Decision, *, now: datetime) -> StepVerdict:
    """A decision as the journal takes it."""
    arrived = decision.arrived
    return StepVerdict(
        step=decision.record.id,
        state=decision.state,
        judged=now,
        detail=decision.detail,
        target_uidvalidity=decision.target_uidvalidity if arrived is not None else 0,
        target_uid=arrived.uid if arrived is not None else 0,
    )


async def _read_mailbox(
    store: MailStore,
    mailbox: str,
    steps: Sequence[StepRecord],
    *,
    journal: Journal,
    others: Mapping[str, MailStore],
) -> list[Decision]:
    """Read one source mailbox, and the targets of its open steps."""
    status = await look_into(store, mailbox)
    if isinstance(status, CommandRefused):
        # What cannot be looked into now may be later.
        detail = f"cannot look into {mailbox}: {status}"
        return [Decision(record=one, state=StepState.UNKNOWN, detail=detail) for one in steps]
    decisions: list[Decision] = []
    current: list[StepRecord] = []
    for record in steps:
        before = record.intent.command.uidvalidity
        if status is None or before == status.uidvalidity:
            current.append(record)
        else:
            detail = (
                f"UIDVALIDITY of {mailbox} was {before} and is {status.uidvalidity}; the next start looks for its"
                " messages by their identities"
            )
            decisions.append(Decision(record=record, state=StepState.UNKNOWN, detail=detail))
    uids = sorted({record.intent.uid for record in current} - {NOWHERE})
    present: dict[int, MessageFacts] = {}
    if uids and status is not None:
        request = FactRequest(flags=True, modseq=status.highest_modseq is not None)
        present = {one.uid: one for one in await store.fetch(request, uids)}
    decisions += [
        _in_place(one, present.get(one.intent.uid), gone=status is None)
        for one in current
        if one.intent.command.operation not in _TRANSFERS
    ]
    transfers = [one for one in current if one.intent.command.operation in _TRANSFERS]
    there = frozenset(one.uid for one in present.values())
    for (account, target), group in groupby(sorted(transfers, key=_target), key=_target):
        to_target = list(group)
        if account != store.account and account not in others:
            detail = f"cannot look into {account}/{target}: the account is not connected"
            decisions += [Decision(record=one, state=StepState.UNKNOWN, detail=detail) for one in to_target]
            continue
        other = others[account] if account != store.account else None
        reading = TransferReading(store, journal=journal, mailbox=mailbox, target=target, present=there, there=other)
        decisions += await reading.decide(to_target)
    return decisions


def _in_place(record: StepRecord, facts: MessageFacts | None, *, gone: bool) -> Decision:
    """A STORE or UID EXPUNGE: the message itself shows what became of it."""
    command = record.intent.command
    if command.operation is Operation.EXPUNGE:
        return Decision(record=record, state=StepState.APPLIED if facts is None else StepState.NOT_APPLIED)
    if facts is None:
        detail = f"{command.mailbox} does not exist any more" if gone else "the message is no longer there"
        if command.kind is StepKind.MOVE:  # \Deleted, or lost keywords set again: the move's own step tells the rest
            return Decision(record=record, state=StepState.NOT_APPLIED, detail=detail)
        return Decision(record=record, state=StepState.VANISHED, detail=detail)
    if flags_hold(facts.flags or frozenset(), frozenset(command.flags), removed=command.removes_flags):
        # A delete's \Deleted is only its first half.
        is_half = command.kind is StepKind.DELETE
        return Decision(record=record, state=StepState.HALFWAY if is_half else StepState.APPLIED)
    before = record.intent.modseq
    was_touched = before is not None and facts.modseq is not None and facts.modseq > before
    if not was_touched:
        detail = ""
    elif command.kind is not StepKind.MOVE and same_flags(facts.flags or frozenset(), record.intent.prior_flags):
        # It changed, and is as it was before: ours came through, and somebody took it back.
        detail = TAKEN_BACK
    else:
        detail = "somebody changed the message since; what is still wanted is judged anew"
    return Decision(record=record, state=StepState.NOT_APPLIED, detail=detail)


def _mailbox(record: StepRecord) -> str:
    return record.intent.command.mailbox


def _target(record: StepRecord) -> tuple[str, str]:
    return record.intent.command.target_place
