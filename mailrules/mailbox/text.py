"""How bytes of mail become comparable text: charsets, transfer encodings, white space, NFC, case.

The comparison form is ``fold``: casefolded and not normalised again, so that folding works
character by character and a part of a text folds to a part of the folded text.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from encodings.aliases import aliases

SURROGATES = re.compile("[\ud800-\udfff]")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")

_PIECE = 1_000

# Python's codecs that do not decode a charset, or not in linear time.
_NOT_CHARSETS = frozenset(
    {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}
    | {"idna", "punycode", "mbcs", "oem", "undefined", "unicode_escape", "raw_unicode_escape"}
)
_CHARSETS = (frozenset(aliases) | frozenset(aliases.values()) | {"utf_8_sig", "cp65001"}) - _NOT_CHARSETS


def decode_bytes(raw: bytes, charset: str = "") -> str:
    """Text of bytes in a charset that a stranger named: never raises.

    A charset that is unknown or not named is taken as UTF-8 where the bytes are, else as Latin-1.
    In a known one, what cannot be decoded becomes U+FFFD.
    """
    name = charset.strip().lower().replace("-", "_").replace(" ", "_").replace(".", "_")
    # Only names from the table reach the codec registry, which imports modules by name.
    if name in _CHARSETS and aliases.get(name, name) not in _NOT_CHARSETS and name not in ("ascii", "us_ascii"):
        try:
            return SURROGATES.sub("\ufffd", raw.decode(name, "replace"))
        except (LookupError, ValueError):
            pass
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def clean_text(text: str) -> str:
    """White space collapsed to single spaces and trimmed, then NFC."""
    collapsed = " ".join(text.split())
    return collapsed if collapsed.isascii() else compose(collapsed)


def fold(text: str) -> str:
    """The form in which texts are compared when case is ignored."""
    return text.casefold()


def decode_base64(raw: bytes) -> bytes:
    """Base64 as mail has it: anything outside the alphabet is passed over, padding may be missing."""
    digits = _NOT_BASE64.sub(b"", raw)
    # A single left-over digit holds no whole byte.
    whole = digits[: len(digits) - 1] if len(digits) % 4 == 1 else digits
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def compose(text: str) -> str:
    """NFC in pieces: normalising takes quadratic time over a long run of combining marks."""
    if len(text) <= _PIECE:
        return unicodedata.normalize("NFC", text)
    pieces = []
    start = 0
    while start < len(text):
        end = start + _PIECE
        space = text.rfind(" ", start + 1, end)
        if space > 0 and end < len(text):
            end = space
        else:
            # No mark is parted from its letter, unless it is one of an absurd number.
            while end < len(text) and end < start + _PIECE + 30 and unicodedata.combining(text[end]):
                end += 1
        pieces.append(unicodedata.normalize("NFC", text[start:end]))
        start = end
    return "".join(pieces)
