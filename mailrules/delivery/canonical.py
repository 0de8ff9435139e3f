"""How a message becomes what SMTP may carry: lines that end in CRLF and no other way, dots stuffed.

A bare CR, or a bare LF that a server takes for a line end and we do not, is how a second mail is smuggled into the
first ("SMTP smuggling"). So LF is made CRLF before dots are stuffed, and a bare CR is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.mailbox.headers import MAX_HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

_BARE_CR = re.compile(rb"\r(?!\n)")
_LINE_END = b"\r\n"
_TOO_LONG = f"its header is over {MAX_HEADER_BYTES >> 10} KiB"


class NotCanonical(ValueError):
    """The message holds what must not go over SMTP; the words say what."""


class CanonicalLines:
    """Rewrites a message in pieces of any size; every piece that comes out holds no bare CR or LF."""

    def __init__(self) -> None:
        self._carry = b""
        self._ends_line = True
        self.has_8bit = False

    def feed(self, piece: bytes) -> bytes:
        """The next piece. Raises NotCanonical."""
        data = self._carry + piece
        self._carry = b""
        if data.endswith(b"\r"):
            data, self._carry = data[:-1], b"\r"
        if b"\0" in data:
            raise NotCanonical("it holds a NUL byte")
        if _BARE_CR.search(data):
            raise NotCanonical("it holds a bare CR, which some servers take for a line end")
        if not data:
            return b""
        self.has_8bit = self.has_8bit or not data.isascii()
        self._ends_line = data.endswith(b"\n")
        return data.replace(_LINE_END, b"\n").replace(b"\n", _LINE_END)

    def finish(self) -> bytes:
        """What is missing to a whole last line. Raises NotCanonical."""
        if self._carry:
            raise NotCanonical("it ends in a bare CR")
        return b"" if self._ends_line else _LINE_END


async def header_and_rest(content: AsyncIterable[bytes], lines: CanonicalLines) -> tuple[bytes, AsyncIterator[bytes]]:
    """The canonical header block with the empty line after it, and the canonical rest.

    A message without an empty line is all header. Raises NotCanonical, also for a header over 256 KiB.
    """
    pieces = aiter(content)
    held = b""
    is_over = False
    while b"\r\n\r\n" not in held and not held.startswith(_LINE_END):
        if len(held) > MAX_HEADER_BYTES:
            raise NotCanonical(_TOO_LONG)
        try:
            held += lines.feed(await anext(pieces))
        except StopAsyncIteration:
            is_over = True
            held += lines.finish()
            break
    if held.startswith(_LINE_END):
        header, rest = b"", held
    else:
        header, end, body = held.partition(b"\r\n\r\n")
        header, rest = (header + _LINE_END, _LINE_END + body) if end else (held, b"")
    if len(header) > MAX_HEADER_BYTES:
        raise NotCanonical(_TOO_LONG)

    async def others() -> AsyncIterator[bytes]:
        yield rest
        if is_over:
            return
        async for piece in pieces:
            yield lines.feed(piece)
        yield lines.finish()

    return header, others()


def dots_stuffed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Canonical pieces with a dot added before each one that begins a line (RFC 5321 section 4.5.2)."""
    begins_line, last = True, b""
    for piece in pieces:
        if not piece:
            continue
        stuffed = piece.replace(b"\n.", b"\n..")
        if begins_line and piece.startswith(b"."):
            stuffed = b"." + stuffed
        begins_line = piece.endswith(b"\n")
        last = piece[-1:]
        yield stuffed
    if last and last != b"\n":
        yield _LINE_END
