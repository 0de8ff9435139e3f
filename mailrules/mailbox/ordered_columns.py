"""How are rows ordered by a number or a time, so that a bound finds its rows at once?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime
from functools import cached_property
from itertools import accumulate, compress, repeat
from operator import ge, gt, or_
from typing import TYPE_CHECKING, cast

from mailrules.mailbox.message import Unreadable
from mailrules.mailbox.rows import every_row, mask_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SCANS = 3
"""So many bounds are looked for among all rows, which takes less time than putting them in order."""


class OrderedColumn:
    """Rows by a number, for bounds: answers in a time that hardly depends on the number of rows."""

    def __init__(self, numbers: Sequence[float], rows: Sequence[int], *, count: int) -> None:
        """``numbers[i]`` is that of ``rows[i]``; no row twice."""
        self._given, self._given_rows = numbers, rows
        self._count = count
        self._scans_left = _SCANS

    @cached_property
    def all(self) -> int:
        return _mask_of_all(self._given_rows, count=self._count)

    def below(self, bound: float) -> int:
        """The mask of rows with a number under ``bound``."""
        if self._scans_left:
            return self._scanned(map(gt, repeat(bound), self._given))
        return self._first(bisect_left(self._numbers, bound))

    def at_most(self, bound: float) -> int:
        """The mask of rows with a number of ``bound`` or under."""
        if self._scans_left:
            return self._scanned(map(ge, repeat(bound), self._given))
        return self._first(bisect_right(self._numbers, bound))

    def _scanned(self, truths: Iterable[bool]) -> int:
        self._scans_left -= 1
        return mask_of(list(compress(self._given_rows, truths)), count=self._count)

    def _first(self, length: int) -> int:
        blocks = length // self._step
        return self._prefixes[blocks] | mask_of(self._rows[blocks * self._step : length], count=self._count)

    # What follows is made when so many bounds are asked for that it pays.

    @cached_property
    def _order(self) -> list[int]:
        return sorted(range(len(self._given)), key=self._given.__getitem__)

    @cached_property
    def _numbers(self) -> list[float]:
        return list(map(self._given.__getitem__, self._order))

    @cached_property
    def _rows(self) -> list[int]:
        return list(map(self._given_rows.__getitem__, self._order))

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

    def __init__(self, times: Sequence[datetime | Unreadable | None], *, count: int) -> None:
        """``times[row]`` is that of a row; None where it is not known."""
        self._count = count
        self.unreadable = {row: time.reason for row, time in enumerate(times) if isinstance(time, Unreadable)}
        self.unreadable_mask = mask_of(self.unreadable, count=count)
        self._rows: Sequence[int] = range(count)
        self._readable = cast("Sequence[datetime]", times)
        if set(map(type, times)) != {datetime}:
            self._rows = [row for row, time in enumerate(times) if isinstance(time, datetime)]
            self._readable = [time for time in times if isinstance(time, datetime)]

    @cached_property
    def readable_mask(self) -> int:
        return _mask_of_all(self._rows, count=self._count)

    @cached_property
    def instants(self) -> OrderedColumn:
        return OrderedColumn([time.timestamp() for time in self._readable], self._rows, count=self._count)

    @cached_property
    def days(self) -> OrderedColumn:
        return OrderedColumn([time.toordinal() for time in self._readable], self._rows, count=self._count)


def _mask_of_all(rows: Sequence[int], *, count: int) -> int:
    """The mask of these rows, no row twice."""
    return every_row(count) if len(rows) == count else mask_of(rows, count=count)
