"""How a note of ours gets into a mailbox, and whether one is there whose answer never came."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.identity import IDENTITY_REQUEST, message_id_in
from mailrules.execution.places import look_into
from mailrules.execution.proof import Proof
from mailrules.execution.transfers import Decision
from mailrules.journal.records import StepState
from mailrules.mailbox.message import UID
from mailrules.plan.notes import note_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.execution.batches import Batch
    from mailrules.journal.records import StepRecord
    from mailrules.mailbox.store import MailStore

MESSAGE_ID = "message_id"
"""The option of an append step by which its note is known again."""


async def append_note(batch: Batch, store: MailStore) -> dict[UID, Proof]:
    """Append the one note of the batch; only APPENDUID proves it. Raises what the store raises."""
    (share,) = batch.shares
    options = share.steps[0].options
    content = note_bytes(
        message_id=str(options[MESSAGE_ID]),
        subject=str(options["subject"]),
        text=str(options["text"]),
        date=datetime.fromisoformat(str(options["date"])),
    )
    mailbox = batch.key.target.partition("/")[2]
    flags = options.get("flags")
    named = frozenset(map(str, flags)) if isinstance(flags, list | tuple) else frozenset[str]()
    appended = await store.append(mailbox, content, flags=named)
    if not appended.uid:
        return {share.uid: Proof(state=StepState.UNKNOWN, detail="the server's OK proves nothing of this message")}
    proof = Proof(state=StepState.APPLIED, target_uidvalidity=appended.uidvalidity, target_uid=appended.uid)
    return {share.uid: proof}


async def look_for_notes(store: MailStore, records: Sequence[StepRecord]) -> list[Decision]:
    """Which of these notes are in their mailboxes, at or above the UIDNEXT from before. Raises ConnectionLost."""
    by_target: dict[str, list[StepRecord]] = {}
    for record in records:
        by_target.setdefault(record.intent.command.target_place[1], []).append(record)
    return [one for mailbox, group in by_target.items() for one in await _look(store, mailbox, group)]


async def _look(store: MailStore, mailbox: str, records: Sequence[StepRecord]) -> list[Decision]:
    status = await look_into(store, mailbox)
    if isinstance(status, CommandRefused):
        detail = f"cannot look into {mailbox}: {status}"
        return [Decision(record=one, state=StepState.UNKNOWN, detail=detail) for one in records]
    if status is None:
        return [Decision(record=one, state=StepState.NOT_APPLIED, detail=f"{mailbox} is gone") for one in records]
    is_reset = any(one.intent.command.target_uidvalidity not in {0, status.uidvalidity} for one in records)
    baseline = 1 if is_reset else max(1, min(one.intent.command.target_uidnext for one in records))
    facts = await store.fetch_from(IDENTITY_REQUEST, UID(baseline))
    # The Message-ID is ours: a digest that nobody can guess who does not know the message, the rule and the mailbox.
    found: Mapping[str, UID] = {
        message_id_in(one.header): one.uid for one in facts if isinstance(one.header, bytes) and one.header
    }
    arrived = {one.uid: one for one in facts}
    decisions = []
    for record in records:
        uid = found.get(str(record.intent.options.get(MESSAGE_ID, "")))
        decisions.append(
            Decision(record=record, state=StepState.NOT_APPLIED)
            if uid is None
            else Decision(
                record=record,
                state=StepState.APPLIED,
                target_uidvalidity=status.uidvalidity,
                arrived=arrived[uid],
            )
        )
    return decisions
