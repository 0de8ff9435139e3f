"""Three-valued judgement of a whole mailbox at once: two bit masks, and a third for the unknowable.

Bit i stands for row i of the snapshot. A bit in none of ``known`` and ``unknowable`` is open:
its facts have not been asked for yet.
"""

from __future__ import annotations

from mailrules.values import dataclass


@dataclass(frozen=True, slots=True)
class Truth:
    """``true`` is a subset of ``known``; ``unknowable`` is disjoint from ``known``."""

    known: int
    true: int
    unknowable: int = 0

    @property
    def false(self) -> int:
        return self.known & ~self.true

    def open(self, rows: int) -> int:
        """Of these rows, the ones whose facts are still missing."""
        return rows & ~(self.known | self.unknowable)

    def __invert__(self) -> Truth:
        """Not: unknowable stays unknowable (rule-language, meaning 6)."""
        return Truth(self.known, self.known & ~self.true, self.unknowable)

    def __and__(self, other: Truth) -> Truth:
        """Kleene: false settles it; else open wins over unknowable, since it may still become false."""
        true = self.true & other.true
        known = true | self.false | other.false
        settled_self = self.known | self.unknowable
        settled_other = other.known | other.unknowable
        unknowable = (self.unknowable | other.unknowable) & settled_self & settled_other & ~known
        return Truth(known, true, unknowable)

    def __or__(self, other: Truth) -> Truth:
        return ~(~self & ~other)


def constant(value: bool, rows: int) -> Truth:  # noqa: FBT001 -- the value itself, not an option
    """The same answer for all of ``rows``."""
    return Truth(rows, rows if value else 0)
