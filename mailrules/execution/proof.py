"""What an answer proves of one message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.records import StepVerdict
from mailrules.values import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.journal.records import StepId, StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What an answer says of one message; ``unknown`` sends us to read the mailboxes."""

    state: StepState
    detail: str = ""
    target_uidvalidity: int = 0
    target_uid: int = 0

    def verdict(self, step: StepId, *, judged: datetime) -> StepVerdict:
        """The same as the journal has it."""
        return StepVerdict(
            step=step,
            state=self.state,
            judged=judged,
            detail=self.detail,
            target_uidvalidity=self.target_uidvalidity,
            target_uid=self.target_uid,
        )
