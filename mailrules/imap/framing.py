"""Where one response ends and the next begins (RFC 9051 section 2.2), before anything is understood.

A response is a line that ends in CRLF; untagged data goes on after a literal (``{n}`` CRLF, n bytes).
Work is linear in the bytes received, however they are cut, and nothing is allocated on the server's
word: a literal takes memory as it arrives, and none where it is taken in pieces. A bare LF is an
ordinary byte, since servers that put one into a quoted string exist and servers that end lines with
it do not.
"""

from __future__ import annotations

import re
from typing import NewType, NoReturn, TypeAlias

from mailrules.errors import LocalProtocolError, RemoteProtocolError
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.sections import ANY_RESPONSE, LITERALS
from mailrules.imap.shown import shown
from mailrules.values import dataclass

Frame = NewType("Frame", bytes)
"""One complete response with its literals in place, without the CRLF that ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentOffered:
    """The content of a section of FETCH comes next, as a literal: ``take_in_pieces`` now, or it is held.

    ``head`` is the response so far, made complete with NIL where the literal is to be. ``section`` is
    what stands in the brackets, as it came, and ``<n>`` where it begins in the middle.
    """

    head: Frame
    section: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ContentPiece:
    """The next bytes of the literal; the last piece makes its size full. A literal of no bytes has one empty piece."""

    data: bytes


Piece: TypeAlias = "Frame | ContentOffered | ContentPiece"

_LITERAL = re.compile(rb"\{([0-9]+)\+?\}")
# Only these are data that may hold literals. Text for people may well end in "{5}": tagged
# replies, continuations, and these status responses.
_STATUS_TEXT = re.compile(rb"\* +(?:OK|NO|BAD|BYE|PREAUTH) ", re.IGNORECASE)
_LONG_DATA = re.compile(rb"\* +(?:[0-9]+ +(?:UID)?FETCH|SEARCH|ESEARCH|SORT|THREAD|VANISHED) ", re.IGNORECASE)
_FETCH = re.compile(rb"\* +[0-9]+ +(?:UID)?FETCH ", re.IGNORECASE)
_CONTENT = re.compile(rb"[ (](?:(?:BODY|BINARY)\[([^]]*+)\](<[0-9]++>)?|RFC822(\.HEADER|\.TEXT)?) ~?\Z", re.IGNORECASE)
_QUOTED_BYTES = 24  # enough to tell what it is, too little to hold mail
_RIGHT_BRACE = ord("}")
_SMALL_BYTES = 4096
"""Up to here a second copy costs less than a view."""


class Framer:
    """Cuts what a server sends into frames. After a RemoteProtocolError it is of no further use.

    While ``offers_content`` is set, literals that hold the content of messages are offered before they are read.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.offers_content = False
        self._limits = limits
        self._short_bytes = min(limits.line_bytes, limits.response_bytes)
        """Up to here no limit of a line or a response can be passed."""
        self._buffer = bytearray()
        self._start = 0  # of the response being read
        self._line_start = 0  # of its last line; what is before that is complete
        self._scanned = 0  # up to here there is no CRLF
        self._offer: _Offer | None = None
        self._left_bytes: int | None = None  # of the literal that is taken in pieces
        self._head = b""  # of its response
        self._error: RemoteProtocolError | None = None

    @property
    def buffered_bytes(self) -> int:
        """How much has arrived that no frame has given back: after STARTTLS's OK it must be 0."""
        return len(self._buffer) - self._start

    def feed(self, data: bytes) -> None:
        """Take what has arrived; ``next_response`` then gives the frames."""
        if self._error is not None:
            return
        if self._start:
            del self._buffer[: self._start]
            self._line_start -= self._start
            self._scanned -= self._start
            self._start = 0
        self._buffer += data

    def next_response(self) -> Piece | None:
        """The next complete response, or None until more arrives.

        A response with content that is taken in pieces comes after them, with NIL in its place.
        Raises RemoteProtocolError when a limit is passed, and again on every later call.
        """
        if self._error is not None:
            raise self._error
        if self._left_bytes is not None:
            return self._next_piece(self._left_bytes)
        buffer = self._buffer
        while True:
            end = buffer.find(b"\r\n", self._scanned)
            if end < 0:
                # A CR at the very end may be half of the CRLF.
                self._scanned = max(self._line_start, len(buffer) - 1)
                self._check_line(self._scanned)
                return None
            if end - self._start > self._short_bytes:
                self._check_line(end)
            if end == self._start:  # a blank line between responses says nothing
                self._start = end + 2
            elif end == self._line_start and self._is_fetch():
                # Some servers put a blank line after a literal. No response begins with ")" or a
                # space, so what follows the blank line tells whether this one goes on.
                if len(buffer) == end + 2:
                    return None
                if buffer[end + 2] not in b") ":
                    return self._take(end)
            elif buffer[end - 1] != _RIGHT_BRACE or (literal_bytes := self._literal_announced(end)) is None:
                return self._take(end)
            else:
                if self.offers_content and self._offer is None and (offered := self._offered(end, literal_bytes)):
                    return offered
                self._offer = None
                self._check_literal(end, literal_bytes)
                self._line_start = self._scanned = end + 2 + literal_bytes
                continue
            self._line_start = self._scanned = end + 2

    def take_in_pieces(self) -> None:
        """Accept what was just offered."""
        if self._offer is None:
            raise LocalProtocolError("no content is offered that could be taken in pieces")
        offer, self._offer = self._offer, None
        self._head, self._left_bytes = offer.head, offer.size_bytes
        self._start += offer.announced_bytes

    def _offered(self, end: int, literal_bytes: int) -> ContentOffered | None:
        """The offer of the literal that the line ending here announces, None where it is something else."""
        brace = self._buffer.rindex(b"{", self._line_start, end)
        match = _CONTENT.search(self._buffer, self._line_start, brace) if self._is_fetch() else None
        if match is None:
            return None
        if literal_bytes > self._limits.streamed_bytes:
            self._fail("literal", literal_bytes, limit="streamed_bytes", allowed=self._limits.streamed_bytes)
        head = bytes(self._buffer[self._start : brace]).removesuffix(b"~") + b"NIL"
        self._check_literal(end, 0)
        self._offer = _Offer(head, end + 2 - self._start, literal_bytes)
        section = (match[3] or b"").lstrip(b".") if match[1] is None else match[1] + (match[2] or b"")
        return ContentOffered(head=Frame(head + b")"), section=section, size_bytes=literal_bytes)

    def _next_piece(self, left_bytes: int) -> ContentPiece | None:
        end = min(len(self._buffer), self._start + left_bytes)
        if end == self._start and left_bytes:
            return None
        with memoryview(self._buffer) as view:
            data = bytes(view[self._start : end])
        self._left_bytes = left_bytes - len(data)
        self._start = end
        if not self._left_bytes:
            # The response goes on, as if the server had written NIL.
            self._left_bytes = None
            self._buffer[:end] = self._head
            self._start = 0
            self._line_start = self._scanned = len(self._head)
        return ContentPiece(data)

    def _take(self, end: int) -> Frame:
        if end - self._start < _SMALL_BYTES:
            frame = bytes(self._buffer[self._start : end])
        else:
            with memoryview(self._buffer) as view:
                frame = bytes(view[self._start : end])
        self._start = self._line_start = self._scanned = end + 2
        return Frame(frame)

    def _is_fetch(self) -> bool:
        return _FETCH.match(self._buffer, self._start) is not None

    def _literal_announced(self, end: int) -> int | None:
        """The size of the literal that the line ending here announces, None where it announces none."""
        brace = self._buffer.rfind(b"{", self._line_start, end)
        match = _LITERAL.fullmatch(self._buffer, brace, end) if brace >= 0 else None
        if match is None or not self._is_data():
            return None
        return int(match[1].lstrip(b"0")[:20] or b"0")  # 20 digits are over any limit

    def _check_literal(self, end: int, size_bytes: int) -> None:
        if size_bytes > self._limits.literal_bytes:
            self._fail("literal", size_bytes, limit="literal_bytes", allowed=self._limits.literal_bytes)
        response_bytes = end + 2 + size_bytes - self._start
        if response_bytes > self._limits.response_bytes:
            self._fail("response", response_bytes, limit="response_bytes", allowed=self._limits.response_bytes)

    def _is_data(self) -> bool:
        return self._buffer.startswith(b"* ", self._start) and _STATUS_TEXT.match(self._buffer, self._start) is None

    def _check_line(self, end: int) -> None:
        line_bytes = end - self._line_start
        if end - self._start > self._limits.response_bytes:
            self._fail("response", end - self._start, limit="response_bytes", allowed=self._limits.response_bytes)
        if line_bytes <= self._limits.line_bytes:
            return
        if _LONG_DATA.match(self._buffer, self._start):
            if line_bytes > self._limits.data_line_bytes:
                self._fail("line", line_bytes, limit="data_line_bytes", allowed=self._limits.data_line_bytes)
        else:
            self._fail("line", line_bytes, limit="line_bytes", allowed=self._limits.line_bytes)

    def _fail(self, what: str, size_bytes: int, *, limit: str, allowed: int) -> NoReturn:
        beginning = bytes(self._buffer[self._start : self._start + _QUOTED_BYTES])
        self._buffer.clear()
        self._error = RemoteProtocolError(
            f"{what} of {size_bytes} bytes is over {allowed}; raise limits.{limit} to accept it",
            sent=shown(beginning),
            rfc=LITERALS if what == "literal" else ANY_RESPONSE,
        )
        raise self._error


@dataclass(frozen=True, slots=True)
class _Offer:
    head: bytes
    announced_bytes: int
    """How much of the buffer the head took, as the server wrote it."""
    size_bytes: int
