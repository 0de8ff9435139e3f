"""How long to wait before connecting again: twice as long each time, up to five minutes, never in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 300.0


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
