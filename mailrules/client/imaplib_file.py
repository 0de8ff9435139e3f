"""How does a socket read like a file, so that a timeout loses nothing?

``socket.makefile`` drops half a line when it times out, and refuses to read afterwards. This one keeps what has
come, and the next call goes on with it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

_READ_BYTES = 64 << 10


class SocketFile(io.BufferedIOBase):
    """The reading side of a connected socket; closing it leaves the socket alone."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._buffer = bytearray()
        self._scanned = 0  # up to here there is no line end
        self._at_end = False

    @property
    def buffered_bytes(self) -> int:
        """How much has been received and not been read."""
        return len(self._buffer)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """``size`` bytes, fewer only at the end. Raises OSError, TimeoutError among them."""
        limit = -1 if size is None else size
        while (limit < 0 or len(self._buffer) < limit) and self._receive():
            pass
        return self._take(len(self._buffer) if limit < 0 else limit)

    def readline(self, size: int | None = -1, /) -> bytes:
        """A line with its end, at most ``size`` bytes of it. Raises OSError, TimeoutError among them."""
        limit = -1 if size is None else size
        while True:
            end = self._buffer.find(b"\n", self._scanned)
            if end >= 0:
                return self._take(end + 1 if limit < 0 else min(end + 1, limit))
            self._scanned = len(self._buffer)
            if 0 <= limit <= self._scanned or not self._receive():
                return self._take(self._scanned if limit < 0 else limit)

    def _receive(self) -> bool:
        """Whether more came before the end."""
        if not self._at_end:
            received = self._socket.recv(_READ_BYTES)
            self._buffer += received
            self._at_end = not received
        return not self._at_end

    def _take(self, size: int) -> bytes:
        with memoryview(self._buffer) as view:
            taken = bytes(view[:size])
        del self._buffer[:size]
        self._scanned = 0
        return taken
