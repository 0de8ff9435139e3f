"""How header fields are written: built here from checked values, never pasted from mail (RFC 5322, RFC 2047)."""

from __future__ import annotations

import base64
from email.utils import format_datetime
from typing import TYPE_CHECKING

from mailrules.logs import clean_text
from mailrules.mailbox.strict_address import strict_address

if TYPE_CHECKING:
    from datetime import datetime

MAX_TEXT_CHARACTERS = 200
"""Of a subject or a name that comes from mail."""

_LINE_CHARACTERS = 76
_WORD_BYTES = 42
"""Of UTF-8 in one encoded word: 56 characters of base64, and the frame, in a line of 76 (RFC 2047 section 2)."""


def text_field(name: str, text: str) -> bytes:
    """An unstructured field. Line breaks and invisible characters are taken out, not passed on."""
    words = clean_text(text)[:MAX_TEXT_CHARACTERS].strip()
    return _field(name, _encoded(words))


def address_field(name: str, address: str) -> bytes:
    """A field with one address. Raises ValueError for one that is not strict."""
    return _field(name, [strict_address(address)])


def date_field(name: str, moment: datetime) -> bytes:
    """A date field; ``moment`` is aware."""
    return _field(name, [format_datetime(moment)])


def token_field(name: str, value: str) -> bytes:
    """A field whose value is ours: Message-IDs, marks, content types. Raises ValueError for what would break out."""
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"{name}: not one line of ASCII")
    return f"{name}: {value}\r\n".encode("ascii")


def _encoded(text: str) -> list[str]:
    """Text as the words of a field: as it is where it is short and plain, else encoded words."""
    if text.isascii() and text.isprintable() and "=?" not in text and len(text) < _LINE_CHARACTERS:
        return [text]
    words, piece = [], b""
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(piece) + len(encoded) > _WORD_BYTES:
            words.append(piece)
            piece = b""
        piece += encoded
    words.append(piece)
    return [f"=?utf-8?B?{base64.b64encode(word).decode()}?=" for word in words]


def _field(name: str, words: list[str]) -> bytes:
    """The words of a field, each on a line of its own: folded where there are several."""
    return token_field(name, words[0]) + b"".join(f" {word}\r\n".encode("ascii") for word in words[1:])
