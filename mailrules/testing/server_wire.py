"""How do bytes reach and leave the in-memory server, and how are they cut when a fault says so?"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from mailrules.testing.server_faults import CutAfterReceived, CutAfterSent, Ending, Trickle

if TYPE_CHECKING:
    import ssl
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Iterable

    from mailrules.testing.server_faults import Fault, Interject, Rewrite

LONGEST_LINE = 65_536
_CHUNK = 65_536
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, 0 seconds
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
        self._interjection: Interject | None = None
        self._rewriting: Rewrite | None = None
        self._responses_written = 0
        self.is_silent = False
        self._cut_sent: CutAfterSent | None = None
        self._cut_received: CutAfterReceived | None = None
        self._trickle: Trickle | None = None
        self._is_mute = False
        self._deflate: zlib._Compress | None = None
        self._inflate: zlib._Decompress | None = None
        for fault in faults:
            match fault:
                case CutAfterSent(connection=connection) if connection == number:
                    self._cut_sent = fault
                case CutAfterReceived(connection=connection) if connection == number:
                    self._cut_received = fault
                case Trickle(connection=connection) if connection == number:
                    self._trickle = fault

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
        """Queue whole responses for ``flush``."""
        self._outgoing += data
        self._responses_written += 1
        if self._interjection is not None and self._responses_written == self._interjection.after:
            self._outgoing += self._interjection.data

    def distort(self, *, interjection: Interject | None = None, rewriting: Rewrite | None = None) -> None:
        """Spoil what is sent from here on; without arguments, no more."""
        self._interjection, self._rewriting, self._responses_written = interjection, rewriting, 0

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
        if self._rewriting is not None:
            data = re.sub(self._rewriting.pattern, self._rewriting.replacement, data)
        if self._stall_after is not None and (found := _ANNOUNCEMENT.search(data)):
            data = data[: found.end() + self._stall_after]
            await self._send(data)
            self.is_silent = True
        elif not self.is_silent and not self._is_mute:
            await self._send(data)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on through TLS. What came in before it must not be read as if it had come through it."""
        self._received.clear()
        await self._writer.start_tls(context)

    def start_compression(self) -> None:
        """Deflate from here on, both ways (RFC 4978). What has come in behind the command is compressed already."""
        self._deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        received, self._received = bytes(self._received), bytearray()
        self._received += self._inflated(received)

    @property
    def is_compressed(self) -> bool:
        return self._deflate is not None

    def _inflated(self, data: bytes) -> bytes:
        if self._inflate is None:
            return data
        try:
            return self._inflate.decompress(data)
        except zlib.error as cause:
            raise WireEnded from cause

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
        most = _CHUNK if self._trickle is None else self._trickle.byte_count
        if self._cut_received is not None:
            most = min(most, self._cut_received.byte_count - self._bytes_in)
            if most <= 0:
                await self._end(self._cut_received.ending)
                most = _CHUNK
        try:
            data = await self._reader.read(most)
        except OSError as cause:
            raise WireEnded from cause
        if not data:
            raise WireEnded
        self._bytes_in += len(data)
        self._received += self._inflated(data)
        await self._pause()

    async def _send(self, data: bytes) -> None:
        if self._deflate is not None and data:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        cut = self._cut_sent
        is_last = cut is not None and self._bytes_out + len(data) >= cut.byte_count
        if cut is not None and is_last:
            data = data[: cut.byte_count - self._bytes_out]
        self._bytes_out += len(data)
        step = len(data) if self._trickle is None else self._trickle.byte_count
        try:
            for start in range(0, len(data), step or 1):
                self._writer.write(data[start : start + step])
                await self._writer.drain()
                await self._pause()
        except OSError as cause:
            raise WireEnded from cause
        if cut is not None and is_last:
            await self._end(cut.ending)

    async def _pause(self) -> None:
        """Between two pieces of a trickle the other side has its turn, also where it shares the event loop."""
        if self._trickle is not None:
            await asyncio.sleep(self._trickle.pause_seconds)

    async def _end(self, ending: Ending) -> None:
        """End the connection in this way. Raises WireEnded; after a half close the session goes on, unheard."""
        transport = self._writer.transport
        if ending is Ending.HALF_CLOSE and self._writer.can_write_eof():
            self._cut_sent = self._cut_received = None
            self._is_mute = True
            self._writer.write_eof()
            return
        if ending is Ending.RESET:
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            transport.abort()
        elif ending is Ending.STALL:
            self.is_silent = True
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
            with suppress(OSError):
                await self._writer.wait_closed()
        raise WireEnded
