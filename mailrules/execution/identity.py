"""Is this the same message? Told by what the server or the message says of itself, best first."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from mailrules.errors import RemoteProtocolError
from mailrules.mailbox.headers import header_fields, header_text
from mailrules.mailbox.message import FactRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mailrules.journal.records import StepIntent
    from mailrules.mailbox.message import UID, MessageFacts
    from mailrules.mailbox.store import MailReader
    from mailrules.plan.plan import MessagePlan

IDENTITY_REQUEST = FactRequest(flags=True, size=True, received=True, header_fields=("message-id",))
"""With flags, since stores tell the object id along with them."""

BYTES_AT_ONCE = 4 << 20
"""Smaller messages are hashed several at a time, larger ones as they come."""

Identity = tuple[str] | tuple[str, datetime, int]
"""Either the server's object id, or Message-ID, INTERNALDATE and size, which copying keeps."""


def identities_of_intent(intent: StepIntent | MessagePlan) -> tuple[Identity, ...]:
    """How the message of a step, stored or planned, is recognised elsewhere; empty if too little is known.

    Best first.
    """
    identities: list[Identity] = [(intent.object_id,)] if intent.object_id else []
    if intent.received is not None and intent.size_bytes:
        identities.append((intent.message_id, intent.received, intent.size_bytes))
    return tuple(identities)


def is_certain(identity: Identity) -> bool:
    """Whether the server vouches for it; the sender writes the Message-ID."""
    return len(identity) == 1


def identities_of_facts(facts: MessageFacts) -> tuple[Identity, ...]:
    """Every identity by which this message may be asked for. Needs ``IDENTITY_REQUEST``."""
    identities: list[Identity] = [(facts.object_id,)] if facts.object_id else []
    # Unreadable or missing facts identify nothing.
    if isinstance(facts.header, bytes) and facts.size_bytes and isinstance(facts.received, datetime):
        identities.append((message_id_in(facts.header), facts.received, facts.size_bytes))
    return tuple(identities)


async def content_hashes(reader: MailReader, sizes: Mapping[UID, int]) -> dict[UID, bytes]:
    """Hashes of whole messages of the open mailbox, in constant memory; ``sizes`` are in bytes.

    A message that is gone by now has none.
    """
    hashes: dict[UID, bytes] = {}
    for uids in _pieces(sizes):
        if len(uids) > 1:
            for facts in await reader.fetch(FactRequest(whole=True), uids):
                if facts.whole is not None:
                    hashes[facts.uid] = hashlib.sha256(facts.whole).digest()
            continue
        digest = hashlib.sha256()
        try:
            async with reader.read_message(uids[0]) as content:
                async for piece in content:
                    digest.update(piece)
        except RemoteProtocolError:  # it was removed meanwhile
            continue
        hashes[uids[0]] = digest.digest()
    return hashes


def message_id_in(block: bytes) -> str:
    """The Message-ID in a header block, as the planner reads it, so that both compare equal."""
    for name, raw in header_fields(block):
        if name == "message-id":
            text = header_text(raw)
            return text if isinstance(text, str) else ""
    return ""


def _pieces(sizes: Mapping[UID, int]) -> Iterator[list[UID]]:
    piece: list[UID] = []
    total = 0
    for uid in sorted(sizes):
        if piece and total + sizes[uid] > BYTES_AT_ONCE:
            yield piece
            piece, total = [], 0
        piece.append(uid)
        total += sizes[uid]
    if piece:
        yield piece


def keywords_of(flags: Iterable[str]) -> frozenset[str]:
    """The flags that are no system flags."""
    return frozenset(flag for flag in flags if not flag.startswith("\\"))
