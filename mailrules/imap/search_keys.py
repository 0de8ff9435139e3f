"""What SEARCH can ask for, as typed keys (RFC 9051 section 6.4.4).

Keys become nodes of the writer, so that a value can never become a key of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.errors import LocalProtocolError
from mailrules.imap.writer import AString, Atom, Flag, Node, Number, ParenthesisedList, Quoted, SequenceSetNode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mailrules.imap.sequence_set import SequenceSet

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SYSTEM_FLAGS: Final = frozenset({"\\answered", "\\deleted", "\\draft", "\\flagged", "\\seen"})


class TextField(Enum):
    """Where a text is looked for; TEXT is header and body."""

    BCC = "BCC"
    BODY = "BODY"
    CC = "CC"
    FROM = "FROM"
    SUBJECT = "SUBJECT"
    TEXT = "TEXT"
    TO = "TO"


class DateField(Enum):
    """Which date is compared, and how: the date part alone, disregarding time and zone.

    The plain ones are INTERNALDATE, SENT ones the Date field. SINCE includes the day, BEFORE excludes it.
    """

    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"
    SENT_BEFORE = "SENTBEFORE"
    SENT_ON = "SENTON"
    SENT_SINCE = "SENTSINCE"


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class Uids:
    """Messages with these UIDs."""

    uids: SequenceSet


@dataclass(frozen=True, slots=True)
class HasFlag:
    """Messages with this system flag or keyword; ``Not`` gives those without."""

    flag: str


@dataclass(frozen=True, slots=True)
class Dated:
    """Messages of certain days."""

    field: DateField
    day: date


@dataclass(frozen=True, slots=True)
class Larger:
    """RFC822.SIZE over this many bytes."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Smaller:
    """RFC822.SIZE under this many bytes."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class ModSeqFrom:
    """MODSEQ of at least this (RFC 7162)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class Contains:
    """A substring, compared without regard to case."""

    field: TextField
    text: str


@dataclass(frozen=True, slots=True)
class HeaderContains:
    """A substring of a header field; "" asks whether the field exists."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Not:
    """Messages that do not match."""

    key: SearchKey


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Messages that match at least one of these."""

    keys: tuple[SearchKey, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Messages that match every one of these."""

    keys: tuple[SearchKey, ...]


SearchKey: TypeAlias = (
    All | Uids | HasFlag | Dated | Larger | Smaller | ModSeqFrom | Contains | HeaderContains | Not | AnyOf | AllOf
)


def search_nodes(key: SearchKey) -> tuple[Node, ...]:
    """The nodes of one key, to be written after SEARCH. Raises LocalProtocolError for an empty AnyOf or AllOf."""
    match key:
        case All():
            return (Atom("ALL"),)
        case Uids(uids):
            return Atom("UID"), SequenceSetNode(uids)
        case HasFlag(flag):
            return _flag_nodes(flag)
        case Dated(field, day):
            return Atom(field.value), Atom(f"{day.day}-{_MONTHS[day.month - 1]}-{day.year:04d}")
        case Larger(size_bytes):
            return Atom("LARGER"), Number(size_bytes)
        case Smaller(size_bytes):
            return Atom("SMALLER"), Number(size_bytes)
        case ModSeqFrom(modseq):
            return Atom("MODSEQ"), Number(modseq)
        case Contains(field, text):
            return Atom(field.value), Quoted(text)
        case HeaderContains(name, text):
            return Atom("HEADER"), AString(name), Quoted(text)
        case Not(inner):
            return Atom("NOT"), *_one(inner)
        case AllOf(keys):
            _require_keys(keys)
            return tuple(node for one in keys for node in _one(one))
        case AnyOf(keys):
            _require_keys(keys)
            return _any_of(keys)


def needs_charset(key: SearchKey) -> bool:
    """True if a text in it is not ASCII: SEARCH then begins with ``CHARSET UTF-8``, unless UTF8=ACCEPT is on."""
    match key:
        case Contains(text=text):
            return not text.isascii()
        case HeaderContains(name=name, text=text):
            return not (name + text).isascii()
        case Not(key=inner):
            return needs_charset(inner)
        case AnyOf(keys=keys) | AllOf(keys=keys):
            return any(map(needs_charset, keys))
    return False


def _flag_nodes(flag: str) -> tuple[Node, ...]:
    if flag.lower() in _SYSTEM_FLAGS:
        return (Atom(flag[1:].upper()),)
    if flag.startswith("\\"):
        raise LocalProtocolError(f"SEARCH knows no system flag {flag!r}")
    return Atom("KEYWORD"), Flag(flag)


def _any_of(keys: Sequence[SearchKey]) -> tuple[Node, ...]:
    """OR takes two keys, so more of them are halved: the depth grows with the logarithm of their number."""
    if len(keys) == 1:
        return _one(keys[0])
    middle = len(keys) // 2
    return Atom("OR"), *_any_of(keys[:middle]), *_any_of(keys[middle:])


def _one(key: SearchKey) -> tuple[Node, ...]:
    """One key as one argument: several keys in a row need parentheses, OR and NOT with their arguments do not."""
    nodes = search_nodes(key)
    return (ParenthesisedList(nodes),) if isinstance(key, AllOf) and len(key.keys) > 1 else nodes


def _require_keys(keys: Sequence[SearchKey]) -> None:
    if not keys:
        raise LocalProtocolError("a search for any or all of nothing cannot be written")
