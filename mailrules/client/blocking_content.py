"""How does code that blocks read content of any size, without holding more of it than has just arrived?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from mailrules.client.content import ContentBuffer, no_content
from mailrules.errors import IMAPError

if TYPE_CHECKING:
    from mailrules.client.blocking_carrier import BlockingCarrier
    from mailrules.imap.content_commands import UidFetchContent
    from mailrules.imap.events import Tag


class BlockingContent:
    """The content of one section of one message: iterate over it, once; the pieces are as the network cut them.

    At its end the iteration raises what became of the command, if that was not OK.
    """

    def __init__(self, carrier: BlockingCarrier, *, seconds: float) -> None:
        self._carrier, self._seconds = carrier, seconds
        self.buffer = ContentBuffer()
        self._tag: Tag | None = None
        self._is_over = False

    @property
    def size_bytes(self) -> int:
        """As the server announced it."""
        return self.buffer.size_bytes

    @property
    def held_bytes(self) -> int:
        """What has arrived and not been taken."""
        return self.buffer.held_bytes

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        with self._carrier.turn(is_for_content=True):
            self._wait()
            piece = self.buffer.next_piece()
            if piece is None:
                self._end()
        if piece is None:
            raise StopIteration
        return piece

    # -- the client's side

    def ask(self, command: UidFetchContent) -> Tag:
        """Send the command and wait until the content begins.

        Raises RemoteProtocolError if none comes, or what the command ended in.
        """
        tag = self._tag = self._carrier.submit(command)
        self._carrier.follow_content(tag, self.buffer)
        self._wait()
        if not self.buffer.has_begun:
            self._end()
            raise no_content()
        return tag

    def _wait(self) -> None:
        """Until something has come, or the command has ended."""
        tag = self._tag
        if tag is not None and not self._is_over and not self.buffer.held_bytes:
            had_begun = self.buffer.has_begun
            self._carrier.pump(
                lambda: (
                    self._carrier.is_done(tag) or self.buffer.held_bytes > 0 or self.buffer.has_begun is not had_begun
                ),
                seconds=self._seconds,
            )

    def _end(self) -> None:
        """Raises what the command ended in, once."""
        tag, self._tag, self._is_over = self._tag, None, True
        outcome = None if tag is None else self._carrier.outcome(tag)
        if isinstance(outcome, IMAPError):
            raise outcome
