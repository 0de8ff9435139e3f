"""Which rules are in shadow, so that they only report, and until when?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mailrules.mailbox.message import UID
    from mailrules.plan.history import Sight
    from mailrules.plan.plan import Step
    from mailrules.rules.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRule:
    """A rule that only reports, and the moment from which on it acts."""

    rule: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowEffect:
    """What a rule in shadow would do with one message beside the rules that act: it is shown, and never done.

    ``reason`` says why that would be less than the rule says, "" where it would be all. ``displaces`` are the rules
    that act on the message now, and would not be asked any more.
    """

    uid: UID
    rule: str
    steps: tuple[Step, ...] = ()
    reason: str = ""
    displaces: tuple[str, ...] = ()
    message_id: str = ""
    subject: str = ""
    from_: str = ""
    received: datetime | None = None


def shadow_ends(rule: Rule, sights: Mapping[str, Sight], *, now: datetime) -> datetime | None:
    """When the rule begins to act; None where it acts.

    A rule that was never seen as it stands counts from now. With a clock before the first sight it is in shadow: one
    of the two times is wrong, and nobody can tell which.
    """
    if rule.shadow is None:
        return None
    sight = sights.get(rule.name)
    seen = sight.seen if sight is not None and sight.digest == rule.shadow.digest else now
    ends = seen + rule.shadow.lasts
    return ends.astimezone(now.tzinfo) if now < ends else None


def rules_in_shadow(rules: Iterable[Rule], sights: Mapping[str, Sight], *, now: datetime) -> tuple[ShadowRule, ...]:
    """Those of the rules that only report now, in file order."""
    found = ((rule.name, shadow_ends(rule, sights, now=now)) for rule in rules)
    return tuple(ShadowRule(rule=name, until=until) for name, until in found if until is not None)


def rules_that_act(rules: Iterable[Rule], sights: Mapping[str, Sight], *, now: datetime) -> tuple[Rule, ...]:
    """The others, in file order."""
    return tuple(rule for rule in rules if shadow_ends(rule, sights, now=now) is None)
