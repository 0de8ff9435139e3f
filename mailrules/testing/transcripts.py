"""How does a transcript become a test: its server speaks again, and the client must say what it said?"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from mailrules.client.redaction import HIDDEN
from mailrules.client.transcript import TranscriptLine, parse_transcript

if TYPE_CHECKING:
    from collections.abc import Iterable


class Deviation(Exception):
    """The client said something else than in the transcript."""


class ReplayedStream:
    """A stream for ``AsyncClient`` whose server is a transcript; after its last line the server closes.

    A line of the client is compared when its end has been written; ``***`` in the transcript stands for any bytes.
    The server says its next lines once the client has said those before them. Layers change nothing, since a
    transcript is of what is inside them.
    """

    def __init__(self, lines: Iterable[TranscriptLine] | str) -> None:
        self._left = deque(parse_transcript(lines) if isinstance(lines, str) else lines)
        self._written = bytearray()
        self._progress = asyncio.Event()
        self._deviation: Deviation | None = None
        self.is_closed = False

    @property
    def is_over(self) -> bool:
        """Whether the client has said all that it says in the transcript."""
        return self._deviation is None and all(line.side == "server" for line in self._left)

    async def read(self) -> bytes:
        """The server's next line, when its turn has come; raises ConnectionAbortedError after a deviation."""
        while self._left and self._left[0].side == "client" and not self.is_closed:
            self._progress.clear()
            await self._progress.wait()
        if self._deviation is not None:
            raise ConnectionAbortedError(str(self._deviation)) from self._deviation
        if not self._left or self.is_closed:
            return b""
        return self._left.popleft().data

    def write(self, data: bytes) -> None:
        """Compare what the client says, line by line."""
        self._written += data
        while (end := self._written.find(b"\n")) >= 0:
            line = bytes(self._written[: end + 1])
            del self._written[: end + 1]
            self._compare(line)

    async def drain(self) -> None:
        """Nothing is ever in the way."""

    async def start_tls(self) -> None:
        """The transcript is of what is inside TLS."""

    def start_compression(self, received: bytes) -> None:
        """The transcript is of what is inside the compression; lines are read one at a time, so nothing is behind."""
        if received:
            raise Deviation("the transcript has bytes behind COMPRESS's OK")

    async def close(self) -> None:
        """End the stream."""
        self.is_closed = True
        self._progress.set()

    def _compare(self, said: bytes) -> None:
        # Commands may be pipelined: the client may say this line before the server's lines above it.
        expected = next((line for line in self._left if line.side == "client"), None)
        if expected is None or not _matches(expected, said):
            self._deviation = Deviation(f"the client said {said[:200]!r}, and {expected} in the transcript")
            self._left.clear()
        else:
            self._left.remove(expected)
        self._progress.set()


def _matches(expected: TranscriptLine, said: bytes) -> bool:
    before, hidden, _ = expected.text.partition(HIDDEN.encode())
    return said.startswith(before) if hidden else said == expected.data
