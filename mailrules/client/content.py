"""How does content of any size pass between a task and its connection, each at its own pace?"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from mailrules.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from mailrules.imap.command import ContentBegun
    from mailrules.imap.fetch_data import FetchData

PIECE_BYTES = 64 << 10
"""What is read from a file or sent at once."""


@runtime_checkable
class Readable(Protocol):
    """A file opened for reading bytes, or what reads like one; b"" is its end."""

    def read(self, size: int, /) -> bytes: ...


SyncContent: TypeAlias = "bytes | Readable | Iterable[bytes]"
"""Content to send: whole, in a file, or in pieces of any size."""
Content: TypeAlias = "SyncContent | AsyncIterable[bytes]"


def pieces_of(content: SyncContent) -> Iterator[bytes]:
    """The content in pieces of at most PIECE_BYTES, none of them empty."""
    if isinstance(content, Readable):
        while data := content.read(PIECE_BYTES):
            yield data
        return
    for data in (content,) if isinstance(content, bytes) else content:
        for start in range(0, len(data), PIECE_BYTES):
            yield bytes(data[start : start + PIECE_BYTES])


async def pieces_of_async(content: Content) -> AsyncGenerator[bytes, None]:
    """The same for content that may have to be waited for; a file is read on another thread."""
    if isinstance(content, AsyncIterable):
        async for data in content:
            for piece in pieces_of(data):
                yield piece
    elif isinstance(content, Readable):
        while data := await asyncio.to_thread(content.read, PIECE_BYTES):
            yield data
    else:
        for piece in pieces_of(content):
            yield piece


class IncomingContent:
    """The content of one section of one message: iterate over it, once; the pieces are as the network cut them.

    At its end the iteration raises what became of the command, if that was not OK.
    """

    def __init__(self, *, make_room: Callable[[], None]) -> None:
        self._make_room = make_room  # called when a piece has been taken
        self._begun: ContentBegun | None = None
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0
        self._arrived = asyncio.Event()
        self._reply: asyncio.Future[tuple[FetchData, ...]] = asyncio.get_running_loop().create_future()

    @property
    def size_bytes(self) -> int:
        """As the server announced it."""
        return 0 if self._begun is None else self._begun.size_bytes

    @property
    def held_bytes(self) -> int:
        """What has arrived and not been taken."""
        return self._held_bytes

    def __aiter__(self) -> IncomingContent:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._reply.done():
                self._reply.result()
                raise StopAsyncIteration
            await self._news()
        piece = self._pieces.popleft()
        self._held_bytes -= len(piece)
        self._make_room()
        return piece

    # -- the client's side

    def open_sink(self, begun: ContentBegun) -> Callable[[bytes], None]:
        """Takes the first content that comes; a server that sends it twice sends the second one for nothing."""
        if self._begun is not None:
            return _drop
        self._begun = begun
        self._arrived.set()
        return self._take

    def follow(self, reply: asyncio.Future[tuple[FetchData, ...]]) -> None:
        """This future gets the outcome of the command."""
        self._reply = reply
        reply.add_done_callback(lambda _: self._arrived.set())

    async def begin(self) -> None:
        """Wait until the content begins. Raises RemoteProtocolError if none comes, or what the command ended in."""
        while self._begun is None:
            if self._reply.done():
                self._reply.result()
                raise RemoteProtocolError(
                    "the server answered UID FETCH without the content: there is no such message, or no such part"
                )
            await self._news()

    async def _news(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()

    def _take(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._held_bytes += len(piece)
            self._arrived.set()


def _drop(piece: bytes) -> None:
    del piece
