"""Which of a host's addresses answers first (happy eyeballs, RFC 8305), with nothing left of the others?

asyncio's own race loses the socket of an attempt that succeeds just when the whole is cancelled.
"""

from __future__ import annotations

import asyncio
import socket
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ATTEMPT_DELAY_SECONDS = 0.25
"""How long an address has before the next one is tried beside it (RFC 8305 section 5)."""

# Family, kind, protocol, canonical name and address, as getaddrinfo gives them.
Address: TypeAlias = "tuple[socket.AddressFamily, socket.SocketKind, int, str, _Place]"
_Place: TypeAlias = "tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]"


async def dial(host: str, port: int, *, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect by TCP. Raises OSError (gaierror for a name that does not resolve) and UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    connection = await _Race(in_turn(found)).run()
    try:
        return await asyncio.open_connection(sock=connection, limit=limit)
    except BaseException:
        connection.close()
        raise


def in_turn(addresses: Iterable[Address]) -> list[Address]:
    """Families in turn, the first one first (RFC 8305 section 4)."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    return [address for address in chain.from_iterable(zip_longest(*families.values())) if address is not None]


class _Race:
    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses
        self._winner: socket.socket | None = None
        self._errors: list[OSError] = []

    async def run(self) -> socket.socket:
        """The first connection; all others are closed, and so is it if this is cancelled."""
        attempts: set[asyncio.Task[None]] = set()
        try:
            for address in self._addresses:
                attempts.add(asyncio.create_task(self._attempt(address)))
                await self._wait(attempts, timeout=ATTEMPT_DELAY_SECONDS)
            while self._winner is None and not all(attempt.done() for attempt in attempts):
                await self._wait(attempts, timeout=None)
        except BaseException:
            if self._winner is not None:
                self._winner.close()
            raise
        finally:
            for attempt in attempts:
                attempt.cancel()
        if self._winner is None:
            refused = (error for error in self._errors if isinstance(error, ConnectionRefusedError))
            raise next(refused, self._errors[0] if self._errors else OSError("the name has no address"))
        return self._winner

    async def _wait(self, attempts: set[asyncio.Task[None]], *, timeout: float | None) -> None:
        running = {attempt for attempt in attempts if not attempt.done()}
        if self._winner is None and running:
            await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    async def _attempt(self, address: Address) -> None:
        if self._winner is not None:
            return
        family, kind, protocol, _, place = address
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(0)
            await asyncio.get_running_loop().sock_connect(connection, place)
        except OSError as error:
            connection.close()
            self._errors.append(error)
        except BaseException:
            connection.close()
            raise
        else:
            self._finish(connection)

    def _finish(self, connection: socket.socket) -> None:
        if self._winner is None:
            self._winner = connection
        else:
            connection.close()
