"""How to take a run back: its steps read backwards, as a plan like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunId
    from mailrules.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan:
    """``cannot`` lists, one sentence each, what stays as it is and why."""

    plan: Plan
    cannot: tuple[str, ...]


async def plan_undo(
    journal: Journal, run: RunId, *, now: datetime, rule: str | None = None, message_id: str | None = None
) -> UndoPlan:
    """Plan the way back of a run, or of one rule's or one message's part in it.

    The plan stands on the mailboxes where the messages are now. It is executed by ``execute`` in a
    run of kind undo begun with it.
    """
    raise NotImplementedError
