"""What a frame says: the one way from bytes to response values.

Nothing here raises for what a server sent. A response that cannot be read is a ``Malformed``, a kind
that we have no value for is an ``Unknown``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.errors import RemoteProtocolError
from mailrules.imap.fetch_data import FetchData, flag_set, read_fetch, read_usual_fetch
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.response_codes import capability_set, read_response_code
from mailrules.imap.responses import (
    AclData,
    CapabilityData,
    Continuation,
    EnabledData,
    ESearchData,
    ExistsData,
    ExpungeData,
    FlagsData,
    IdData,
    ListData,
    Malformed,
    MyRightsData,
    Namespace,
    NamespaceData,
    RecentData,
    ResponseCode,
    SearchData,
    Status,
    StatusData,
    StatusResponse,
    Tagged,
    Unknown,
    VanishedData,
)
from mailrules.imap.sequence_set import LARGEST_NUMBER, parse_sequence_set
from mailrules.imap.tokens import Reader, Unreadable, Value, read_number, read_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailrules.imap.framing import Frame

Untagged: TypeAlias = (
    StatusResponse
    | CapabilityData
    | EnabledData
    | FlagsData
    | ListData
    | StatusData
    | SearchData
    | ESearchData
    | ExistsData
    | RecentData
    | ExpungeData
    | FetchData
    | VanishedData
    | AclData
    | MyRightsData
    | IdData
    | NamespaceData
    | Unknown
    | Malformed
)
Response: TypeAlias = Tagged | Continuation | Untagged

_STATUSES: Final = frozenset(Status)
_TAGGED = re.compile(rb"([^ *+][^ ]*+) ++(OK|NO|BAD)(?: (.*))?", re.IGNORECASE | re.DOTALL)
_UNTAGGED = re.compile(rb"\* *+(?:([0-9]{1,10}) ++)?([^ ]++)(?: (.*))?", re.DOTALL)
# A flag in PERMANENTFLAGS may hold "]"; real bytes in tests/traces/bracket-in-flag.txt
_CODE = re.compile(rb' *+\[((?:[^]("]|\([^()]*+\)|"[^"]*+")*+)\](.*)', re.DOTALL)
_SIMPLE_CODE = re.compile(rb" *+\[([^]]*+)\](.*)", re.DOTALL)
_EXTENDED_DATA = re.compile(rb' \("')
_STATUS_ITEMS = re.compile(
    rb" \((?:MESSAGES|UID|UNSEEN|RECENT|DELETED|SIZE|HIGHESTMODSEQ|MAILBOXID|[ )])", re.IGNORECASE
)
_NUMBERS = re.compile(rb" *+(?:[0-9]{1,10}(?: ++|\Z))*+")


def parse_response(frame: Frame, *, limits: Limits = DEFAULT_LIMITS, utf8: bool = False) -> Response:
    """Read one response. ``utf8`` is for connections with UTF8=ACCEPT enabled. Never raises."""
    if (usual := read_usual_fetch(frame, limits=limits)) is not None:
        return usual
    try:
        if frame.startswith(b"*"):
            return _read_untagged(frame, limits=limits, utf8=utf8)
        if frame.startswith(b"+"):
            return Continuation(raw=frame[1:].strip(b" "))
        return _read_tagged(frame, limits=limits)
    except (Unreadable, RemoteProtocolError) as error:
        return Malformed(raw=frame, reason=str(error))


def _read_tagged(frame: bytes, *, limits: Limits) -> Tagged:
    match = _TAGGED.fullmatch(frame)
    if match is None:
        raise Unreadable("neither untagged, nor a continuation, nor a tag with OK, NO or BAD")
    tag, status, rest = match.groups()
    code, text = _read_status_text(rest or b"", limits=limits)
    return Tagged(tag=tag.decode("latin-1"), status=Status(status.decode().upper()), code=code, text=text)


def _read_untagged(frame: bytes, *, limits: Limits, utf8: bool) -> Untagged:
    match = _UNTAGGED.fullmatch(frame)
    if match is None:
        raise Unreadable("an untagged response without a name")
    number, raw_name, rest = match[1], match[2], match[3] or b""
    name = raw_name.decode("latin-1").upper()
    if number is not None:
        return _read_numbered(int(number), name, rest, limits=limits)
    if name in _STATUSES:
        code, text = _read_status_text(rest, limits=limits)
        return StatusResponse(status=Status(name), code=code, text=text)
    read = _READERS.get(name)
    if read is None:
        return Unknown(name=name, raw=rest)
    return read(Reader(rest, limits=limits, utf8=utf8))


def _read_numbered(number: int, name: str, rest: bytes, *, limits: Limits) -> Untagged:
    if number > LARGEST_NUMBER:
        raise Unreadable(f"{number} {name}: numbers end at {LARGEST_NUMBER}")
    match name:
        case "FETCH":
            return read_fetch(Reader(rest, limits=limits), sequence_number=number, limits=limits)
        case "EXISTS":
            return ExistsData(count=number)
        case "EXPUNGE":
            return ExpungeData(sequence_number=number)
        case "RECENT":
            return RecentData(count=number)
        case _:
            return Unknown(name=name, raw=b"%d %b" % (number, rest))


def _read_status_text(rest: bytes, *, limits: Limits) -> tuple[ResponseCode | None, str]:
    match = _CODE.fullmatch(rest) or _SIMPLE_CODE.fullmatch(rest)
    if match is None:
        return None, rest.decode("utf-8", "replace").strip()
    return read_response_code(match[1], limits=limits), match[2].decode("utf-8", "replace").strip()


def _read_capability(reader: Reader) -> CapabilityData:
    return CapabilityData(capabilities=capability_set(reader.rest()))


def _read_enabled(reader: Reader) -> EnabledData:
    return EnabledData(capabilities=capability_set(reader.rest()))


def _read_flags(reader: Reader) -> FlagsData:
    return FlagsData(flags=flag_set(_list(reader.value())))


def _read_list(reader: Reader) -> ListData:
    attributes = frozenset(_text(one).lower() for one in _list(reader.value()))
    delimiter = _text(reader.value())
    return ListData(mailbox=reader.mailbox(before=_EXTENDED_DATA), delimiter=delimiter, attributes=attributes)


def _read_lsub(reader: Reader) -> ListData:
    return replace(_read_list(reader), is_lsub=True)


def _read_status(reader: Reader) -> StatusData:
    mailbox = reader.mailbox(before=_STATUS_ITEMS)
    items = _pairs(reader.value())
    number = partial(_number_or_none, items)
    return StatusData(
        mailbox=mailbox,
        messages=number("MESSAGES"),
        recent=number("RECENT"),
        unseen=number("UNSEEN"),
        deleted=number("DELETED"),
        uidnext=number("UIDNEXT"),
        uidvalidity=number("UIDVALIDITY"),
        highest_modseq=number("HIGHESTMODSEQ"),
        size_bytes=_size_or_none(items.get("SIZE")),
        mailbox_id=_text(_first(items.get("MAILBOXID"))),
    )


def _read_search(reader: Reader) -> SearchData:
    numbers, _, modseq = reader.rest().partition(b"(")
    if _NUMBERS.fullmatch(numbers) is None:
        raise Unreadable(f"not a list of numbers: {numbers[:60]!r}")
    found = tuple(map(int, numbers.split()))
    if found and max(found) > LARGEST_NUMBER:
        raise Unreadable(f"numbers end at {LARGEST_NUMBER}, and there is {max(found)}")
    words = modseq.rstrip(b") ").split()
    return SearchData(uids=found, modseq=read_number(words[1]) if len(words) == 2 else None)


def _read_esearch(reader: Reader) -> ESearchData:
    tag = ""
    if reader.next_is(b"("):
        tag = _text(_pairs(reader.value()).get("TAG"))
    words: list[Value] = []
    while not reader.at_end():
        words.append(reader.value())
    is_uid = bool(words) and _text(words[0]).upper() == "UID"
    items = _pairs(words[1:] if is_uid else words)
    number = partial(_number_or_none, items)
    found = items.get("ALL")
    return ESearchData(
        tag=tag,
        is_uid=is_uid,
        all_uids=parse_sequence_set(found) if isinstance(found, bytes) else None,
        minimum=number("MIN"),
        maximum=number("MAX"),
        count=number("COUNT"),
        modseq=number("MODSEQ"),
    )


def _read_vanished(reader: Reader) -> VanishedData:
    earlier = reader.next_is(b"(") and _text(_first(reader.value())).upper() == "EARLIER"
    return VanishedData(uids=parse_sequence_set(reader.rest()), earlier=earlier)


def _read_acl(reader: Reader) -> AclData:
    mailbox = reader.mailbox()
    words: list[str] = []
    while not reader.at_end():
        words.append(_text(reader.value()))
    if len(words) % 2:
        raise Unreadable("ACL with an identifier that has no rights")
    return AclData(mailbox=mailbox, entries=dict(zip(words[::2], words[1::2], strict=True)))


def _read_my_rights(reader: Reader) -> MyRightsData:
    return MyRightsData(mailbox=reader.mailbox(), rights=_text(reader.value()))


def _read_id(reader: Reader) -> IdData:
    value = None if reader.at_end() else reader.value()
    if value is None:
        return IdData(fields=None)
    return IdData(fields={name.lower(): None if one is None else _text(one) for name, one in _pairs(value).items()})


def _read_namespace(reader: Reader) -> NamespaceData:
    personal, other_users, shared = (_namespaces(reader) for _ in range(3))
    return NamespaceData(personal=personal, other_users=other_users, shared=shared)


def _namespaces(reader: Reader) -> tuple[Namespace, ...]:
    if reader.at_end():  # servers leave out the last ones
        return ()
    entries = [_list(entry) for entry in _list(reader.value())]
    return tuple(Namespace(prefix=_text(entry[0]), delimiter=_text(entry[1])) for entry in entries if len(entry) >= 2)


_READERS: Final[Mapping[str, Callable[[Reader], Untagged]]] = MappingProxyType(
    {
        "ACL": _read_acl,
        "CAPABILITY": _read_capability,
        "ENABLED": _read_enabled,
        "ESEARCH": _read_esearch,
        "FLAGS": _read_flags,
        "ID": _read_id,
        "LIST": _read_list,
        "LSUB": _read_lsub,
        "MYRIGHTS": _read_my_rights,
        "NAMESPACE": _read_namespace,
        "SEARCH": _read_search,
        "STATUS": _read_status,
        "VANISHED": _read_vanished,
    }
)


def _list(value: Value) -> list[Value]:
    """A list, which some servers write as NIL when it is empty."""
    if isinstance(value, bytes):
        raise Unreadable(f"not a list: {value[:60]!r}")
    return value or []


def _text(value: Value) -> str:
    """A string, "" for NIL."""
    if isinstance(value, list):
        raise Unreadable("a list where a string should be")
    return value.decode("utf-8", "replace") if value else ""


def _first(value: Value) -> Value:
    return value[0] if isinstance(value, list) and value else value


def _pairs(value: Value) -> dict[str, Value]:
    """Names in upper case and their values; a name without a value is passed over."""
    words = _list(value)
    return {_text(name).upper(): one for name, one in zip(words[::2], words[1::2], strict=False)}


def _number_or_none(items: Mapping[str, Value], name: str) -> int | None:
    try:
        return read_number(_first(items.get(name)))
    except Unreadable:  # -1 and NIL have been seen: the server does not know
        return None


def _size_or_none(value: Value) -> int | None:
    try:
        return read_size(value)
    except Unreadable:
        return None
