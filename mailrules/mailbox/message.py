"""What is known about one message, and the names of the facts that rules can ask for.

A store answers a ``FactRequest`` with ``MessageFacts``; the snapshot spreads them over columns.
Raw bytes stay raw here: decoding belongs to ``headers``, ``address`` and ``text``.
"""

from __future__ import annotations

from dataclasses import field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, NewType

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

UID = NewType("UID", int)
"""A message's unique identifier within one UIDVALIDITY (RFC 9051 section 2.3.1.1)."""


class FactKind(IntEnum):
    """The kinds of facts, cheapest first: a smaller value is asked for earlier."""

    FLAGS = 1
    SIZE = 2
    RECEIVED = 3
    MODSEQ = 4
    SAVED = 5
    LABELS = 6
    HEADER = 10
    STRUCTURE = 20
    TEXT = 30
    ENRICHED = 40


class Fact(NamedTuple):
    """One fact; ``name`` is the lower-case header field for HEADER, the enricher for ENRICHED."""

    kind: FactKind
    name: str = ""


FLAGS = Fact(FactKind.FLAGS)
SIZE = Fact(FactKind.SIZE)
RECEIVED = Fact(FactKind.RECEIVED)
MODSEQ = Fact(FactKind.MODSEQ)
SAVED = Fact(FactKind.SAVED)
LABELS = Fact(FactKind.LABELS)
STRUCTURE = Fact(FactKind.STRUCTURE)
TEXT = Fact(FactKind.TEXT)


def header_fact(field_name: str) -> Fact:
    """The fact "all occurrences of this header field"; the name's case does not matter."""
    return Fact(FactKind.HEADER, field_name.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One leaf or container of a message's MIME structure (RFC 9051 section 7.5.2), flattened.

    ``number`` is the IMAP section ("1", "2.1"; "" for a multipart root). Type and subtype are
    lower case. ``parameters`` has lower-case names. ``file_name`` is decoded (RFC 2047 and 2231),
    "" where there is none. ``size_bytes`` is the encoded size; ``decoded_size_bytes`` estimates
    the content's size (three quarters for base64).
    """

    number: str
    type: str
    subtype: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "7bit"
    disposition: str = ""
    file_name: str = ""
    size_bytes: int = 0

    @property
    def decoded_size_bytes(self) -> int:
        return self.size_bytes * 3 // 4 if self.encoding == "base64" else self.size_bytes

    @property
    def media_type(self) -> str:
        return f"{self.type}/{self.subtype}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Stands where a fact was asked for and the answer cannot be used; ``reason`` is for people.

    A condition that reads it is unknowable (rule-language, meaning 6). Where ``is_too_complex``, it could be
    read and is beyond a limit: then no rule acts on the message at all.
    """

    reason: str
    is_too_complex: bool = False


def too_complex(reason: str) -> Unreadable:
    """What stands where a fact is beyond a limit; ``reason`` tells how far, and beyond which."""
    return Unreadable(reason=f"too complex: {reason}", is_too_complex=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRequest:
    """Which facts to fetch for a set of UIDs; one request is one pipelined pass of FETCH.

    ``text`` asks for the message's readable text: the text parts that the structure names
    (``text/plain``, else ``text/html``), so the store fetches BODYSTRUCTURE first where needed.
    ``whole`` asks for the complete message.
    """

    flags: bool = False
    size: bool = False
    received: bool = False
    modseq: bool = False
    saved: bool = False
    labels: bool = False
    header_fields: tuple[str, ...] = ()
    structure: bool = False
    text: bool = False
    whole: bool = False


@dataclass(slots=True, kw_only=True)
class MessageFacts:
    """The answer for one message; what was not asked for is None.

    ``flags`` keeps the server's spelling of keywords, system flags as in ``\\Seen``; ``\\Recent``, which belongs to
    a session and not to the message, is not among them.
    ``header`` is the raw header block of the fields asked for (folded lines, CRLF, bytes as they
    came); a field that is absent from it is absent from the message. ``fields`` is the same taken apart, as
    ``fields_by_name`` does it, where there was time for that while the server was still sending.
    ``texts`` pairs each text part with its raw (still encoded) content.
    ``saved`` is when the message came into this mailbox (RFC 8514), ``labels`` those of Gmail.
    ``object_id`` is the best identity the server gives (EMAILID or X-GUID), "" where none.
    """

    uid: UID
    flags: frozenset[str] | None = None
    size_bytes: int | None = None
    received: datetime | Unreadable | None = None
    modseq: int | None = None
    saved: datetime | Unreadable | None = None
    labels: frozenset[str] | Unreadable | None = None
    header: bytes | Unreadable | None = None
    fields: Mapping[str, tuple[bytes, ...]] | None = field(default=None, compare=False, repr=False)
    structure: tuple[Part, ...] | Unreadable | None = None
    texts: tuple[tuple[Part, bytes], ...] | Unreadable | None = None
    whole: bytes | None = None
    object_id: str = ""
