"""How does a test write a message without writing MIME by hand?"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

A_DAY = datetime(2025, 3, 4, 9, 30, tzinfo=UTC)
"""The date of every message that is not given one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleMessage:
    """A message with what a mailbox keeps beside its bytes: flags, keywords and INTERNALDATE."""

    content: bytes
    flags: frozenset[str] = frozenset()
    received: datetime = A_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file to hang on a built message; ``media_type`` is such as ``application/pdf``."""

    file_name: str
    content: bytes = b"%PDF-1.4 sample"
    media_type: str = "application/pdf"


def message(
    *,
    from_: str | None = "Ann Example <ann@example.org>",
    to: str | None = "me@example.net",
    cc: str | None = None,
    reply_to: str | None = None,
    sender: str | None = None,
    subject: str | bytes | None = "A message",
    date: datetime | str | None = A_DAY,
    message_id: str | None = "<message-1@example.org>",
    list_id: str | None = None,
    headers: Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]] = (),
    body: str | bytes = "Hello.\r\n",
    html: str | None = None,
    attachments: Iterable[Attachment] = (),
    charset: str = "utf-8",
) -> bytes:
    """The bytes of one message, lines ended by CRLF; a field given as None is left out.

    Header values go out as they are given: encoded words, folding (``"one\\r\\n two"``) and raw
    8-bit bytes are the caller's to write. ``headers`` come after the standard fields. The body is
    ``text/plain``; ``html`` makes it multipart/alternative, attachments make it multipart/mixed.
    """
    standard: list[tuple[str, str | bytes | None]] = [
        ("From", from_),
        ("To", to),
        ("Cc", cc),
        ("Reply-To", reply_to),
        ("Sender", sender),
        ("Subject", subject),
        ("Date", format_datetime(date) if isinstance(date, datetime) else date),
        ("Message-ID", message_id),
        ("List-Id", list_id),
    ]
    more = headers.items() if hasattr(headers, "items") else headers
    lines = [_field(name, value) for name, value in (*standard, *more) if value is not None]
    entity = _text_part(body, subtype="plain", charset=charset)
    if html is not None:
        entity = multipart("alternative", [entity, _text_part(html, subtype="html", charset=charset)])
    files = [_attachment_part(attachment) for attachment in attachments]
    if files:
        entity = multipart("mixed", [entity, *files])
    return b"".join(lines) + b"MIME-Version: 1.0\r\n" + entity


def multipart(subtype: str, parts: Iterable[bytes]) -> bytes:
    """An entity (header, empty line, body) that holds these entities."""
    boundary = f"=_{subtype}_boundary"
    mark = boundary.encode()
    inner = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts)
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode()
    return head + inner + b"--" + mark + b"--\r\n"


def _field(name: str, value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode()
    return name.encode("ascii") + b": " + raw + b"\r\n"


def _text_part(text: str | bytes, *, subtype: str, charset: str) -> bytes:
    raw = text if isinstance(text, bytes) else text.replace("\r\n", "\n").replace("\n", "\r\n").encode(charset)
    encoding = "7bit" if raw.isascii() else "8bit"
    head = f"Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + raw


def _attachment_part(attachment: Attachment) -> bytes:
    encoded = b64encode(attachment.content)
    lines = b"".join(encoded[start : start + 76] + b"\r\n" for start in range(0, len(encoded), 76))
    head = (
        f'Content-Type: {attachment.media_type}; name="{attachment.file_name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="{attachment.file_name}"\r\n\r\n'
    )
    return head.encode() + lines
