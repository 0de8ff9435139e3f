"""How do ENVELOPE and BODYSTRUCTURE look for a message, as Dovecot writes them?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.testing.mime_structure import read_entities
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.testing.mime_structure import Entity

_ADDRESS_TOKEN = re.compile(
    rb'"(?P<quoted>(?:[^"\\]|\\.)*)"?|\((?P<comment>[^()]*)\)?|(?P<special>[<>,:;])|(?P<word>[^\s"(<>,:;]+)|\s+|.',
    re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_NOT_QUOTABLE = re.compile(rb"[\r\n\x00\x80-\xff]")


def nstring(value: bytes | None) -> bytes:
    """A string in quotes, a literal where it cannot be quoted, NIL for None."""
    if value is None:
        return b"NIL"
    if _NOT_QUOTABLE.search(value):
        return b"{%d}\r\n%s" % (len(value), value)
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def envelope(entity: Entity) -> bytes:
    """The ENVELOPE of a message (RFC 9051 section 7.5.2)."""
    sender = _addresses(entity, b"from")
    parts = [
        nstring(entity.first(b"date")),
        nstring(entity.first(b"subject")),
        sender,
        _addresses(entity, b"sender", default=sender),
        _addresses(entity, b"reply-to", default=sender),
        _addresses(entity, b"to"),
        _addresses(entity, b"cc"),
        _addresses(entity, b"bcc"),
        nstring(entity.first(b"in-reply-to")),
        nstring(entity.first(b"message-id")),
    ]
    return b"(" + b" ".join(parts) + b")"


def body_structure(content: bytes, *, extended: bool) -> bytes:
    """BODYSTRUCTURE, or BODY without the extension data."""
    entities = read_entities(content)
    rendered: dict[int, bytes] = {}
    # Parts stand after what holds them, so going backwards every part is rendered before it is needed.
    for entity in reversed(entities):
        inner = [rendered.pop(id(child)) for child in entity.children]
        if entity.is_multipart:
            rendered[id(entity)] = _multipart(entity, inner, extended=extended)
        else:
            rendered[id(entity)] = _leaf(content, entity, inner, extended=extended)
    return rendered[id(entities[0])]


def _multipart(entity: Entity, inner: list[bytes], *, extended: bool) -> bytes:
    text = b"".join(inner) + b" " + nstring(entity.subtype_as_written)
    if extended:
        text += b" " + _parameters(entity.content_type.parameters) + b" " + _rest(entity)
    return b"(" + text + b")"


def _leaf(content: bytes, entity: Entity, inner: list[bytes], *, extended: bool) -> bytes:
    body = content[entity.body_start : entity.end]
    fields = [
        nstring(entity.type_as_written),
        nstring(entity.subtype_as_written),
        _parameters(entity.content_type.parameters),
        nstring(entity.first(b"content-id")),
        nstring(entity.first(b"content-description")),
        nstring(entity.first(b"content-transfer-encoding") or b"7bit"),
        b"%d" % len(body),
    ]
    if entity.holds_message:
        fields += [envelope(entity.children[0]), inner[0]]
    if entity.holds_message or entity.type == b"text":
        fields.append(b"%d" % body.count(b"\n"))
    if extended:
        fields += [nstring(entity.first(b"content-md5")), _rest(entity)]
    return b"(" + b" ".join(fields) + b")"


def _rest(entity: Entity) -> bytes:
    disposition = entity.structured(b"content-disposition")
    shown = b"NIL"
    if disposition is not None:
        shown = b"(" + nstring(disposition.value) + b" " + _parameters(disposition.parameters) + b")"
    return shown + b" " + _languages(entity) + b" " + nstring(entity.first(b"content-location"))


def _languages(entity: Entity) -> bytes:
    value = entity.first(b"content-language")
    if value is None:
        return b"NIL"
    return b"(" + b" ".join(nstring(language.strip()) for language in value.split(b",")) + b")"


def _parameters(parameters: Iterable[tuple[bytes, bytes]]) -> bytes:
    shown = [nstring(name) + b" " + nstring(value) for name, value in parameters]
    return b"(" + b" ".join(shown) + b")" if shown else b"NIL"


@dataclass(slots=True)
class _AddressReader:
    """Collects one address after the other; see RFC 5322 section 3.4."""

    found: list[bytes]
    phrase: list[bytes]
    route: list[bytes] | None = None
    comment: bytes | None = None

    def end_address(self) -> None:
        spec = b"".join(self.phrase if self.route is None else self.route)
        name = b" ".join(self.phrase) if self.route is not None else self.comment
        if spec or self.route is not None:
            mailbox, at, host = spec.rpartition(b"@")
            if not at:
                mailbox, host = host, b""
            self.found.append(_address(name or None, mailbox, host or b"MISSING_DOMAIN"))
        self.phrase, self.route, self.comment = [], None, None

    def begin_group(self) -> None:
        self.found.append(b"(NIL NIL " + nstring(b" ".join(self.phrase)) + b" NIL)")
        self.phrase = []

    def end_group(self) -> None:
        self.end_address()
        self.found.append(b"(NIL NIL NIL NIL)")


def _addresses(entity: Entity, field: bytes, *, default: bytes = b"NIL") -> bytes:
    value = entity.first(field)
    if not value:
        return default
    reader = _AddressReader(found=[], phrase=[])
    for match in _ADDRESS_TOKEN.finditer(value):
        _take(reader, match)
    reader.end_address()
    return b"(" + b"".join(reader.found) + b")" if reader.found else default


def _take(reader: _AddressReader, match: re.Match[bytes]) -> None:
    special, quoted, word = match["special"], match["quoted"], match["word"]
    if quoted is not None:
        word = _ESCAPE.sub(rb"\1", quoted)
    if match["comment"] is not None:
        reader.comment = match["comment"].strip()
    elif word is not None:
        (reader.phrase if reader.route is None else reader.route).append(word)
    elif special == b"<":
        reader.route = []
    elif special == b",":
        reader.end_address()
    elif special == b":" and reader.route is None:
        reader.begin_group()
    elif special == b";":
        reader.end_group()


def _address(name: bytes | None, mailbox: bytes, host: bytes) -> bytes:
    return b"(" + b" ".join([nstring(name), b"NIL", nstring(mailbox), nstring(host)]) + b")"
