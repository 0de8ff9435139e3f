"""How the daemon works on the outbox: what waits is tried again when it is due, whether mail arrives or not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailrules.errors import MailrulesError, ReadOnlyMode
from mailrules.logs import get_logger
from mailrules.outgoing import outbox_of, work_outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.session import Session

LONGEST_PAUSE_SECONDS = 60.0
"""New effects may begin to wait at any time; so often is looked."""


class Retries:
    """Works on the outbox until ``stop``. ``session`` answers with the one in force."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End after the attempt that is under way."""
        self._stop.set()

    async def run(self) -> None:
        """Try what is due, wait for what is due next; whatever fails is logged, and tried again later."""
        while not self._stop.is_set() and outbox_of(self._session()) is not None:
            try:
                await work_outbox(self._session())
            except ReadOnlyMode:
                pass  # the watchers tell of it, and it is looked at again
            except MailrulesError as error:
                get_logger().error("task.failed", error=str(error))
            except Exception:  # noqa: BLE001 -- the task border: the mailboxes are watched on
                get_logger().exception("task.failed")
            await self._pause()

    async def _pause(self) -> None:
        session = self._session()
        outbox = outbox_of(session)
        due = await outbox.seconds_until_due() if outbox is not None else None
        # A moment of rest even where something is due: another task may have it in hand.
        seconds = LONGEST_PAUSE_SECONDS if due is None else min(max(due, 1.0), LONGEST_PAUSE_SECONDS)
        waits = [asyncio.ensure_future(session.wait(seconds)), asyncio.ensure_future(self._stop.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
