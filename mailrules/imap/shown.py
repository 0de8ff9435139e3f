"""How is what a server sent shown to people: shortened, and without what opens something?

A signed URL lets whoever has it read a message (RFC 4467), and URLMECH may tell the keys that sign. Passwords are
not known here: ``mailrules.client`` covers those.
"""

from __future__ import annotations

import re
from typing import Final

SHOWN_BYTES: Final = 80
MOST_WORDS: Final = 300
_HIDDEN: Final = b"***"
# ";URLAUTH=" access ":" mechanism ":" token (RFC 4467 section 9)
_SIGNED = re.compile(rb"(;URLAUTH=[^:;\s\"\\]{1,1000}+:[A-Z0-9.-]{1,100}+:)[^\s\"\\(){}]++", re.IGNORECASE)
_MECHANISMS = re.compile(rb"\[URLMECH [^]\r\n]*+", re.IGNORECASE)
_KEY = re.compile(rb"(?<==)[A-Za-z0-9+/]++=*+")


def without_tokens(data: bytes) -> bytes:
    """The same bytes, with ``***`` for the token of each signed URL, and for each key of URLMECH."""
    if b";" in data:
        data = _SIGNED.sub(rb"\1" + _HIDDEN, data)
    if b"[" in data:
        data = _MECHANISMS.sub(lambda told: _KEY.sub(_HIDDEN, told[0]), data)
    return data


def shown(sent: bytes | str) -> str:
    """What was sent, as an error quotes it: up to SHOWN_BYTES, escaped, without tokens; "" for nothing."""
    data = sent[: 20 * SHOWN_BYTES].encode("utf-8", "replace") if isinstance(sent, str) else sent
    data = without_tokens(data[: 20 * SHOWN_BYTES])
    if not data:
        return ""
    return repr(data[:SHOWN_BYTES]).removeprefix("b") + ("..." if len(data) > SHOWN_BYTES else "")


def shown_words(text: str) -> str:
    """Words of which some are the server's, on one line, up to MOST_WORDS characters, without tokens."""
    data = without_tokens(text[: 2 * MOST_WORDS].encode("utf-8", "replace"))
    safe = "".join(one if one.isprintable() else repr(one)[1:-1] for one in data.decode("utf-8", "replace"))
    return safe if len(safe) <= MOST_WORDS else safe[:MOST_WORDS] + "..."
