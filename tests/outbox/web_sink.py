"""A small HTTP server in the test's loop that notes what it is told, and fails at a point of the test's choosing."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

POINTS = ("accepted", "in_request", "after_request", "in_status", "in_headers")
"""Where the connection can be cut; from ``after_request`` on the call has had its effect."""


@dataclass(frozen=True)
class Call:
    """One request that was read whole."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, object]:
        return json.loads(self.body)


@dataclass
class WebSink:
    """``cut_at`` is one of POINTS; ``answers`` are given in turn, the last one for ever."""

    answers: list[bytes] = field(default_factory=lambda: [answer(204)])
    cut_at: str = ""
    is_silent: bool = False
    port: int = 0
    calls: list[Call] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut_at == "accepted":
            return
        line = (await reader.readuntil(b"\r\n")).decode().strip()
        if self.cut_at == "in_request":
            return
        headers = {}
        while (one := (await reader.readuntil(b"\r\n")).decode().strip()) != "":
            name, _, value = one.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.calls.append(Call(line, headers, body))
        if self.is_silent:
            await asyncio.Event().wait()
        reply = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        cuts = {"after_request": 0, "in_status": 9, "in_headers": reply.index(b"\r\n") + 4}
        writer.write(reply[: cuts.get(self.cut_at, len(reply))])
        await writer.drain()


def answer(status: int, *, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """An answer's bytes."""
    fields = {"Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Words\r\n{head}\r\n".encode() + body


@asynccontextmanager
async def web_sink(sink: WebSink, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[WebSink]:
    """The server on a free port of this machine."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(sink.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", sink.port, ssl=tls)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
