"""How would a text operator have to read to hold for a text: the nearest word, or the operator that was meant?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from mailrules.mailbox.text import fold
from mailrules.rules.patterns import PatternError, PatternTimeout
from mailrules.rules.text_match import TextMatch, TextOperator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_TEXT = 4_000
MAX_VALUES = 8
"""More values than a person reads on a line: another one is then put beside them."""
MAX_VALUE = 60
_WHOLE_TEXT = 80
"""A text of up to so many characters may be written out whole."""

ALIKE, WHOLE = 1, 3
"""How far a person's mind is from it: another spelling, or the text as it is."""


class Nearer(NamedTuple):
    """An operator that holds; a smaller ``cost`` is nearer to what was written."""

    match: TextMatch
    cost: int


def nearer_match(match: TextMatch, text: str) -> Nearer | None:
    """The nearest operator that holds for ``text``, for which ``match`` does not; None where none is near."""
    for one in _candidates(match, text[:MAX_TEXT]):
        try:
            if one.match.holds(text):
                return one
        except PatternTimeout:
            continue
    return None


def distance_within(one: str, other: str, *, limit: int) -> int | None:
    """How many letters differ (Levenshtein), None for more than ``limit``."""
    if abs(len(one) - len(other)) > limit:
        return None
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        previous, row[0] = row[0], index
        for place, its_letter in enumerate(other, 1):
            cost = previous + (letter != its_letter)
            previous = row[place]
            row[place] = min(cost, row[place] + 1, row[place - 1] + 1)
        if min(row) > limit:
            return None
    return row[-1] if row[-1] <= limit else None


def _candidates(match: TextMatch, text: str) -> Iterator[Nearer]:
    values = match.values
    if len(values) > MAX_VALUES:
        if text and len(text) <= _WHOLE_TEXT:
            yield Nearer(_with(match, TextOperator.EQUALS, (text,)), WHOLE)
        return
    if match.match_case:
        yield Nearer(TextMatch(operator=match.operator, values=values), ALIKE)
    # An empty text, as a part of an address that is not there, is contained in everything: that is no condition.
    can_widen = {TextOperator.EQUALS, TextOperator.STARTS_WITH, TextOperator.ENDS_WITH, TextOperator.REGEX}
    if match.operator in can_widen and all(values):
        yield Nearer(_with(match, TextOperator.CONTAINS, values), ALIKE)
    if match.operator is TextOperator.GLOB:
        yield from _wider_globs(match)
    if match.operator is not TextOperator.REGEX and match.operator is not TextOperator.GLOB:
        for value in values:
            slice_ = _nearest(value, text)
            if slice_:
                spelled = tuple(slice_ if one is value else one for one in values)
                yield Nearer(_with(match, match.operator, spelled), ALIKE)
    if match.operator is TextOperator.EQUALS and text and len(text) <= _WHOLE_TEXT:
        yield Nearer(_with(match, TextOperator.EQUALS, with_another(values, text)), WHOLE)


def with_another(values: Sequence[str], another: str) -> tuple[str, ...]:
    """One value instead of the only one, or beside several."""
    return (*values, another) if len(values) > 1 else (another,)


def without_holding(match: TextMatch, texts: Sequence[str]) -> TextMatch | None:
    """The operator without the values that hold for one of these texts; None where none would be left."""
    kept = [value for value in match.values if not any(replace(match, values=(value,)).holds(text) for text in texts)]
    return replace(match, values=tuple(kept)) if kept and len(kept) < len(match.values) else None


def _wider_globs(match: TextMatch) -> Iterator[Nearer]:
    wider = tuple(f"*{value.strip('*')}*" for value in match.values)
    try:
        yield Nearer(_with(match, TextOperator.GLOB, wider), ALIKE)
    except PatternError:
        return


def _with(match: TextMatch, operator: TextOperator, values: Sequence[str]) -> TextMatch:
    return TextMatch(operator=operator, values=tuple(values), match_case=match.match_case)


def _nearest(value: str, text: str) -> str:
    """The words of the text that differ least from a value, "" where they differ in more than a quarter."""
    wanted, words = fold(" ".join(value.split())), text.split()
    limit = max(1, len(wanted) // 4)
    if not 3 <= len(wanted) <= MAX_VALUE:
        return ""
    count = len(wanted.split())
    letters = set(wanted)
    best, least = "", limit + 1
    windows = dict.fromkeys(
        " ".join(words[start : start + size])
        for size in (count, count + 1, count - 1)
        if size > 0
        for start in range(len(words) - size + 1)
    )
    for window in windows:
        folded = fold(window.strip(".,;:!?()[]\"'"))
        if abs(len(folded) - len(wanted)) > limit or len(letters - set(folded)) > limit:
            continue
        distance = distance_within(wanted, folded, limit=least - 1)
        if distance is not None and distance < least:
            best, least = window.strip(".,;:!?()[]\"'"), distance
    return best
