"""What an ENVELOPE says, whatever of it the server got right (RFC 9051 section 7.5.2)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mailrules.imap.tokens import OverLimit, Unreadable, unescape
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.limits import Limits
    from mailrules.imap.tokens import Value


_QUOTED: Final = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_STRING: Final = rb'(?:NIL|"%b")' % _QUOTED
_CAPTURED: Final = rb'(?:NIL|"(%b)")' % _QUOTED
_ADDRESS: Final = rb"\(%b %b %b %b\) ?" % ((_STRING,) * 4)
_ADDRESSES: Final = rb"(?:NIL|(\((?:%b){1,20}+\)))" % _ADDRESS
USUAL_ADDRESSES: Final = 6 * 20
_ADDRESS_FIELDS: Final = re.compile(rb"\(%b %b %b %b\) ?" % (_CAPTURED, _STRING, _CAPTURED, _CAPTURED), re.DOTALL)
_REPEATED: Final = rb"(?:NIL|((?P=from)|\((?:%b){1,20}+\)))" % _ADDRESS  # which is quicker to see than to read
USUAL_ENVELOPE: Final = rb"(\(%b %b (?:NIL|(?P<from>\((?:%b){1,20}+\))) %b %b %b %b %b %b %b\))" % (
    *(_CAPTURED,) * 2,
    _ADDRESS,
    *(_REPEATED,) * 2,
    *(_ADDRESSES,) * 3,
    *(_CAPTURED,) * 2,
)
"""Matches an envelope without literals and without mistakes; its eleven groups are for ``usual_envelope``."""


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


_REMEMBERED_BYTES: Final = 1_000
"""Of an address list; longer ones are read each time, lest a server fill the memory with them."""


def usual_envelope(groups: Sequence[bytes | None]) -> Envelope | None:
    """What the groups of ``USUAL_ENVELOPE`` say; ``read_envelope`` reads the same out of the same bytes."""
    whole, date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id = groups
    if whole is None:
        return None
    if b"\\" in whole:
        date, subject, in_reply_to, message_id = map(_unescaped, (date, subject, in_reply_to, message_id))
    senders = _usual_addresses(from_)
    return Envelope(
        date=date,
        subject=subject,
        from_=senders,
        sender=senders if sender == from_ else _usual_addresses(sender),
        reply_to=senders if reply_to == from_ else _usual_addresses(reply_to),
        to=_usual_addresses(to),
        cc=() if cc is None else _usual_addresses(cc),
        bcc=() if bcc is None else _usual_addresses(bcc),
        in_reply_to=in_reply_to,
        message_id=message_id,
    )


def read_envelope(value: Value, *, limits: Limits) -> Envelope:
    """Fields that are missing or of the wrong kind are as if NIL. Raises Unreadable where there is no list."""
    if not isinstance(value, list):
        raise Unreadable("the envelope is not a list")
    fields = value + [None] * (10 - len(value))
    addresses = [_read_addresses(field, limits=limits) for field in fields[2:8]]
    if sum(map(len, addresses)) > limits.addresses:
        raise OverLimit(f"over {limits.addresses} addresses in an envelope (limits.addresses)")
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


def _usual_addresses(text: bytes | None) -> tuple[EnvelopeAddress, ...]:
    """Sender and Reply-To mostly repeat From, and mailboxes repeat their correspondents."""
    if text is None:
        return ()
    return _remembered_addresses(text) if len(text) <= _REMEMBERED_BYTES else _remembered_addresses.__wrapped__(text)


@lru_cache(maxsize=4096)
def _remembered_addresses(text: bytes) -> tuple[EnvelopeAddress, ...]:
    return tuple(
        EnvelopeAddress(name=_unescaped(name), mailbox=_unescaped(mailbox), host=_unescaped(host))
        for name, mailbox, host in (address.groups() for address in _ADDRESS_FIELDS.finditer(text))
    )


def _unescaped(quoted: bytes | None) -> bytes | None:
    return None if quoted is None else unescape(quoted)


def _read_addresses(value: Value, *, limits: Limits) -> tuple[EnvelopeAddress, ...]:
    if not isinstance(value, list) or not value:
        return ()
    if len(value) == 4 and not any(isinstance(one, list) for one in value):  # the list around one address is missing
        value = [value]
    if len(value) > limits.addresses:
        raise OverLimit(f"over {limits.addresses} addresses in one field (limits.addresses)")
    return tuple(_read_address(one) for one in value if isinstance(one, list))


def _read_address(fields: list[Value]) -> EnvelopeAddress:
    name, _route, mailbox, host = map(_text, (*fields[:4], *[None] * (4 - len(fields))))
    return EnvelopeAddress(name=name, mailbox=mailbox, host=host)


def _text(value: Value) -> bytes | None:
    return None if isinstance(value, list) else value
