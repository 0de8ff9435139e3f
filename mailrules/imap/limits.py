"""How much a server may make us hold, follow or count before we stop listening to it."""

from __future__ import annotations

from mailrules.values import dataclass

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what a server may send; going over one is a ``RemoteProtocolError`` or a ``Malformed``.

    Lines of data that grow with the mailbox (SEARCH, ESEARCH, SORT, THREAD, VANISHED) or with a message
    that a stranger wrote (FETCH) have a bound of their own: one message must not end the connection.
    """

    line_bytes: int = 64 * _KIB
    data_line_bytes: int = 16 * _MIB
    literal_bytes: int = 64 * _MIB
    streamed_bytes: int = 2**63 - 1
    """A literal that is taken in pieces, of which we hold none: what the grammar allows (RFC 9051, ``number64``)."""
    response_bytes: int = 65 * _MIB
    """One whole response, all its lines and literals."""
    nesting: int = 50
    """Parentheses inside parentheses."""
    items: int = 100_000
    """Words, strings and lists in one value, such as a BODYSTRUCTURE."""
    parts: int = 1000
    """MIME parts in one BODYSTRUCTURE."""
    addresses: int = 2000
    """Addresses in one ENVELOPE."""
    copied_uids: int = 100_000
    """Members of one COPYUID."""


DEFAULT_LIMITS = Limits()
