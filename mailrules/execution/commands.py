"""How one batch is sent, and what its answer proves of each message: an OK alone proves nothing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mailrules.execution.batches import Stage
from mailrules.execution.crossing import carry_over
from mailrules.execution.effects import EffectCall
from mailrules.execution.flag_words import flags_hold
from mailrules.execution.notes import append_note
from mailrules.execution.proof import Proof
from mailrules.journal.records import Operation, StepState
from mailrules.mailbox.message import UID
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.execution.batches import Batch
    from mailrules.execution.effects import EffectHandler
    from mailrules.mailbox.store import CopyOutcome, MailboxStatus, MailStore
    from mailrules.plan.plan import MessagePlan, Step


_UNPROVED = Proof(state=StepState.UNKNOWN, detail="the server's OK proves nothing of this message")
_CHANGED = Proof(state=StepState.NOT_APPLIED, detail="somebody changed the message after it was judged")


async def perform(
    batch: Batch, *, store: MailStore, effects: Mapping[str, EffectHandler], account: str, mailbox: str
) -> dict[UID, Proof]:
    """Send the batch's command. Raises what the store raises."""
    match batch.key.operation:
        case Operation.STORE:
            return await _store(batch, store)
        case Operation.MOVE:
            return _copied(batch, await store.move(batch.uids, batch.key.target), proved=StepState.APPLIED)
        case Operation.COPY:
            is_half = batch.key.kind is StepKind.MOVE
            proved = StepState.HALFWAY if is_half else StepState.APPLIED
            return _copied(batch, await store.copy(batch.uids, batch.key.target), proved=proved)
        case Operation.APPEND:
            return await append_note(batch, store)
        case _:
            return await _effect(batch, effects[batch.key.effect], account=account, mailbox=mailbox)


async def carry(
    batch: Batch, *, source: MailStore, target: MailStore, before: MailboxStatus | None
) -> dict[UID, Proof]:
    """Carry the batch's one message into another account; ``before`` is the mailbox there as it was."""
    (uid,) = batch.uids
    mailbox = batch.key.target.partition("/")[2]
    proved = StepState.HALFWAY if batch.key.kind is StepKind.MOVE else StepState.APPLIED
    baseline = UID((before.uidnext if before else 1) or 1)
    return {uid: await carry_over(source, target, uid=uid, mailbox=mailbox, baseline=baseline, proved=proved)}


async def _store(batch: Batch, store: MailStore) -> dict[UID, Proof]:
    key = batch.key
    flags, removed = frozenset(key.flags), key.stage is Stage.REMOVE_FLAGS
    if removed:
        outcome = await store.store_flags(batch.uids, remove=flags)
    else:
        outcome = await store.store_flags(batch.uids, add=flags, unchanged_since=key.unchanged_since)
    proofs = dict.fromkeys(batch.uids, _UNPROVED)
    proofs.update(dict.fromkeys(outcome.modified, _CHANGED))
    # A delete's \Deleted is only its first half.
    proved = Proof(state=StepState.HALFWAY if key.kind is StepKind.DELETE else StepState.APPLIED)
    for echo in outcome.confirmed:
        if flags_hold(echo.flags, flags, removed=removed):
            proofs[echo.uid] = proved
    return proofs


def _copied(batch: Batch, outcome: CopyOutcome, *, proved: StepState) -> dict[UID, Proof]:
    proofs = {}
    for uid in batch.uids:
        target_uid = outcome.uids.get(uid)
        proofs[uid] = (
            _UNPROVED
            if target_uid is None
            else Proof(state=proved, target_uidvalidity=outcome.uidvalidity, target_uid=target_uid)
        )
    return proofs


def effect_call(message: MessagePlan, step: Step, *, account: str, mailbox: str) -> EffectCall:
    """What a handler is told of one message."""
    return EffectCall(
        effect=step.effect,
        rule=step.rule,
        account=account,
        mailbox=mailbox,
        uid=message.uid,
        message_id=message.message_id,
        subject=message.subject,
        from_=message.from_,
        received=message.received,
        size_bytes=message.size_bytes,
        target=step.to,
        options=step.options,
        idempotency_key=idempotency_key(message.content_key, rule=step.rule, effect=step.effect, target=step.to),
    )


async def _effect(batch: Batch, handler: EffectHandler, *, account: str, mailbox: str) -> dict[UID, Proof]:
    (share,) = batch.shares
    (step,) = share.steps
    call = effect_call(share.message, step, account=account, mailbox=mailbox)
    try:
        outcome = await handler.perform(call)
    except Exception as error:  # noqa: BLE001 - a stranger's code; whatever it raises, it may have acted
        return {share.uid: Proof(state=StepState.UNKNOWN, detail=f"{step.effect} raised {error!r}; it is not repeated")}
    state = StepState.APPLIED if outcome.done else StepState.REFUSED
    return {share.uid: Proof(state=state, detail=outcome.detail)}


def idempotency_key(content_key: str, *, rule: str, effect: str, target: str) -> str:
    """The same for the same message, rule, action and target in every run; "" for a message without a key."""
    if not content_key:
        return ""
    return hashlib.sha256(f"{content_key}\0{rule}\0{effect}\0{target}".encode()).hexdigest()[:32]
