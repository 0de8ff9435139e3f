"""Whether sizes, times, flags and the mailbox itself hold for a condition, for a whole mailbox at once."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.imap.search_keys import HasFlag
from mailrules.mailbox.message import FLAGS, LABELS, RECEIVED, SAVED, SIZE, Fact, Unreadable, header_fact
from mailrules.mailbox.text import fold
from mailrules.rules.bounds import UNBOUNDED, Bounds, certain, either, exact
from mailrules.rules.truth import Truth, constant
from mailrules.rules.value_bounds import received_bounds, size_bounds
from mailrules.values import dataclass

if TYPE_CHECKING:
    from datetime import timedelta

    from mailrules.mailbox.ordered_columns import OrderedColumn, TimeColumn
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.bounds import Place
    from mailrules.rules.conditions import Environment
    from mailrules.rules.text_match import TextMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberBounds:
    """``at_least at_most over under equals``; all that are given hold together. Sizes are in bytes."""

    at_least: float | None = None
    at_most: float | None = None
    over: float | None = None
    under: float | None = None
    equals: float | None = None

    def holds(self, number: float) -> bool:
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
            and (self.over is None or number > self.over)
            and (self.under is None or number < self.under)
            and (self.equals is None or number == self.equals)
        )

    def rows(self, column: OrderedColumn) -> int:
        mask = column.all
        if self.at_least is not None:
            mask &= ~column.below(self.at_least)
        if self.at_most is not None:
            mask &= column.at_most(self.at_most)
        if self.over is not None:
            mask &= ~column.at_most(self.over)
        if self.under is not None:
            mask &= column.below(self.under)
        if self.equals is not None:
            mask &= column.at_most(self.equals) & ~column.below(self.equals)
        return mask


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeTest:
    """``size``: of the whole message as the server tells it (RFC822.SIZE)."""

    bounds: NumberBounds

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (SIZE,)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        known = snapshot.known(SIZE)
        return Truth(known, self.bounds.rows(snapshot.columns.sizes) & known)

    def search_bounds(self, place: Place) -> Bounds:  # noqa: ARG002 -- BoundedTest
        return size_bounds(self.bounds)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        size = snapshot.size_bytes[row]
        return "" if size is None else f"{size:,} bytes"


class TimeSource(StrEnum):
    """Which time a condition reads: INTERNALDATE, the Date field, or when it came into this mailbox (RFC 8514)."""

    RECEIVED = "received"
    SENT = "sent"
    SAVED = "saved"


_TIME_FACTS = {TimeSource.RECEIVED: RECEIVED, TimeSource.SENT: header_fact("date"), TimeSource.SAVED: SAVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTest:
    """``received``, ``sent`` and ``saved``; all bounds that are given hold together.

    ``older_than`` and ``newer_than`` are ages against the environment's time. A plain date counts
    by the calendar of the time stamp's own zone: ``before`` the day, ``after`` the day, ``on`` it.
    An aware datetime compares instants.
    """

    source: TimeSource
    older_than: timedelta | None = None
    newer_than: timedelta | None = None
    before: date | datetime | None = None
    after: date | datetime | None = None
    on: date | None = None

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (_TIME_FACTS[self.source],)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        column = self._column(snapshot)
        # Seconds, since a date as early as a stranger may write leaves the calendar when an age is taken from it.
        now = environment.now.timestamp()
        mask = column.readable_mask
        if self.older_than is not None:
            mask &= column.instants.below(now - self.older_than.total_seconds())
        if self.newer_than is not None:
            mask &= ~column.instants.at_most(now - self.newer_than.total_seconds())
        if isinstance(self.before, datetime):
            mask &= column.instants.below(self.before.timestamp())
        elif self.before is not None:
            mask &= column.days.below(self.before.toordinal())
        if isinstance(self.after, datetime):
            mask &= ~column.instants.at_most(self.after.timestamp())
        elif self.after is not None:
            mask &= ~column.days.at_most(self.after.toordinal())
        if self.on is not None:
            mask &= column.days.at_most(self.on.toordinal()) & ~column.days.below(self.on.toordinal())
        known = snapshot.known(self.needs[0])
        return Truth(known & ~column.unreadable_mask, mask & known, known & column.unreadable_mask)

    def search_bounds(self, place: Place) -> Bounds:
        """None but for ``received``: mail without a Date, or with a broken one, is what servers find wrongly."""
        return received_bounds(self, place.environment.now) if self.source is TimeSource.RECEIVED else UNBOUNDED

    def seen(self, snapshot: Snapshot, row: int) -> str:
        time = self.time(snapshot, row)
        return "" if time is None else time.isoformat(sep=" ", timespec="seconds")

    def time(self, snapshot: Snapshot, row: int) -> datetime | None:
        """The time of one row, None where it is not known or cannot be read."""
        match self.source:
            case TimeSource.RECEIVED:
                time = snapshot.received[row]
            case TimeSource.SAVED:
                time = snapshot.saved[row]
            case TimeSource.SENT:
                time = snapshot.sent(row)
        return None if isinstance(time, Unreadable) else time

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        return self._column(snapshot).unreadable.get(row, "")

    def _column(self, snapshot: Snapshot) -> TimeColumn:
        match self.source:
            case TimeSource.RECEIVED:
                return snapshot.columns.received
            case TimeSource.SAVED:
                return snapshot.columns.saved
            case TimeSource.SENT:
                return snapshot.columns.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagTest:
    """``flag`` and ``keyword``: carries any of these, in IMAP spelling (``\\Seen``, ``$Important``)."""

    flags: tuple[str, ...]

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (FLAGS,)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        known = snapshot.known(FLAGS)
        true = 0
        for flag in self.flags:
            true |= snapshot.columns.flag_rows(flag)
        return Truth(known, true & known)

    def search_bounds(self, place: Place) -> Bounds:  # noqa: ARG002 -- BoundedTest
        return exact(either(HasFlag(flag) for flag in self.flags))

    def seen(self, snapshot: Snapshot, row: int) -> str:
        return " ".join(sorted(snapshot.flags[row] or ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTest:
    """``label``: carries any of these labels of Gmail (folded; Gmail's own without their backslash)."""

    labels: frozenset[str]

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (LABELS,)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        by_label = snapshot.columns.derived("labels", (LABELS,), _rows_by_label)
        true = 0
        for label in self.labels:
            true |= by_label.get(label, 0)
        unknowable = by_label.get(None, 0)
        return Truth(rows & ~unknowable, true & rows, rows & unknowable)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        labels = snapshot.labels[row]
        return " ".join(sorted(labels)) if isinstance(labels, frozenset) else ""

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        labels = snapshot.labels[row]
        return labels.reason if isinstance(labels, Unreadable) else ""


def _rows_by_label(snapshot: Snapshot) -> dict[str | None, int]:
    """The rows of each label; under None those whose labels cannot be read."""
    rows: dict[str | None, list[int]] = {}
    for row, labels in enumerate(snapshot.labels):
        if isinstance(labels, Unreadable):
            rows.setdefault(None, []).append(row)
        for label in labels if isinstance(labels, frozenset) else ():
            rows.setdefault(fold(label.removeprefix("\\")), []).append(row)
    return {label: snapshot.mask_of(of_label) for label, of_label in rows.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxTest:
    """``mailbox``: the name of the mailbox that the message is in, an answer for all rows."""

    match: TextMatch

    @property
    def needs(self) -> tuple[Fact, ...]:
        return ()

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        return constant(self.match.holds(snapshot.mailbox), rows)

    def search_bounds(self, place: Place) -> Bounds:
        return certain(holds=self.match.holds(place.status.mailbox))

    def seen(self, snapshot: Snapshot, row: int) -> str:  # noqa: ARG002 -- LeafTest
        return snapshot.mailbox
