"""How does a long answer go on over the next connection, so that nothing comes twice and nothing is left out?

What rests on UIDs goes on only in the mailbox that it began in: a connection is asked for by a function that gives
one on which that mailbox is open, or raises MailboxReset.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from mailrules.errors import ConnectionLost, RemoteProtocolError
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import Partial

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from mailrules.client.async_client import AsyncClient
    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.fetch_items import FetchItems
    from mailrules.imap.writer import BodySection

    Connections: TypeAlias = Callable[[], Awaitable[AsyncClient]]

MOST_LOSSES = 3
"""Connections in a row that may be lost before anything more has come."""


class _Losses:
    """Counts connections that were lost one after the other without any progress."""

    def __init__(self) -> None:
        self._count = 0

    def forget(self) -> None:
        self._count = 0

    def add(self, lost: ConnectionLost) -> None:
        """Raises it where it is one too many."""
        self._count += 1
        if self._count > MOST_LOSSES:
            raise lost


async def fetch_resumed(
    connections: Connections, uids: SequenceSet, items: FetchItems, *, messages_per_command: int
) -> AsyncGenerator[FetchData, None]:
    """Messages ascending by UID, each once; after a loss those go on that have a higher UID than the last one."""
    losses, left = _Losses(), uids
    while left:
        client = await connections()
        last_uid = 0
        messages = client.fetch(left, items, messages_per_command=messages_per_command)
        try:
            async with contextlib.aclosing(messages):
                async for message in messages:
                    last_uid = message.uid or last_uid
                    losses.forget()
                    yield message
        except ConnectionLost as lost:
            losses.add(lost)
            left = _beyond(left, last_uid)
        else:
            return


class ResumedContent:
    """The content of one section of one message: iterate over it, once; the pieces are as the networks cut them.

    After a loss the rest is asked for from the byte on that was not given yet. A server that has another length for
    the section then has another content: RemoteProtocolError.
    """

    def __init__(self, connections: Connections, uid: int, section: BodySection) -> None:
        self._connections, self._uid, self._section = connections, uid, section
        self._given_bytes = 0
        self._first: bytes | None = None
        self.size_bytes = 0
        """As the server announced it; known once the content has begun."""
        self._has_begun = False
        self._coming = self._pieces()

    async def begin(self) -> None:
        """Wait for the first piece. Raises what the iteration does."""
        self._first = await anext(self._coming, None)

    async def aclose(self) -> None:
        await self._coming.aclose()

    def __aiter__(self) -> ResumedContent:
        return self

    async def __anext__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await anext(self._coming)

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        losses = _Losses()
        while not self._has_begun or self._given_bytes < self.size_bytes:
            client = await self._connections()
            try:
                async with client.fetch_content(self._uid, self._rest()) as incoming:
                    self._take_size(incoming.size_bytes)
                    async for piece in incoming:
                        self._given_bytes += len(piece)
                        losses.forget()
                        yield piece
            except ConnectionLost as lost:
                losses.add(lost)
            else:
                return

    def _rest(self) -> BodySection:
        if not self._given_bytes:
            return self._section
        first = self._section.partial.first if self._section.partial is not None else 0
        return replace(self._section, partial=Partial(first + self._given_bytes, self.size_bytes - self._given_bytes))

    def _take_size(self, size_bytes: int) -> None:
        if not self._has_begun:
            self.size_bytes, self._has_begun = size_bytes, True
        elif self._given_bytes + size_bytes != self.size_bytes:
            raise RemoteProtocolError(
                f"the content had {self.size_bytes} bytes, of which {self._given_bytes} have come, and on a new "
                f"connection {size_bytes} are left",
                sent="",
                rfc="RFC 9051 section 6.4.5",
            )


def _beyond(uids: SequenceSet, last_uid: int) -> SequenceSet:
    """Those of the set above this UID; 0 leaves all."""
    return SequenceSet(tuple((max(first, last_uid + 1), last) for first, last in uids.ranges if last > last_uid))
