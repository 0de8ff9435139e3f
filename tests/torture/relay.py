"""A line to a real server that can do something to both ends right before a certain command passes."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Self

HOST = "127.0.0.1"
_COMMAND = re.compile(rb"([A-Za-z]+\d+) ([A-Z]+(?: [A-Z]+)?)")


class Relay:
    """``async with Relay(port, at=N, act=act)``: before the N-th command passes, ``act`` is awaited with this relay.

    ``lose`` ends our side of the connection after it and leaves the server's open; ``finish`` waits until the
    server has answered what it was sent there.
    """

    def __init__(self, port: int, *, at: int = 0, act: Callable[[Relay], Awaitable[None]] | None = None) -> None:
        self.port = 0
        self.commands: list[str] = []
        self._server_port, self._at, self._act = port, at, act
        self._server: asyncio.Server | None = None
        self._lost_tag = b""
        self._answers = bytearray()
        self._answered = asyncio.Event()
        self._lost: asyncio.StreamWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loses = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for ending in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ending, Exception) and not isinstance(ending, ConnectionError):
                raise ending

    def lose(self) -> None:
        """Let the command pass, then reset the client's side."""
        self._loses = True

    async def finish(self) -> None:
        """Wait for the server's answer to the last command of the lost connection, then end it."""
        if self._lost is not None:
            await self._answered.wait()
            self._lost.close()
            self._lost = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of asyncio's own would call it an error that we cancel it.
        self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(HOST, self._server_port)
        down = asyncio.create_task(self._pass_answers(writer, server_reader, to_server=server_writer))
        self._tasks.add(down)
        try:
            await self._pass_commands(reader, server_writer, client=writer)
        finally:
            if self._lost is not server_writer:
                server_writer.close()
            writer.close()

    async def _pass_commands(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, *, client: asyncio.StreamWriter
    ) -> None:
        tag = b""
        while True:
            try:
                line = await reader.readline()
            except OSError:
                return
            if not line:
                return
            if found := _COMMAND.match(line):
                self.commands.append(found[2].decode())
                tag = found[1]
                if len(self.commands) == self._at and self._act is not None:
                    await self._act(self)
            server.write(line)
            if self._loses:
                self._loses, self._lost, self._lost_tag = False, server, tag
                await server.drain()
                client.transport.abort()
                return

    async def _pass_answers(
        self, client: asyncio.StreamWriter, server: asyncio.StreamReader, *, to_server: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                data = await server.read(16_384)
            except OSError:
                data = b""
            if self._lost is to_server:
                self._answers += data
                if not data or b"\n" + self._lost_tag + b" " in b"\n" + bytes(self._answers):
                    self._answered.set()
            elif data and not client.is_closing():
                client.write(data)
            if not data:
                client.close()
                return
