"""How one message gets into another account: streamed, and compared there before anything else is done with it.

Nothing is removed here: a move's original goes as that of any move of several commands, once the arrival is proved.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mailrules.errors import LocalProtocolError
from mailrules.execution.flag_words import folded
from mailrules.execution.identity import IDENTITY_REQUEST, identities_of_facts, is_certain
from mailrules.execution.proof import Proof
from mailrules.journal.records import StepState
from mailrules.mailbox.message import UID

if TYPE_CHECKING:
    from mailrules.execution.identity import Identity
    from mailrules.mailbox.message import MessageFacts
    from mailrules.mailbox.store import MailStore

_NOT_CARRIED = frozenset({"\\recent", "\\deleted"})


async def carry_over(
    source: MailStore, target: MailStore, *, uid: UID, mailbox: str, baseline: UID, proved: StepState
) -> Proof:
    """Put the message of the source's open mailbox into the target's ``mailbox``, with its flags and date.

    ``baseline`` is the target's UIDNEXT beforehand. Memory does not grow with the message. Raises what the
    stores raise.
    """
    found = await source.fetch(IDENTITY_REQUEST, [uid])
    if not found:
        return Proof(state=StepState.VANISHED, detail="the message is no longer there")
    original = found[0]
    flags = frozenset(flag for flag in original.flags or () if flag.lower() not in _NOT_CARRIED)
    received = _date_of(original)
    try:
        async with source.read_message(uid) as content:
            size_bytes = content.size_bytes
            appended = await target.append(mailbox, content, flags=flags, received=received)
    except LocalProtocolError as error:  # it holds NUL, or is over what the target takes
        return Proof(state=StepState.REFUSED, detail=str(error))
    status = await target.examine(mailbox)
    if appended.uid and appended.uidvalidity == status.uidvalidity:
        arrivals = await target.fetch(IDENTITY_REQUEST, [UID(appended.uid)])
    else:
        arrivals = await target.fetch_from(IDENTITY_REQUEST, baseline)
        arrivals = [one for one in arrivals if not _weak(original).isdisjoint(_weak(one))][:1]
    if not arrivals:
        return Proof(state=StepState.UNKNOWN, detail="the server's OK proves nothing of this message")
    difference = _difference(original, arrivals[0], size_bytes=size_bytes, flags=flags)
    if difference:
        return Proof(
            state=StepState.AMBIGUOUS,
            detail=f"UID {arrivals[0].uid} of {mailbox} is not as it was sent: {difference}; the original stays",
        )
    return Proof(state=proved, target_uidvalidity=status.uidvalidity, target_uid=arrivals[0].uid)


def _difference(original: MessageFacts, arrival: MessageFacts, *, size_bytes: int, flags: frozenset[str]) -> str:
    """What is not the same; "" if all is. Keywords that the other server does not keep are no difference."""
    if arrival.size_bytes != size_bytes:
        return f"{arrival.size_bytes} bytes instead of {size_bytes}"
    if original.header != arrival.header:
        return "another Message-ID"
    if _date_of(original) is not None and _date_of(original) != _date_of(arrival):
        return "another date of receipt"
    lacking = {flag for flag in folded(flags) - folded(arrival.flags or frozenset()) if flag.startswith("\\")}
    return f"without {' '.join(sorted(lacking))}" if lacking else ""


def _date_of(facts: MessageFacts) -> datetime | None:
    return facts.received if isinstance(facts.received, datetime) else None


def _weak(facts: MessageFacts) -> set[Identity]:
    """What tells it in any account: the servers' own ids mean nothing to each other."""
    return {one for one in identities_of_facts(facts) if not is_certain(one)}
