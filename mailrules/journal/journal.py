"""What did we mean to do, and what happened: the one door to the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from mailrules.journal.records import (
        Position,
        RunId,
        RunKind,
        RunOutcome,
        RunRecord,
        StepId,
        StepIntent,
        StepRecord,
        StepVerdict,
    )
    from mailrules.mailbox.message import UID
    from mailrules.plan.history import History
    from mailrules.plan.plan import Plan
    from mailrules.rules.rule import Rule


class Journal:
    """Signatures first, so that callers can be written; the bodies follow."""

    @classmethod
    async def open(cls, path: Path) -> Journal:
        """Open or make the journal file (0600, in a directory 0700). Raises JournalError with a cure."""
        raise NotImplementedError

    async def close(self) -> None: ...

    async def begin_run(self, *, kind: RunKind, started: datetime, plan: Plan) -> RunId:
        raise NotImplementedError

    async def finish_run(self, run: RunId, *, ended: datetime, outcome: RunOutcome) -> None: ...

    async def intend(self, run: RunId, intents: Sequence[StepIntent], *, now: datetime) -> tuple[StepId, ...]:
        raise NotImplementedError

    async def judge(self, verdicts: Sequence[StepVerdict]) -> None: ...

    async def open_steps(self, account: str | None = None) -> tuple[StepRecord, ...]:
        """Steps without a final verdict, and finished copies of moves whose source was not yet removed."""
        raise NotImplementedError

    async def unknown_effects(self) -> tuple[StepRecord, ...]:
        """Effects whose outcome nobody knows (``mailrules unknown``)."""
        raise NotImplementedError

    async def remember_plan(self, digest: str, *, created: datetime) -> None: ...

    async def knows_plan(self, digest: str) -> bool:
        raise NotImplementedError

    async def history(self, *, rules: Sequence[Rule], now: datetime) -> History:
        raise NotImplementedError

    async def position(self, account: str, mailbox: str) -> Position | None:
        raise NotImplementedError

    async def save_position(self, position: Position) -> None: ...

    async def advance_position(
        self, account: str, mailbox: str, *, uidvalidity: int, final: Iterable[UID], pending: Iterable[UID]
    ) -> None:
        """Pass the ``final`` messages and keep ``pending`` ones; ``execute`` calls it for each mailbox it ran."""

    async def placed_by_us(self, account: str, mailbox: str, *, uidvalidity: int, after_uid: int) -> frozenset[UID]:
        """Messages above ``after_uid`` that our own moves and copies put there: they are no arrivals (meaning 10)."""
        raise NotImplementedError

    async def approve(self, rule: str | None, *, now: datetime) -> None:
        """Release what a rule's guard holds (None: every rule's) for one of its guard windows."""

    async def runs(self, *, limit: int = 50) -> tuple[RunRecord, ...]:
        """Newest first."""
        raise NotImplementedError

    async def run(self, name: str) -> RunRecord | None:
        """The run of this id, or the only one whose id begins so. Raises PlanRefused if several do."""
        raise NotImplementedError

    async def steps_of(self, run: RunId) -> tuple[StepRecord, ...]:
        raise NotImplementedError

    async def steps_for_message(self, message_id: str) -> tuple[StepRecord, ...]:
        raise NotImplementedError

    async def prune(self, *, now: datetime) -> None:
        """Forget ledger entries, plans, approvals and finished runs older than 400 days."""
