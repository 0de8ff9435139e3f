"""Is this the same message? Told by what the server or the message says of itself, best first."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from mailrules.execution.batches import cut_uids
from mailrules.mailbox.headers import header_fields, header_text
from mailrules.mailbox.message import FactRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.journal.records import StepIntent
    from mailrules.mailbox.message import UID, MessageFacts
    from mailrules.mailbox.store import MailReader

IDENTITY_REQUEST = FactRequest(size=True, received=True, header_fields=("message-id",))

Identity = tuple[str] | tuple[str, datetime, int]
"""Either the server's object id, or Message-ID, INTERNALDATE and size, which copying keeps."""


def identities_of_intent(intent: StepIntent) -> tuple[Identity, ...]:
    """How the message of a step is recognised elsewhere, best first; empty if too little was known of it."""
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
        identities.append((_message_id(facts.header), facts.received, facts.size_bytes))
    return tuple(identities)


async def content_hashes(reader: MailReader, uids: Iterable[UID]) -> dict[UID, bytes]:
    """Hashes of whole messages of the open mailbox, a command's worth in memory at a time."""
    hashes: dict[UID, bytes] = {}
    for piece in cut_uids(uids):
        for facts in await reader.fetch(FactRequest(whole=True), piece):
            if facts.whole is not None:
                hashes[facts.uid] = hashlib.sha256(facts.whole).digest()
    return hashes


def _message_id(block: bytes) -> str:
    """As the planner reads it, so that both compare equal."""
    for name, raw in header_fields(block):
        if name == "message-id":
            text = header_text(raw)
            return text if isinstance(text, str) else ""
    return ""
