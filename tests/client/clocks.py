"""A clock that goes forward by the waits that are asked of it, so that no test sleeps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Clock:
    """``now`` and ``wait`` for what takes a clock as arguments; ``waits`` is what was waited for, in seconds."""

    seconds: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    async def wait(self, seconds: float) -> None:
        self.waits.append(round(seconds, 3))
        self.seconds += seconds
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until this holds; for what a server in the same loop has seen."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 -- nobody has an event for it
            await asyncio.sleep(0)
