"""What the words of a response are: atoms, strings, literals, NIL, and parenthesised lists of them.

Reading is tolerant where servers are sloppy (any number of spaces, 8-bit or control bytes in atoms, a
backslash that escapes nothing) and never recurses, so that a server's nesting costs it, not us.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from mailrules.errors import IMAPError

Value: TypeAlias = "bytes | None | list[Value]"
"""An atom or string as its bytes, NIL as None, or a list. Servers mix up atoms and strings too
freely for the difference to mean anything, except that only the atom NIL is NIL."""

_TOKEN: Final = re.compile(
    rb"""[ \r\n]*+(?:
        (\()
      | (\))
      | "([^"\\]*+(?:\\.[^"\\]*+)*+)"
      | ~?\{([0-9]{1,19})\+?\}\r\n
      | ([^ ()"{\r\n][^ ()"\r\n]*+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_OPEN, _CLOSE, _QUOTED, _LITERAL, _ATOM = range(1, 6)
_ESCAPED = re.compile(rb'\\(["\\])')
_SPACES = re.compile(rb"[ \r\n]*+")
_WORD = re.compile(rb"[ \r\n]*+([^ ()\r\n]++)")


class Unreadable(IMAPError):
    """A piece of a response that cannot be read. Stays inside ``imap``, where it becomes ``Malformed``."""


class Reader:
    """Reads a frame from left to right; ``position`` is where the next piece begins."""

    __slots__ = ("_nesting", "data", "position")

    def __init__(self, data: bytes, position: int = 0, *, nesting: int) -> None:
        self.data, self.position, self._nesting = data, position, nesting

    def at_end(self) -> bool:
        """True when nothing but spaces is left."""
        match = _SPACES.match(self.data, self.position)
        return match is not None and match.end() == len(self.data)

    def rest(self) -> bytes:
        """What has not been read, without the spaces around it."""
        return self.data[self.position :].strip(b" ")

    def take(self, byte: bytes) -> bool:
        """Go past this one byte, and spaces before it, if it comes next."""
        match = _SPACES.match(self.data, self.position)
        end = match.end() if match else self.position
        if not self.data.startswith(byte, end):
            return False
        self.position = end + 1
        return True

    def word(self) -> bytes:
        """The next run of bytes up to a space or parenthesis, whatever else is in it."""
        match = _WORD.match(self.data, self.position)
        if match is None:
            raise Unreadable(f"a word is missing at byte {self.position}")
        self.position = match.end()
        return match[1]

    def value(self) -> Value:
        """The next atom, string, literal or list. Raises Unreadable, also for nesting over the limit."""
        lists: list[list[Value]] = []
        while True:
            value: Value
            match = self._next_token()
            kind = match.lastindex
            if kind == _OPEN:
                if len(lists) == self._nesting:
                    raise Unreadable(f"lists nested deeper than {self._nesting} (limits.nesting)")
                lists.append([])
                continue
            if kind == _CLOSE:
                if not lists:
                    raise Unreadable(f"unexpected ) at byte {match.start(_CLOSE)}")
                value = lists.pop()
            else:
                value = self._string(match)
            if not lists:
                return value
            lists[-1].append(value)

    def skip_value(self) -> None:
        """Go past the next value, however deep it is. Raises Unreadable where it does not end."""
        depth = 0
        while True:
            match = self._next_token()
            if match.lastindex == _OPEN:
                depth += 1
            elif match.lastindex == _CLOSE:
                depth -= 1
            elif match.lastindex == _LITERAL:
                self._string(match)
            if depth <= 0:
                return

    def _next_token(self) -> re.Match[bytes]:
        match = _TOKEN.match(self.data, self.position)
        if match is None:
            raise Unreadable(f"neither an atom, a string nor a list at byte {self.position}")
        self.position = match.end()
        return match

    def _string(self, match: re.Match[bytes]) -> bytes | None:
        kind = match.lastindex
        if kind == _ATOM:
            atom = match[_ATOM]
            return None if atom.upper() == b"NIL" else atom
        if kind == _QUOTED:
            quoted = match[_QUOTED]
            return _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        end = self.position + int(match[_LITERAL])
        if end > len(self.data):
            raise Unreadable(f"a literal of {match[_LITERAL].decode()} bytes is cut short")
        literal = self.data[self.position : end]
        self.position = end
        return literal
