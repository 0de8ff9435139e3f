"""What of a search's result does a client want told: the options of RETURN (RFC 4731, 5182, 9394)?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.testing.server_arguments import Arguments, Atom, BadCommand
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.testing.server_arguments import Argument
    from mailrules.testing.server_calls import Call
    from mailrules.testing.server_session import Session

_PAGE = re.compile(rb"(-?[1-9]\d{0,9}):(-?[1-9]\d{0,9})")
_RETURNS = {b"MIN", b"MAX", b"ALL", b"COUNT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """``first:last`` of PARTIAL (RFC 9394): counted from 1, or from -1 at the end."""

    text: bytes
    first: int
    last: int

    def of(self, numbers: Sequence[int]) -> Sequence[int]:
        """Those of the page; the numbers are ascending."""
        low, high = sorted((abs(self.first), abs(self.last)))
        if self.first > 0:
            return numbers[low - 1 : high]
        return numbers[max(0, len(numbers) - high) : len(numbers) - low + 1]


def parse_page(word: Argument) -> Page:
    """Read ``1:10``. Raises BadCommand."""
    match = _PAGE.fullmatch(word) if isinstance(word, Atom) else None
    if match is None or (match[1][:1] == b"-") is not (match[2][:1] == b"-"):
        raise BadCommand("Invalid PARTIAL range")
    return Page(text=bytes(match[0]), first=int(match[1]), last=int(match[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnOptions:
    """What SEARCH RETURN asks for: names of ``_RETURNS``, SAVE, and a page."""

    names: frozenset[bytes]
    saves: bool = False
    part: Page | None = None


def return_options(session: Session, call: Call) -> ReturnOptions:
    """Read ``(MIN COUNT SAVE)``; nothing asked for is ALL. Raises BadCommand."""
    if not session.offers("ESEARCH"):
        raise BadCommand("Unknown argument RETURN")
    words = Arguments(call.arguments.list())
    names: set[bytes] = set()
    saves, part = False, None
    while words:
        if session.offers("SEARCHRES") and words.next_is(b"SAVE"):
            saves = True
        elif session.offers("PARTIAL") and words.next_is(b"PARTIAL"):
            part = parse_page(words.any())
        elif (name := words.atom().upper()) in _RETURNS:
            names.add(name)
        else:
            raise BadCommand(f"Unknown SEARCH RETURN option {name.decode('ascii', 'replace')}")
    if part is not None and b"ALL" in names:
        raise BadCommand("PARTIAL and ALL exclude each other")
    asked = names or (set() if saves or part else {b"ALL"})
    return ReturnOptions(names=frozenset(asked), saves=saves, part=part)
