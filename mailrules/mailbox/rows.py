"""Sets of snapshot rows as bit masks: how to make one from row numbers, and how to read it."""

from __future__ import annotations

from itertools import compress
from operator import length_hint
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_SPARSE = 32
"""Where fewer than one row of so many is set, looking for the next one is quicker than looking at each."""

_ZEROS_AND_ONES = bytes.maketrans(b"01", b"\0\1")
_DIGITS = bytes.maketrans(b"\0\1", b"01")


def mask_of(rows: Iterable[int], *, count: int) -> int:
    """The mask with these row numbers set; ``count`` is the number of rows in the snapshot."""
    if length_hint(rows) * _SPARSE > count:
        truths = bytearray(count)
        for row in rows:
            truths[row] = 1
        return mask_where(truths)
    bits = bytearray((count + 7) // 8)
    for row in rows:
        bits[row >> 3] |= 1 << (row & 7)
    return int.from_bytes(bits, "little")


def mask_where(truths: bytes | bytearray) -> int:
    """The mask of the rows that have a 1, of one byte for each row, 0 or 1."""
    return int(truths.translate(_DIGITS)[::-1], 2) if truths else 0


def rows_of(mask: int) -> list[int]:
    """The row numbers in a mask, ascending."""
    digits = bin(mask)[:1:-1]
    if mask.bit_count() * _SPARSE > len(digits):
        return list(compress(range(len(digits)), digits.encode().translate(_ZEROS_AND_ONES)))
    rows: list[int] = []
    row = digits.find("1")
    while row >= 0:
        rows.append(row)
        row = digits.find("1", row + 1)
    return rows


def every_row(count: int) -> int:
    """The mask of all rows."""
    return (1 << count) - 1
