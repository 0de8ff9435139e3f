"""What went over a connection, line by line, without the credentials?"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Literal

from mailrules.client.redaction import HIDDEN
from mailrules.imap.shown import without_tokens
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_BYTES = 4 << 20
_MAX_LINE_BYTES = 8 << 10
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_SIDES: dict[str, Literal["client", "server"]] = {"C: ": "client", "S: ": "server"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptLine:
    """One line without its CRLF; ``side`` is who said it. A line of a literal is a line too.

    ``ends_bare`` where it ended in LF alone. As text, ``S: * OK ready``, with ``\\x..`` for what is not ASCII.
    """

    side: Literal["client", "server"]
    text: bytes
    ends_bare: bool = False

    @property
    def data(self) -> bytes:
        """The line as it went over the wire."""
        return self.text + (b"\n" if self.ends_bare else b"\r\n")

    def __str__(self) -> str:
        text = self.text + b"\n" if self.ends_bare else self.text
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in _unambiguous(text))
        return f"{'C' if self.side == 'client' else 'S'}: {shown}"


def parse_transcript(text: str) -> tuple[TranscriptLine, ...]:
    """Read what ``str(transcript)`` has written. Raises ValueError for a line that is none."""
    return tuple(_parse_line(line) for line in text.splitlines() if line and not line.startswith("("))


class Transcript:
    """Records a connection; give it to ``connect``. The oldest lines go when it is full.

    The client marks the bytes of LOGIN's arguments and of every AUTHENTICATE turn as secret; what
    stands here for them is ``***``. ``hide`` also covers a server that repeats the password. The tokens of signed
    URLs (RFC 4467) are covered wherever they come, in the answers to GENURLAUTH and URLFETCH too.
    """

    def __init__(self, *, max_bytes: int = _MAX_BYTES, max_line_bytes: int = _MAX_LINE_BYTES) -> None:
        self._lines: deque[TranscriptLine] = deque()
        self._max_bytes, self._max_line_bytes = max_bytes, max_line_bytes
        self._size_bytes = 0
        self._unfinished = {"client": bytearray(), "server": bytearray()}
        self._is_cut = {"client": False, "server": False}
        self._hidden: list[bytes] = []
        self.dropped_lines = 0
        """How many lines had to go."""

    @property
    def lines(self) -> tuple[TranscriptLine, ...]:
        """The complete lines, oldest first."""
        return tuple(self._lines)

    def begin(self) -> None:
        """A new connection: what the last one left without an end of line is kept as a line."""
        for side in ("client", "server"):
            if self._unfinished[side]:
                self._keep(side, bytes(self._unfinished[side]) + b"\r")
            self._unfinished[side].clear()

    def hide(self, spellings: Iterable[str]) -> None:
        """Show ``***`` wherever one of these appears in a line, the longest first."""
        known = {*self._hidden, *(spelling.encode() for spelling in spellings)}
        self._hidden = sorted(known, key=len, reverse=True)

    def sent(self, data: bytes, *, secret: bool) -> None:
        """Take bytes that the client sends; those of a credential are not kept."""
        if secret:
            line_end = b"\r\n" if data.endswith(b"\r\n") else b""
            data = HIDDEN.encode() + line_end
        self._take("client", data)

    def received(self, data: bytes) -> None:
        """Take bytes that the server sent, as cut by the network."""
        self._take("server", data)

    def __str__(self) -> str:
        dropped = [f"({self.dropped_lines} earlier lines dropped)"] if self.dropped_lines else []
        return "\n".join([*dropped, *map(str, self._lines)])

    def _take(self, side: Literal["client", "server"], data: bytes) -> None:
        *ended, rest = data.split(b"\n")
        for end in ended:
            self._gather(side, end)
            self._keep(side, bytes(self._unfinished[side]))
            self._unfinished[side].clear()
        self._gather(side, rest)

    def _gather(self, side: Literal["client", "server"], data: bytes) -> None:
        # A line's tail beyond the limit is never shown, so it need not be kept while it grows.
        unfinished = self._unfinished[side]
        room = max(0, 2 * self._max_line_bytes - len(unfinished))
        unfinished += data[:room]
        self._is_cut[side] = self._is_cut[side] or len(data) > room

    def _keep(self, side: Literal["client", "server"], text: bytes) -> None:
        is_cut, self._is_cut[side] = self._is_cut[side], False
        ends_bare = not is_cut and not text.endswith(b"\r")
        text = text.removesuffix(b"\r")
        text = without_tokens(text)
        for secret in self._hidden:
            text = text.replace(secret, HIDDEN.encode())
        if is_cut:
            # The cut may have gone through a secret, the first half of which nothing above has recognised.
            text = text[: len(text) - max(map(len, self._hidden), default=0)] + b"..."
        if len(text) > self._max_line_bytes:
            text = text[: self._max_line_bytes] + b"..."
        self._lines.append(TranscriptLine(side=side, text=text, ends_bare=ends_bare))
        self._size_bytes += len(text)
        while self._size_bytes > self._max_bytes:
            self._size_bytes -= len(self._lines.popleft().text)
            self.dropped_lines += 1


def _unambiguous(text: bytes) -> bytes:
    """A backslash that was there already must not be taken for an escape."""
    return _ESCAPE.sub(rb"\\x5cx\1", text)


def _parse_line(line: str) -> TranscriptLine:
    side = _SIDES.get(line[:3])
    if side is None:
        raise ValueError(f"no line of a transcript: {line[:80]!r}")
    text = _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), line[3:].encode())
    ends_bare = text.endswith(b"\n")
    return TranscriptLine(side=side, text=text.removesuffix(b"\n") if ends_bare else text, ends_bare=ends_bare)
