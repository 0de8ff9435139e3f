"""What does a message's MIME structure look like to rules: parts, texts and header blocks?"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import collapse_rfc2231_value, decode_rfc2231
from quopri import decodestring
from typing import TYPE_CHECKING

from mailrules.mailbox.message import Part
from mailrules.testing.mime_structure import header_fields, read_entities

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.testing.mime_structure import ContentValue, Entity


def header_block(content: bytes, names: Iterable[str]) -> bytes:
    """The fields of these names as they stand in the message, ended by an empty line."""
    wanted = {name.lower().encode() for name in names}
    head, _, _ = content.partition(b"\r\n\r\n")
    fields = header_fields(head + b"\r\n")
    return b"".join(name + b":" + value for name, value in fields if name.lower() in wanted) + b"\r\n"


def parts_of(content: bytes) -> tuple[Part, ...]:
    """Every part, flattened in the order of the structure."""
    return tuple(_part(entity) for entity in read_entities(content))


def texts_of(content: bytes) -> tuple[tuple[Part, bytes], ...]:
    """The text parts that rules read, with their encoded content: plain ones, else HTML ones."""
    texts = [
        (_part(entity), content[entity.body_start : entity.end])
        for entity in read_entities(content)
        if entity.type == b"text" and not _is_attachment(entity)
    ]
    plain = tuple(text for text in texts if text[0].subtype == "plain")
    return plain or tuple(text for text in texts if text[0].subtype == "html")


def decoded_texts(content: bytes) -> list[str]:
    """The decoded text of every text part, as a server's SEARCH BODY looks at it."""
    return [
        _decoded(entity, content[entity.body_start : entity.end])
        for entity in read_entities(content)
        if entity.type == b"text"
    ]


def _part(entity: Entity) -> Part:
    disposition = entity.structured(b"content-disposition")
    return Part(
        number=entity.number,
        type=_text(entity.type),
        subtype=_text(entity.subtype),
        parameters={_text(name).lower(): _text(value) for name, value in entity.content_type.parameters},
        encoding=_text(entity.first(b"content-transfer-encoding") or b"7bit").lower(),
        disposition=_text(disposition.value).lower() if disposition else "",
        file_name=_file_name(disposition) or _file_name(entity.content_type, name=b"name"),
        size_bytes=0 if entity.is_multipart else entity.end - entity.body_start,
    )


def _is_attachment(entity: Entity) -> bool:
    disposition = entity.structured(b"content-disposition")
    return disposition is not None and disposition.value.lower() == b"attachment"


def _file_name(value: ContentValue | None, *, name: bytes = b"filename") -> str:
    if value is None:
        return ""
    extended = value.parameter(name + b"*")
    if extended is not None:
        return collapse_rfc2231_value(decode_rfc2231(_text(extended)))
    plain = _text(value.parameter(name) or b"")
    try:
        return str(make_header(decode_header(plain)))
    except (HeaderParseError, LookupError, UnicodeError):
        return plain


def _decoded(entity: Entity, raw: bytes) -> str:
    encoding = (entity.first(b"content-transfer-encoding") or b"").lower()
    charset = _text(entity.content_type.parameter(b"charset") or b"utf-8")
    try:
        if encoding == b"base64":
            raw = b64decode(raw)
        elif encoding == b"quoted-printable":
            raw = decodestring(raw)
        return raw.decode(charset, "replace")
    except (Base64Error, LookupError):
        return _text(raw)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
