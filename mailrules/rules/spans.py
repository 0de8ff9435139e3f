"""Within which span a claim puts a number or a time of a message."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mailrules.rules.score_tests import SpamScoreTest
from mailrules.rules.value_tests import NumberBounds, SizeTest, TimeTest
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.rules.formula import Claim

Axis = tuple[str, ...]
"""What is measured: ``("size",)``, ``("score",)``, and for a time its age, its instant or its day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From ``low`` to ``high``; an end that is open does not belong to it."""

    low: float = -math.inf
    high: float = math.inf
    is_low_open: bool = False
    is_high_open: bool = False

    @property
    def is_empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and (self.is_low_open or self.is_high_open))

    def both(self, other: Span) -> Span:
        """What lies in both."""
        low, is_low_open = max((self.low, self.is_low_open), (other.low, other.is_low_open))
        high, is_high_shut = min((self.high, not self.is_high_open), (other.high, not other.is_high_open))
        return Span(low=low, high=high, is_low_open=is_low_open, is_high_open=not is_high_shut)

    def lies_in(self, other: Span) -> bool:
        return self.both(other) == self


def number_span(bounds: NumberBounds, *, whole: bool = False) -> Span:
    """The numbers within some bounds; ``whole``: only whole ones from 0 on exist."""
    span = Span(low=0) if whole else Span()
    for name in ("at_least", "over", "at_most", "under", "equals"):
        bound = getattr(bounds, name)
        if bound is not None:
            span = span.both(_between(name, float(bound)))
    return _shrunk(span) if whole else span


def spans_of(claim: Claim) -> Iterator[tuple[Axis, Span]]:
    """The spans that together say exactly what the claim says; none for other tests, and where it is no span.

    A message without a spam score is within no bounds and outside all, so the contrary of bounds is no span there.
    """
    test = claim.test
    match test:
        case SizeTest(bounds=bounds):
            span = number_span(bounds, whole=True)
            if claim.holds:
                yield ("size",), span
            else:
                for outside in _outside(span, lowest=0):
                    yield ("size",), _shrunk(outside)
        case SpamScoreTest(bounds=bounds) if claim.holds:
            yield ("score",), number_span(bounds)
        case TimeTest():
            bounds_of_time = list(time_spans(test))
            if claim.holds:
                yield from bounds_of_time
            elif len(bounds_of_time) == 1:
                axis, span = bounds_of_time[0]
                yield from ((axis, outside) for outside in _outside(span, lowest=-math.inf))
        case _:
            return


def is_told_by_spans(claim: Claim) -> bool:
    """Whether ``spans_of`` says all of the claim."""
    return isinstance(claim.test, SizeTest | TimeTest | SpamScoreTest) and next(spans_of(claim), None) is not None


def time_spans(test: TimeTest) -> Iterator[tuple[Axis, Span]]:
    """The spans in which a time has to lie, each of its bounds by itself."""
    source = str(test.source)
    if test.older_than is not None:
        yield ("age", source), _between("over", test.older_than / timedelta(seconds=1))
    if test.newer_than is not None:
        yield ("age", source), _between("under", test.newer_than / timedelta(seconds=1))
    for name, moment in (("under", test.before), ("over", test.after), ("equals", test.on)):
        if isinstance(moment, datetime):
            yield ("instant", source), _between(name, moment.timestamp())
        elif moment is not None:
            yield ("day", source), _shrunk(_between(name, moment.toordinal()))


def _between(operator: str, bound: float) -> Span:
    match operator:
        case "at_least":
            return Span(low=bound)
        case "over":
            return Span(low=bound, is_low_open=True)
        case "at_most":
            return Span(high=bound)
        case "under":
            return Span(high=bound, is_high_open=True)
        case _:
            return Span(low=bound, high=bound)


def _shrunk(span: Span) -> Span:
    """The same whole numbers, between two of them."""
    low = math.floor(span.low) + 1 if span.is_low_open and math.isfinite(span.low) else span.low
    high = math.ceil(span.high) - 1 if span.is_high_open and math.isfinite(span.high) else span.high
    return Span(
        low=math.ceil(low) if math.isfinite(low) else low, high=math.floor(high) if math.isfinite(high) else high
    )


def _outside(span: Span, *, lowest: float) -> Iterator[Span]:
    """What is not in the span, if that is one span."""
    is_open_below, is_open_above = span.low <= lowest, span.high == math.inf
    if is_open_below and not is_open_above:
        yield Span(low=span.high, is_low_open=not span.is_high_open)
    elif is_open_above and not is_open_below:
        yield Span(low=lowest, high=span.low, is_high_open=not span.is_low_open)
