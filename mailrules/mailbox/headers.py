"""How a raw header block becomes text: fields, unfolding, RFC 2047, white space, NFC.

Nothing here raises for any bytes: what is beyond a limit is ``Unreadable``, what cannot be decoded
is replaced. All of it runs in linear time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from mailrules.mailbox.message import Unreadable, too_complex
from mailrules.mailbox.text import clean_text, decode_base64, decode_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_HEADER_BYTES = 256 * 1024
MAX_ENCODED_WORDS = 1_000
_SHORT_NAME_BYTES = 100
"""Names up to this length are remembered; a stranger's longer ones would fill the memory."""

_FIELD = re.compile(rb"^([^ \t:\n][^:\n]*):(.*(?:\n[ \t].*)*)", re.MULTILINE)
_ENCODED_WORD = re.compile(r"=\?([A-Za-z0-9_.:+\-]{1,60})(?:\*[^?\s]{0,60})?\?([BbQq])\?([^?]*)\?=")
_QUOTED_BYTE = re.compile(rb"=([0-9A-Fa-f]{2})")


def header_fields(block: bytes) -> Iterator[tuple[str, bytes]]:
    """The fields of a header block in order: lower-case name, and the raw value, still folded.

    Lines that are neither a field nor a continuation are passed over. Bare LF ends a line too,
    since servers store such mail.
    """
    for field_name, value in _FIELD.findall(block):
        read_name = _name if len(field_name) <= _SHORT_NAME_BYTES else _name.__wrapped__
        if name := read_name(field_name):
            yield name, value.strip()


def fields_by_name(block: bytes) -> dict[str, tuple[bytes, ...]]:
    """The same by name, each with its raw values in order."""
    found: dict[str, tuple[bytes, ...]] = {}
    for name, value in header_fields(block):
        found[name] = (*found[name], value) if name in found else (value,)
    return found


@lru_cache(maxsize=512)  # a mailbox has few names
def _name(raw: bytes) -> str:
    return raw.strip().decode("ascii", "replace").lower()


def header_text(raw: bytes) -> str | Unreadable:
    """One header value as rules see it: unfolded, RFC 2047 decoded, white space collapsed, NFC."""
    if b"=?" not in raw:
        return clean_text(raw.decode("ascii") if raw.isascii() else decode_bytes(raw))
    if raw.count(b"=?") > MAX_ENCODED_WORDS:
        return too_complex(f"over {MAX_ENCODED_WORDS:,} encoded words in one header field")
    return clean_text(decode_words(decode_bytes(raw)))


def decode_words(text: str) -> str:
    """Replace each RFC 2047 encoded word in ``text`` by what it encodes.

    White space between two encoded words goes away (RFC 2047 section 6.2). Neighbours of one
    charset are joined as bytes first, since many mailers cut a character in two.
    """
    pieces: list[str] = []
    pending, pending_charset = b"", ""
    position = 0
    for word in _ENCODED_WORD.finditer(text):
        between, charset = text[position : word.start()], word[1].lower()
        neighbours = position > 0 and (not between or between.isspace())
        if pending and not (neighbours and charset == pending_charset):
            pieces.append(decode_bytes(pending, pending_charset))
            pending = b""
        if not neighbours:
            pieces.append(between)
        pending, pending_charset = pending + _word_bytes(word[2], word[3]), charset
        position = word.end()
    if pending:
        pieces.append(decode_bytes(pending, pending_charset))
    pieces.append(text[position:])
    return "".join(pieces)


def _word_bytes(encoding: str, content: str) -> bytes:
    raw = content.encode("utf-8", "replace")
    if encoding in "bB":
        return decode_base64(raw)
    return _QUOTED_BYTE.sub(lambda match: bytes((int(match[1], 16),)), raw.replace(b"_", b" "))
