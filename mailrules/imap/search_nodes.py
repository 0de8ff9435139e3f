"""How a search key is written, and what it asks of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailrules.errors import LocalProtocolError
from mailrules.imap.fetch_items import GMAIL, OBJECT_ID, SAVE_DATE
from mailrules.imap.resync import CONDSTORE
from mailrules.imap.search_keys import (
    ANNOTATE,
    FILTERS,
    FUZZY,
    SEARCH_RESULT,
    WITHIN,
    All,
    AllOf,
    Annotated,
    AnyOf,
    Arrived,
    Contains,
    Dated,
    DateField,
    EmailId,
    Filtered,
    Fuzzy,
    Gmail,
    HasFlag,
    HeaderContains,
    Larger,
    LastResult,
    ModSeqFrom,
    Not,
    OlderThan,
    SaveDateSupported,
    Smaller,
    ThreadId,
    Uids,
    YoungerThan,
)
from mailrules.imap.writer import AString, Atom, Charset, Flag, Node, Number, ParenthesisedList, Quoted, SequenceSetNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.imap.command import Extension
    from mailrules.imap.search_keys import SearchKey

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SYSTEM_FLAGS: Final = frozenset({"\\answered", "\\deleted", "\\draft", "\\flagged", "\\seen"})
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


def charset_nodes(key: SearchKey) -> tuple[Node, ...]:
    """``CHARSET UTF-8`` for SEARCH where the key needs it, else nothing."""
    return (Charset("UTF-8"),) if needs_charset(key) else ()


def holds_last_result(key: SearchKey) -> bool:
    """True if ``$`` is in it, so that the search has to wait for one that saves its result (RFC 5182 section 2.3)."""
    return any(isinstance(one, LastResult) for one in _leaves(key))


def extensions_of_key(key: SearchKey) -> tuple[Extension, ...]:
    """What a server must announce to be asked this; each once."""
    needed: dict[Extension, None] = {}
    for one in _leaves(key):
        if (extension := FUZZY if isinstance(one, Fuzzy) else _extension_of(one)) is not None:
            needed[extension] = None
    return tuple(needed)


def _leaves(key: SearchKey) -> Iterator[SearchKey]:
    """Every key that combines no others, in the order of writing; Fuzzy, which does, comes before its own."""
    left = [key]
    while left:
        match left.pop():
            case Not(key=inner):
                left.append(inner)
            case Fuzzy(key=inner) as fuzzy:
                yield fuzzy
                left.append(inner)
            case AnyOf(keys=keys) | AllOf(keys=keys):
                left.extend(reversed(keys))
            case one:
                yield one


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
