"""What does a connection look like over a slow line, and what went over it, byte for byte?

The proxy runs in a process of its own, so that a client under measurement does not share its
interpreter with the line it is measured on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from tests.jobs.process import Process

HOST = "127.0.0.1"
_CHUNK = 16_384
_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The line between client and server.

    ``round_trip_seconds`` is added half each way; ``bits_per_second`` limits each way on its own,
    0 for no limit. ``cut_after_sent`` and ``cut_after_received`` close both sides once so many
    bytes have passed from and to the client, None for never. ``record`` keeps the bytes.
    """

    server_port: int
    round_trip_seconds: float = 0.0
    bits_per_second: int = 0
    cut_after_sent: int | None = None
    cut_after_received: int | None = None
    record: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Bytes that went one way in one piece: ``>`` from the client, ``<`` to it."""

    connection: int
    direction: str
    data: bytes


@dataclass(slots=True, kw_only=True)
class Traffic:
    """What has passed so far. A turn: the client sends after the server has sent.

    ``bytes_sent`` are those that the client has sent, ``bytes_delivered`` those of them that the server has been given.
    """

    connections: int = 0
    bytes_sent: int = 0
    bytes_delivered: int = 0
    bytes_received: int = 0
    turns: int = 0
    passages: list[Passage] = field(default_factory=list)

    def sent(self, connection: int = 1) -> bytes:
        """All that the client sent on one connection, where it was recorded."""
        return b"".join(one.data for one in self.passages if (one.connection, one.direction) == (connection, ">"))


class Proxy:
    """A proxy on loopback: ``with Proxy(Line(server_port=...)) as proxy:`` listens on ``proxy.port``."""

    def __init__(self, line: Line) -> None:
        self.port = 0
        self._line = line
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.proxy", json.dumps(asdict(self._line))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_REPOSITORY,
        )
        self.port = json.loads(self._answer())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate()  # the end of its input ends it
            self._process = None

    @property
    def traffic(self) -> Traffic:
        """What has passed so far."""
        self._ask({})
        told = json.loads(self._answer())
        passages = [
            Passage(connection=number, direction=way, data=bytes.fromhex(data))
            for number, way, data in told.pop("passages")
        ]
        return Traffic(**told, passages=passages)

    def wait_for(self, program: Process, *, connections: int = 0, bytes_delivered: int = 0) -> None:
        """Wait until so much has passed. Raises AssertionError where the program that sends it ends before."""
        self._ask({"connections": connections, "bytes_delivered": bytes_delivered})
        assert self._process is not None
        assert self._process.stdout is not None
        if program.ends_before(self._process.stdout.fileno()):
            out, err = program.communicate()
            raise AssertionError(f"it has ended before with status {program.returncode}\n{out}{err}")
        self._answer()

    def _ask(self, wanted: dict[str, int]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the proxy's process has ended")
        return answer


class _Way:
    """One direction of one connection: a queue of pieces with the time at which each may leave."""

    def __init__(self, line: Line, *, writer: asyncio.StreamWriter, delivered: Callable[[int], None]) -> None:
        self._delay = line.round_trip_seconds / 2
        self._seconds_per_byte = 8 / line.bits_per_second if line.bits_per_second else 0.0
        self._free_at = 0.0
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._arrival = asyncio.Event()
        self._writer = writer
        self._delivered = delivered

    def put(self, data: bytes) -> None:
        """Take in a piece; an empty one ends the direction."""
        now = asyncio.get_running_loop().time()
        # The line carries one byte after the other, and each arrives one delay after it was carried.
        self._free_at = max(self._free_at, now) + len(data) * self._seconds_per_byte
        self._pieces.append((self._free_at + self._delay, data))
        self._arrival.set()

    async def deliver(self) -> None:
        """Pass the pieces on when their time has come."""
        loop = asyncio.get_running_loop()
        while True:
            while not self._pieces:
                self._arrival.clear()
                await self._arrival.wait()
            leaves, data = self._pieces.popleft()
            if (wait := leaves - loop.time()) > 0:
                await asyncio.sleep(wait)
            if not data:
                return
            self._writer.write(data)
            await self._writer.drain()
            self._delivered(len(data))


class _ProxyServer:
    """The proxy's own process: listens, passes on, counts."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.traffic = Traffic()
        self._progress = asyncio.Event()

    async def reached(self, *, connections: int, bytes_delivered: int) -> None:
        """Wait until so much has passed."""
        while self.traffic.connections < connections or self.traffic.bytes_delivered < bytes_delivered:
            self._progress.clear()
            await self._progress.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.traffic.connections += 1
        self._progress.set()
        number = self.traffic.connections
        server_reader, server_writer = await asyncio.open_connection(HOST, self._line.server_port)
        to_server = _Way(self._line, writer=server_writer, delivered=self._delivered_to_server)
        to_client = _Way(self._line, writer=writer, delivered=lambda _: None)
        turns = _Turns(self.traffic)
        ways = [
            self._read(reader, to_server, direction=">", number=number, turns=turns),
            to_server.deliver(),
            self._read(server_reader, to_client, direction="<", number=number, turns=turns),
            to_client.deliver(),
        ]
        tasks = [asyncio.create_task(way) for way in ways]
        # The end of any of the four is the end of the connection, a reading end once its bytes are through.
        # Cancelled when the proxy ends with a connection open, which is no error to be told of.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([tasks[1], tasks[3]], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in (writer, server_writer):
            one.close()

    def _delivered_to_server(self, count: int) -> None:
        self.traffic.bytes_delivered += count
        self._progress.set()

    async def _read(
        self, reader: asyncio.StreamReader, way: _Way, *, direction: str, number: int, turns: _Turns
    ) -> None:
        from_client = direction == ">"
        left = self._line.cut_after_sent if from_client else self._line.cut_after_received
        while True:
            try:
                data = await reader.read(_CHUNK)
            except OSError:
                data = b""
            if left is not None:
                data, left = data[:left], left - len(data[:left])
            if data:
                turns.passed(from_client=from_client, count=len(data))
                if self._line.record:
                    self.traffic.passages.append(Passage(connection=number, direction=direction, data=data))
                way.put(data)
            if not data or left == 0:
                way.put(b"")
                return


class _Turns:
    """Counts a connection's turns into the whole traffic."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._server_spoke_last = True

    def passed(self, *, from_client: bool, count: int) -> None:
        if from_client:
            self._traffic.bytes_sent += count
            self._traffic.turns += self._server_spoke_last
        else:
            self._traffic.bytes_received += count
        self._server_spoke_last = not from_client


async def _run(line: Line) -> None:
    proxy = _ProxyServer(line)
    server = await asyncio.start_server(proxy.serve, HOST, 0)
    _tell(server.sockets[0].getsockname()[1])
    loop = asyncio.get_running_loop()
    answers = set()
    while wanted := await loop.run_in_executor(None, sys.stdin.readline):
        answers.add(asyncio.create_task(_answer(proxy, json.loads(wanted))))
    server.close()


async def _answer(proxy: _ProxyServer, wanted: dict[str, int]) -> None:
    """Tell what has passed, where something is wanted as soon as it has."""
    if wanted:
        await proxy.reached(**wanted)
    told = asdict(replace(proxy.traffic, passages=[]))
    passages = [(one.connection, one.direction, one.data.hex()) for one in proxy.traffic.passages]
    _tell({**told, "passages": passages})


def _tell(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_run(Line(**json.loads(sys.argv[1]))))
