"""What does COMPRESS=DEFLATE (RFC 4978) do to the bytes of a connection, and how is a bomb stopped?"""

from __future__ import annotations

import zlib

from mailrules.errors import ConnectionLost

# RFC 4978 section 4: "the receiving side MUST support window sizes up to 15"; the minus sign
# asks zlib for raw deflate, without header and checksum.
_RAW_DEFLATE = -15

EXPECTED_RATIO = 100
"""Mail and FETCH answers shrink to a third or a tenth; honest data stays below this on average."""

DEFAULT_SLACK_BYTES = 64 << 20
"""How far the output may run ahead of the expected ratio, such as for one attachment of zeros."""


class DeflateLayer:
    """Raw deflate in both directions, with one dictionary each for the life of the connection."""

    def __init__(self, *, slack_bytes: int = DEFAULT_SLACK_BYTES) -> None:
        self._deflater = zlib.compressobj(wbits=_RAW_DEFLATE)
        self._inflater = zlib.decompressobj(wbits=_RAW_DEFLATE)
        self._slack_bytes = slack_bytes
        self._ahead_bytes = 0
        self._waiting = b""

    def encode(self, data: bytes) -> bytes:
        """Deflate ``data`` and flush, so that the server sees all of it now."""
        return self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)

    def feed(self, data: bytes) -> None:
        """Take what came from the network; ``decode`` turns it into plain bytes."""
        self._waiting += data
        self._ahead_bytes = max(0, self._ahead_bytes - EXPECTED_RATIO * len(data))

    def decode(self, *, max_bytes: int) -> bytes:
        """The next plain bytes, at most ``max_bytes``; b"" when more input is needed.

        Raises ConnectionLost for data that is no deflate stream, for a stream that has ended
        (RFC 4978 has no end but the connection's), and for one that inflates beyond all reason.
        """
        try:
            plain = self._inflater.decompress(self._waiting, max_bytes)
        except zlib.error as error:
            raise ConnectionLost(f"the server's compressed data cannot be read ({error})") from error
        self._waiting = self._inflater.unconsumed_tail
        if self._inflater.eof:
            raise ConnectionLost("the server ended its compressed stream without closing the connection")
        self._ahead_bytes += len(plain)
        if self._ahead_bytes > self._slack_bytes:
            raise ConnectionLost(
                f"the server's compressed data grows more than {EXPECTED_RATIO}-fold, by {self._ahead_bytes:,} bytes "
                "so far; set compress: false for this account if the server is to be trusted"
            )
        return plain
