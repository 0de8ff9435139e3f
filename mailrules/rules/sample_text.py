"""Which text would a text operator hold for: one that is as near to a given text as is easily had?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.rules.patterns import PatternTimeout, required_literal
from mailrules.rules.regex_sample import sample_of
from mailrules.rules.text_match import TextOperator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.rules.text_match import TextMatch

MAX_CHARACTERS = 200
"""A longer text would help nobody."""


def text_holding(matches: Sequence[TextMatch], text: str) -> str | None:
    """A text for which all of these hold, made of ``text``; None where none is found."""
    found = text
    for match in matches:
        if not _holds(match, found):
            found = next((one for one in _candidates(match, found) if _holds(match, one)), found)
    return found if all(_holds(match, found) for match in matches) else None


def text_not_holding(matches: Sequence[TextMatch], text: str) -> str | None:
    """``text`` without what makes all of these hold; None where that is not found."""
    for match in matches:
        without = text
        for value in match.values:
            without = " ".join(re.sub(re.escape(value.strip()), "", without, flags=re.IGNORECASE).split())
        for one in (without, "something else", "-"):
            if one and not _holds(match, one):
                return one
    return None


def _candidates(match: TextMatch, text: str) -> Iterator[str]:
    for value in match.values[:3]:
        plain = " ".join(value.split())
        match match.operator:
            case TextOperator.EQUALS:
                yield plain
            case TextOperator.CONTAINS | TextOperator.ENDS_WITH:
                if len(text) + len(plain) <= MAX_CHARACTERS:
                    yield f"{text} {plain}".strip()
                    yield f"{text}{value}".strip()
                yield plain
            case TextOperator.STARTS_WITH:
                if len(text) + len(plain) <= MAX_CHARACTERS:
                    yield f"{plain} {text}".strip()
                    yield f"{value}{text}".strip()
                yield plain
            case TextOperator.GLOB:
                yield _of_glob(plain)
                yield plain
            case TextOperator.REGEX:
                yield from _of_regex(value, text)


def _of_glob(glob: str) -> str:
    """One text that a glob describes: nothing for ``*``, a letter for ``?``, the first of a class."""
    chosen = re.sub(r"\[([^\]!])[^\]]*\]", r"\1", glob)
    return chosen.replace("*", "").replace("?", "a")


def _of_regex(pattern: str, text: str) -> Iterator[str]:
    sample = sample_of(pattern)
    if sample is not None:
        if len(text) + len(sample) <= MAX_CHARACTERS:
            yield f"{text} {sample}".strip()
            yield f"{sample} {text}".strip()
        yield sample
    yield required_literal(pattern)
    yield pattern


def _holds(match: TextMatch, text: str) -> bool:
    try:
        return match.holds(text)
    except PatternTimeout:
        return False
