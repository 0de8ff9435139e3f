"""What went over a connection, line by line, without the credentials?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mailrules.client.redaction import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_BYTES = 4 << 20
_MAX_LINE_BYTES = 8 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptLine:
    """One line without its CRLF; ``side`` is who said it. A line of a literal is a line too."""

    side: Literal["client", "server"]
    text: bytes

    def __str__(self) -> str:
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in self.text)
        return f"{'C' if self.side == 'client' else 'S'}: {shown}"


class Transcript:
    """Records a connection; give it to ``connect``. The oldest lines go when it is full.

    The client marks the bytes of LOGIN's arguments and of every AUTHENTICATE turn as secret; what
    stands here for them is ``***``. ``hide`` also covers a server that repeats the password.
    """

    def __init__(self, *, max_bytes: int = _MAX_BYTES, max_line_bytes: int = _MAX_LINE_BYTES) -> None:
        self._lines: deque[TranscriptLine] = deque()
        self._max_bytes, self._max_line_bytes = max_bytes, max_line_bytes
        self._size_bytes = 0
        self._unfinished = {"client": bytearray(), "server": bytearray()}
        self._hidden: list[bytes] = []
        self.dropped_lines = 0
        """How many lines had to go."""

    @property
    def lines(self) -> tuple[TranscriptLine, ...]:
        """The complete lines, oldest first."""
        return tuple(self._lines)

    def hide(self, spellings: Iterable[str]) -> None:
        """Show ``***`` wherever one of these appears in a line; longer ones come first."""
        self._hidden.extend(spelling.encode() for spelling in spellings)

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
        unfinished = self._unfinished[side]
        *ended, rest = data.split(b"\n")
        for end in ended:
            self._keep(side, bytes(unfinished) + end)
            unfinished.clear()
        # A line's tail beyond the limit is never shown, so it need not be kept while it grows.
        unfinished += rest[: max(0, 2 * self._max_line_bytes - len(unfinished))]

    def _keep(self, side: Literal["client", "server"], text: bytes) -> None:
        text = text.removesuffix(b"\r")
        for secret in self._hidden:
            text = text.replace(secret, HIDDEN.encode())
        if len(text) > self._max_line_bytes:
            text = text[: self._max_line_bytes] + b"..."
        self._lines.append(TranscriptLine(side=side, text=text))
        self._size_bytes += len(text)
        while self._size_bytes > self._max_bytes:
            self._size_bytes -= len(self._lines.popleft().text)
            self.dropped_lines += 1
