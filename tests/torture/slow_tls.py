"""TLS over a line that falls silent in the middle of the handshake or later, or on which every byte comes alone.

``told-N``: after N bytes of the server's, as they are on the wire, nothing more comes; ``heard-N``: after N bytes of
ours nothing more gets there. ``drip``: the whole session byte by byte, both ways.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import trustme

from mailrules.settings import Security
from tests.torture.judge import judge
from tests.torture.silences import PATIENCE_SECONDS
from tests.torture.sockets import SocketWorld
from tests.torture.suites import Attempt, Point, story_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.settings import AccountSettings
    from tests.torture.cases import Case

HOST = "127.0.0.1"
_PLACES = (0, 1, 5, 6, 50, 127, 300, 700, 1_000, 1_400, 1_600, 2_000, 3_000, 5_000)
"""In the handshake, around its end, in the login and later."""


class SlowLine:
    """Passes bytes to the server's port and back: the first connection as said, later ones as they come."""

    def __init__(
        self, server_port: int, *, told: int | None = None, heard: int | None = None, drips: bool = False
    ) -> None:
        self.port = 0
        self._server_port, self._told, self._heard, self._drips = server_port, told, heard, drips
        self._connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._connections += 1
        is_slow = self._connections == 1
        from_server, to_server = await asyncio.open_connection(HOST, self._server_port)
        self._writers |= {to_server, writer}
        down = self._pass(from_server, writer, most=self._told if is_slow else None, is_slow=is_slow)
        up = self._pass(reader, to_server, most=self._heard if is_slow else None, is_slow=is_slow)
        try:
            await asyncio.gather(down, up)
        except OSError:  # one side has gone; the other learns of it below
            return
        finally:
            to_server.transport.abort()
            writer.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, most: int | None, is_slow: bool
    ) -> None:
        passed = 0
        while data := await reader.read(1 if self._drips and is_slow else 16_384):
            kept = data if most is None else data[: max(0, most - passed)]
            passed += len(data)
            writer.write(kept)
            await writer.drain()
        writer.close()


class TlsWorld(SocketWorld):
    """A world whose server speaks TLS from the first byte, behind a slow line."""

    def __init__(self, case: Case, profile: str, **line: object) -> None:
        super().__init__(case, profile)
        authority, context = _certificate()
        self.server.tls, self.server.implicit_tls = context, True
        self._ca_file = self.folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self._ca_file))
        self._line_options = line
        self.line: SlowLine | None = None

    async def start(self) -> None:
        await super().start()
        self.line = SlowLine(self.server.port, **self._line_options)
        await self.line.start()

    async def close(self) -> None:
        if self.line is not None:
            await self.line.stop()
        await super().close()

    def _here(self, settings: AccountSettings) -> AccountSettings:
        assert self.line is not None
        here = super()._here(settings)
        timeouts = replace(here.timeouts, tls_seconds=self.patience_seconds)
        return replace(here, port=self.line.port, security=Security.TLS, ca_file=str(self._ca_file), timeouts=timeouts)


class SlowTls:
    """The suite."""

    name, noun = "slow-tls", "slow TLS lines"

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        whats = [f"{way}-{place}" for way in ("told", "heard") for place in _PLACES] + ["drip-1"]
        names = tuple(profiles)
        return [
            Point(suite=self.name, case=case, profile=profile, what=what)
            for case in cases
            for profile in names
            for what in whats
        ]

    async def attempt(self, point: Point) -> Attempt:
        kind, number = point.what.split("-")
        options = {"drips": True} if kind == "drip" else {kind: int(number)}
        world = TlsWorld(point.case, point.profile, **options)
        world.patience_seconds = 60.0 if kind == "drip" else PATIENCE_SECONDS
        await world.start()
        try:
            await world.run_through()
            world.patience_seconds = 60.0
            await world.run_through()
            findings = judge(world.evidence())
            return Attempt(findings=findings, story=story_of(world) if findings else "")
        finally:
            await world.close()


@cache
def _certificate() -> tuple[trustme.CA, ssl.SSLContext]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    return authority, context
