"""A stream in memory of which the test is the server."""

from __future__ import annotations

import asyncio


class ScriptedStream:
    """What the client writes can be awaited line by line; what the test feeds the client reads."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.layers: list[str] = []
        self.is_closed = False
        self._to_read: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self._wants_more = asyncio.Event()
        self._written = asyncio.Event()
        self._may_drain = asyncio.Event()
        self._may_drain.set()
        self.tls_error: Exception | None = None
        self.drain_error: OSError | None = None

    # -- the client's side

    async def read(self) -> bytes:
        if self._to_read.empty():
            self._wants_more.set()
        data = await self._to_read.get()
        if isinstance(data, OSError):
            raise data
        return data

    def write(self, data: bytes) -> None:
        self.sent += data
        self._written.set()

    async def drain(self) -> None:
        if self.drain_error is not None:
            raise self.drain_error
        await self._may_drain.wait()

    async def start_tls(self) -> None:
        if self.tls_error is not None:
            raise self.tls_error
        self.layers.append("tls")

    def start_compression(self, received: bytes) -> None:
        self.layers.append("deflate")
        if received:
            self._to_read.put_nowait(received)

    async def close(self) -> None:
        self.is_closed = True

    # -- the test's side

    def feed(self, data: bytes | OSError) -> None:
        """The server sends this; ``b""`` closes."""
        self._wants_more.clear()
        self._to_read.put_nowait(data)

    def block_writes(self) -> None:
        """The server stops reading: both buffers are full."""
        self._may_drain.clear()

    def allow_writes(self) -> None:
        """The server reads again."""
        self._may_drain.set()

    async def is_read(self) -> None:
        """Wait until the client has taken all that was fed and wants more."""
        await self._wants_more.wait()

    async def expect(self, wanted: bytes) -> None:
        """Wait until exactly this has been written, and take it away."""
        while len(self.sent) < len(wanted) and wanted.startswith(self.sent):
            self._written.clear()
            async with asyncio.timeout(60):
                await self._written.wait()
        assert bytes(self.sent) == wanted
        self.sent.clear()
