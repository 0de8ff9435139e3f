"""Which commands of a mailbox's run are on their way, and when may the next one go?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.mailbox.message import UID

MESSAGES_IN_FLIGHT = 1000
BATCHES_IN_FLIGHT = 16


@dataclass(slots=True)
class Flight:
    """A command on its way, until its verdict is in the journal."""

    uids: frozenset[UID]
    task: asyncio.Task[None] | None = None
    is_answered: bool = False
    """The server is through with it; it no longer counts for the window."""


class Flights:
    """The window: at most so many commands and messages whose answers are not there yet."""

    def __init__(self) -> None:
        self._flights: list[Flight] = []
        self._answered = asyncio.Event()

    def begin(self, flight: Flight) -> None:
        self._flights.append(flight)

    def answered(self, flight: Flight) -> None:
        """It makes room, though its verdict is still to be journalled."""
        flight.is_answered = True
        self._answered.set()

    def clear(self) -> None:
        """All verdicts are in the journal."""
        self._flights.clear()

    async def wait_for_verdicts(self, uids: frozenset[UID]) -> None:
        """Wait until the journal knows what became of the earlier commands of these messages."""
        self._flights = [flight for flight in self._flights if flight.task and not flight.task.done()]
        overlapping = [flight.task for flight in self._flights if flight.task and not uids.isdisjoint(flight.uids)]
        if overlapping:
            await asyncio.wait(overlapping)

    async def make_room(self, messages: int) -> None:
        """Wait until the window has room for a command of so many messages."""
        while True:
            self._answered.clear()
            unanswered = [len(flight.uids) for flight in self._flights if not flight.is_answered]
            if not unanswered or (
                len(unanswered) < BATCHES_IN_FLIGHT and sum(unanswered) + messages <= MESSAGES_IN_FLIGHT
            ):
                return
            await self._answered.wait()
