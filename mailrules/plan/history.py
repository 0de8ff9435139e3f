"""What earlier runs did, read from the journal beforehand and handed to the planner as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.mailbox.message import UID


class LedgerKey(NamedTuple):
    """One copy or effect that was done and is not repeated (rule-language, meaning 9)."""

    content_key: str
    rule: str
    action: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """``changed`` counts messages that each rule changed within its guard's window;
    ``approved`` names rules whose held mail a person released; ``ledger`` holds what was done, and
    ``unsettled`` those effects in it that wait for another attempt or for a person. ``origins`` tells
    where we brought messages from: account, mailbox and UIDVALIDITY to UID to the mailbox of before.
    """

    ledger: frozenset[LedgerKey] = frozenset()
    unsettled: frozenset[LedgerKey] = frozenset()
    changed: Mapping[str, int] = field(default_factory=dict)
    approved: frozenset[str] = frozenset()
    origins: Mapping[tuple[str, str, int], Mapping[UID, str]] = field(default_factory=dict)
