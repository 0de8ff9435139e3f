"""What a frame says: the one way from bytes to response values.

Nothing here raises for what a server sent. A response that cannot be read is a ``Malformed``, a kind
that we have no value for is an ``Unknown``.

Each area of responses has a module that brings its values, a union of them, and ``READERS``, the
functions that read what follows the names of its untagged responses; here they are only put together.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.errors import RemoteProtocolError
from mailrules.imap import access_data, language_data, mailbox_data, metadata_data, quota_data, search_data, url_data
from mailrules.imap.fetch_data import FetchData, flag_set, read_fetch, read_usual_fetch
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.response_codes import ResponseCode, capability_set, read_response_code
from mailrules.imap.responses import (
    CapabilityData,
    Continuation,
    EnabledData,
    ExistsData,
    ExpungeData,
    FlagsData,
    IdData,
    Malformed,
    RecentData,
    Status,
    StatusResponse,
    Tagged,
    Unknown,
    UnreadableFetch,
    VanishedData,
)
from mailrules.imap.sections import section_of_frame
from mailrules.imap.sequence_set import LARGEST_NUMBER, parse_sequence_set
from mailrules.imap.shown import shown_words
from mailrules.imap.tokens import Reader, Unreadable
from mailrules.imap.values import first_of, list_of, pairs_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailrules.imap.framing import Frame

Untagged: TypeAlias = (
    StatusResponse
    | CapabilityData
    | EnabledData
    | FlagsData
    | ExistsData
    | RecentData
    | ExpungeData
    | FetchData
    | VanishedData
    | IdData
    | mailbox_data.MailboxResponse
    | access_data.AccessResponse
    | quota_data.QuotaResponse
    | metadata_data.MetadataResponse
    | language_data.LanguageResponse
    | search_data.SearchingResponse
    | url_data.UrlResponse
    | Unknown
    | Malformed
)
Response: TypeAlias = Tagged | Continuation | Untagged

_STATUSES: Final = frozenset(Status)
_TAGGED = re.compile(rb"([^ *+][^ ]*+) ++(OK|NO|BAD)(?: (.*))?", re.IGNORECASE | re.DOTALL)
_UNTAGGED = re.compile(rb"\* *+(?:([0-9]{1,10}) ++)?([^ ]++)(?: (.*))?", re.DOTALL)
# A flag in PERMANENTFLAGS may hold "]"; real bytes in tests/traces/bracket-in-flag.txt
_CODE = re.compile(rb' *+\[((?:[^]("]|\([^()]*+\)|"[^"]*+")*+)\](.*)', re.DOTALL)
# Of the attributes only a UID that comes first is certain: what stands behind others may be words of a sender.
_FETCH = re.compile(
    rb"\* *+([0-9]{1,10}) ++(FETCH|UIDFETCH)(?![^ (])(?: *+\( *+UID +([0-9]{1,10})(?= ))?", re.IGNORECASE
)
_EXPUNGE = re.compile(rb"\* ([1-9][0-9]{0,8}) EXPUNGE")
_SIMPLE_CODE = re.compile(rb" *+\[([^]]*+)\](.*)", re.DOTALL)


def parse_response(frame: Frame, *, limits: Limits = DEFAULT_LIMITS, utf8: bool = False) -> Response:
    """Read one response. ``utf8`` is for connections with UTF8=ACCEPT enabled. Never raises."""
    if (usual := read_usual_fetch(frame, limits=limits)) is not None:
        return usual
    if (expunged := _EXPUNGE.fullmatch(frame)) is not None:  # one for each message that is moved
        return ExpungeData(sequence_number=int(expunged[1]))
    try:
        if frame.startswith(b"*"):
            return _read_untagged(frame, limits=limits, utf8=utf8)
        if frame.startswith(b"+"):
            return Continuation(raw=frame[1:].strip(b" "))
        return _read_tagged(frame, limits=limits)
    except (Unreadable, RemoteProtocolError) as error:
        return _malformed(frame, shown_words(str(error)))


def _malformed(frame: bytes, reason: str) -> Malformed:
    rfc, match = section_of_frame(frame), _FETCH.match(frame)
    if match is None:
        return Malformed(raw=frame, reason=reason, rfc=rfc)
    number, is_by_uid, named = int(match[1]), match[2].upper() == b"UIDFETCH", match[3]
    uid = number if is_by_uid else int(named or 0)
    return UnreadableFetch(
        raw=frame,
        reason=reason,
        rfc=rfc,
        sequence_number=0 if is_by_uid else number,
        uid=uid if 0 < uid <= LARGEST_NUMBER else None,
    )


def split_tagged(frame: bytes) -> tuple[str, Status, bytes]:
    """Tag, status, and all that follows as it came. Raises Unreadable."""
    match = _TAGGED.fullmatch(frame)
    if match is None:
        raise Unreadable("neither untagged, nor a continuation, nor a tag with OK, NO or BAD")
    tag, status, rest = match.groups()
    return tag.decode("latin-1"), Status(status.decode().upper()), rest or b""


def split_untagged(frame: bytes) -> tuple[int | None, str, bytes]:
    """The number where one comes first, the name in upper case, and all that follows as it came. Raises Unreadable."""
    match = _UNTAGGED.fullmatch(frame)
    if match is None:
        raise Unreadable("an untagged response without a name")
    number = None if match[1] is None else int(match[1])
    return number, match[2].decode("latin-1").upper(), match[3] or b""


def split_status_text(rest: bytes) -> tuple[bytes | None, bytes]:
    """What stands in the brackets of a status response, None where it has none, and the text for people."""
    match = _CODE.fullmatch(rest) or _SIMPLE_CODE.fullmatch(rest)
    return (None, rest) if match is None else (match[1], match[2])


def _read_tagged(frame: bytes, *, limits: Limits) -> Tagged:
    tag, status, rest = split_tagged(frame)
    code, text = _read_status_text(rest, limits=limits)
    return Tagged(tag=tag, status=status, code=code, text=text)


def _read_untagged(frame: bytes, *, limits: Limits, utf8: bool) -> Untagged:
    number, name, rest = split_untagged(frame)
    if number is not None:
        return _read_numbered(number, name, rest, limits=limits)
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
        case "UIDFETCH" if number:
            return read_fetch(Reader(rest, limits=limits), sequence_number=0, limits=limits, uid=number)
        case "EXISTS":
            return ExistsData(count=number)
        case "EXPUNGE":
            return ExpungeData(sequence_number=number)
        case "RECENT":
            return RecentData(count=number)
        case _:
            return Unknown(name=name, raw=b"%d %b" % (number, rest))


def _read_status_text(rest: bytes, *, limits: Limits) -> tuple[ResponseCode | None, str]:
    code, text = split_status_text(rest)
    said = text.decode("utf-8", "replace").strip()
    return None if code is None else read_response_code(code, limits=limits), said


def _read_capability(reader: Reader) -> CapabilityData:
    return CapabilityData(capabilities=capability_set(reader.rest()))


def _read_enabled(reader: Reader) -> EnabledData:
    return EnabledData(capabilities=capability_set(reader.rest()))


def _read_flags(reader: Reader) -> FlagsData:
    return FlagsData(flags=flag_set(list_of(reader.value())))


def _read_vanished(reader: Reader) -> VanishedData:
    earlier = reader.next_is(b"(") and text_of(first_of(reader.value())).upper() == "EARLIER"
    return VanishedData(uids=parse_sequence_set(reader.rest()), earlier=earlier)


def _read_id(reader: Reader) -> IdData:
    value = None if reader.at_end() else reader.value()
    if value is None:
        return IdData(fields=None)
    return IdData(fields={name.lower(): None if one is None else text_of(one) for name, one in pairs_of(value).items()})


_READERS: Final[Mapping[str, Callable[[Reader], Untagged]]] = MappingProxyType(
    {
        "CAPABILITY": _read_capability,
        "ENABLED": _read_enabled,
        "FLAGS": _read_flags,
        "ID": _read_id,
        "VANISHED": _read_vanished,
        **mailbox_data.READERS,
        **access_data.READERS,
        **quota_data.READERS,
        **metadata_data.READERS,
        **language_data.READERS,
        **search_data.READERS,
        **url_data.READERS,
    }
)
