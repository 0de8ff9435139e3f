"""What text a message holds: its plain text parts, or where it has none, its HTML parts as text."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from mailrules.mailbox.html_text import html_text
from mailrules.mailbox.message import Unreadable, too_complex
from mailrules.mailbox.text import clean_text, decode_base64, decode_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.mailbox.message import Part

MAX_TEXT_BYTES = 64 * 1024 * 1024


def body_text(parts: Sequence[tuple[Part, bytes]] | Unreadable) -> str | Unreadable:
    """The readable text of a message, white space collapsed, NFC.

    Plain text parts are joined in order. Where there is none with content, HTML parts are read.
    """
    if isinstance(parts, Unreadable):
        return parts
    size_bytes = sum(len(raw) for _, raw in parts)
    if size_bytes > MAX_TEXT_BYTES:
        return too_complex(f"{size_bytes:,} bytes of text, over {MAX_TEXT_BYTES:,}")
    plain = clean_text("\n".join(_content(part, raw) for part, raw in parts if part.subtype != "html"))
    if plain:
        return plain
    return clean_text("\n".join(html_text(_content(part, raw)) for part, raw in parts if part.subtype == "html"))


def transfer_decoded(encoding: str, raw: bytes) -> bytes:
    """Content freed from its Content-Transfer-Encoding; of one that is not known, as it is."""
    if encoding == "base64":
        return decode_base64(raw)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    return raw


def _content(part: Part, raw: bytes) -> str:
    return decode_bytes(transfer_decoded(part.encoding, raw), part.parameters.get("charset", ""))
