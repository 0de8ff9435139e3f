"""How sets of message numbers are read, written, joined and cut to size (RFC 9051 ``sequence-set``)."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from mailrules.errors import LocalProtocolError, RemoteProtocolError
from mailrules.imap.sections import SETS
from mailrules.imap.shown import shown
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGEST_NUMBER = 2**32 - 1
STAR = 2**32
"""Stands for ``*``: larger than every number, since only the server knows which one it is."""

_Range = tuple[int, int]
_ELEMENT = rb"(?:[1-9][0-9]{0,9}|\*)"
_SET = re.compile(rb"%b(?::%b)?(?:,%b(?::%b)?)*+" % (_ELEMENT, _ELEMENT, _ELEMENT, _ELEMENT))


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """A set of numbers as ascending, merged, inclusive ranges; never spelled out member by member.

    Build it with ``of`` or ``parse_sequence_set``. ``1:4294967295`` costs one tuple.
    """

    ranges: tuple[_Range, ...] = ()

    @classmethod
    def of(cls, numbers: Iterable[int]) -> SequenceSet:
        """The set of these numbers, in any order, repeated or not.

        Raises LocalProtocolError for a number outside 1..2**32-1.
        """
        return cls(tuple(_runs(sorted(set(numbers)))))

    @classmethod
    def starting_at(cls, first: int) -> SequenceSet:
        """``first:*``. A server answers it with its last message even if that is below ``first``."""
        _require_number(first)
        return cls(((first, STAR),))

    def to_bytes(self) -> bytes:
        """As it goes over the wire. Raises LocalProtocolError when empty: IMAP cannot write that."""
        if not self.ranges:
            raise LocalProtocolError("an empty sequence set cannot be sent; leave the command out")
        return b",".join(_range_bytes(one) for one in self.ranges)

    @property
    def has_star(self) -> bool:
        return bool(self.ranges) and self.ranges[-1][1] == STAR

    @property
    def count(self) -> int:
        """How many numbers. Raises LocalProtocolError for a set with ``*``."""
        self._require_no_star()
        return sum(last - first + 1 for first, last in self.ranges)

    def __contains__(self, number: int) -> bool:
        """True if it certainly belongs: a lone ``*`` holds no number that we know of."""
        low, high = 0, len(self.ranges)
        while low < high:
            middle = (low + high) // 2
            first, last = self.ranges[middle]
            if number < first:
                high = middle
            elif number > last:
                low = middle + 1
            else:
                return number != STAR
        return False

    def __iter__(self) -> Iterator[int]:
        """Ascending and lazy; look at ``count`` first. Raises LocalProtocolError for a set with ``*``."""
        self._require_no_star()
        return chain.from_iterable(range(first, last + 1) for first, last in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def union(self, *others: SequenceSet) -> SequenceSet:
        """The numbers of all of them."""
        return SequenceSet(_merged(chain(self.ranges, *(other.ranges for other in others))))

    def without(self, other: SequenceSet) -> SequenceSet:
        """The members that are not in the other one. Raises LocalProtocolError for sets with ``*``."""
        self._require_no_star()
        other._require_no_star()
        left: list[_Range] = []
        gone = iter(other.ranges)
        hole = next(gone, None)
        for first, last in self.ranges:
            start = first
            while hole is not None and hole[0] <= last:
                if start < hole[0]:
                    left.append((start, hole[0] - 1))
                start = max(start, hole[1] + 1)
                if hole[1] > last:  # it may reach into the next range too
                    break
                hole = next(gone, None)
            if start <= last:
                left.append((start, last))
        return SequenceSet(tuple(left))

    def below(self, number: int) -> SequenceSet:
        """The members that are less than this; ``*`` is none."""
        return SequenceSet(tuple((first, min(last, number - 1)) for first, last in self.ranges if first < number))

    def _require_no_star(self) -> None:
        if self.has_star:
            raise LocalProtocolError("a set with * has no members that we know; ask the server")


def parse_sequence_set(text: bytes) -> SequenceSet:
    """Read a sequence set such as ``1:4,7,*`` (RFC 9051 section 9, ``sequence-set``).

    ``*`` is kept as a value, since only the server knows the largest number.
    Ranges come back ascending and merged; ``4:1`` means ``1:4``.

    Raises RemoteProtocolError for zero, for a number over 2**32 - 1, and for empty input.
    """
    ranges = parse_ranges(text)
    return SequenceSet(_merged((first, last) if first <= last else (last, first) for first, last in ranges))


def parse_ranges(text: bytes) -> tuple[_Range, ...]:
    """The ranges as they are written: COPYUID pairs its two sets by this order (RFC 4315).

    Raises RemoteProtocolError as ``parse_sequence_set`` does.
    """
    if _SET.fullmatch(text) is None:
        raise RemoteProtocolError("not a sequence set", sent=shown(text), rfc=SETS)
    return tuple(_parse_range(element) for element in text.split(b","))


def cut_by_bytes(
    numbers: Iterable[int], *, max_bytes: int = LARGEST_NUMBER, max_count: int = LARGEST_NUMBER
) -> Iterator[SequenceSet]:
    """Cut numbers into sets of which each is written in at most ``max_bytes`` and has at most ``max_count`` members.

    The sets are ascending, disjoint and written in as few ranges as can be; a range is only split by ``max_count``.
    Raises LocalProtocolError where not even one range fits (``max_bytes`` under 21) or ``max_count`` is under 1.
    """
    if max_bytes < len(b"4294967295:4294967295") or max_count < 1:
        raise LocalProtocolError(f"cannot cut sets to {max_bytes} bytes and {max_count} members: at least 21 and 1")
    current: list[_Range] = []
    size_bytes = count = 0
    for first, last in _runs(sorted(set(numbers))):
        start = first
        while start <= last:
            piece = (start, min(last, start + max_count - count - 1))
            added = len(_range_bytes(piece)) + bool(current)
            if count == max_count or size_bytes + added > max_bytes:
                yield SequenceSet(tuple(current))
                current, size_bytes, count = [], 0, 0
                continue
            current.append(piece)
            size_bytes += added
            count += piece[1] - piece[0] + 1
            start = piece[1] + 1
    if current:
        yield SequenceSet(tuple(current))


def _merged(ranges: Iterable[_Range]) -> tuple[_Range, ...]:
    """Ascending, and none touches the next."""
    merged: list[_Range] = []
    for first, last in sorted(ranges):
        # ``4294967295,*`` stays two ranges: * may be any number.
        if merged and (first <= merged[-1][1] or (first == merged[-1][1] + 1 and first != STAR)):
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _runs(ascending: list[int]) -> Iterator[_Range]:
    if not ascending:
        return
    _require_number(ascending[0])
    _require_number(ascending[-1])
    first = last = ascending[0]
    for number in ascending[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def _require_number(number: int) -> None:
    if not 1 <= number <= LARGEST_NUMBER:
        raise LocalProtocolError(f"{number} is not a message number: those run from 1 to {LARGEST_NUMBER}")


def _parse_range(element: bytes) -> _Range:
    first, colon, last = element.partition(b":")
    start = _parse_number(first)
    return start, _parse_number(last) if colon else start


def _parse_number(text: bytes) -> int:
    if text == b"*":
        return STAR
    number = int(text)
    if number > LARGEST_NUMBER:
        raise RemoteProtocolError(f"a number in a sequence set is over {LARGEST_NUMBER}", sent=shown(text), rfc=SETS)
    return number


def _range_bytes(one: _Range) -> bytes:
    first, last = one
    if first == last:
        return b"*" if first == STAR else b"%d" % first
    return b"%d:*" % first if last == STAR else b"%d:%d" % (first, last)
