"""How long to wait before connecting again: twice as long each time, up to five minutes, never in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, ConnectionFailed
from mailrules.imap.throttling import seconds_after_command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 300.0
STABLE_SECONDS = 60.0
"""A connection that has lived so long ends the count of attempts; one that is lost at once does not."""


class Backoff:
    """The waits between attempts. ``random`` answers between 0 and 1; it keeps many clients apart."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._attempts = 0

    def next_seconds(self) -> float:
        """The wait before the next attempt: between half of the step and one and a half."""
        step: float = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._attempts, 30))
        self._attempts += 1
        return step * (0.5 + self._random())

    def reset(self) -> None:
        """An attempt succeeded."""
        self._attempts = 0


def seconds_asked(error: Exception) -> float:
    """How long the server that refused us wants to be left alone; 0 where it did not say so."""
    if isinstance(error, ConnectionFailed):
        return error.wait_seconds or 0.0
    return (seconds_after_command(error) or 0.0) if isinstance(error, CommandRefused) else 0.0


class Pace:
    """When may something be sent to a server again that failed, or asked to be left alone?

    ``now`` is a clock in seconds that only goes forward, ``wait`` sleeps. The moment is kept, so that a wait that is
    cancelled and begun again does not last longer.
    """

    def __init__(
        self, *, now: Callable[[], float], wait: Callable[[float], Awaitable[None]], random: Callable[[], float]
    ) -> None:
        self._now, self._wait = now, wait
        self._backoff = Backoff(random)
        self._not_before = now()
        self._connected_at: float | None = None

    async def turn(self) -> None:
        """Wait for the moment."""
        while (left := self._not_before - self._now()) > 0:
            await self._wait(left)

    def hold(self, seconds: float) -> None:
        """The server wants to be left alone for so long."""
        self._not_before = max(self._not_before, self._now() + seconds)

    def failed(self, *, at_least_seconds: float = 0.0) -> None:
        """An attempt to connect failed."""
        self.hold(max(self._backoff.next_seconds(), at_least_seconds))

    def connected(self) -> None:
        """An attempt succeeded."""
        self._connected_at = self._now()

    def lost(self) -> None:
        """The connection is gone."""
        if self._connected_at is not None and self._now() - self._connected_at >= STABLE_SECONDS:
            self._backoff.reset()
        self._connected_at = None
        self.hold(self._backoff.next_seconds())
