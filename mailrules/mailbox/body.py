"""What text a message holds: its plain text parts, or where it has none, its HTML parts as text."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from mailrules.mailbox.html_text import html_text
from mailrules.mailbox.message import Unreadable, too_complex
from mailrules.mailbox.text import clean_text, decode_base64, decode_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailrules.mailbox.message import Part

MAX_TEXT_BYTES = 64 * 1024 * 1024
MAX_TEXT_PART_BYTES = 4 << 20
"""A message with a longer text part has unreadable text: rules that need it do nothing with it."""
MAX_TEXT_PARTS_BYTES = 16 << 20
"""The same for all text parts of one message together."""


def readable_texts(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts that hold a message's text: the plain ones, else the HTML ones; attachments are none."""
    texts = [part for part in parts if part.type == "text" and part.disposition != "attachment"]
    plain = tuple(part for part in texts if part.subtype == "plain")
    return plain or tuple(part for part in texts if part.subtype == "html")


def too_much_text(parts: Sequence[Part], *, part_bytes: int, all_bytes: int) -> Unreadable | None:
    """Why the text in these parts is not read; None where it is within both bounds."""
    longest = max((part.size_bytes for part in parts), default=0)
    if longest > part_bytes:
        return too_complex(f"a text part of {longest:,} bytes, over {part_bytes:,}")
    total = sum(part.size_bytes for part in parts)
    if total > all_bytes:
        return too_complex(f"{total:,} bytes of text in its parts, over {all_bytes:,}")
    return None


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
