"""What did the client write: a command's bytes taken apart, apart from the client's own code.

The in-memory server judges the client's writer, so it shares no tokens with it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from mailrules.imap.mailbox_name import decode_mailbox_name
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LEVELS = 50
LARGEST_NUMBER = 2**32 - 1

_TOKEN = re.compile(rb'[ ]*(?:(?P<open>\()|(?P<close>\))|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<atom>[^ ()"]+))')
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_RANGE = re.compile(rb"(\d{1,10}|\*)(?::(\d{1,10}|\*))?")


class BadCommand(Exception):
    """The command's syntax is wrong; the answer is BAD with this code (without brackets) and text."""

    def __init__(self, text: str, *, code: str = "") -> None:
        self.code = code
        super().__init__(text)


class NeedsUids(BadCommand):
    """Message numbers are not allowed once UIDONLY is enabled (RFC 9586 section 3)."""

    def __init__(self) -> None:
        super().__init__("Message numbers are not allowed once UIDONLY is enabled", code="UIDREQUIRED")


class Atom(bytes):
    """A word that was neither quoted nor a literal; flags, numbers and sets too."""

    __slots__ = ()


class String(bytes):
    """A quoted string or a literal."""

    __slots__ = ()


class ArgumentList(list["Argument"]):
    """A parenthesised list."""

    __slots__ = ()


Argument = Atom | String | ArgumentList


@dataclass(frozen=True, slots=True)
class SequenceRanges:
    """A sequence set as (first, last) pairs; None stands for ``*``."""

    ranges: tuple[tuple[int | None, int | None], ...]

    def resolve(self, largest: int) -> list[tuple[int, int]]:
        """Ascending pairs, with ``*`` as the largest number in use."""
        pairs = [
            (largest if first is None else first, largest if last is None else last) for first, last in self.ranges
        ]
        return sorted((min(pair), max(pair)) for pair in pairs)


def parse_arguments(pieces: Sequence[bytes]) -> ArgumentList:
    """Take apart a command: text, literal, text, literal, ..., text, announcements left out.

    Raises BadCommand. Lists are kept on a stack of our own, at most ``MOST_LEVELS`` of them.
    """
    top = ArgumentList()
    stack = [top]
    for place, piece in enumerate(pieces):
        if place % 2:
            stack[-1].append(String(piece))
        else:
            _parse_text(piece, stack)
    if len(stack) > 1:
        raise BadCommand("Missing ')'")
    return top


def _parse_text(text: bytes, stack: list[ArgumentList]) -> None:
    position, end = 0, len(text.rstrip(b" "))
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise BadCommand("Missing '\"'")
        position = match.end()
        if match["open"]:
            if len(stack) > MOST_LEVELS:
                raise BadCommand("Too many '('")
            inner = ArgumentList()
            stack[-1].append(inner)
            stack.append(inner)
        elif match["close"]:
            if len(stack) == 1:
                raise BadCommand("Unexpected ')'")
            stack.pop()
        elif match["atom"]:
            stack[-1].append(Atom(match["atom"]))
        else:
            stack[-1].append(String(_ESCAPE.sub(rb"\1", match["quoted"])))


class Arguments:
    """A command's arguments, read one after the other; every reader raises BadCommand."""

    def __init__(self, arguments: ArgumentList) -> None:
        self._left = arguments[::-1]

    def __bool__(self) -> bool:
        return bool(self._left)

    def peek(self) -> Argument | None:
        """The next argument, which stays."""
        return self._left[-1] if self._left else None

    def next_is(self, word: bytes) -> bool:
        """Take the next argument if it is this atom, in any case."""
        found = self.peek()
        if isinstance(found, Atom) and found.upper() == word:
            self._left.pop()
            return True
        return False

    def any(self) -> Argument:
        if not self._left:
            raise BadCommand("Missing arguments")
        return self._left.pop()

    def atom(self) -> bytes:
        found = self.any()
        if not isinstance(found, Atom):
            raise BadCommand("Invalid arguments")
        return found

    def astring(self) -> bytes:
        found = self.any()
        if isinstance(found, ArgumentList):
            raise BadCommand("Invalid arguments")
        return found

    def list(self) -> ArgumentList:
        found = self.any()
        if not isinstance(found, ArgumentList):
            raise BadCommand("Invalid arguments")
        return found

    def number(self) -> int:
        word = self.atom()
        if not word.isdigit() or len(word) > 19:
            raise BadCommand("Invalid number")
        return int(word)

    def mailbox(self) -> str:
        return decode_mailbox_name(self.astring())

    def sequence_set(self) -> SequenceRanges:
        return parse_sequence_ranges(self.atom())

    def end(self) -> None:
        if self._left:
            raise BadCommand("Unexpected arguments")


def parse_sequence_ranges(word: bytes) -> SequenceRanges:
    """Read ``1:4,7,*``. Raises BadCommand."""
    ranges = []
    for element in word.split(b","):
        match = _RANGE.fullmatch(element)
        if match is None:
            raise BadCommand("Invalid messageset")
        first, last = match.group(1), match.group(2) or match.group(1)
        ranges.append((_bound(first), _bound(last)))
    return SequenceRanges(ranges=tuple(ranges))


def _bound(word: bytes) -> int | None:
    if word == b"*":
        return None
    number = int(word)
    if not 1 <= number <= LARGEST_NUMBER:
        raise BadCommand("Invalid messageset")
    return number


def parse_flags(found: Argument) -> frozenset[str]:
    """Flags of STORE or APPEND, system flags in their usual spelling. Raises BadCommand."""
    words = found if isinstance(found, ArgumentList) else [found]
    return frozenset(_flag(word) for word in words)


def _flag(word: Argument) -> str:
    if not isinstance(word, Atom):
        raise BadCommand("Invalid flags")
    name = word.decode("latin-1")
    if not name.startswith("\\"):
        return name
    if name.lower() not in {"\\answered", "\\flagged", "\\deleted", "\\seen", "\\draft"}:
        raise BadCommand(f"Invalid system flag {name.upper()}")
    return "\\" + name[1:].capitalize()


def parse_internal_date(text: bytes) -> datetime:
    """Read ``"04-Mar-2025 09:30:00 +0000"``. Raises BadCommand."""
    try:
        return datetime.strptime(text.decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        raise BadCommand("Invalid internal date") from None
