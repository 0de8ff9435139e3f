"""When is a scheduled rule due: daily at a time of day, or every so often?

Times of day are read off the wall clock, so they stay right when the clocks change. What came due
while the daemon was not running is not made up for.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.rule import Event, Rule


class Schedule:
    """The scheduled events of one mailbox's rules, and when each was last reached."""

    def __init__(self, rules: Sequence[Rule], *, now: datetime) -> None:
        self._events: tuple[tuple[Rule, Event], ...] = ()
        self._last: dict[tuple[str, Event], datetime] = {}
        self.update(rules, now=now)

    def update(self, rules: Sequence[Rule], *, now: datetime) -> None:
        """Put other rules in force; an event that was there before keeps its time."""
        self._events = tuple((rule, event) for rule in rules for event in rule.events if event.at or event.every)
        known = self._last
        self._last = {(rule.name, event): known.get((rule.name, event), now) for rule, event in self._events}

    def take_due(self, now: datetime) -> tuple[Rule, ...]:
        """The rules that are due now, each once, in file order; they count as reached."""
        due: dict[str, Rule] = {}
        for rule, event in self._events:
            if self._wait(rule, event, now) <= timedelta():
                self._last[rule.name, event] = now
                due[rule.name] = rule
        return tuple(due.values())

    def seconds_until_due(self, now: datetime) -> float | None:
        """How long until the next event; None without events."""
        waits = [self._wait(rule, event, now).total_seconds() for rule, event in self._events]
        return max(0.0, min(waits)) if waits else None

    def _wait(self, rule: Rule, event: Event, now: datetime) -> timedelta:
        last = self._last[rule.name, event]
        if event.every is not None:
            return last + event.every - now
        # Both as their own wall clocks showed them: a night with 25 hours reaches 02:30 once, one with 23 too.
        wall_last, wall_now = last.replace(tzinfo=None), now.replace(tzinfo=None)
        due = datetime.combine(wall_last.date(), time.fromisoformat(event.at))
        return (due if due > wall_last else due + timedelta(days=1)) - wall_now
