"""What carries a client's bytes, who sees them pass, and what do they cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mailrules.errors import ConnectionLost
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.imap.write_queue import Outgoing


class Stream(Protocol):
    """A byte stream to one server. ``mailrules.client.stream`` has the real one, tests a scripted one.

    Network trouble may raise ``OSError`` (``ssl.SSLError`` and ``asyncio.IncompleteReadError`` are
    fine too) or an ``IMAPError``; the client turns each into ``ConnectionLost`` for every waiter.
    """

    async def read(self) -> bytes:
        """Some bytes as soon as there are any; ``b""`` at the end. Called by one task only."""
        ...

    def write(self, data: bytes) -> None:
        """Buffer these bytes for sending; never waits."""
        ...

    async def drain(self) -> None:
        """Wait until the buffer is short again. Runs beside ``read``."""
        ...

    async def start_tls(self) -> None:
        """Put TLS, verified for the host connected to, over the stream. No ``read`` is running then."""
        ...

    def start_compression(self, received: bytes) -> None:
        """Inflate and deflate (RFC 4978) from here on; ``received`` came behind the server's OK and is compressed."""
        ...

    async def close(self) -> None:
        """Close at once; a ``read`` that waits ends. May be called twice."""
        ...


class TrafficObserver(Protocol):
    """Sees every byte of a connection, for transcripts; ``secret`` marks credentials."""

    def sent(self, data: bytes, *, secret: bool) -> None:
        """These bytes go out now; one call for each stretch that is or is not secret."""
        ...

    def received(self, data: bytes) -> None:
        """These bytes came in, as cut by the network."""
        ...


@dataclass(slots=True)
class Counters:
    """What a connection has cost so far. A turn is a write after waiting for bytes: a round trip."""

    turns: int = 0
    commands: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class Meter:
    """Counts what passes and shows it to the observer, for either driver."""

    def __init__(self, observer: TrafficObserver | None) -> None:
        self.counters = Counters()
        self._observer = observer
        self._has_received = True

    def received(self, data: bytes) -> None:
        """These bytes came in."""
        self._has_received = True
        self.counters.bytes_in += len(data)
        if self._observer is not None:
            self._observer.received(data)

    def sent(self, pieces: Iterable[Outgoing]) -> bytes:
        """What goes out now, in one piece."""
        self.counters.turns += self._has_received
        self._has_received = False
        chunks = []
        for piece in pieces:
            chunks.append(piece.data)
            if self._observer is not None:
                self._observer.sent(piece.data, secret=piece.is_secret)
        data = b"".join(chunks)
        self.counters.bytes_out += len(data)
        return data


def lost(reason: str, *, place: str, may_have_run: bool) -> ConnectionLost:
    """The error, which names the place unless the stream's own words do."""
    is_told = not place or reason.startswith(place)
    return ConnectionLost(reason if is_told else f"{place}: {reason}", may_have_run=may_have_run)
