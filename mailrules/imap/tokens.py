"""What the words of a response are: atoms, strings, literals, NIL, and parenthesised lists of them.

Reading is tolerant where servers are sloppy (any number of spaces, 8-bit or control bytes in atoms, a
backslash that escapes nothing) and never recurses, so that a server's nesting costs it, not us.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.errors import IMAPError
from mailrules.imap.mailbox_name import decode_mailbox_name

if TYPE_CHECKING:
    from mailrules.imap.limits import Limits

Value: TypeAlias = "bytes | list[Value] | None"
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
_NUMBER = re.compile(rb"[0-9]{1,19}")
# Some servers compute sizes in floating point; real bytes in tests/traces/float-size.txt
_SIZE = re.compile(rb"[0-9]{1,19}(?:\.[0-9]{1,18}+)?(?:[eE]\+?(?:0?[0-9]|1[0-8]))?")
_ESCAPED = re.compile(rb'\\(["\\])')
_STRING_START = re.compile(rb'[ \r\n]*+(?:"|~?\{[0-9]+\+?\}\r\n|NIL(?=[ )]|\Z))', re.IGNORECASE)
_NOT_SPACE = re.compile(rb"[^ \r\n]|\Z")


class Unreadable(IMAPError):
    """A piece of a response that cannot be read. Stays inside ``imap``, where it becomes ``Malformed``."""


class OverLimit(Unreadable):
    """What cannot be read since there is too much of it, as ``Limits`` say."""


class Reader:
    """Reads a frame from left to right; ``position`` is where the next piece begins."""

    __slots__ = ("_limits", "_utf8", "data", "position")

    def __init__(self, data: bytes, *, limits: Limits, utf8: bool = False) -> None:
        self.data, self.position = data, 0
        self._limits, self._utf8 = limits, utf8

    def at_end(self) -> bool:
        """True when nothing but spaces is left."""
        self._skip_spaces()
        return self.position == len(self.data)

    def rest(self) -> bytes:
        """What has not been read, without the spaces around it."""
        return self.data[self.position :].strip(b" ")

    def next_is(self, byte: bytes) -> bool:
        """True if this one byte comes next; spaces before it are passed."""
        self._skip_spaces()
        return self.data.startswith(byte, self.position)

    def next_is_string(self) -> bool:
        """True if a quoted string, a literal or NIL comes next."""
        return _STRING_START.match(self.data, self.position) is not None

    def take(self, byte: bytes) -> bool:
        """Go past this one byte if it comes next."""
        found = self.next_is(byte)
        self.position += found
        return found

    def mailbox(self, *, before: re.Pattern[bytes] | None = None) -> str:
        """The next string as a decoded mailbox name.

        Some servers forget to quote a name with spaces or parentheses: without quotes it goes on until
        ``before`` matches, or to the end.
        """
        if before is not None and not self.next_is_string():
            match = before.search(self.data, self.position)
            end = len(self.data) if match is None else match.start()
            name: Value = self.data[self.position : end].strip(b" ") or None
            self.position = end
        else:
            name = self.value()
        if not isinstance(name, bytes):
            raise Unreadable("the name of the mailbox is missing")
        return self.decode_mailbox(name)

    def decode_mailbox(self, name: bytes) -> str:
        """A mailbox name that stood inside a value, decoded as names are on this connection."""
        return decode_mailbox_name(name, utf8=self._utf8)

    def value(self) -> Value:
        """The next atom, string, literal or list. Raises Unreadable, also for one over a limit."""
        data, position = self.data, self.position
        lists: list[list[Value]] = []
        for _ in range(self._limits.items):
            match = _TOKEN.match(data, position)
            if match is None:
                raise Unreadable(f"neither an atom, a string nor a list at byte {position}")
            position = match.end()
            kind = match.lastindex
            value: Value
            if kind == _QUOTED:
                value = unescape(match[_QUOTED])
            elif kind == _ATOM:
                value = None if (atom := match[_ATOM]).upper() == b"NIL" else atom
            elif kind == _OPEN:
                if len(lists) == self._limits.nesting:
                    raise OverLimit(f"lists nested deeper than {self._limits.nesting} (limits.nesting)")
                lists.append([])
                continue
            elif kind == _CLOSE:
                if not lists:
                    raise Unreadable(f"unexpected ) at byte {position - 1}")
                value = lists.pop()
            else:
                start, position = position, self._end_of_literal(match)
                value = data[start:position]
            if not lists:
                self.position = position
                return value
            lists[-1].append(value)
        raise OverLimit(f"over {self._limits.items} items in one value (limits.items)")

    def skip_value(self) -> None:
        """Go past the next value, however deep it is. Raises Unreadable where it does not end."""
        depth = 0
        while True:
            match = _TOKEN.match(self.data, self.position)
            if match is None:
                raise Unreadable(f"the value before byte {self.position} does not end")
            kind = match.lastindex
            depth += (kind == _OPEN) - (kind == _CLOSE)
            if depth < 0:  # there is no value; the parenthesis belongs to the list around it
                return
            self.position = self._end_of_literal(match) if kind == _LITERAL else match.end()
            if depth == 0:
                return

    def _end_of_literal(self, match: re.Match[bytes]) -> int:
        end = match.end() + int(match[_LITERAL])
        if end > len(self.data):
            raise Unreadable(f"a literal of {int(match[_LITERAL])} bytes is cut short")
        return end

    def _skip_spaces(self) -> None:
        match = _NOT_SPACE.search(self.data, self.position)
        self.position = match.start() if match else len(self.data)


def unescape(quoted: bytes) -> bytes:
    """What stands between the quotes of a string, as the text it means."""
    return _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted


def read_number(value: Value, *, smallest: int = 0, largest: int = 2**63 - 1) -> int:
    """A number that must be exact: a UID, a count, a MODSEQ. Raises Unreadable."""
    if isinstance(value, bytes) and _NUMBER.fullmatch(value) and smallest <= (number := int(value)) <= largest:
        return number
    raise Unreadable(f"not a number from {smallest} to {largest}: {value!r:.60}")


def read_size(value: Value) -> int:
    """A size in bytes, which may be rounded as in ``1.86e+06``. Raises Unreadable."""
    if not isinstance(value, bytes) or not _SIZE.fullmatch(value):
        raise Unreadable(f"not a size: {value!r:.60}")
    return int(value) if value.isdigit() else int(float(value))
