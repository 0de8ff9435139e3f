"""Whether one text satisfies one text operator, and which texts can be ruled out beforehand."""

from __future__ import annotations

import re
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.mailbox.text import compose, fold
from mailrules.rules.patterns import Pattern, compile_glob, compile_pattern, required_literal
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORTEST_PROBE = 3


class TextOperator(StrEnum):
    """The text operators of the rule language; ``in`` is ``equals`` with several values."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    GLOB = "glob"
    REGEX = "regex"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMatch:
    """One operator with its values, any of which may hold.

    Raises PatternError when made with a regex or glob that cannot be compiled.
    """

    operator: TextOperator
    values: tuple[str, ...]
    match_case: bool = False
    wanted: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The values in the form in which they are compared."""
    wanted_set: frozenset[str] = field(init=False, repr=False, compare=False)
    patterns: tuple[Pattern, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = tuple(dict.fromkeys(_as_compared(value) for value in self.values))
        if self.operator == TextOperator.EQUALS:
            values = tuple(value.strip() for value in values)
        wanted = values if self.match_case else tuple(dict.fromkeys(map(fold, values)))
        patterns: Iterable[Pattern] = ()
        if self.operator == TextOperator.REGEX:
            patterns = (compile_pattern(value, ignore_case=not self.match_case) for value in self.values)
        elif self.operator == TextOperator.GLOB:
            patterns = (compile_glob(value, ignore_case=False) for value in wanted)
        object.__setattr__(self, "wanted", wanted)
        object.__setattr__(self, "wanted_set", frozenset(wanted))
        object.__setattr__(self, "patterns", tuple(patterns))

    def holds(self, text: str) -> bool:
        """Whether the operator holds for a decoded text."""
        if self.operator == TextOperator.REGEX:
            return any(pattern.matches(text) for pattern in self.patterns)
        compared = text if self.match_case else fold(text)
        match self.operator:
            case TextOperator.EQUALS:
                return compared in self.wanted_set
            case TextOperator.CONTAINS:
                return any(value in compared for value in self.wanted)
            case TextOperator.STARTS_WITH:
                return compared.startswith(self.wanted)
            case TextOperator.ENDS_WITH:
                return compared.endswith(self.wanted)
            case _:
                return any(pattern.matches(compared) for pattern in self.patterns)

    def captures(self, text: str) -> dict[str, str] | None:
        """Named groups of the first regex that has any and is found in the text."""
        if self.operator == TextOperator.REGEX:
            for pattern in self.patterns:
                if pattern.group_names and (found := pattern.captures(text)) is not None:
                    return found
        return None

    @property
    def probes(self) -> tuple[str, ...] | None:
        """Folded literals, one of which is in the folded text wherever the operator holds.

        None where there are no such literals, so that each text must be looked at.
        """
        match self.operator:
            case TextOperator.REGEX:
                literals = tuple(required_literal(value) for value in self.values)
            case TextOperator.GLOB:
                literals = tuple(max(re.split(r"\*|\?|\[.*?\]", value), key=len) for value in self.wanted)
            case _:
                literals = self.wanted
        folded = tuple(dict.fromkeys(map(fold, literals)))
        shortest = 1 if self.operator == TextOperator.CONTAINS else _SHORTEST_PROBE
        return folded if all(len(literal) >= shortest for literal in folded) else None


def _as_compared(value: str) -> str:
    """A wanted text in the form of decoded values; spaces at its ends are kept, they may be meant."""
    return compose(re.sub(r"\s+", " ", value))
