"""How a message is recognised again: for drift, for the ledger, across mailboxes."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

CONTENT_FIELDS = ("message-id", "date", "from", "received")
"""The header fields that ``content_key`` reads (rule-language, meaning 9)."""


def snapshot_hash(flags: Iterable[str]) -> str:
    """Hash of what can change about a message within one UIDVALIDITY: its flags.

    ``\\Recent`` is left out, since any client's SELECT changes it, and case does not count.
    """
    kept = sorted(flag.lower() for flag in flags if flag.lower() != "\\recent")
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()[:16]


def content_key(
    *, message_id: Iterable[bytes], date: Iterable[bytes], from_: Iterable[bytes], received: Iterable[bytes]
) -> str:
    """Hash of Message-ID, Date, From and first-hop Received, all occurrences as the server sent them.

    The first hop is the last Received field, since each hop adds its own on top. Empty where the
    message has none of them, because such messages could not be told apart: they go by their other names.
    """
    first_hop = list(received)[-1:]
    groups = (list(message_id), list(date), list(from_), first_hop)
    if not any(groups):
        return ""
    digest = hashlib.sha256()
    for group in groups:
        for value in group:
            digest.update(b" ".join(value.split()) + b"\0")
        digest.update(b"\1")
    return digest.hexdigest()[:32]


def object_name(*, account: str, object_id: str) -> str:
    """The name that the server gives a message for ever, wherever in the account it goes; "" without one."""
    return f"object:{account}:{object_id}" if object_id else ""


def lasting_names(
    *, object_id: str, message_id: str, received: datetime | None, size_bytes: int | None
) -> tuple[str, ...]:
    """How a message is told again in its mailbox when that numbers its messages anew, best first; none if unknown.

    By the server's name for it, else by Message-ID, INTERNALDATE and size, which several messages may share.
    """
    names = [f"object:{object_id.replace(' ', '%20')}"] if object_id else []
    if received is not None and size_bytes:
        told = f"{message_id}\0{received.astimezone(UTC).isoformat()}\0{size_bytes}"
        names.append(f"message:{hashlib.sha256(told.encode()).hexdigest()[:32]}")
    return tuple(names)


def place_name(
    *, account: str, mailbox: str, uidvalidity: int, uid: int, received: datetime | None, size_bytes: int
) -> str:
    """The name of a message as long as it stays in its mailbox, whatever that is renamed to.

    Two mailboxes can have the same UIDVALIDITY, so what cannot change about the message is part of it;
    where that was not told, the mailbox's name.
    """
    told = f"{received.astimezone(UTC).isoformat()}\0{size_bytes}" if received and size_bytes else mailbox
    digest = hashlib.sha256(f"{account}\0{uidvalidity}\0{uid}\0{told}".encode()).hexdigest()
    return f"place:{digest[:32]}"
