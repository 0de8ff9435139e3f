"""Whether what surrounds a message holds for a condition: its account, its mailbox's use, the time, the occasion.

Each is one answer for all rows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.rules.bounds import Bounds, certain
from mailrules.rules.truth import Truth, constant
from mailrules.rules.value_bounds import uid_bounds
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, time, tzinfo

    from mailrules.mailbox.message import UID, Fact
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.bounds import Place
    from mailrules.rules.conditions import Cause, Environment, Origin
    from mailrules.rules.text_match import TextMatch

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPECIAL_USES = ("all", "archive", "drafts", "flagged", "important", "junk", "sent", "trash")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTest:
    """``account``: the account's name in the configuration."""

    match: TextMatch

    @property
    def needs(self) -> tuple[Fact, ...]:
        return ()

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        return constant(self.match.holds(snapshot.account), rows)

    def search_bounds(self, place: Place) -> Bounds:
        return certain(holds=self.match.holds(place.account))

    def seen(self, snapshot: Snapshot, row: int) -> str:  # noqa: ARG002 -- LeafTest
        return snapshot.account


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialUseTest:
    """``special_use``: what the server says that the mailbox is for (RFC 6154), any of these."""

    uses: frozenset[str]

    @property
    def needs(self) -> tuple[Fact, ...]:
        return ()

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        return constant(bool(self.uses & snapshot.info.special_use), rows)

    def search_bounds(self, place: Place) -> Bounds:
        return certain(holds=bool(self.uses & place.info.special_use))

    def seen(self, snapshot: Snapshot, row: int) -> str:  # noqa: ARG002 -- LeafTest
        return " ".join(sorted(snapshot.info.special_use)) or "no special use"


@dataclass(frozen=True, slots=True, kw_only=True)
class NowTest:
    """``now``: the weekday and the time of day at which the rules are judged, in ``zone`` (None: the user's).

    ``start`` belongs to the span and ``end`` does not; a span whose end comes first goes over midnight, and its
    later part belongs to the weekday on which it began.
    """

    weekdays: frozenset[int] = frozenset(range(7))
    """Monday is 0."""
    start: time | None = None
    end: time | None = None
    zone: tzinfo | None = None

    @property
    def needs(self) -> tuple[Fact, ...]:
        return ()

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        return constant(self._holds(environment), rows)

    def search_bounds(self, place: Place) -> Bounds:
        return certain(holds=self._holds(place.environment))

    def _holds(self, environment: Environment) -> bool:
        now = environment.now if self.zone is None else environment.now.astimezone(self.zone)
        clock, day = now.time(), now.weekday()
        if self.start is None or self.end is None:
            return day in self.weekdays
        if self.start <= self.end:
            return self.start <= clock < self.end and day in self.weekdays
        if clock < self.end:
            return (day - 1) % 7 in self.weekdays
        return clock >= self.start and day in self.weekdays

    def seen(self, snapshot: Snapshot, row: int) -> str:  # noqa: ARG002 -- LeafTest
        days = " ".join(name for number, name in enumerate(WEEKDAYS) if number in self.weekdays)
        return days if self.start is None or self.end is None else f"{days} {self.start:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeOverTest:
    """Whether the time is over for which a rule's ``snooze`` put a message away.

    ``delay`` counts from then; else it is over at the next ``until``, in the user's zone. What the rule did not
    bring here is not snoozed, so it does not hold.
    """

    rule: str
    delay: timedelta | None = None
    until: time | None = None

    @property
    def needs(self) -> tuple[Fact, ...]:
        return ()

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:
        over = self._over(environment.origins_in(snapshot), environment.now)
        return Truth(rows, snapshot.mask_of_uids(over) & rows)

    def search_bounds(self, place: Place) -> Bounds:
        return uid_bounds(self._over(place.origins, place.environment.now))

    def _over(self, origins: Mapping[UID, Origin], now: datetime) -> list[UID]:
        return [
            uid
            for uid, origin in origins.items()
            if origin.rule == self.rule and self.ends(origin.moved.astimezone(now.tzinfo)) <= now
        ]

    def ends(self, moved: datetime) -> datetime:
        """When a message comes back that was put away then."""
        if self.delay is not None or self.until is None:
            return moved + (self.delay or timedelta())
        same_day = moved.replace(hour=self.until.hour, minute=self.until.minute, second=0, microsecond=0)
        return same_day if same_day > moved else same_day + timedelta(days=1)

    def seen(self, snapshot: Snapshot, row: int) -> str:  # noqa: ARG002 -- LeafTest
        return f"put away by {self.rule}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTest:
    """``event``: why the rules are judged now, and the mailbox from which mailrules itself brought the message.

    A message that somebody else brought, or that arrived here, came from no mailbox that we know: it does not hold.
    """

    causes: frozenset[Cause] | None = None
    from_mailbox: TextMatch | None = None

    @property
    def needs(self) -> tuple[Fact, ...]:
        return ()

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:
        if self.causes is not None and environment.cause not in self.causes:
            return Truth(rows, 0)
        if self.from_mailbox is None:
            return Truth(rows, rows)
        brought = self._brought(environment.origins_in(snapshot), self.from_mailbox)
        return Truth(rows, snapshot.mask_of_uids(brought) & rows)

    def search_bounds(self, place: Place) -> Bounds:
        if self.causes is not None and place.environment.cause not in self.causes:
            return certain(holds=False)
        if self.from_mailbox is None:
            return certain(holds=True)
        return uid_bounds(self._brought(place.origins, self.from_mailbox))

    @staticmethod
    def _brought(origins: Mapping[UID, Origin], wanted: TextMatch) -> list[UID]:
        return [uid for uid, origin in origins.items() if wanted.holds(origin.mailbox)]

    def seen(self, snapshot: Snapshot, row: int) -> str:  # noqa: ARG002 -- LeafTest
        causes = " ".join(sorted(self.causes or ()))
        return causes if self.from_mailbox is None else f"{causes} from {', '.join(self.from_mailbox.values)}".strip()
