"""What an answer proves of one message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailrules.journal.records import StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What an answer says of one message; ``unknown`` sends us to read the mailboxes."""

    state: StepState
    detail: str = ""
    target_uidvalidity: int = 0
    target_uid: int = 0
