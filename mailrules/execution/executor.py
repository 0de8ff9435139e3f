"""How a plan becomes changes on servers, each journalled before it is sent and judged before the next decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mailrules.execution.effects import EffectHandler
    from mailrules.execution.report import ExecutionReport, Progress
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunId
    from mailrules.mailbox.store import MailStore
    from mailrules.plan.plan import Plan


async def execute(
    plan: Plan,
    *,
    run: RunId,
    stores: Mapping[str, MailStore],
    journal: Journal,
    effects: Mapping[str, EffectHandler],
    now: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
) -> ExecutionReport:
    """Carry out a plan: mailbox steps, then each mailbox's messages (an undo: mailbox steps last).

    Also moves the positions on. Does not begin or finish the run: the caller does, by the report's
    ``outcome``. Raises JournalError, after which nothing more was sent.
    """
    raise NotImplementedError
