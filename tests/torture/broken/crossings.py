"""Moves between accounts that are made again, or made without a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.errors import ConnectionLost
from tests.torture.broken.recoveries import NoRecovery
from tests.torture.crossings import CrossingWorld, WorkStore

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.mailbox.store import AppendOutcome, MessageContent


class NoRecoveryAcross(NoRecovery, CrossingWorld):
    """Begins with new work at once, on both servers."""


class RepeatsAppend(WorkStore):
    """Connects again at once when the line breaks, and hands the message in once more."""

    async def append(
        self,
        mailbox: str,
        message: bytes | MessageContent,
        *,
        flags: frozenset[str] = frozenset(),
        received: datetime | None = None,
    ) -> AppendOutcome:
        content = message if isinstance(message, bytes) else b"".join([piece async for piece in message])
        try:
            return await super().append(mailbox, content, flags=flags, received=received)
        except ConnectionLost:
            self.lost, self.faults = False, []
            return await super().append(mailbox, content, flags=flags, received=received)


class RepeatsAcross(CrossingWorld):
    """A world with such a store."""

    work_store_type = RepeatsAppend
