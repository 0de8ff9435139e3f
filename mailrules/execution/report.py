"""What came of a plan, in numbers and reasons."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailrules.journal.records import RunOutcome, StepState

if TYPE_CHECKING:
    from mailrules.mailbox.message import UID
    from mailrules.plan.plan import StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many of the plan's steps have a verdict, and where the executor is."""

    account: str
    mailbox: str
    done_steps: int
    total_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """Steps that were not applied for one reason; no UIDs means the whole mailbox or a mailbox step."""

    account: str
    mailbox: str
    kind: StepKind
    state: StepState | None
    """None: left out, no command was sent for it."""
    reason: str
    uids: tuple[UID, ...] = ()

    @property
    def count(self) -> int:
        return max(1, len(self.uids))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionReport:
    """``applied`` counts the plan's steps by kind; ``shortfalls`` tells of all others."""

    applied: Counter[StepKind]
    shortfalls: tuple[Shortfall, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def outcome(self) -> RunOutcome:
        return RunOutcome.PARTLY_DONE if self.shortfalls else RunOutcome.DONE

    def count(self, state: StepState | None) -> int:
        """Steps that ended so (None: left out)."""
        return sum(one.count for one in self.shortfalls if one.state is state)
