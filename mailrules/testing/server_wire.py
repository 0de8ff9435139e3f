"""How do bytes reach and leave the in-memory server, and how are they cut when a fault says so?"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from mailrules.testing.server_faults import CutAfterReceived, CutAfterSent

if TYPE_CHECKING:
    import ssl
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Iterable

    from mailrules.testing.server_faults import Fault

LONGEST_LINE = 65_536
_CHUNK = 65_536
_ANNOUNCEMENT = re.compile(rb"\{\d+\}\r\n")


class WireEnded(Exception):
    """The connection is over: the client left, or a fault cut it."""


class LineTooLong(Exception):
    """A line went beyond ``LONGEST_LINE``."""


class ServerWire:
    """One connection's bytes, buffered both ways; ``number`` counts the server's connections from 1."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, *, number: int, faults: Iterable[Fault]) -> None:
        self._reader, self._writer = reader, writer
        self._received = bytearray()
        self._outgoing = bytearray()
        self._bytes_in = self._bytes_out = 0
        self._stall_after: int | None = None
        self.is_silent = False
        self._cut_sent: int | None = None
        self._cut_received: int | None = None
        for fault in faults:
            if isinstance(fault, CutAfterSent) and fault.connection == number:
                self._cut_sent = fault.byte_count
            elif isinstance(fault, CutAfterReceived) and fault.connection == number:
                self._cut_received = fault.byte_count

    async def read_line(self) -> bytes:
        """The next line without its line end. Raises LineTooLong or WireEnded."""
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if searched > LONGEST_LINE:
                raise LineTooLong
            await self._receive()
        if end > LONGEST_LINE:
            raise LineTooLong
        line = bytes(self._received[: end + 1])
        del self._received[: end + 1]
        return line[:-2] if line.endswith(b"\r\n") else line[:-1]

    async def read_exactly(self, count: int) -> bytes:
        """So many bytes. Raises WireEnded."""
        while len(self._received) < count:
            await self._receive()
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    def write(self, data: bytes) -> None:
        """Queue bytes for ``flush``."""
        self._outgoing += data

    @property
    def queued(self) -> int:
        return len(self._outgoing)

    def drop_queued(self) -> None:
        """Forget what was queued and not flushed."""
        self._outgoing.clear()

    def stall_in_literal(self, byte_count: int) -> None:
        """Let the next literal out up to so many bytes, and nothing after them."""
        self._stall_after = byte_count

    async def flush(self) -> None:
        """Send what is queued, as far as the faults let it. Raises WireEnded."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        if self._stall_after is not None and (found := _ANNOUNCEMENT.search(data)):
            data = data[: found.end() + self._stall_after]
            await self._send(data)
            self.is_silent = True
        elif not self.is_silent:
            await self._send(data)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on through TLS. What came in before it must not be read as if it had come through it."""
        self._received.clear()
        await self._writer.start_tls(context)

    @property
    def is_tls(self) -> bool:
        return self._writer.get_extra_info("ssl_object") is not None

    def cut(self) -> None:
        """Close at once, whether or not the client has read what was sent."""
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):  # the client may have gone already
            await self._writer.wait_closed()

    async def _receive(self) -> None:
        left = _CHUNK if self._cut_received is None else min(_CHUNK, self._cut_received - self._bytes_in)
        try:
            data = await self._reader.read(left) if left > 0 else b""
        except OSError as cause:
            raise WireEnded from cause
        if not data:
            raise WireEnded
        self._bytes_in += len(data)
        self._received += data

    async def _send(self, data: bytes) -> None:
        is_last = self._cut_sent is not None and self._bytes_out + len(data) >= self._cut_sent
        if is_last and self._cut_sent is not None:
            data = data[: self._cut_sent - self._bytes_out]
        self._bytes_out += len(data)
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as cause:
            raise WireEnded from cause
        if is_last:
            raise WireEnded
