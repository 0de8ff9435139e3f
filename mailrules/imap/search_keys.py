"""What SEARCH, SORT and THREAD can ask for, as typed keys (RFC 9051 section 6.4.4, and extensions).

Keys become nodes of the writer, so that a value can never become a key of its own. Sequence numbers are no
key: they change under a search.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.errors import LocalProtocolError
from mailrules.imap.command import Extension
from mailrules.imap.fetch_items import GMAIL, OBJECT_ID, SAVE_DATE
from mailrules.imap.resync import CONDSTORE
from mailrules.imap.writer import AString, Atom, Flag, Node, Number, ParenthesisedList, Quoted, SequenceSetNode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mailrules.imap.sequence_set import SequenceSet

SEARCH_RESULT: Final = Extension(capability="SEARCHRES", rfc="RFC 5182", in_rev2=True)
WITHIN: Final = Extension(capability="WITHIN", rfc="RFC 5032")
FUZZY: Final = Extension(capability="SEARCH=FUZZY", rfc="RFC 6203")
FILTERS: Final = Extension(capability="FILTERS", rfc="RFC 5466")
ANNOTATE: Final = Extension(capability="ANNOTATE-EXPERIMENT-1", rfc="RFC 5257")

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

    The plain ones are INTERNALDATE, SENT ones the Date field, SAVED ones when the message came into this mailbox
    (RFC 8514). SINCE includes the day, BEFORE excludes it.
    """

    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"
    SENT_BEFORE = "SENTBEFORE"
    SENT_ON = "SENTON"
    SENT_SINCE = "SENTSINCE"
    SAVED_BEFORE = "SAVEDBEFORE"
    SAVED_ON = "SAVEDON"
    SAVED_SINCE = "SAVEDSINCE"


class Arrival(Enum):
    """What IMAP4rev1 tells by \\Recent; IMAP4rev2 has none of them. NEW is RECENT and unseen, OLD is not RECENT."""

    NEW = "NEW"
    OLD = "OLD"
    RECENT = "RECENT"


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
class OlderThan:
    """INTERNALDATE at least this many seconds ago (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class YoungerThan:
    """INTERNALDATE at most this many seconds ago (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """Messages by what \\Recent tells of them."""

    arrival: Arrival


@dataclass(frozen=True, slots=True)
class SaveDateSupported:
    """Every message where the mailbox keeps save dates, else none (RFC 8514 section 4.3)."""


@dataclass(frozen=True, slots=True)
class EmailId:
    """The messages with this content (RFC 8474)."""

    email_id: str


@dataclass(frozen=True, slots=True)
class ThreadId:
    """The messages of this conversation (RFC 8474)."""

    thread_id: str


@dataclass(frozen=True, slots=True)
class LastResult:
    """What the last search that was saved has found (RFC 5182), written ``UID $``."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a search kept on the server under this name finds (RFC 5466)."""

    filter_name: str


@dataclass(frozen=True, slots=True)
class Gmail:
    """A search as one would type it into Gmail (X-GM-RAW)."""

    query: str


class AnnotationAttribute(Enum):
    """Whose value of an annotation is looked at; VALUE is either."""

    VALUE = "value"
    PRIVATE = "value.priv"
    SHARED = "value.shared"


@dataclass(frozen=True, slots=True)
class Annotated:
    """Messages whose annotation ``entry``, such as ``/comment``, contains a text (RFC 5257 section 4.6).

    None asks for messages that lack it.
    """

    entry: str
    attribute: AnnotationAttribute
    text: str | None


class EntryScope(Enum):
    """Whose metadata item a MODSEQ is of (RFC 7162 section 3.1.5)."""

    ALL = "all"
    PRIVATE = "priv"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class ModSeqFrom:
    """MODSEQ of at least this (RFC 7162); with ``entry``, such as ``/flags/\\draft``, of that item of metadata."""

    modseq: int
    entry: str = ""
    scope: EntryScope = EntryScope.ALL


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
class Fuzzy:
    """The key, matched as the server thinks best instead of literally (RFC 6203)."""

    key: SearchKey


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
    All
    | Uids
    | LastResult
    | HasFlag
    | Arrived
    | Dated
    | OlderThan
    | YoungerThan
    | SaveDateSupported
    | Larger
    | Smaller
    | ModSeqFrom
    | EmailId
    | ThreadId
    | Contains
    | HeaderContains
    | Annotated
    | Filtered
    | Gmail
    | Fuzzy
    | Not
    | AnyOf
    | AllOf
)

_SAVED_FIELDS: Final = frozenset({DateField.SAVED_BEFORE, DateField.SAVED_ON, DateField.SAVED_SINCE})


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
        case ModSeqFrom(modseq, ""):
            return Atom("MODSEQ"), Number(modseq)
        case ModSeqFrom(modseq, entry, scope):
            return Atom("MODSEQ"), Quoted(entry), Atom(scope.value), Number(modseq)
        case OlderThan(seconds):
            return Atom("OLDER"), Number(_interval(seconds))
        case YoungerThan(seconds):
            return Atom("YOUNGER"), Number(_interval(seconds))
        case Arrived(arrival):
            return (Atom(arrival.value),)
        case SaveDateSupported():
            return (Atom("SAVEDATESUPPORTED"),)
        case EmailId(email_id):
            return Atom("EMAILID"), Atom(email_id)
        case ThreadId(thread_id):
            return Atom("THREADID"), Atom(thread_id)
        case LastResult():
            return Atom("UID"), Atom("$")
        case Filtered(name):
            return Atom("FILTER"), Atom(name)
        case Gmail(query):
            return Atom("X-GM-RAW"), Quoted(query)
        case Annotated(entry, attribute, text):
            value = Atom("NIL") if text is None else Quoted(text)
            return Atom("ANNOTATION"), AString(entry), Quoted(attribute.value), value
        case Fuzzy(inner):
            return Atom("FUZZY"), *_one(inner)
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
        case Gmail(query=text) | Annotated(text=str(text)):
            return not text.isascii()
        case Not(key=inner) | Fuzzy(key=inner):
            return needs_charset(inner)
        case AnyOf(keys=keys) | AllOf(keys=keys):
            return any(map(needs_charset, keys))
    return False


def extensions_of_key(key: SearchKey) -> tuple[Extension, ...]:
    """What a server must announce to be asked this; each once."""
    needed: dict[Extension, None] = {}
    left = [key]
    while left:
        match left.pop():
            case Not(key=inner):
                left.append(inner)
            case Fuzzy(key=inner):
                needed[FUZZY] = None
                left.append(inner)
            case AnyOf(keys=keys) | AllOf(keys=keys):
                left.extend(reversed(keys))
            case one:
                if (extension := _extension_of(one)) is not None:
                    needed[extension] = None
    return tuple(needed)


def _extension_of(key: SearchKey) -> Extension | None:
    match key:
        case OlderThan() | YoungerThan():
            return WITHIN
        case SaveDateSupported():
            return SAVE_DATE
        case Dated(field=field):
            return SAVE_DATE if field in _SAVED_FIELDS else None
        case EmailId() | ThreadId():
            return OBJECT_ID
        case ModSeqFrom():
            return CONDSTORE
        case LastResult():
            return SEARCH_RESULT
        case Filtered():
            return FILTERS
        case Gmail():
            return GMAIL
        case Annotated():
            return ANNOTATE
        case _:
            return None


def _interval(seconds: int) -> int:
    if seconds < 1:
        raise LocalProtocolError(f"OLDER and YOUNGER take at least one second, not {seconds} (RFC 5032)")
    return seconds


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
