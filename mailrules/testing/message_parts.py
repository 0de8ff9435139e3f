"""What does a message's MIME structure look like to rules: parts, texts and header blocks?"""

from __future__ import annotations

from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import collapse_rfc2231_value, decode_rfc2231
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
    # The message inside a message/rfc822 part shows its body only, as BODYSTRUCTURE does.
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


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
