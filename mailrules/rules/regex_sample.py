"""Which text is a regular expression found in: one short sample, for the usual constructs?

A sample is a guess that the caller confirms with the pattern itself, so what is not understood costs nothing
but a sample.
"""

from __future__ import annotations

import re

MAX_SAMPLE = 100
_CLASSES = {"d": "7", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a", "h": " ", "t": " ", "n": " "}
_ANCHORS = frozenset("bBAzZ")
_REPEATED = re.compile(r"(?:\{(\d{1,2})(?:,\d{0,4})?\}|([*+?]))[?+]?")


class _NotUnderstood(Exception):
    """The expression has something that no sample is made for."""


def sample_of(expression: str) -> str | None:
    """A text that the expression probably is found in; None for one that is not understood."""
    reader = _Reader(expression)
    try:
        sample = reader.alternatives(depth=0)
    except _NotUnderstood:
        return None
    if reader.position < len(expression) or len(sample) > MAX_SAMPLE:
        return None
    return sample.strip() or None


class _Reader:
    """Reads an expression from left to right; of alternatives the first one is taken."""

    def __init__(self, expression: str) -> None:
        self._text = expression
        self.position = 0

    def alternatives(self, *, depth: int) -> str:
        if depth > 10:
            raise _NotUnderstood
        first: str | None = None
        while True:
            branch = self._branch(depth=depth)
            first = branch if first is None else first
            if self._next() != "|":
                return first
            self.position += 1

    def _branch(self, *, depth: int) -> str:
        pieces: list[str] = []
        while (character := self._next()) not in {"", "|", ")"}:
            self.position += 1
            atom = self._atom(character, depth=depth)
            pieces.append(atom * self._times())
        return "".join(pieces)

    def _atom(self, character: str, *, depth: int) -> str:
        match character:
            case "\\":
                escaped = self._next()
                self.position += 1
                if escaped in _ANCHORS:
                    return ""
                if escaped in _CLASSES:
                    return _CLASSES[escaped]
                if escaped.isalnum() or not escaped:
                    raise _NotUnderstood
                return escaped
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "[":
                return self._class()
            case "(":
                return self._group(depth=depth)
            case _:
                return character

    def _group(self, *, depth: int) -> str:
        opening = re.compile(r"\?(?:P?<[A-Za-z_]\w*>|:)").match(self._text, self.position)
        if opening:
            self.position = opening.end()
        elif self._next() == "?":
            raise _NotUnderstood
        inner = self.alternatives(depth=depth + 1)
        if self._next() != ")":
            raise _NotUnderstood
        self.position += 1
        return inner

    def _class(self) -> str:
        end = self._text.find("]", self.position + 1)
        content = self._text[self.position : end]
        if end < 0 or "[" in content:
            raise _NotUnderstood
        self.position = end + 1
        if content.startswith("^"):
            return next((one for one in "a7-_ x" if one not in content), "")
        if content.startswith("\\"):
            return _CLASSES.get(content[1:2], content[1:2])
        return content[:1]

    def _times(self) -> int:
        """How often the last atom is wanted at least; once where that is never, so that the sample shows it."""
        repeated = _REPEATED.match(self._text, self.position)
        if not repeated:
            return 1
        self.position = repeated.end()
        return max(int(repeated[1]), 1) if repeated[1] else 1

    def _next(self) -> str:
        return self._text[self.position : self.position + 1]
