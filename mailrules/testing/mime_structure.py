"""Which MIME parts does a message have, and where in its bytes do they lie?

The test kit's own reader, written apart from the client's parser so that each can judge the
other. It keeps offsets instead of copies and works on a list of pending parts, so neither depth
nor number of parts costs a stack frame.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_PARTS = 1_000
MOST_LEVELS = 50

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]")
_PARAMETER = re.compile(rb';\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))', re.DOTALL)
_COMMENT = re.compile(rb"\([^()]*\)")
_AFTER_BOUNDARY = re.compile(rb"(--)?[ \t]*(?=\r?\n|\Z)")


@dataclass(slots=True, kw_only=True)
class ContentValue:
    """A structured field such as Content-Type: its value and parameters, in the case they came in."""

    value: bytes
    parameters: tuple[tuple[bytes, bytes], ...] = ()

    def parameter(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.parameters if key.lower() == name), None)


@dataclass(slots=True, kw_only=True)
class Entity:
    """A message or a body part: ``content[start:end]``, its body from ``body_start``.

    ``number`` is the section that IMAP's FETCH takes for the body: "1" for a message that is one
    part, "" for one that is a multipart, "2.TEXT" for a multipart message inside part 2. A
    ``message/rfc822`` part has one child, the message in it.
    """

    number: str
    start: int
    body_start: int
    end: int
    fields: tuple[tuple[bytes, bytes], ...]
    content_type: ContentValue
    level: int
    is_message: bool
    children: list[Entity] = field(default_factory=list)

    @property
    def type(self) -> bytes:
        return self.type_as_written.lower()

    @property
    def subtype(self) -> bytes:
        return self.subtype_as_written.lower()

    @property
    def type_as_written(self) -> bytes:
        return self.content_type.value.partition(b"/")[0].strip()

    @property
    def subtype_as_written(self) -> bytes:
        return self.content_type.value.partition(b"/")[2].strip()

    @property
    def is_multipart(self) -> bool:
        return self.type == b"multipart" and bool(self.children)

    @property
    def holds_message(self) -> bool:
        return self.type == b"message" and bool(self.children)

    def first(self, name: bytes) -> bytes | None:
        """The first field of this (lower-case) name, unfolded and stripped; None where absent."""
        return next((unfolded(value) for key, value in self.fields if key.lower() == name), None)

    def structured(self, name: bytes) -> ContentValue | None:
        """The first field of this name, read as a value with parameters."""
        value = self.first(name)
        return None if value is None else parse_content_value(value)


def read_message(content: bytes) -> Entity:
    """The message itself, its parts not looked for."""
    return _message(content, 0, len(content), prefix="", level=0)


def read_entities(content: bytes) -> list[Entity]:
    """Every entity of a message in the order of their bytes, the message itself first.

    Beyond ``MOST_PARTS`` or ``MOST_LEVELS`` a part is left as an unopened leaf.
    """
    root = read_message(content)
    found: list[Entity] = []
    pending = [root]
    while pending:
        entity = pending.pop()
        found.append(entity)
        room = MOST_PARTS - len(found) - len(pending)
        if entity.level < MOST_LEVELS and room > 0:
            entity.children = _children(content, entity, room=room)
            pending.extend(reversed(entity.children))
    return found


def header_fields(block: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The fields of a header block as (name, value) pairs, values still folded and with their line end."""
    fields: list[tuple[bytes, list[bytes]]] = []
    for line in block.splitlines(keepends=True):
        if line[:1] in b" \t" and fields and line.strip():
            fields[-1][1].append(line)
        elif b":" in line:
            name, _, value = line.partition(b":")
            fields.append((name.rstrip(), [value]))
    return tuple((name, b"".join(lines)) for name, lines in fields)


def unfolded(value: bytes) -> bytes:
    return _FOLD.sub(b" ", value).strip()


def parse_content_value(value: bytes) -> ContentValue:
    """Read ``value; name=value; name="quoted"`` (RFC 2045 section 5.1); comments are left out."""
    main, semicolon, rest = value.partition(b";")
    parameters = []
    for match in _PARAMETER.finditer(semicolon + rest):
        quoted, plain = match.group(2), match.group(3)
        text = plain if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL)
        parameters.append((match.group(1), text))
    return ContentValue(value=_COMMENT.sub(b"", main).strip(), parameters=tuple(parameters))


def _message(content: bytes, start: int, end: int, *, prefix: str, level: int) -> Entity:
    entity = _entity(content, start, end, number=prefix, level=level, is_message=True)
    is_multipart = entity.type == b"multipart" and entity.content_type.parameter(b"boundary")
    if prefix:
        entity.number = f"{prefix}.TEXT" if is_multipart else f"{prefix}.1"
    elif not is_multipart:
        entity.number = "1"
    return entity


def _entity(content: bytes, start: int, end: int, *, number: str, level: int, is_message: bool) -> Entity:
    body_start = _body_start(content, start, end)
    entity = Entity(
        number=number,
        start=start,
        body_start=body_start,
        end=end,
        fields=header_fields(content[start:body_start]),
        content_type=ContentValue(value=b"text/plain"),
        level=level,
        is_message=is_message,
    )
    content_type = entity.structured(b"content-type")
    if content_type is not None and b"/" in content_type.value:
        entity.content_type = content_type
    if entity.type == b"text" and entity.content_type.parameter(b"charset") is None:
        entity.content_type.parameters += ((b"charset", b"us-ascii"),)  # RFC 2046 section 4.1.2
    return entity


def _body_start(content: bytes, start: int, end: int) -> int:
    # A part may begin with its empty line: it has no header then.
    for line_end in (b"\r\n", b"\n"):
        if content.startswith(line_end, start, end):
            return start + len(line_end)
    found = _HEADER_END.search(content, start, end)
    return found.end() if found else end


def _children(content: bytes, entity: Entity, *, room: int) -> list[Entity]:
    level = entity.level + 1
    if entity.type == b"message" and entity.subtype in {b"rfc822", b"global"}:
        return [_message(content, entity.body_start, entity.end, prefix=entity.number, level=level)]
    boundary = entity.content_type.parameter(b"boundary")
    if entity.type != b"multipart" or not boundary:
        return []
    prefix = f"{entity.number.removesuffix('.TEXT')}." if entity.number else ""
    return [
        _entity(content, start, end, number=f"{prefix}{place}", level=level, is_message=False)
        for place, (start, end) in enumerate(_part_ranges(content, entity, boundary, room=room), start=1)
    ]


def _part_ranges(content: bytes, entity: Entity, boundary: bytes, *, room: int) -> list[tuple[int, int]]:
    """Where the parts lie: between lines that are the boundary (RFC 2046 section 5.1.1)."""
    ranges: list[tuple[int, int]] = []
    part_start: int | None = None
    for match in _boundary_lines(content, entity, boundary):
        line_start = _before_line_end(content, match.start(), floor=entity.body_start)
        if part_start is not None:
            ranges.append((part_start, max(line_start, part_start)))
        part_start = match.end() + (2 if content[match.end() : match.end() + 2] == b"\r\n" else 1)
        if match.group(1) or len(ranges) == room:
            return ranges
    if part_start is not None and part_start < entity.end:
        ranges.append((part_start, entity.end))
    return ranges


def _boundary_lines(content: bytes, entity: Entity, boundary: bytes) -> Iterator[re.Match[bytes]]:
    """The lines that are this boundary, without their line ends; found by a plain search, since mail nests."""
    delimiter = b"--" + boundary
    place = content.find(delimiter, entity.body_start, entity.end)
    while place >= 0:
        if place == entity.body_start or content[place - 1 : place] == b"\n":
            match = _AFTER_BOUNDARY.match(content, place + len(delimiter), entity.end)
            if match:
                yield match
        place = content.find(delimiter, place + 1, entity.end)


def _before_line_end(content: bytes, place: int, *, floor: int) -> int:
    """The end of what stands before the line that ``place`` is in the boundary of."""
    line = content.rfind(b"\n", floor, place)
    if line < 0:
        return floor
    return line - 1 if line > floor and content[line - 1 : line] == b"\r" else line
