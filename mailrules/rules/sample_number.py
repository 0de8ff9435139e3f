"""Which number or time is within bounds, or out of them, and near to the one that there is?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.rules.value_tests import NumberBounds, TimeTest


def number_within(bounds: NumberBounds, near: float, *, is_whole: bool) -> float | None:
    """The number nearest to ``near`` that the bounds hold for; None where nothing is within them."""
    return _nearest([one for one in _around(bounds, near, is_whole=is_whole) if bounds.holds(one)], near)


def number_without(bounds: NumberBounds, near: float, *, is_whole: bool) -> float | None:
    """The number nearest to ``near`` that the bounds do not hold for."""
    return _nearest([one for one in _around(bounds, near, is_whole=is_whole) if not bounds.holds(one)], near)


def times_within(test: TimeTest, near: datetime | None, *, now: datetime, wanted: bool) -> Iterator[datetime]:
    """Times that may be within the bounds of a test, or out of them; nothing of it is confirmed."""
    zone = (near or now).tzinfo or UTC
    second = timedelta(seconds=1)
    ages = [span for span in (test.older_than, test.newer_than) if span is not None]
    for span in ages:
        yield from (_within_calendar(now, change) for change in (-span - second, -span + second, -span / 2))
    for moment in (test.before, test.after, test.on):
        if isinstance(moment, datetime):
            yield from (_within_calendar(moment, change) for change in (-second, second))
        elif moment is not None:
            noon = datetime(moment.year, moment.month, moment.day, 12, tzinfo=zone)
            yield from (_within_calendar(noon, timedelta(days=days)) for days in (-1, 1, 0))
    if not wanted:
        yield now
        yield datetime(1990, 1, 1, 12, tzinfo=zone)


def _around(bounds: NumberBounds, near: float, *, is_whole: bool) -> list[float]:
    step = 1 if is_whole else 0.1
    named = (bounds.at_least, bounds.at_most, bounds.over, bounds.under, bounds.equals)
    found = [near, *(one + change for one in named if one is not None for change in (0, step, -step))]
    return [one if is_whole else round(one, 6) for one in found if one >= 0 or not is_whole]


def _nearest(numbers: list[float], near: float) -> float | None:
    return min(numbers, key=lambda one: abs(one - near), default=None)


def _within_calendar(time: datetime, change: timedelta) -> datetime:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    try:
        return time + change
    except OverflowError:
        return first if change < timedelta() else last
