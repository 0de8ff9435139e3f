"""What can a server search for in the stead of a condition on sizes, times, or certain UIDs?

SEARCH knows days only, "disregarding time and timezone" (RFC 9051 section 6.4.4), and servers differ in whose day
that is. The calendar day of an instant lies within a day of its day in UTC, in whatever zone, and the days of one
instant in two zones lie within two days of one another: that is the slack.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mailrules.imap.search_keys import Dated, DateField, Larger, Smaller, Uids
from mailrules.imap.sequence_set import SequenceSet
from mailrules.rules.bounds import EVERYTHING, NOTHING, UNBOUNDED, Bounds, both, certain, exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mailrules.imap.search_keys import SearchKey
    from mailrules.rules.value_tests import NumberBounds, TimeTest

LARGEST_SIZE: Final = 2**31 - 1
"""Larger numbers are not asked: some servers read them wrongly."""
FIRST_DAY: Final = date(1972, 1, 1)
LAST_DAY: Final = date(2100, 1, 1)
"""Days outside are not asked: some servers keep time in 32 bits."""
MAX_UID_RANGES: Final = 20

_DAY: Final = timedelta(days=1)


def joined(parts: Sequence[Bounds]) -> Bounds:
    """The bounds of tests that hold together."""
    return Bounds(over=both(one.over for one in parts), under=both(one.under for one in parts))


def size_bounds(numbers: NumberBounds) -> Bounds:
    """LARGER and SMALLER, which exclude the number that they name; RFC822.SIZE is what both sides compare."""
    parts = []
    if numbers.at_least is not None:
        parts.append(_larger(numbers.at_least, math.ceil, less=1))
    if numbers.over is not None:
        parts.append(_larger(numbers.over, math.floor))
    if numbers.at_most is not None:
        parts.append(_smaller(numbers.at_most, math.floor, more=1))
    if numbers.under is not None:
        parts.append(_smaller(numbers.under, math.ceil))
    if numbers.equals is not None:
        if not float(numbers.equals).is_integer():
            return certain(holds=False)
        parts.append(_larger(numbers.equals, math.ceil, less=1))
        parts.append(_smaller(numbers.equals, math.floor, more=1))
    return joined(parts)


def received_bounds(test: TimeTest, now: datetime) -> Bounds:
    """BEFORE and SINCE, as wide as the slack; of a message whose INTERNALDATE cannot be read they tell nothing."""
    parts = []
    if test.older_than is not None:
        parts.append(_before_instant(now, less=test.older_than))
    if test.newer_than is not None:
        parts.append(_after_instant(now, less=test.newer_than))
    if isinstance(test.before, datetime):
        parts.append(_before_instant(test.before))
    elif test.before is not None:
        parts.append(_days(_before(test.before, 2), under=_before(test.before, -2)))
    if isinstance(test.after, datetime):
        parts.append(_after_instant(test.after))
    elif test.after is not None:
        parts.append(_days(_since(test.after, -1), under=_since(test.after, 3)))
    if test.on is not None:
        parts.append(_days(_since(test.on, -2), under=None))
        parts.append(_days(_before(test.on, 3), under=None))
    return joined(parts)


def uid_bounds(uids: Iterable[int]) -> Bounds:
    """Exactly these messages; only a span around them where they lie in many places."""
    found = SequenceSet.of(uids)
    if not found:
        return certain(holds=False)
    if len(found.ranges) <= MAX_UID_RANGES:
        return exact(Uids(found))
    return Bounds(over=Uids(SequenceSet(((found.ranges[0][0], found.ranges[-1][1]),))))


def _larger(bound: float, to_integer: Callable[[float], int], *, less: int = 0) -> Bounds:
    if abs(bound) > LARGEST_SIZE:
        return UNBOUNDED
    number = to_integer(bound) - less
    return certain(holds=True) if number < 0 else exact(Larger(number))


def _smaller(bound: float, to_integer: Callable[[float], int], *, more: int = 0) -> Bounds:
    if abs(bound) > LARGEST_SIZE:
        return UNBOUNDED
    number = to_integer(bound) + more
    return certain(holds=False) if number <= 0 else exact(Smaller(number))


def _before_instant(instant: datetime, *, less: timedelta = timedelta()) -> Bounds:
    """For what was received before an instant: by the day after its day in UTC, wherever that was."""
    day = _day_of(instant, less)
    return UNBOUNDED if day is None else _days(_before(day, 2), under=_before(day, -1))


def _after_instant(instant: datetime, *, less: timedelta = timedelta()) -> Bounds:
    day = _day_of(instant, less)
    return UNBOUNDED if day is None else _days(_since(day, -1), under=_since(day, 2))


def _day_of(instant: datetime, less: timedelta) -> date | None:
    try:
        return (instant.astimezone(UTC) - less).date()
    except OverflowError:
        return None


def _before(day: date, more: int) -> SearchKey | None:
    return _dated(DateField.BEFORE, day, more)


def _since(day: date, more: int) -> SearchKey | None:
    return _dated(DateField.SINCE, day, more)


def _dated(field: DateField, day: date, more: int) -> SearchKey | None:
    """None for a day that is not asked."""
    if not FIRST_DAY <= day <= LAST_DAY:
        return None
    return Dated(field, day + more * _DAY)


def _days(over: SearchKey | None, *, under: SearchKey | None) -> Bounds:
    return Bounds(over=EVERYTHING if over is None else over, under=NOTHING if under is None else under)
