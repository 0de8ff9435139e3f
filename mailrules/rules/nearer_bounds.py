"""Which bounds would a number or a time be within, or out of, with as little changed as can be?"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailrules.rules.value_tests import NumberBounds, TimeTest

_UNITS = (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))
_LONGEST = timedelta(days=999_999)


def bounds_with(bounds: NumberBounds, number: float, *, is_whole: bool) -> NumberBounds | None:
    """The bounds with those moved that ``number`` is outside of; None for a number that cannot be written."""
    if not math.isfinite(number) or (number < 0 and is_whole):
        return None
    lower, upper = (number - 1, number + 1) if is_whole else (_tenths(number, -1), _tenths(number, 1))
    exact = number if is_whole else round(number, 6)
    moved = bounds
    if bounds.at_least is not None and number < bounds.at_least:
        moved = replace(moved, at_least=exact if is_whole else min(exact, _tenths(number, 0)))
    if bounds.at_most is not None and number > bounds.at_most:
        moved = replace(moved, at_most=exact if is_whole else _tenths(number, 1))
    if bounds.over is not None and number <= bounds.over:
        moved = replace(moved, over=None, at_least=0) if lower < 0 and is_whole else replace(moved, over=lower)
    if bounds.under is not None and number >= bounds.under:
        moved = replace(moved, under=upper)
    if bounds.equals is not None and number != bounds.equals:
        moved = replace(moved, equals=exact)
    return moved


def bounds_without(bounds: NumberBounds, number: float, *, is_whole: bool) -> NumberBounds | None:
    """The bounds with one moved so that ``number`` is no longer within them; None where none can be."""
    if not math.isfinite(number):
        return None
    lower, upper = (number - 1, number + 1) if is_whole else (_tenths(number, -1), _tenths(number, 1))
    if bounds.at_least is not None:
        return replace(bounds, at_least=upper)
    if bounds.over is not None:
        return replace(bounds, over=number if is_whole else upper)
    if bounds.at_most is not None:
        return replace(bounds, at_most=lower) if lower >= 0 or not is_whole else None
    if bounds.under is not None:
        return replace(bounds, under=number if is_whole else lower)
    return None


def times_with(test: TimeTest, time: datetime, *, now: datetime) -> TimeTest:
    """The test with those bounds moved that ``time`` is outside of. Raises OverflowError beyond the calendar."""
    age, moved = now - time, test
    if test.older_than is not None and not time < now - test.older_than:
        moved = replace(moved, older_than=_span(age, is_below=True))
    if test.newer_than is not None and not time > now - test.newer_than:
        moved = replace(moved, newer_than=_span(age, is_below=False))
    day, second = timedelta(days=1), timedelta(seconds=1)
    whole = time.replace(microsecond=0)
    if isinstance(test.before, datetime):
        moved = replace(moved, before=test.before if time < test.before else whole + second)
    elif test.before is not None and not time.date() < test.before:
        moved = replace(moved, before=time.date() + day)
    if isinstance(test.after, datetime):
        moved = replace(moved, after=test.after if time > test.after else whole - second)
    elif test.after is not None and not time.date() > test.after:
        moved = replace(moved, after=time.date() - day)
    return moved if test.on is None else replace(moved, on=time.date())


def times_without(test: TimeTest, time: datetime, *, now: datetime) -> TimeTest | None:
    """The test with one bound moved so that ``time`` is no longer within; None where none can be."""
    age = now - time
    if test.older_than is not None:
        return replace(test, older_than=_span(age, is_below=False))
    if test.newer_than is not None:
        return replace(test, newer_than=_span(age, is_below=True))
    second = timedelta(seconds=1)
    whole = time.replace(microsecond=0)
    if test.before is not None:
        return replace(test, before=whole if isinstance(test.before, datetime) else time.date())
    if test.after is not None:
        return replace(test, after=whole + second if isinstance(test.after, datetime) else time.date())
    return None


def _span(age: timedelta, *, is_below: bool) -> timedelta:
    """The next whole span below or above an age, in the largest unit that the age has."""
    age = max(age, timedelta())
    unit = next((one for one in _UNITS if age > one), _UNITS[-1])
    below = (age - timedelta(microseconds=1)) // unit * unit if age else timedelta()
    return min(below if is_below else age // unit * unit + unit, _LONGEST)


def _tenths(number: float, step: int) -> float:
    """The next tenth below (-1), at or below (0), or above (1) a number."""
    if step < 0:
        return (math.ceil(number * 10) - 1) / 10
    return (math.floor(number * 10) + step) / 10
