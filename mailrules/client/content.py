"""How does content of any size pass between a task and its connection, each at its own pace?"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from mailrules.errors import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from mailrules.imap.command import ContentBegun
    from mailrules.imap.connection import Connection
    from mailrules.imap.events import Tag
    from mailrules.imap.fetch_data import FetchData

PIECE_BYTES = 64 << 10
"""What is read from a file or sent at once."""


@runtime_checkable
class Readable(Protocol):
    """A file opened for reading bytes, or what reads like one; b"" is its end."""

    def read(self, size: int, /) -> bytes: ...


BytesLike: TypeAlias = bytes | bytearray | memoryview
SyncContent: TypeAlias = "BytesLike | Readable | Iterable[BytesLike]"
"""Content to send: whole, in a file, or in pieces of any size."""
Content: TypeAlias = "SyncContent | AsyncIterable[BytesLike]"


def pieces_of(content: SyncContent) -> Generator[bytes, None, None]:
    """The content in pieces of at most PIECE_BYTES, none of them empty."""
    if isinstance(content, Readable):
        while data := content.read(PIECE_BYTES):
            yield data
        return
    for piece in (content,) if isinstance(content, BytesLike) else content:
        view = memoryview(piece).cast("B")
        for start in range(0, len(view), PIECE_BYTES):
            yield bytes(view[start : start + PIECE_BYTES])


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


class ContentBuffer:
    """What has arrived of the content of one section of one message, and has not been taken."""

    def __init__(self, *, on_arrival: Callable[[], None] = lambda: None) -> None:
        self._on_arrival = on_arrival
        self._begun: ContentBegun | None = None
        self._pieces: deque[bytes] = deque()
        self._held_bytes = self._arrived_bytes = 0

    @property
    def size_bytes(self) -> int:
        """As the server announced it."""
        return 0 if self._begun is None else self._begun.size_bytes

    @property
    def held_bytes(self) -> int:
        """What has arrived and not been taken."""
        return self._held_bytes

    @property
    def untaken_bytes(self) -> int:
        """What is held, and what is still to come."""
        return self._held_bytes + self.size_bytes - self._arrived_bytes

    @property
    def has_begun(self) -> bool:
        """Whether the server has announced the content."""
        return self._begun is not None

    def open_sink(self, begun: ContentBegun) -> Callable[[bytes], None]:
        """Takes the first content that comes; a server that sends it twice sends the second one for nothing."""
        if self._begun is not None:
            return _drop
        self._begun = begun
        self._on_arrival()
        return self._take

    def next_piece(self) -> bytes | None:
        """The next piece that is here, None if there is none now."""
        if not self._pieces:
            return None
        piece = self._pieces.popleft()
        self._held_bytes -= len(piece)
        return piece

    def _take(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._held_bytes += len(piece)
            self._arrived_bytes += len(piece)
            self._on_arrival()


class IncomingContent:
    """The content of one section of one message: iterate over it, once; the pieces are as the network cut them.

    At its end the iteration raises what became of the command, if that was not OK.
    """

    def __init__(self, *, make_room: Callable[[], None]) -> None:
        self._make_room = make_room  # called when a piece has been taken
        self._arrived = asyncio.Event()
        self.buffer = ContentBuffer(on_arrival=self._arrived.set)
        self._reply: asyncio.Future[tuple[FetchData, ...]] = asyncio.get_running_loop().create_future()

    @property
    def size_bytes(self) -> int:
        """As the server announced it."""
        return self.buffer.size_bytes

    @property
    def held_bytes(self) -> int:
        """What has arrived and not been taken."""
        return self.buffer.held_bytes

    def __aiter__(self) -> IncomingContent:
        return self

    async def __anext__(self) -> bytes:
        while (piece := self.buffer.next_piece()) is None:
            if self._reply.done():
                self._reply.result()
                raise StopAsyncIteration
            await self._news()
        self._make_room()
        return piece

    # -- the client's side

    def follow(self, reply: asyncio.Future[tuple[FetchData, ...]]) -> None:
        """This future gets the outcome of the command."""
        self._reply = reply
        reply.add_done_callback(lambda _: self._arrived.set())

    async def begin(self) -> None:
        """Wait until the content begins. Raises RemoteProtocolError if none comes, or what the command ended in."""
        while not self.buffer.has_begun:
            if self._reply.done():
                self._reply.result()
                raise no_content()
            await self._news()

    async def _news(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()


class OutgoingContent:
    """One literal of a command on its way. Its last piece goes out only when it is known that no more follows.

    So what is too short or too long never looks whole to the server.
    """

    def __init__(self, connection: Connection, tag: Tag) -> None:
        self._connection, self._tag = connection, tag
        self._held: bytes | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the literal's turn has come, and it is not complete."""
        wanted = self._connection.content_wanted
        return wanted is not None and wanted.tag == self._tag

    def put(self, piece: bytes) -> None:
        """Take the next piece, b"" at the end, and send the one before.

        Raises LocalProtocolError for content of another size than announced; the connection must be ended then.
        """
        held, self._held = self._held, piece
        wanted = self._connection.content_wanted
        if held is None or wanted is None:
            return
        missing = wanted.left_bytes - len(held)
        if (missing > 0 and not piece) or (missing <= 0 and piece):
            words = f"is {missing} bytes shorter" if missing > 0 else "is longer"
            raise LocalProtocolError(f"the content {words} than the literal that was announced")
        self._connection.send_content(held)


NOT_IN_FULL = "the content of a command was not given in full, and what was sent cannot be taken back"


def too_few_contents(name: str, count: int) -> LocalProtocolError:
    """A command has a literal left after the last content that was given for one."""
    return LocalProtocolError(f"{name} has more literals than the {count} contents given")


def no_content() -> RemoteProtocolError:
    """UID FETCH is over, and brought none."""
    return RemoteProtocolError(
        "the server answered UID FETCH without the content: there is no such message, or no such part",
        sent="",
        rfc="RFC 9051 section 6.4.9",
    )


def _drop(piece: bytes) -> None:
    del piece
