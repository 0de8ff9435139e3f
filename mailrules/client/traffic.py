"""What carries a client's bytes, who sees them pass, and what do they cost?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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
