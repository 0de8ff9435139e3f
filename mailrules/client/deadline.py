"""When has a server had its time, not counting the time in which this process did not run?

A process is stopped by Ctrl-Z, a frozen container or a starved machine. What the server sent meanwhile waits in the
socket: a deadline that passed in its sleep would be judged before that is read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_LATE_SECONDS = 1.0
"""A loop that looks at its clock so much too late was not running."""


class Deadline:
    """As ``asyncio.timeout``, but where the loop finds it passed long ago, it starts anew."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._timeout = asyncio.Timeout(None)
        self._timer: asyncio.TimerHandle | None = None

    def when(self) -> float | None:
        """When it passes, by the loop's clock; None while it is stopped."""
        return None if self._timer is None else self._timer.when()

    def expired(self) -> bool:
        """Whether it has passed, so that the block was cancelled."""
        return self._timeout.expired()

    def restart(self, seconds: float | None) -> None:
        """So long from now; None stops it."""
        self._stop()
        if self._timeout.when() is not None:
            self._timeout.reschedule(None)
        self._seconds = seconds
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._pass)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pass(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._timer is not None and now - self._timer.when() > _LATE_SECONDS:
            self.restart(self._seconds)
        else:
            self._timeout.reschedule(now)

    async def __aenter__(self) -> Deadline:
        await self._timeout.__aenter__()
        self.restart(self._seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        await self._timeout.__aexit__(kind, error, trace)
