"""What a FETCH response says of one message, attribute by attribute (RFC 9051 section 7.5.2).

The usual shapes are read by one regular expression; anything else goes attribute by attribute,
where one that cannot be read spoils itself and leaves the others.
"""

from __future__ import annotations

import re
from dataclasses import field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypedDict

from mailrules.imap.body_structure import BodyPart, read_body_structure
from mailrules.imap.envelope import USUAL_ADDRESSES, USUAL_ENVELOPE, Envelope, read_envelope, usual_envelope
from mailrules.imap.fetch_extras import NO_EXTRAS, ExtraAttributes, FetchExtras, read_extra
from mailrules.imap.responses import Malformed
from mailrules.imap.sections import section_of_attribute
from mailrules.imap.shown import shown_words
from mailrules.imap.tokens import OverLimit, Reader, Unreadable, Value, read_number, read_size
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.imap.limits import Limits

_LARGEST_NUMBER: Final = 2**32 - 1
_NO_SECTIONS: Final[Mapping[str, bytes]] = MappingProxyType({})
_NOTHING_MALFORMED: Final[Mapping[str, Malformed]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchData:
    """``* n FETCH``: what the server said, None for what it did not.

    ``sequence_number`` is 0 in ``* uid UIDFETCH`` (RFC 9586).

    ``sections`` maps what stood in the brackets of ``BODY[...]``, upper case and without quotes, to the
    content: ``""``, ``"1.2"``, ``"HEADER.FIELDS (FROM TO)"``, and ``"1.2<100>"`` for what begins at byte 100; a
    part that the server answers with NIL is not in it. ``malformed`` maps the name of each attribute that
    could not be read to what stood there.
    """

    sequence_number: int
    uid: int | None = None
    flags: frozenset[str] | None = None
    internal_date: datetime | None = None
    size_bytes: int | None = None
    modseq: int | None = None
    sections: Mapping[str, bytes] = field(default_factory=lambda: _NO_SECTIONS)
    envelope: Envelope | None = None
    body_structure: tuple[BodyPart, ...] | None = None
    email_id: str = ""
    x_guid: str = ""
    gmail_message_id: str = ""
    extras: FetchExtras = NO_EXTRAS
    malformed: Mapping[str, Malformed] = field(default_factory=lambda: _NOTHING_MALFORMED)

    @property
    def object_id(self) -> str:
        """EMAILID, else X-GUID, else X-GM-MSGID, else ""."""
        return self.email_id or self.x_guid or self.gmail_message_id

    @property
    def header_fields(self) -> bytes | None:
        """The content of ``BODY[HEADER.FIELDS (...)]``, however the server spells the list of names."""
        for section, content in self.sections.items():
            if section.startswith("HEADER.FIELDS "):
                return content
        return None


_USUAL = re.compile(
    rb"""\*\ ([1-9][0-9]{0,8}+)\ FETCH\ \((?:(?:
        UID\ ([1-9][0-9]{0,8}+)
      | FLAGS\ \(([^()"{\x00-\x1f]*+)\)
      | INTERNALDATE\ "([ 0-9][0-9]-[A-Za-z]{3}-[0-9]{4})\ ([0-9]{2}):([0-9]{2}):([0-9]{2})\ ([+-][0-9]{4})"
      | RFC822\.SIZE\ ([0-9]{1,18}+)
      | MODSEQ\ \(([0-9]{1,18}+)\)
      | EMAILID\ \(([A-Za-z0-9_-]++)\)
      | X-GUID\ (?![Nn][Ii][Ll][ )])([^]()"{%%*\\\x00-\x20\x7f-\xff]++)
      | X-GM-MSGID\ ([0-9]++)
      | ENVELOPE\ %b
      )(?:\ (?=[A-Z])|(?=\))))*+
      (?:\)\Z | BODY\[([^]"{]*+)\]\ \{([0-9]{1,18}+)\}\r\n)"""
    % USUAL_ENVELOPE.replace(b" ", rb"\ "),
    re.VERBOSE | re.DOTALL,
)
_ATTRIBUTE = re.compile(rb"[ \r\n]*+([^ ()\[\]\r\n]++)(?:\[([^]]*+)\](?:<([0-9]*+)>)?)?")
_INTERNAL_DATE = re.compile(
    rb" *([0-9]{1,2}-[A-Za-z]{3}-[0-9]{4}) +([0-9]{1,2}):([0-9]{2}):([0-9]{2}) *([+-][0-9]{4}) *"
)
_LITERAL = re.compile(rb"\{([0-9]{1,4})\}\r\n")
_UNQUOTABLE = re.compile(rb"[\r\n\x00]")
_MOST_QUOTED = 20
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), start=1
    )
}
_CLOCK: Final = {  # of two digits, or of one as some servers write it
    text: number for number in range(100) for text in (b"%d" % number, b"%02d" % number)
}
_SYSTEM_FLAGS: Final = {
    flag.lower(): flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "\\Recent")
}


_OLD_SECTIONS: Final = {"RFC822": "", "RFC822.HEADER": "HEADER", "RFC822.TEXT": "TEXT"}


class _Attributes(TypedDict, total=False):
    uid: int
    flags: frozenset[str]
    internal_date: datetime
    size_bytes: int
    modseq: int
    envelope: Envelope
    body_structure: tuple[BodyPart, ...]
    email_id: str
    x_guid: str
    gmail_message_id: str


def read_usual_fetch(frame: bytes, *, limits: Limits) -> FetchData | None:
    """The attributes that a mailbox is read by, in any order, and at most one literal at the end.

    None where the response is anything else; ``read_fetch`` then gives the same and more, slower.
    """
    match = _USUAL.match(frame)
    if match is None and (quoted := _with_short_literals_quoted(frame)) is not None:
        frame, match = quoted, _USUAL.match(quoted)
    # What is told twice is told by the last, and of a first envelope groups would be left.
    if match is None or limits.addresses < USUAL_ADDRESSES or frame.count(b"ENVELOPE (") > 1:
        return None
    number, uid, flags, day, hour, minute, second, zone, size, modseq, *more, section, literal = match.groups()
    email_id, x_guid, gmail_message_id, *envelope = more
    sections = _NO_SECTIONS
    if literal is not None:
        start = match.end()
        end = start + int(literal)
        if frame[end:] != b")":
            return None
        sections = {section_name(section): frame[start:end]}
    try:
        return FetchData(
            sequence_number=int(number),
            uid=None if uid is None else int(uid),
            flags=None if flags is None else parse_flags(flags),
            internal_date=None if day is None else _moment(day, hour, minute, second, zone),
            size_bytes=None if size is None else int(size),
            modseq=None if modseq is None else int(modseq),
            sections=sections,
            envelope=usual_envelope(envelope),
            email_id=email_id.decode() if email_id else "",
            x_guid=x_guid.decode() if x_guid else "",
            gmail_message_id=gmail_message_id.decode() if gmail_message_id else "",
            malformed=_NOTHING_MALFORMED,
        )
    except ValueError:  # the date is none
        return None


def _with_short_literals_quoted(frame: bytes) -> bytes | None:
    """The same response with quoted strings for the literals of its envelope; None where that cannot be said.

    Dovecot sends a subject with a quote or an 8-bit letter as a literal: one message in ten or twenty.
    A quoted string holds no CRLF, so what looks like the first literal is one, and so on behind it.
    """
    pieces: list[bytes] = []
    start = 0
    while (literal := _LITERAL.search(frame, start)) is not None:
        end = literal.end() + int(literal[1])
        content = frame[literal.end() : end]
        before = frame[start : literal.start()]
        if before.endswith(b"] "):  # content that was asked for, and that only ends a usual response
            break
        is_usual = before.endswith((b" ", b"(")) and end < len(frame) and len(pieces) < _MOST_QUOTED
        if not is_usual or _UNQUOTABLE.search(content):
            return None
        pieces += [before, b'"%b"' % content.replace(b"\\", b"\\\\").replace(b'"', b'\\"')]
        start = end
    return b"".join((*pieces, frame[start:])) if pieces else None


def read_fetch(reader: Reader, *, sequence_number: int, limits: Limits, uid: int | None = None) -> FetchData:
    """Read ``(name value ...)``. Raises Unreadable where it cannot be told where an attribute ends."""
    attributes: _Attributes = {} if uid is None else {"uid": uid}
    extras: ExtraAttributes = {}
    sections: dict[str, bytes] = {}
    malformed: dict[str, Malformed] = {}
    if not reader.take(b"("):
        raise Unreadable("FETCH without a list of attributes")
    while not reader.take(b")"):
        name, section = _read_name(reader)
        start = reader.position
        try:
            if name in _OLD_SECTIONS:
                name, section = "BODY", _OLD_SECTIONS[name]
            if section is None:
                _read_attribute(attributes, extras, name, reader.value(), limits=limits)
            elif name in {"BINARY", "BINARY.SIZE"}:
                _read_binary(extras, name, section, reader)
            elif name != "BODY":
                reader.skip_value()
            elif (content := _read_content(reader)) is not None:
                sections[section] = content
        except Unreadable as error:
            reader.position = start
            reader.skip_value()
            raw = reader.data[start : reader.position].strip()
            malformed[name] = Malformed(
                raw=raw,
                reason=shown_words(f"{name}: {error}"),
                rfc=section_of_attribute(name),
                is_over_limit=isinstance(error, OverLimit),
            )
    return FetchData(
        sequence_number=sequence_number,
        sections=sections,
        malformed=malformed,
        extras=FetchExtras(**extras) if extras else NO_EXTRAS,
        **attributes,
    )


@lru_cache(maxsize=4096)
def parse_flags(text: bytes) -> frozenset[str]:
    """The flags between the parentheses. Mailboxes know few combinations, so they are shared."""
    return flag_set(text.split())


def flag_set(flags: Sequence[Value]) -> frozenset[str]:
    """System flags in their usual spelling, keywords in the server's."""
    names = (flag.decode("utf-8", "replace") for flag in flags if isinstance(flag, bytes))
    return frozenset(_SYSTEM_FLAGS.get(name.lower(), name) for name in names)


@lru_cache(maxsize=1024)
def section_name(text: bytes) -> str:
    """Servers differ in case, in quotes and in spaces: ``header.fields ("From")`` is ``HEADER.FIELDS (FROM)``."""
    words = text.upper().replace(b'"', b"").replace(b"(", b" ( ").replace(b")", b" ) ").split()
    return b" ".join(words).decode("latin-1").replace("( ", "(").replace(" )", ")")


def _read_name(reader: Reader) -> tuple[str, str | None]:
    """The attribute's name, and what stands in its brackets, with ``<n>`` for a part of it; None without brackets."""
    match = _ATTRIBUTE.match(reader.data, reader.position)
    if match is None:
        raise Unreadable(f"the name of an attribute is missing at byte {reader.position}")
    reader.position = match.end()
    name, section, origin = match.groups()
    if section is None:
        return name.decode("latin-1").upper(), None
    part = f"<{origin.decode()}>" if origin else ""
    return name.decode("latin-1").upper(), section_name(section) + part


def _read_attribute(
    attributes: _Attributes, extras: ExtraAttributes, name: str, value: Value, *, limits: Limits
) -> None:
    """Attributes that we have no field for are passed over."""
    match name:
        case "UID":
            attributes["uid"] = read_number(value, smallest=1, largest=_LARGEST_NUMBER)
        case "FLAGS":
            attributes["flags"] = flag_set(_list(value))
        case "INTERNALDATE":
            attributes["internal_date"] = _read_internal_date(value)
        case "RFC822.SIZE":
            attributes["size_bytes"] = read_size(value)
        case "MODSEQ":
            attributes["modseq"] = read_number(_only(value))
        case "ENVELOPE":
            attributes["envelope"] = read_envelope(value, limits=limits)
        case "BODYSTRUCTURE" | "BODY":
            attributes["body_structure"] = read_body_structure(value, limits=limits)
        case "EMAILID":
            attributes["email_id"] = _read_identifier(_only(value))
        case "X-GUID":
            attributes["x_guid"] = _read_identifier(value)
        case "X-GM-MSGID":
            attributes["gmail_message_id"] = _read_identifier(value)
        case "SAVEDATE":
            extras["save_date"] = None if value is None else _read_internal_date(value)
        case _:
            read_extra(extras, name, value)


def _read_binary(extras: ExtraAttributes, name: str, section: str, reader: Reader) -> None:
    if name == "BINARY.SIZE":
        extras.setdefault("binary_sizes", {})[section] = read_number(reader.value())
    elif (content := _read_content(reader)) is not None:
        extras.setdefault("binary", {})[section] = content


def _read_content(reader: Reader) -> bytes | None:
    if not reader.next_is_string() and not reader.next_is(b"("):
        return b""  # Yandex writes nothing at all for a part that is empty
    value = reader.value()
    if isinstance(value, list):
        raise Unreadable("the content of a section cannot be a list")
    return value


def _read_identifier(value: Value) -> str:
    if not isinstance(value, bytes) or not value.isascii():
        raise Unreadable(f"not an identifier: {value!r:.60}")
    return value.decode()


def _read_internal_date(value: Value) -> datetime:
    match = _INTERNAL_DATE.fullmatch(value) if isinstance(value, bytes) else None
    if match is None:
        raise Unreadable(f"not a date and time: {value!r:.60}")
    try:
        return _moment(*match.groups())
    except ValueError as error:
        raise Unreadable(f"not a date and time: {value!r:.60} ({error})") from error


def _moment(day: bytes, hour: bytes, minute: bytes, second: bytes, zone: bytes) -> datetime:
    year, month, day_of_month = _date(day)
    # Without its name the constructor takes a time zone in half the time.
    return datetime(year, month, day_of_month, _CLOCK[hour], _CLOCK[minute], _CLOCK[second], 0, _zone(zone))


@lru_cache(maxsize=4096)
def _date(text: bytes) -> tuple[int, int, int]:
    day, month, year = text.split(b"-")
    if (number := _MONTHS.get(month.lower())) is None:
        raise ValueError(f"no month is called {month.decode()}")
    return int(year), number, int(day)


@lru_cache(maxsize=256)
def _zone(text: bytes) -> timezone:
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return timezone(-offset if text.startswith(b"-") else offset)


def _list(value: Value) -> list[Value]:
    """A list, which some servers write as NIL when it is empty."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"not a list: {value!r:.60}")
    return value


def _only(value: Value) -> Value:
    """The item of a list of one; some servers leave out the parentheses."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
