"""What became of the steps that an earlier run left open: settle, read, decide; never repeat."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from mailrules.journal.journal import Journal
    from mailrules.journal.records import StepState
    from mailrules.mailbox.store import MailStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReport:
    """``settled`` counts the open steps by the state they got; ``alarms`` are for a person."""

    settled: Counter[StepState]
    alarms: tuple[str, ...] = ()


async def recover(
    journal: Journal,
    stores: Mapping[str, MailStore],
    *,
    now: Callable[[], datetime],
    wait: Callable[[float], Awaitable[None]],
    quiet_seconds: float = 5.0,
) -> RecoveryReport:
    """Give every open step of these accounts its verdict, before anything new is judged there.

    ``wait`` is ``asyncio.sleep`` outside tests. With nothing open it sends and waits for nothing.
    """
    raise NotImplementedError
