"""How is JSON (RFC 8259) read so that each value keeps its line? Strictly: a name that stands twice is an error."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from mailrules.exchange.imported import ExchangeError
from mailrules.exchange.sourced import Sourced
from mailrules.mailbox.text import SURROGATES

if TYPE_CHECKING:
    from mailrules.exchange.sourced import Scalar

MAX_NESTING: Final = 60
MAX_VALUES: Final = 200_000
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*+"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?P<rest>\.[0-9]{1,20})?(?P<power>[eE][-+]?[0-9]{1,3})?")
_WORDS: Final[dict[str, Scalar]] = {"true": True, "false": False, "null": None}


def read_json(text: str) -> Sourced:
    """The one value of a text. Raises ExchangeError with the line of what is no JSON."""
    return _Reader(text).whole()


class _Reader:
    """Reads from left to right; a value within a value is a call within a call, up to a bound."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._position = self._values = 0

    def whole(self) -> Sourced:
        self._pass_space()
        if self._position == len(self._text):
            raise self._error("the file is empty")
        value = self._value(depth=0)
        self._pass_space()
        if self._position < len(self._text):
            raise self._error("something follows behind the end of the value")
        return value

    def _value(self, *, depth: int) -> Sourced:
        if depth > MAX_NESTING:
            raise self._error(f"values within each other over {MAX_NESTING} deep")
        line = self._line()
        self._values += 1
        if self._values > MAX_VALUES:
            raise ExchangeError(f"over {MAX_VALUES:,} values; divide the file", line=line)
        character = self._text[self._position : self._position + 1]
        match character:
            case "{":
                return Sourced(self._entries(depth=depth), line)
            case "[":
                return Sourced(self._items(depth=depth), line)
            case '"':
                return Sourced(self._string(), line)
            case _:
                return Sourced(self._scalar(), line)

    def _entries(self, *, depth: int) -> dict[str, Sourced]:
        self._position += 1
        found: dict[str, Sourced] = {}
        while not self._ends("}", is_first=not found):
            if self._text[self._position : self._position + 1] != '"':
                raise self._error("a name in double quotes is expected here")
            name = self._string()
            if name in found:
                raise self._error(f"{name!r} stands twice, in line {found[name].line} too; leave one of them out")
            self._pass_space()
            if self._text[self._position : self._position + 1] != ":":
                raise self._error("a colon is expected here")
            self._position += 1
            self._pass_space()
            found[name] = self._value(depth=depth + 1)
        return found

    def _items(self, *, depth: int) -> list[Sourced]:
        self._position += 1
        found: list[Sourced] = []
        while not self._ends("]", is_first=not found):
            found.append(self._value(depth=depth + 1))
        return found

    def _ends(self, closing: str, *, is_first: bool) -> bool:
        """Whether the closing bracket is here; else past the comma, to the next value."""
        self._pass_space()
        if self._text.startswith(closing, self._position):
            self._position += 1
            return True
        if not is_first:
            if not self._text.startswith(",", self._position):
                raise self._error(f"a comma or {closing!r} is expected here")
            self._position += 1
            self._pass_space()
        if self._position >= len(self._text):
            raise self._error(f"the file ends before its {closing!r}; is it cut short?")
        return False

    def _string(self) -> str:
        found = _STRING.match(self._text, self._position)
        if found is None:
            raise self._error("this text in quotes is not closed, or holds a line break or a control character")
        try:
            text = str(json.loads(found[0]))
        except json.JSONDecodeError as error:
            raise self._error(f"this text in quotes cannot be read: {error.msg}") from error
        if SURROGATES.search(text):
            raise self._error("this text in quotes holds half of a character (a lone surrogate)")
        self._position = found.end()
        return text

    def _scalar(self) -> Scalar:
        for word, value in _WORDS.items():
            if self._text.startswith(word, self._position):
                self._position += len(word)
                return value
        number = _NUMBER.match(self._text, self._position)
        if number is None:
            raise self._error("a value is expected here; text stands in double quotes")
        self._position = number.end()
        return float(number[0]) if number["rest"] or number["power"] else int(number[0])

    def _pass_space(self) -> None:
        space = _SPACE.match(self._text, self._position)
        self._position = space.end() if space else self._position

    def _line(self) -> int:
        return bisect_right(self._breaks, self._position - 1) + 1

    def _error(self, message: str) -> ExchangeError:
        return ExchangeError(f"this is no JSON: {message}", line=self._line())
