"""What a plugin's own action is asked to do, and what it may answer: at most once for each message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mailrules.mailbox.message import UID


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectCall:
    """One message and what the rule wants of the action.

    ``options`` are rendered JSON values. ``idempotency_key`` is the same for the same message, rule and
    action in every run: a receiver that honours it can drop a repetition.
    """

    effect: str
    rule: str
    account: str
    mailbox: str
    uid: UID
    message_id: str = ""
    subject: str = ""
    from_: str = ""
    received: datetime | None = None
    size_bytes: int = 0
    options: Mapping[str, object] = field(default_factory=dict)
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectOutcome:
    """``done`` False means surely nothing happened; a handler that cannot tell raises instead.

    ``detail`` is for the history.
    """

    done: bool
    detail: str = ""


class EffectHandler(Protocol):
    """Carries out the actions of one name. Called at most once for each message, rule and action."""

    @property
    def name(self) -> str:
        """The name under which rules' effects ask for it."""
        ...

    async def perform(self, call: EffectCall) -> EffectOutcome:
        """Act. Anything raised leaves the outcome unknown, and the effect is not repeated."""
        ...
