"""What a note says that ``append`` puts into a mailbox: its texts filled in, and the bytes of the message.

The Message-ID is the same for the same message, rule and mailbox, so that a note is known again after a lost reply.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from mailrules.rules.templates import parse_template

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_VALUE_CHARACTERS = 200
"""Of what a message says of itself, for each field."""
_WORD_BYTES = 42
"""Of UTF-8 in one encoded word (RFC 2047 section 2)."""


def filled(template: str, values: Mapping[str, object]) -> str:
    """A text with its fields filled in, on one line each; a field that the message lacks is empty."""
    return "".join(
        part if isinstance(part, str) else _value(values, part.name, date_format=part.format)
        for part in parse_template(template).parts
    )


def note_id(*names: str) -> str:
    """The Message-ID of the note about a message, by a rule, in a mailbox."""
    return f"<{hashlib.sha256(chr(0).join(names).encode('utf-8', 'replace')).hexdigest()[:32]}@mailrules.invalid>"


def note_bytes(*, message_id: str, subject: str, text: str, date: datetime) -> bytes:
    """The message. The text is base64, so that no line of it can mean anything."""
    words = _encoded_words(subject)
    lines = [
        b"From: mailrules <note@mailrules.invalid>",
        b"Subject: " + b"\r\n ".join(words),
        b"Date: " + format_datetime(date).encode(),
        b"Message-ID: " + message_id.encode(),
        b"Auto-Submitted: auto-generated",
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: base64",
        b"",
    ]
    whole = text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
    return b"\r\n".join(lines) + b"\r\n" + base64.encodebytes(whole).replace(b"\n", b"\r\n")


def _value(values: Mapping[str, object], name: str, *, date_format: str) -> str:
    try:
        value = values[name]
    except KeyError:
        return ""
    text = value.strftime(date_format) if isinstance(value, datetime) else str(value)
    text = text[: 4 * MAX_VALUE_CHARACTERS]
    shown = "".join(" " if unicodedata.category(one)[0] == "C" or one in "\u2028\u2029" else one for one in text)
    return " ".join(shown.split())[:MAX_VALUE_CHARACTERS]


def _encoded_words(text: str) -> list[bytes]:
    pieces, piece = [], b""
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(piece) + len(encoded) > _WORD_BYTES:
            pieces.append(piece)
            piece = b""
        piece += encoded
    return [b"=?utf-8?B?" + base64.b64encode(one) + b"?=" for one in (*pieces, piece)]
