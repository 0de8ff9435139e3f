"""Which parts of a saved plan still fit the mailboxes: what moved on is left out, and said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.mailbox.message import UID, FactRequest
from mailrules.plan.identity import snapshot_hash
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.mailbox.message import MessageFacts
    from mailrules.mailbox.store import MailReader
    from mailrules.plan.plan import MailboxPlan, MessagePlan, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPlan:
    """The plan without what moved on; ``left_out`` says what and why, a sentence each."""

    plan: Plan
    left_out: tuple[str, ...]


async def still_current(plan: Plan, readers: Mapping[str, MailReader]) -> CheckedPlan:
    """Re-check each message of a plan by MODSEQ, else by its flags (rule-language, meaning 12).

    Whatever else rules read of a message cannot change within one UIDVALIDITY. Raises ConnectionLost.
    """
    mailboxes: list[MailboxPlan] = []
    left_out: list[str] = []
    for mailbox in plan.mailboxes:
        place = f"{mailbox.account}/{mailbox.mailbox}"
        reader = readers.get(mailbox.account)
        if reader is None:
            left_out.append(f"{place}: the account is not connected")
            continue
        try:
            checked, reasons = await _check_mailbox(mailbox, reader)
        except CommandRefused as error:
            left_out.append(f"{place}: {error}")
            continue
        left_out += [f"{place}: {reason}" for reason in reasons]
        if checked is not None:
            mailboxes.append(checked)
    return CheckedPlan(plan=replace(plan, mailboxes=tuple(mailboxes)), left_out=tuple(left_out))


async def _check_mailbox(mailbox: MailboxPlan, reader: MailReader) -> tuple[MailboxPlan | None, list[str]]:
    status = await reader.open(mailbox.mailbox)
    if status.uidvalidity != mailbox.uidvalidity:
        reason = f"UIDVALIDITY was {mailbox.uidvalidity} and is {status.uidvalidity}, so no message can be told again"
        return None, [reason]
    uids = [message.uid for message in mailbox.messages]
    request = FactRequest(flags=True, modseq=status.highest_modseq is not None)
    facts = {one.uid: one for one in await reader.fetch(request, uids)} if uids else {}
    current, moved_on, reasons = [], set[UID](), []
    for message in mailbox.messages:
        reason = _difference(message, facts.get(message.uid))
        if reason:
            moved_on.add(message.uid)
            reasons.append(f"UID {message.uid} {message.message_id}: {reason}".replace(" :", ":"))
        else:
            current.append(message)
    checked = replace(
        mailbox,
        messages=tuple(current),
        final_uids=tuple(uid for uid in mailbox.final_uids if uid not in moved_on),
        highest_modseq=status.highest_modseq,
    )
    return checked, reasons


def _difference(message: MessagePlan, facts: MessageFacts | None) -> str:
    """What has changed about the message since it was judged, or ""."""
    if facts is None:
        return "it is no longer there"
    if message.modseq is not None and facts.modseq == message.modseq:
        return ""
    if snapshot_hash(facts.flags or ()) == message.snapshot:
        return ""
    now = " ".join(sorted((facts.flags or frozenset()) - {"\\Recent"})) or "none"
    return f"its flags were changed; they are now {now}"
