"""Which of several dispositions of one message happens (rule-language, meaning 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.plan.plan import StepKind
from mailrules.rules.rule import Conflict
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.plan.plan import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """A rule's wish for where a message goes; ``step`` None means it stays (keep)."""

    rule: str
    conflict: Conflict
    step: Step | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What happens: ``step`` (None: stays), ``copies`` made by fan-out, and what was passed over.

    ``held_by`` names the rule whose ``conflict: error`` holds the whole message, "" if none.
    """

    step: Step | None = None
    copies: tuple[Disposition, ...] = ()
    shadowed: tuple[Disposition, ...] = ()
    held_by: str = ""


def resolve(dispositions: Sequence[Disposition]) -> Resolution:
    """Decide between dispositions in rule order. Each later one says how it meets the earlier."""
    chosen: Disposition | None = None
    copies: list[Disposition] = []
    shadowed: list[Disposition] = []
    for later in dispositions:
        if chosen is None:
            chosen = later
            continue
        match later.conflict:
            case Conflict.ERROR:
                return Resolution(held_by=later.rule)
            case Conflict.FIRST:
                shadowed.append(later)
            case Conflict.LAST:
                shadowed.append(chosen)
                chosen = later
            case Conflict.FAN_OUT if chosen.step is None and _is_move(later):
                copies.append(later)  # what is kept stays, and goes where the others want it as well (RFC 5228)
            case Conflict.FAN_OUT:
                if _is_move(chosen):
                    copies.append(chosen)
                else:
                    shadowed.append(chosen)
                chosen = later
    return Resolution(step=chosen.step if chosen else None, copies=tuple(copies), shadowed=tuple(shadowed))


def _is_move(disposition: Disposition) -> bool:
    return disposition.step is not None and disposition.step.kind == StepKind.MOVE
