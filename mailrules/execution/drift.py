"""Which parts of a saved plan still fit the mailboxes: what moved on is left out, and said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.mailbox.store import MailReader
    from mailrules.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPlan:
    """The plan without what moved on; ``left_out`` says what and why, a sentence each."""

    plan: Plan
    left_out: tuple[str, ...]


async def still_current(plan: Plan, readers: Mapping[str, MailReader]) -> CheckedPlan:
    """Re-check each message of a plan by MODSEQ, else by flags, date, size and identity."""
    raise NotImplementedError
