"""How do tasks run IMAP commands over one connection, many at once, without ever being stuck?"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from mailrules.client.fallbacks import Procedure, Progress
from mailrules.errors import ConnectionLost, IMAPError, LocalProtocolError
from mailrules.imap.connection import Connection
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
from mailrules.imap.response_codes import InProgressCode
from mailrules.imap.responses import StatusResponse
from mailrules.imap.session_commands import Idle
from mailrules.imap.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailrules.imap.command import Command
    from mailrules.imap.events import Event, Tag
    from mailrules.imap.parser import Untagged
    from mailrules.imap.selected_mailbox import SelectedMailbox

R = TypeVar("R")


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
    that is done and with INPROGRESS (RFC 9585), but not with mere bytes, so that a trickle does not keep it
    from striking.
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
        self._idle_over = None
        is_sent = self._connection.finish_idle()
        self._stir()
        return is_sent

    def _stir(self, *, has_progressed: bool = False) -> None:
        """Let the writer look, and set the deadline by what the server owes us."""
        self._outgoing.set()
        if self._connection.state in {State.GREETING, State.LOGOUT} or self._deadline.expired():
            return
        if not self._connection.awaits_reply:
            self._deadline.reschedule(None)
        elif has_progressed or self._deadline.when() is None:
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._command_seconds)

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
            await self._stream.close()

    def _lost(self, reason: str, *, may_have_run: bool = True) -> ConnectionLost:
        """The error, which names the place unless the stream's own words do."""
        is_told = not self._place or reason.startswith(self._place)
        return ConnectionLost(reason if is_told else f"{self._place}: {reason}", may_have_run=may_have_run)

    def _explain(self, group: BaseExceptionGroup[Exception]) -> str:
        if self._deadline.expired():
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


def _tells_progress(event: Event) -> bool:
    """Whether the server says that it is still at work (INPROGRESS, RFC 9585)."""
    response = event.response if isinstance(event, UntaggedReceived) else None
    return isinstance(response, StatusResponse) and isinstance(response.code, InProgressCode)
