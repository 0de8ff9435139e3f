"""What every part of a run on one account works with, and how it writes the journal."""

from __future__ import annotations

import asyncio
from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.journal.records import StepVerdict
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from mailrules.execution.outbox import Outbox
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunId, StepId, StepIntent, StepRecord, StepState
    from mailrules.mailbox.store import MailStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run on one account's connection."""

    run: RunId
    store: MailStore
    journal: Journal
    now: Callable[[], datetime]
    guard: Callable[[], Awaitable[None]] | None = None
    """Looked at before each batch: raises LeaseLost where another machine may act now."""
    others: Mapping[str, MailStore] = field(default_factory=dict)
    """Connections to the other accounts, for what crosses."""
    outbox: Outbox | None = None
    """Where effects beyond the mailbox go out."""

    @property
    def account(self) -> str:
        return self.store.account

    async def intend(self, intents: Sequence[StepIntent]) -> tuple[StepId, ...]:
        """Put intents on disk; only then may their commands be sent."""
        if self.guard is not None:
            await self.guard()
        return await self.journal.intend(self.run, intents, now=self.now())

    async def confirm(self, verdicts: Sequence[StepVerdict]) -> None:
        """Put verdicts on disk, even while we are being cancelled: what is known must not be lost."""
        await asyncio.shield(self.journal.judge(verdicts))

    def verdict(self, record: StepRecord, state: StepState, detail: str = "") -> StepVerdict:
        """A new verdict on a stored step that keeps where its message went."""
        return StepVerdict(
            step=record.id,
            state=state,
            judged=self.now(),
            detail=detail,
            target_uidvalidity=record.target_uidvalidity,
            target_uid=record.target_uid,
        )
