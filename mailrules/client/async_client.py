"""How do tasks run IMAP commands over one connection, many at once, without ever being stuck?"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from mailrules.client.batches import batches_of
from mailrules.client.content import IncomingContent, pieces_of_async
from mailrules.client.fallbacks import Procedure, Progress
from mailrules.errors import ConnectionLost, IMAPError, LocalProtocolError
from mailrules.imap.connection import Connection
from mailrules.imap.content_commands import UidFetchContent
from mailrules.imap.events import (
    CommandCompleted,
    CommandFailed,
    CompressionAgreed,
    Ended,
    Greeted,
    TlsAgreed,
    UntaggedReceived,
)
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.message_commands import UidFetch
from mailrules.imap.response_codes import InProgressCode
from mailrules.imap.responses import StatusResponse
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Idle
from mailrules.imap.states import State
from mailrules.imap.writer import BodySection

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from mailrules.client.content import Content
    from mailrules.imap.command import Command
    from mailrules.imap.events import Event, Tag
    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.fetch_items import FetchItems
    from mailrules.imap.outbox import ContentWanted
    from mailrules.imap.parser import Untagged
    from mailrules.imap.selected_mailbox import SelectedMailbox

R = TypeVar("R")

_WHOLE = BodySection()
_BATCHES_IN_FLIGHT = 2
_SET_BYTES = 4_000
"""Of a UID set in one command: half of what common servers take."""
_PROGRESS_BYTES = 1 << 20
"""So much content is a sign of life, and so much of it may wait for the task that reads it."""


class Stream(Protocol):
    """A byte stream to one server. ``mailrules.client.stream`` has the real one, tests a scripted one.

    Network trouble may raise ``OSError`` (``ssl.SSLError`` and ``asyncio.IncompleteReadError`` are
    fine too) or an ``IMAPError``; the client turns each into ``ConnectionLost`` for every waiter.
    """

    async def read(self) -> bytes:
        """Some bytes as soon as there are any; ``b""`` at the end. Called by one task only."""
        ...

    def write(self, data: bytes) -> None:
        """Buffer these bytes for sending; never waits."""
        ...

    async def drain(self) -> None:
        """Wait until the buffer is short again. Runs beside ``read``."""
        ...

    async def start_tls(self) -> None:
        """Put TLS, verified for the host connected to, over the stream. No ``read`` is running then."""
        ...

    def start_compression(self, received: bytes) -> None:
        """Inflate and deflate (RFC 4978) from here on; ``received`` came behind the server's OK and is compressed."""
        ...

    async def close(self) -> None:
        """Close at once; a ``read`` that waits ends. May be called twice."""
        ...


class TrafficObserver(Protocol):
    """Sees every byte of a connection, for transcripts; ``secret`` marks credentials."""

    def sent(self, data: bytes, *, secret: bool) -> None:
        """These bytes go out now; one call for each stretch that is or is not secret."""
        ...

    def received(self, data: bytes) -> None:
        """These bytes came in, as cut by the network."""
        ...


@dataclass(slots=True)
class Counters:
    """What a connection has cost so far. A turn is a write after waiting for bytes: a round trip."""

    turns: int = 0
    commands: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class AsyncClient:
    """One IMAP connection for any number of tasks.

    ``start`` waits for the greeting; ``close``, or the end of ``async with``, ends it at once (run ``Logout``
    before, to part politely). One task of its own reads and writes; whatever happens to the stream, everyone
    who waits gets ``ConnectionLost``.

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
        self.counters = Counters()
        self._stream = stream
        self._command_seconds, self._idle_renew_seconds = command_seconds, idle_renew_seconds
        self._observer = observer
        self._place = place
        self._connection = Connection(limits=limits)
        self._waiters: dict[Tag, asyncio.Future[Any]] = {}  # Any: the result of Command[R] is an R, see run()
        self._greeting: asyncio.Future[StatusResponse] | None = None
        self._task: asyncio.Task[None] | None = None
        self._deadline = asyncio.timeout(None)
        self._outgoing = asyncio.Event()
        self._is_idling = False
        self._idle_over: asyncio.Event | None = None  # while one IDLE waits for its end
        self._has_received = True
        self._end_reason = ""
        self.listener: Callable[[Untagged], None] | None = None
        """Is given each untagged response that no command asked for, as NOTIFY sends them; must not raise."""
        self._limits = limits
        self._incoming: dict[Tag, IncomingContent] = {}
        self._idle_tag: Tag | None = None
        self._awaits_content = 0  # how many uploads wait for what they are to send
        self._is_paused = False  # nothing is read until somebody takes what has arrived
        self._progress_bytes = 0  # of streamed content, when the deadline last started anew for it
        self._stirred, self._flushed = asyncio.Event(), asyncio.Event()

    @property
    def greeting(self) -> str:
        """The text of the greeting, in which servers name themselves; "" before it."""
        return self._connection.greeting

    @property
    def capabilities(self) -> frozenset[str]:
        """Upper case, as last told."""
        return self._connection.capabilities

    @property
    def capabilities_are_current(self) -> bool:
        """False where a login or STARTTLS has made them stale: run ``Capability`` then."""
        return self._connection.capabilities_are_current

    @property
    def state(self) -> State:
        return self._connection.state

    @property
    def selected(self) -> SelectedMailbox | None:
        """The open mailbox as the server's responses tell it."""
        return self._connection.selected

    def take_news(self) -> bool:
        """Whether the open mailbox changed, other than by our commands, since this or ``idle`` last said so."""
        return self._connection.take_news()

    async def start(self, *, greeting_seconds: float = 15.0) -> StatusResponse:
        """Begin to read; the greeting tells OK or PREAUTH. Raises ConnectionLost."""
        self._greeting = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._serve(greeting_seconds), name="imap-connection")
        try:
            return await self._greeting
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End the connection now; commands without a reply fail with ConnectionLost. May be called twice."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    async def __aenter__(self) -> Self:
        """Starts the client unless it runs already, as the one that ``connect`` gives does."""
        if self._task is None:
            await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def run(self, command: Command[R] | Procedure[R]) -> R:
        """Run one command, or the commands of a procedure, and give the result.

        Other tasks' commands may be in flight beside it.
        Cancelling leaves the connection usable: a command not yet sent is dropped, else its answer is.
        Raises CommandRefused, ConnectionLost, LocalProtocolError, MissingCapability, RemoteProtocolError.
        """
        if isinstance(command, Procedure):
            return await self._carry_out(command)
        if isinstance(command, Idle):
            raise LocalProtocolError("IDLE has no result to wait for: call idle()")
        return await self._wait(*self._submit(command))

    async def fetch(
        self, uids: SequenceSet, items: FetchItems, *, messages_per_command: int = 500
    ) -> AsyncGenerator[FetchData, None]:
        """Iterate over messages, ascending by UID, in memory that does not grow with their number.

        Two commands of about ``messages_per_command`` messages are on their way at any time; for contents choose
        fewer. Other commands may be run inside the loop, and leaving it early costs at most the answers to
        those two. Raises what ``run`` does, and LocalProtocolError where another mailbox was opened meanwhile.
        """
        selected, selections = self._connection.selected, self._connection.selections
        batches = batches_of(
            uids,
            messages=selected.exists if selected else 0,
            uidnext=selected.uidnext if selected else None,
            messages_per_command=messages_per_command,
            line_bytes=_SET_BYTES,
        )
        sent: deque[tuple[SequenceSet, Tag, asyncio.Future[tuple[FetchData, ...]]]] = deque()
        try:
            while True:
                for batch in islice(batches, _BATCHES_IN_FLIGHT - len(sent)):
                    if self._connection.selections != selections:
                        raise LocalProtocolError("another mailbox was opened inside the loop over messages of this one")
                    sent.append((batch, *self._submit(UidFetch(batch, items))))
                if not sent:
                    return
                batch, tag, waiter = sent.popleft()
                for message in await self._wait(tag, waiter):
                    # "n:*" gives the last message even where its UID is below n (RFC 9051 section 6.4.8).
                    if message.uid is not None and message.uid >= batch.ranges[0][0]:
                        yield message
        finally:
            for _, tag, _ in sent:
                self._abandon(tag)

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
        incoming = IncomingContent(make_room=self._stir)
        tag, waiter = self._submit(UidFetchContent(SequenceSet.of((uid,)), section, incoming.open_sink))
        incoming.follow(waiter)
        self._incoming[tag] = incoming
        try:
            await incoming.begin()
            yield incoming
        finally:
            del self._incoming[tag]
            self._abandon(tag)
            self._stir()

    async def upload(self, command: Command[R], *contents: Content) -> R:
        """Run a command that has ``StreamedLiteral``s, such as an APPEND, with the content for each, in order.

        Nothing is taken from a content before the server lets it come. Content that raises, that has another size
        than announced, or a cancellation in the middle closes the connection: IMAP cannot take half a literal back.
        Raises what ``run`` does, and what the content raises.
        """
        tag, waiter = self._submit(command)
        try:
            for content in contents:
                if await self._content_wanted(tag, waiter) is not None:
                    await self._give(tag, content)
            if await self._content_wanted(tag, waiter) is not None:
                raise LocalProtocolError(f"{command.name} has more literals than the {len(contents)} contents given")
            return await waiter
        finally:
            if self._connection.is_half_sent(tag):
                self._break_off(
                    "the content of a command was not given in full, and what was sent cannot be taken back"
                )
            self._abandon(tag)

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
                await self._idle_once(min(remaining, self._idle_renew_seconds))
            return True
        finally:
            self._is_idling = False

    # -- waiting --------------------------------------------------------------------------------

    async def _carry_out(self, procedure: Procedure[R]) -> R:
        connection = self._connection
        progress = Progress(procedure, offered=connection.capabilities, selections=connection.selections)
        while not progress.is_done:
            progress.require_same_mailbox(connection.selections)
            # All are submitted before any waits: no other task's command comes between the check and these.
            sent = [self._try_submit(command) for command in progress.batch]
            progress.note_sent(connection.selections)
            progress.take(await self._outcomes(sent))
        return progress.result

    def _try_submit(self, command: Command[object]) -> tuple[Tag, asyncio.Future[object]] | IMAPError:
        try:
            return self._submit(command)
        except IMAPError as error:
            return error

    async def _outcomes(self, sent: Sequence[tuple[Tag, asyncio.Future[object]] | IMAPError]) -> list[object]:
        """The result or the error of each."""
        outcomes: list[object] = []
        try:
            for one in sent:
                try:
                    outcomes.append(one if isinstance(one, IMAPError) else await self._wait(*one))
                except IMAPError as error:
                    outcomes.append(error)
        finally:
            for one in sent[len(outcomes) :]:  # cancelled: nobody waits for the rest either
                if not isinstance(one, IMAPError):
                    self._abandon(one[0])
        return outcomes

    async def _content_wanted(self, tag: Tag, waiter: asyncio.Future[R]) -> ContentWanted | None:
        """Wait until the next literal's turn comes, None if it never will."""
        while True:
            wanted = self._connection.content_wanted
            if wanted is not None and wanted.tag == tag:
                return wanted
            if waiter.done():
                return None
            self._stirred.clear()
            await self._stirred.wait()

    async def _give(self, tag: Tag, content: Content) -> None:
        """Send one literal. Its last piece goes out only when it is known that no more follows."""
        async with contextlib.aclosing(pieces_of_async(content)) as pieces:
            piece = await self._next_piece(pieces)
            while (wanted := self._connection.content_wanted) is not None and wanted.tag == tag:
                following = await self._next_piece(pieces)
                missing = wanted.left_bytes - len(piece)
                if (missing > 0 and not following) or (missing <= 0 and following):
                    words = f"is {missing} bytes shorter" if missing > 0 else "is longer"
                    raise LocalProtocolError(f"the content {words} than the literal that was announced")
                self._connection.send_content(piece)
                await self._flush()
                piece = following

    async def _next_piece(self, pieces: AsyncGenerator[bytes, None]) -> bytes:
        self._awaits_content += 1
        self._stir()
        try:
            return await anext(pieces, b"")
        finally:
            self._awaits_content -= 1
            self._stir()

    async def _flush(self) -> None:
        """Wait until what is to be sent has been."""
        self._flushed.clear()
        self._stir()
        if self._connection.state is not State.LOGOUT:
            await self._flushed.wait()

    def _break_off(self, reason: str) -> None:
        """End the connection without waiting for it."""
        self._take(self._connection.abort(reason))
        if self._task is not None:
            self._task.cancel()

    def _submit(self, command: Command[R]) -> tuple[Tag, asyncio.Future[R]]:
        if self._task is None or self._connection.state is State.LOGOUT:
            raise self._lost(self._end_reason or "the connection is not open", may_have_run=False)
        waiter: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        tag = self._connection.submit(command)
        self._waiters[tag] = waiter
        self.counters.commands += 1
        if self._idle_over is not None:
            self._idle_over.set()
        self._stir()
        return tag, waiter

    async def _wait(self, tag: Tag, waiter: asyncio.Future[R]) -> R:
        try:
            return await waiter
        finally:
            self._abandon(tag)

    def _abandon(self, tag: Tag) -> None:
        if self._waiters.pop(tag, None) is not None:
            self._connection.cancel(tag)
            self._stir()  # others may have waited for it

    async def _idle_once(self, seconds: float) -> None:
        tag, waiter = self._submit(Idle())
        self._idle_tag = tag
        over = self._idle_over = asyncio.Event()
        waiter.add_done_callback(lambda _: over.set())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await over.wait()
        except asyncio.CancelledError:
            self._waiters.pop(tag, None)
            self._finish_idle()
            raise
        if self._finish_idle() or waiter.done():
            await self._wait(tag, waiter)
        else:
            del self._waiters[tag]

    def _finish_idle(self) -> bool:
        """Send DONE; whether IDLE has been sent, so that a reply is still to come."""
        self._idle_over = self._idle_tag = None
        is_sent = self._connection.finish_idle()
        self._stir()
        return is_sent

    def _stir(self, *, has_progressed: bool = False) -> None:
        """Let reader and writer look, and set the deadline by what the server owes us."""
        self._outgoing.set()
        self._stirred.set()
        if self._connection.state in {State.GREETING, State.LOGOUT} or self._deadline.expired():
            return
        if self._connection.streamed_bytes >= self._progress_bytes + _PROGRESS_BYTES:
            self._progress_bytes = self._connection.streamed_bytes
            has_progressed = True
        if not self._connection.awaits_reply or self._waits_for_us():
            self._deadline.reschedule(None)
        elif has_progressed or self._deadline.when() is None:
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._command_seconds)

    def _waits_for_us(self) -> bool:
        return self._awaits_content > 0 or (self._is_paused and not self._others_wait())

    def _others_wait(self) -> bool:
        """Whether a command waits for its reply, other than those whose content is being read, and IDLE."""
        return any(tag not in self._incoming and tag != self._idle_tag for tag in self._waiters)

    # -- the connection's own task --------------------------------------------------------------

    async def _serve(self, greeting_seconds: float) -> None:
        reason = "the connection was closed"
        try:
            async with asyncio.timeout(greeting_seconds) as self._deadline, asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write())
                await self._read()
                writer.cancel()
        except* (OSError, EOFError, IMAPError) as group:
            reason = self._explain(group)
        finally:
            self._take(self._connection.abort(reason))
            # STARTTLS is done for the connection before the handshake is, which may have failed.
            for waiter in self._waiters.values():
                self._settle(waiter, self._lost(reason))
            self._stirred.set()
            self._flushed.set()
            await self._stream.close()

    def _lost(self, reason: str, *, may_have_run: bool = True) -> ConnectionLost:
        """The error, which names the place unless the stream's own words do."""
        is_told = not self._place or reason.startswith(self._place)
        return ConnectionLost(reason if is_told else f"{self._place}: {reason}", may_have_run=may_have_run)

    def _explain(self, group: BaseExceptionGroup[Exception]) -> str:
        if self._deadline.expired():
            if self._is_paused:
                return (
                    f"nobody took the content that arrived for {self._command_seconds:g} seconds, and commands waited"
                )
            return (
                "the server sent no greeting in time"
                if self._connection.state is State.GREETING
                else f"the server left a command without a reply for {self._command_seconds:g} seconds"
            )
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        return str(error) or type(error).__name__

    async def _read(self) -> None:
        while self._connection.state is not State.LOGOUT:
            if self._incoming:
                await self._pause()
            data = await self._stream.read()
            if not data:
                self._take(self._connection.receive_eof())
                return
            self._has_received = True
            self.counters.bytes_in += len(data)
            if self._observer is not None:
                self._observer.received(data)
            events = self._connection.receive_data(data)
            for layer in [event for event in events if isinstance(event, TlsAgreed | CompressionAgreed)]:
                await self._put_on(layer)
                events += self._connection.resume()
            self._take(events)

    async def _pause(self) -> None:
        """Wait while a task is far behind the content that arrives for it."""
        while self._is_behind():
            self._is_paused = True
            self._stir()
            self._stirred.clear()
            await self._stirred.wait()
        if self._is_paused:
            self._is_paused = False
            self._stir(has_progressed=True)

    def _is_behind(self) -> bool:
        held_bytes = max((one.held_bytes for one in self._incoming.values()), default=0)
        most_bytes = self._limits.literal_bytes if self._others_wait() else _PROGRESS_BYTES
        return held_bytes >= most_bytes

    async def _put_on(self, layer: TlsAgreed | CompressionAgreed) -> None:
        if isinstance(layer, TlsAgreed):
            await self._stream.start_tls()
        else:
            self._stream.start_compression(layer.received)

    def _take(self, events: Sequence[Event]) -> None:
        has_progressed = False
        for event in events:
            has_progressed = has_progressed or _tells_progress(event)
            match event:
                case CommandCompleted(tag=tag):
                    has_progressed = True
                    self._settle(self._waiters.pop(tag, None), event.result)
                case CommandFailed(tag=tag):
                    has_progressed = True
                    error = event.error
                    if isinstance(error, ConnectionLost):
                        error = self._lost(str(error), may_have_run=error.may_have_run)
                    self._settle(self._waiters.pop(tag, None), error)
                case Greeted():
                    self._settle(self._greeting, event.greeting)
                    has_progressed = True
                case Ended():
                    self._end_reason = event.reason
                    self._settle(self._greeting, self._lost(event.reason))
                case UntaggedReceived() if self.listener is not None:
                    self.listener(event.response)
                case _:
                    pass
        if self._idle_over is not None and self._connection.has_news:
            self._idle_over.set()
        self._stir(has_progressed=has_progressed)

    @staticmethod
    def _settle(waiter: asyncio.Future[Any] | None, outcome: object) -> None:  # Any: as in _waiters
        if waiter is None or waiter.done():
            return
        if isinstance(outcome, IMAPError):
            waiter.set_exception(outcome)
            waiter.exception()  # now asyncio does not complain if the task that waited has just been cancelled
        else:
            waiter.set_result(outcome)

    async def _write(self) -> None:
        while True:
            await self._outgoing.wait()
            self._outgoing.clear()
            pieces = self._connection.data_to_send()
            if not pieces:
                self._flushed.set()
                continue
            self.counters.turns += self._has_received
            self._has_received = False
            for piece in pieces:
                if self._observer is not None:
                    self._observer.sent(piece.data, secret=piece.is_secret)
            data = b"".join(piece.data for piece in pieces)
            self.counters.bytes_out += len(data)
            self._stream.write(data)
            await self._stream.drain()
            self._flushed.set()


def _tells_progress(event: Event) -> bool:
    """Whether the server says that it is still at work (INPROGRESS, RFC 9585)."""
    response = event.response if isinstance(event, UntaggedReceived) else None
    return isinstance(response, StatusResponse) and isinstance(response.code, InProgressCode)
