"""How are rows ordered by a number or a time, so that a bound finds its rows at once?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import accumulate
from operator import or_
from typing import TYPE_CHECKING

from mailrules.mailbox.message import Unreadable
from mailrules.mailbox.rows import every_row, mask_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime


class OrderedColumn:
    """Rows by a number, for bounds: answers in a time that hardly depends on the number of rows."""

    def __init__(self, numbers: Sequence[tuple[float, int]], *, count: int) -> None:
        self._given = numbers
        self._count = count

    @cached_property
    def all(self) -> int:
        return _mask_of_all(self._given, count=self._count)

    def below(self, bound: float) -> int:
        """The mask of rows with a number under ``bound``."""
        return self._first(bisect_left(self._numbers, bound))

    def at_most(self, bound: float) -> int:
        """The mask of rows with a number of ``bound`` or under."""
        return self._first(bisect_right(self._numbers, bound))

    def _first(self, length: int) -> int:
        blocks = length // self._step
        return self._prefixes[blocks] | mask_of(self._rows[blocks * self._step : length], count=self._count)

    # What follows is made for the first bound: a rule that asks by the day needs no order of instants.

    @cached_property
    def _ordered(self) -> list[tuple[float, int]]:
        return sorted(self._given)

    @cached_property
    def _numbers(self) -> list[float]:
        return [number for number, _ in self._ordered]

    @cached_property
    def _rows(self) -> list[int]:
        return [row for _, row in self._ordered]

    @cached_property
    def _step(self) -> int:
        return max(64, int(len(self._given) ** 0.5))

    @cached_property
    def _prefixes(self) -> list[int]:
        """The mask of the first ``i * step`` rows in order."""
        blocks = (self._rows[start : start + self._step] for start in range(0, len(self._rows), self._step))
        masks = (mask_of(block, count=self._count) for block in blocks)
        return list(accumulate(masks, or_, initial=0))


class TimeColumn:
    """Instants, and calendar days each in the zone of its own time stamp."""

    def __init__(self, times: Iterable[tuple[int, datetime | Unreadable]], *, count: int) -> None:
        given = list(times)
        self._count = count
        self._readable = [(time, row) for row, time in given if not isinstance(time, Unreadable)]
        self.unreadable = {row: time.reason for row, time in given if isinstance(time, Unreadable)}
        self.unreadable_mask = mask_of(self.unreadable, count=count)

    @cached_property
    def readable_mask(self) -> int:
        return _mask_of_all(self._readable, count=self._count)

    @cached_property
    def instants(self) -> OrderedColumn:
        return OrderedColumn([(time.timestamp(), row) for time, row in self._readable], count=self._count)

    @cached_property
    def days(self) -> OrderedColumn:
        return OrderedColumn([(time.toordinal(), row) for time, row in self._readable], count=self._count)


def _mask_of_all(pairs: Sequence[tuple[object, int]], *, count: int) -> int:
    """The mask of the rows in these pairs, no row twice."""
    return every_row(count) if len(pairs) == count else mask_of((row for _, row in pairs), count=count)
