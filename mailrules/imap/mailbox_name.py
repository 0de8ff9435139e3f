"""How mailbox names travel: modified UTF-7 (RFC 3501 section 5.1.3), and names that are not even that.

A server's name always becomes a ``str`` that is written back as the very same bytes. What is not
well-formed modified UTF-7 keeps its odd bytes (8-bit ones, controls, and ``&`` that starts nothing) as
characters of the private use area, U+EF00 plus the byte, so that the name can be shown, stored and sent.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from mailrules.errors import LocalProtocolError

_ODD_BYTE = 0xEF00
_ODD = "\uef00-\uef1f\uef26\uef7f-\uefff"
_ANY_ODD = re.compile(f"[{_ODD}]")
_MUST_BE_ODD = re.compile("[\x00-\x1f&\x7f-\xff]")
_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")
_PIECES = re.compile(
    f"(?P<odd>[{_ODD}]+)|(?P<shifted>[^\x20-\x7e{_ODD}]+)|(?P<ampersand>&)|(?P<plain>[\x20-\x25\x27-\x7e]+)"
)


def decode_mailbox_name(raw: bytes, *, utf8: bool = False) -> str:
    """The name as people write it. Never raises, and ``encode_mailbox_name`` gives ``raw`` back.

    ``utf8`` is for connections with UTF8=ACCEPT enabled (RFC 9755). INBOX in any case is ``INBOX``.
    """
    if raw.upper() == b"INBOX":
        return "INBOX"
    try:
        name = raw.decode() if utf8 else _decode_modified_utf7(raw)
        if not _ANY_ODD.search(name) and encode_mailbox_name(name, utf8=utf8) == raw:
            return name
    except (UnicodeError, Base64Error, LocalProtocolError):
        pass
    return _MUST_BE_ODD.sub(lambda match: chr(_ODD_BYTE + ord(match[0])), raw.decode("latin-1"))


def encode_mailbox_name(name: str, *, utf8: bool = False) -> bytes:
    """The bytes of a name, not yet quoted. Raises LocalProtocolError for half of a surrogate pair."""
    try:
        return b"".join(_encode_piece(match, utf8=utf8) for match in _PIECES.finditer(name))
    except UnicodeEncodeError as cause:
        raise LocalProtocolError(f"the mailbox name {name!r} holds half of a surrogate pair") from cause


def is_same_mailbox(first: str, second: str) -> bool:
    """Whether two names mean one mailbox; only INBOX is compared without regard to case."""
    return first == second or first.upper() == second.upper() == "INBOX"


def _encode_piece(piece: re.Match[str], *, utf8: bool) -> bytes:
    text = piece[0]
    if piece.lastgroup == "odd":
        return bytes(ord(character) - _ODD_BYTE for character in text)
    if utf8 or piece.lastgroup == "plain":
        return text.encode()
    if piece.lastgroup == "ampersand":
        return b"&-"
    return b"&" + b64encode(text.encode("utf-16-be"), altchars=b"+,").rstrip(b"=") + b"-"


def _decode_modified_utf7(raw: bytes) -> str:
    return _SHIFTED.sub(lambda match: _decode_shifted(match[1]).encode(), raw).decode()


def _decode_shifted(encoded: bytes) -> str:
    if not encoded:
        return "&"
    padding = b"=" * (-len(encoded) % 4)
    return b64decode(encoded + padding, altchars=b"+,").decode("utf-16-be")
