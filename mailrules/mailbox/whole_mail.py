"""Which facts does a whole message on disk hold: its header, its MIME parts, its texts?

What a server tells of a message in BODYSTRUCTURE, read here from its bytes, with the same limits. Nothing raises for
any bytes; parts are found by a loop over offsets, so neither depth nor number of parts costs a stack frame.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mailrules.mailbox.body import MAX_TEXT_PART_BYTES, MAX_TEXT_PARTS_BYTES, readable_texts, too_much_text
from mailrules.mailbox.dates import parse_date
from mailrules.mailbox.headers import MAX_HEADER_BYTES, header_fields
from mailrules.mailbox.message import Part, Unreadable, too_complex
from mailrules.mailbox.parameters import decoded_parameters, file_name_of
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

MAX_PARTS = 1_000
MAX_DEPTH = 50

_PARAMETER = re.compile(rb';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s;"]*+))', re.DOTALL)
_COMMENT = re.compile(rb"\([^()]*+\)")
_AFTER_BOUNDARY = re.compile(rb"(--)?[ \t]*+(?:\r\n|\Z)")
_MESSAGE_TYPES = frozenset({"rfc822", "global"})


class _Place(NamedTuple):
    """Where an entity lies. ``prefix`` begins the sections of its parts; ``number`` is its own, "" for a message."""

    start: int
    end: int
    prefix: str
    depth: int
    number: str = ""
    usual_type: str = "text/plain"

    def section(self, *, is_multipart: bool) -> str:
        """What ``BODY[...]`` takes: a message that is one part is part 1 of itself."""
        if self.number:
            return self.number
        inside = "TEXT" if self.prefix else ""
        return f"{self.prefix}{inside if is_multipart else 1}"


@dataclass(frozen=True)
class WholeMail:
    """One message's bytes, lines ended by CRLF, and what is read of them when it is asked for."""

    content: bytes

    @classmethod
    def of_file(cls, content: bytes) -> WholeMail:
        """Of a file's bytes, where lines may end in LF alone, as they do in a maildir."""
        if b"\n" in content.replace(b"\r\n", b""):
            content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return cls(content)

    @cached_property
    def header(self) -> bytes:
        """The header block."""
        return self.content[: _body_start(self.content, 0, len(self.content))]

    def fields(self, names: Iterable[str]) -> bytes:
        """The header block with these fields only, as FETCH would answer."""
        wanted = {name.lower() for name in names}
        return b"".join(
            name.encode("ascii", "replace") + b": " + value + b"\r\n" for name, value in self._fields if name in wanted
        )

    @cached_property
    def structure(self) -> tuple[Part, ...] | Unreadable:
        """All parts, containers too, each before what it contains."""
        located = self._located
        return located if isinstance(located, Unreadable) else tuple(part for part, _, _ in located)

    @cached_property
    def texts(self) -> tuple[tuple[Part, bytes], ...] | Unreadable:
        """The parts that hold the message's text, with their content, still encoded."""
        located = self._located
        if isinstance(located, Unreadable):
            return located
        parts = readable_texts(part for part, _, _ in located)
        chosen = {id(part) for part in parts}
        return too_much_text(parts, part_bytes=MAX_TEXT_PART_BYTES, all_bytes=MAX_TEXT_PARTS_BYTES) or tuple(
            (part, self.content[start:end]) for part, start, end in located if id(part) in chosen
        )

    @cached_property
    def received(self) -> datetime | Unreadable:
        """When the last server on the way got it, by the topmost Received field; else the Date field."""
        fields = self._fields
        for name, value in fields:
            if name == "received":
                time = parse_date(value.rpartition(b";")[2].strip())
                if not isinstance(time, Unreadable):
                    return time
                break
        dates = [value for name, value in fields if name == "date"]
        time = parse_date(dates[0]) if dates else Unreadable(reason="")
        if isinstance(time, Unreadable):
            return Unreadable(reason="the file tells neither in Received nor in Date when the message came")
        return time

    @cached_property
    def _fields(self) -> list[tuple[str, bytes]]:
        return list(header_fields(self.header))

    @cached_property
    def _located(self) -> tuple[tuple[Part, int, int], ...] | Unreadable:
        """Each part with where its content lies."""
        found: list[tuple[Part, int, int]] = []
        waiting = [_Place(start=0, end=len(self.content), prefix="", depth=0)]
        while waiting:
            place = waiting.pop()
            if len(found) + len(waiting) >= MAX_PARTS:
                return too_complex(f"over {MAX_PARTS:,} parts in one message")
            if place.depth > MAX_DEPTH:
                return too_complex(f"parts within parts over more than {MAX_DEPTH} levels")
            part, body_start, children = self._read(place)
            found.append((part, body_start, place.end))
            waiting.extend(reversed(children))
        return tuple(found)

    def _read(self, place: _Place) -> tuple[Part, int, list[_Place]]:
        content = self.content
        body_start = _body_start(content, place.start, place.end)
        fields: dict[str, bytes] = {}
        for name, value in header_fields(content[place.start : min(body_start, place.start + MAX_HEADER_BYTES)]):
            fields.setdefault(name, value)
        media_type, raw_parameters = _structured(fields.get("content-type", b""))
        kind, slash, subtype = media_type.partition("/")
        if not (kind and slash and subtype):
            kind, _, subtype = place.usual_type.partition("/")
        children = self._children(
            place, body_start, kind=kind, subtype=subtype, boundary=raw_parameters.get("boundary")
        )
        is_multipart = kind == "multipart" and bool(children)
        disposition, disposition_parameters = _structured(fields.get("content-disposition", b""))
        parameters = decoded_parameters(raw_parameters)
        if kind == "text":
            parameters.setdefault("charset", "us-ascii")  # RFC 2046 section 4.1.2
        part = Part(
            number=place.section(is_multipart=is_multipart),
            type=kind,
            subtype=subtype,
            parameters=parameters,
            encoding=_word(fields.get("content-transfer-encoding", b"")) or "7bit",
            disposition=disposition,
            file_name=file_name_of(parameters, disposition_parameters),
            size_bytes=0 if is_multipart else place.end - body_start,
        )
        return part, body_start, children

    def _children(
        self, place: _Place, body_start: int, *, kind: str, subtype: str, boundary: bytes | None
    ) -> list[_Place]:
        depth = place.depth + 1
        if kind == "message" and subtype in _MESSAGE_TYPES:
            return [_Place(body_start, place.end, f"{place.section(is_multipart=False)}.", depth)]
        if kind != "multipart" or not boundary:
            return []
        usual = "message/rfc822" if subtype == "digest" else "text/plain"
        ranges = _part_ranges(self.content, body_start, place.end, boundary)
        prefix = place.prefix
        return [
            _Place(start, end, f"{prefix}{count}.", depth, f"{prefix}{count}", usual)
            for count, (start, end) in enumerate(ranges, start=1)
        ]


def _body_start(content: bytes, start: int, end: int) -> int:
    """After the empty line that ends the header; an entity may begin with it."""
    if content.startswith(b"\r\n", start, end):
        return start + 2
    found = content.find(b"\r\n\r\n", start, end)
    return end if found < 0 else found + 4


def _part_ranges(content: bytes, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """Where the parts lie: between lines that are the boundary (RFC 2046 section 5.1.1); at most one too many."""
    ranges: list[tuple[int, int]] = []
    part_start: int | None = None
    for line_start, line_end, is_last in _boundary_lines(content, start, end, boundary):
        if part_start is not None:
            # The line end before a boundary belongs to it.
            ranges.append((part_start, max(line_start - 2, part_start)))
        part_start = line_end
        if is_last or len(ranges) > MAX_PARTS:
            return ranges
    if part_start is not None and part_start < end:
        ranges.append((part_start, end))
    return ranges


def _boundary_lines(content: bytes, start: int, end: int, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each line that is this boundary, and whether it is the closing one."""
    delimiter = b"--" + boundary
    place = start if content.startswith(delimiter, start, end) else _next(content, start, end, delimiter)
    while place >= 0:
        match = _AFTER_BOUNDARY.match(content, place + len(delimiter), end)
        if match:
            yield place, match.end(), match[1] is not None
        place = _next(content, place, end, delimiter)


def _next(content: bytes, start: int, end: int, delimiter: bytes) -> int:
    found = content.find(b"\r\n" + delimiter, start, end)
    return found + 2 if found >= 0 else -1


def _structured(value: bytes) -> tuple[str, dict[str, bytes]]:
    """``value; name=value; name="quoted"`` (RFC 2045 section 5.1): the value in lower case, without comments."""
    main, semicolon, rest = value.partition(b";")
    parameters: dict[str, bytes] = {}
    for name, quoted, plain in _PARAMETER.findall(semicolon + rest):
        text = re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL) if quoted else plain
        parameters.setdefault(_word(name), re.sub(rb"\r\n(?=[ \t])", b"", text))
    return _word(_COMMENT.sub(b"", main)), parameters


def _word(raw: bytes) -> str:
    return raw.strip().decode("latin-1").lower()
