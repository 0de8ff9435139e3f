"""What an ENVELOPE says, whatever of it the server got right (RFC 9051 section 7.5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailrules.imap.tokens import Unreadable

if TYPE_CHECKING:
    from mailrules.imap.limits import Limits
    from mailrules.imap.tokens import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeAddress:
    """One address, as raw bytes. A group begins with ``host`` None and its name in ``mailbox``, and
    ends with both None."""

    name: bytes | None
    mailbox: bytes | None
    host: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Header fields as the server parsed them, still encoded; None where the server says NIL.

    Servers copy ``from_`` into an absent Sender or Reply-To.
    """

    date: bytes | None = None
    subject: bytes | None = None
    from_: tuple[EnvelopeAddress, ...] = ()
    sender: tuple[EnvelopeAddress, ...] = ()
    reply_to: tuple[EnvelopeAddress, ...] = ()
    to: tuple[EnvelopeAddress, ...] = ()
    cc: tuple[EnvelopeAddress, ...] = ()
    bcc: tuple[EnvelopeAddress, ...] = ()
    in_reply_to: bytes | None = None
    message_id: bytes | None = None


def read_envelope(value: Value, *, limits: Limits) -> Envelope:
    """Fields that are missing or of the wrong kind are as if NIL. Raises Unreadable where there is no list."""
    if not isinstance(value, list):
        raise Unreadable("the envelope is not a list")
    fields = value + [None] * (10 - len(value))
    addresses = [_read_addresses(field, limits=limits) for field in fields[2:8]]
    if sum(map(len, addresses)) > limits.addresses:
        raise Unreadable(f"over {limits.addresses} addresses in an envelope (limits.addresses)")
    from_, sender, reply_to, to, cc, bcc = addresses
    return Envelope(
        date=_text(fields[0]),
        subject=_text(fields[1]),
        from_=from_,
        sender=sender,
        reply_to=reply_to,
        to=to,
        cc=cc,
        bcc=bcc,
        in_reply_to=_text(fields[8]),
        message_id=_text(fields[9]),
    )


def _read_addresses(value: Value, *, limits: Limits) -> tuple[EnvelopeAddress, ...]:
    if not isinstance(value, list) or not value:
        return ()
    if len(value) == 4 and not any(isinstance(one, list) for one in value):  # the list around one address is missing
        value = [value]
    if len(value) > limits.addresses:
        raise Unreadable(f"over {limits.addresses} addresses in one field (limits.addresses)")
    return tuple(_read_address(one) for one in value if isinstance(one, list))


def _read_address(fields: list[Value]) -> EnvelopeAddress:
    name, _route, mailbox, host = map(_text, (*fields[:4], *[None] * (4 - len(fields))))
    return EnvelopeAddress(name=name, mailbox=mailbox, host=host)


def _text(value: Value) -> bytes | None:
    return None if isinstance(value, list) else value
