"""How do tasks run IMAP commands over one connection, many at once, without ever being stuck?"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Self, TypeVar

from mailrules.client.carrier import Carrier
from mailrules.client.client_view import ClientView
from mailrules.client.content import NOT_IN_FULL, IncomingContent, OutgoingContent, pieces_of_async, too_few_contents
from mailrules.client.fallbacks import OneCommand, Procedure, Progress
from mailrules.client.line_cutting import is_too_long
from mailrules.client.message_iteration import COMMANDS_IN_FLIGHT, MessageIteration, asked_for
from mailrules.errors import IMAPError, LocalProtocolError
from mailrules.imap.content_commands import UidFetchContent
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Idle
from mailrules.imap.writer import BodySection

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from mailrules.client.content import Content
    from mailrules.client.traffic import Counters, Stream, TrafficObserver
    from mailrules.imap.command import Command
    from mailrules.imap.events import Tag
    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.fetch_items import FetchItems
    from mailrules.imap.message_commands import UidFetch
    from mailrules.imap.parser import Untagged
    from mailrules.imap.responses import StatusResponse

R = TypeVar("R")

LOGOUT_SECONDS = 2.0

_WHOLE = BodySection()


class AsyncClient(ClientView):
    """One IMAP connection for any number of tasks.

    ``start`` waits for the greeting; ``close``, or the end of ``async with``, ends it at once (``leave``
    parts politely). One task of its own, its ``Carrier``, reads and writes; whatever happens to the
    stream, everyone who waits gets ``ConnectionLost``.

    ``place``, such as ``host:993``, begins every ``ConnectionLost``, so that it tells which server was lost.

    A deadline of ``command_seconds`` runs while the server owes a reply. It starts anew with each command
    that is done, with INPROGRESS (RFC 9585), and with each MiB of content that passes in pieces, but not with
    mere bytes, so that a trickle does not keep it from striking. It stands still while a task of ours is what
    everybody waits for: one that takes content in slowly, or gives it.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        command_seconds: float = 120.0,
        idle_renew_seconds: float = 25 * 60.0,
        limits: Limits = DEFAULT_LIMITS,
        observer: TrafficObserver | None = None,
        place: str = "",
    ) -> None:
        self._carrier = Carrier(stream, command_seconds=command_seconds, limits=limits, observer=observer, place=place)
        super().__init__(self._carrier.connection)
        self._idle_renew_seconds = idle_renew_seconds
        self._is_idling = False

    @property
    def counters(self) -> Counters:
        """What the connection has cost so far."""
        return self._carrier.counters

    @property
    def listener(self) -> Callable[[Untagged], None] | None:
        """Is given each untagged response that no command asked for, as NOTIFY sends them; must not raise."""
        return self._carrier.listener

    @listener.setter
    def listener(self, listener: Callable[[Untagged], None] | None) -> None:
        self._carrier.listener = listener

    async def start(self, *, greeting_seconds: float = 15.0) -> StatusResponse:
        """Begin to read; the greeting tells OK or PREAUTH. Raises ConnectionLost."""
        return await self._carrier.start(greeting_seconds=greeting_seconds)

    def compress_soon(self) -> None:
        """Have the connection compressed from the answers to its next commands on, where the server agrees.

        Without a turn for it: COMPRESS goes behind them. Not to be called where the server does not offer it.
        """
        self._carrier.compress_soon()

    async def close(self) -> None:
        """End the connection now; commands without a reply fail with ConnectionLost. May be called twice."""
        await self._carrier.close()

    async def leave(self) -> None:
        """End the connection as the server wants it, with LOGOUT, but without the round trip of its answer."""
        try:
            with contextlib.suppress(IMAPError, TimeoutError):
                async with asyncio.timeout(LOGOUT_SECONDS):
                    await self._carrier.say_goodbye()
        finally:
            await self.close()

    async def __aenter__(self) -> Self:
        """Starts the client unless it runs already, as the one that ``connect`` gives does."""
        if not self._carrier.has_started:
            await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def run(self, command: Command[R] | Procedure[R]) -> R:
        """Run one command, or the commands of a procedure, and give the result.

        Other tasks' commands may be in flight beside it. A command whose UIDs make it longer than ``line_bytes`` goes
        in pieces, see ``OneCommand``.
        Cancelling leaves the connection usable: a command not yet sent is dropped, else its answer is.
        Raises CommandRefused, ConnectionLost, LocalProtocolError, MissingCapability, RemoteProtocolError.
        """
        if isinstance(command, Procedure):
            return await self._carry_out(command)
        if isinstance(command, Idle):
            raise LocalProtocolError("IDLE has no result to wait for: call idle()")
        if is_too_long(command, offered=self.capabilities, line_bytes=self.line_bytes):
            return await self._carry_out(OneCommand(command))
        return await self._carrier.wait(*self._carrier.submit(command))

    async def fetch(
        self, uids: SequenceSet, items: FetchItems, *, messages_per_command: int = 500
    ) -> AsyncGenerator[FetchData, None]:
        """Iterate over messages, ascending by UID, in memory that does not grow with their number.

        Two commands of about ``messages_per_command`` messages are on their way at any time; for contents choose
        fewer. Other commands may be run inside the loop, and leaving it early costs at most the answers to
        those two. Raises what ``run`` does, and LocalProtocolError where another mailbox was opened meanwhile.
        """
        loop = MessageIteration(
            self._connection,
            uids,
            items,
            messages_per_command=messages_per_command,
            line_bytes=self.line_bytes,
        )
        sent: deque[tuple[UidFetch, Tag, asyncio.Future[tuple[FetchData, ...]]]] = deque()
        try:
            while True:
                while len(sent) < COMMANDS_IN_FLIGHT and (command := loop.next_command()) is not None:
                    sent.append((command, *self._carrier.submit(command)))
                if not sent:
                    return
                command, tag, waiter = sent.popleft()
                fetched = await self._carrier.wait(tag, waiter)
                for message in asked_for(command, fetched):
                    yield message
        finally:
            for _, tag, _ in sent:
                self._carrier.abandon(tag)

    @contextlib.asynccontextmanager
    async def fetch_content(self, uid: int, section: BodySection = _WHOLE) -> AsyncIterator[IncomingContent]:
        """The content of one message or part, of any size, in constant memory; it sets no \\Seen.

            async with client.fetch_content(uid) as content:
                async for piece in content: ...

        Reading from the network pauses while the loop is behind by a MiB. Where other commands wait for their
        answers, such as one that is run inside the loop, what comes before those is held instead, up to
        ``limits.literal_bytes``. Leaving the block early leaves the connection usable; the rest of the content
        still has to pass, and is dropped. Raises what ``run`` does, and RemoteProtocolError for no such message.
        """
        incoming = IncomingContent(make_room=self._carrier.stir)
        tag, waiter = self._carrier.submit(UidFetchContent(SequenceSet.of((uid,)), section, incoming.buffer.open_sink))
        incoming.follow(waiter)
        self._carrier.follow_content(tag, incoming)
        try:
            await incoming.begin()
            yield incoming
        finally:
            self._carrier.leave_content(tag)

    async def upload(self, command: Command[R], *contents: Content) -> R:
        """Run a command that has ``StreamedLiteral``s, such as an APPEND, with the content for each, in order.

        Nothing is taken from a content before the server lets it come. Content that raises, that has another size
        than announced, or a cancellation in the middle closes the connection: IMAP cannot take half a literal back.
        Raises what ``run`` does, and what the content raises.
        """
        tag, waiter = self._carrier.submit(command)
        try:
            for content in contents:
                await self._give(OutgoingContent(self._connection, tag), content, waiter)
            if await self._is_wanted(OutgoingContent(self._connection, tag), waiter):
                raise too_few_contents(command.name, len(contents))
            return await waiter
        finally:
            if self._connection.is_half_sent(tag):
                self._carrier.break_off(NOT_IN_FULL)
            self._carrier.abandon(tag)

    async def idle(self, *, timeout_seconds: float) -> bool:
        """Wait until the open mailbox changes, by IDLE; False when the time is over before that.

        A change that was told after the last call of this, or since SELECT, counts. IDLE is renewed in
        time, and gives way to commands of other tasks. One task at a time.
        """
        if self._is_idling:
            raise LocalProtocolError("two tasks cannot IDLE on one connection")
        loop = asyncio.get_running_loop()
        ends = loop.time() + timeout_seconds
        self._is_idling = True
        try:
            while not self._connection.take_news():
                remaining = ends - loop.time()
                if remaining <= 0:
                    return False
                await self._carrier.idle_once(min(remaining, self._idle_renew_seconds))
            return True
        finally:
            self._is_idling = False

    # -- waiting --------------------------------------------------------------------------------

    async def _carry_out(self, procedure: Procedure[R]) -> R:
        connection = self._connection
        progress = Progress(
            procedure,
            offered=connection.capabilities,
            selections=connection.selections,
            line_bytes=self.line_bytes,
        )
        while not progress.is_done:
            progress.require_same_mailbox(connection.selections)
            # All are submitted before any waits: no other task's command comes between the check and these.
            sent = [self._try_submit(command) for command in progress.batch]
            progress.note_sent(connection.selections)
            progress.take(await self._outcomes(sent))
        return progress.result

    def _try_submit(self, command: Command[object]) -> tuple[Tag, asyncio.Future[object]] | IMAPError:
        try:
            return self._carrier.submit(command)
        except IMAPError as error:
            return error

    async def _outcomes(self, sent: Sequence[tuple[Tag, asyncio.Future[object]] | IMAPError]) -> list[object]:
        """The result or the error of each."""
        outcomes: list[object] = []
        try:
            for one in sent:
                try:
                    outcomes.append(one if isinstance(one, IMAPError) else await self._carrier.wait(*one))
                except IMAPError as error:
                    outcomes.append(error)
        finally:
            for one in sent[len(outcomes) :]:  # cancelled: nobody waits for the rest either
                if not isinstance(one, IMAPError):
                    self._carrier.abandon(one[0])
        return outcomes

    async def _is_wanted(self, literal: OutgoingContent, waiter: asyncio.Future[R]) -> bool:
        """Wait until the literal's turn comes; False if it never will."""
        while not literal.is_wanted:
            if waiter.done():
                return False
            await self._carrier.stirred()
        return True

    async def _give(self, literal: OutgoingContent, content: Content, waiter: asyncio.Future[R]) -> None:
        if not await self._is_wanted(literal, waiter):
            return
        async with contextlib.aclosing(pieces_of_async(content)) as pieces:
            literal.put(await self._next_piece(pieces))
            while literal.is_wanted:
                literal.put(await self._next_piece(pieces))
                await self._carrier.flush()

    async def _next_piece(self, pieces: AsyncGenerator[bytes, None]) -> bytes:
        with self._carrier.awaiting_content():
            return await anext(pieces, b"")
