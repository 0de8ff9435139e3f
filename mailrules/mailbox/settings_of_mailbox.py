"""What can be set about a mailbox beside rights: one metadata entry, or one limit of its quota; each a text.

A metadata value is any bytes, and one that is empty is another thing than none (RFC 5464 section 3): as a text, none is
"", and what is empty or no plain text is written ``base64:`` and its base64.
"""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum

BINARY_PREFIX = "base64:"


class Setting(StrEnum):
    """The kinds; the words are those of the plan's steps."""

    METADATA = "setmetadata"
    QUOTA = "setquota"


class MetadataValueError(ValueError):
    """A text that begins with ``base64:`` and goes on with something else."""


def text_of_value(value: bytes | None) -> str:
    """A metadata value as plans and the journal keep it; ``bytes_of_value`` reads exactly it back."""
    if value is None:
        return ""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text or "\0" in text or text.startswith(BINARY_PREFIX):
        return BINARY_PREFIX + base64.b64encode(value).decode()
    return text


def bytes_of_value(text: str) -> bytes | None:
    """The value that a text stands for, None for none. Raises MetadataValueError."""
    if not text.startswith(BINARY_PREFIX):
        return text.encode("utf-8", "surrogatepass") if text else None
    try:
        return base64.b64decode(text.removeprefix(BINARY_PREFIX), validate=True)
    except binascii.Error as error:
        raise MetadataValueError(f"{text[:60]!r} is no base64: {error}") from error
