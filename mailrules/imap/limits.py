"""How much a server may make us hold, follow or count before we stop listening to it."""

from __future__ import annotations

from dataclasses import dataclass

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what a server may send; going over one is a ``RemoteProtocolError`` or a ``Malformed``.

    A number response is one that lists numbers (SEARCH, ESEARCH, SORT, THREAD, VANISHED): its line
    grows with the mailbox, so it has a bound of its own.
    """

    line_bytes: int = 64 * _KIB
    number_line_bytes: int = 16 * _MIB
    literal_bytes: int = 64 * _MIB
    response_bytes: int = 65 * _MIB
    """One whole response, all its lines and literals."""
    nesting: int = 50
    """Parentheses inside parentheses."""
    parts: int = 1000
    """MIME parts in one BODYSTRUCTURE."""
    addresses: int = 2000
    """Addresses in one ENVELOPE."""
    copied_uids: int = 100_000
    """Members of one COPYUID."""


DEFAULT_LIMITS = Limits()
