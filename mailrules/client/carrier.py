"""How do bytes pass between one connection and its stream, while the tasks that wait learn what became of commands?"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from mailrules.client.deadline import Deadline
from mailrules.client.life_signs import PROGRESS_BYTES, LifeSigns
from mailrules.client.traffic import Meter, lost
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
from mailrules.imap.pipelining import is_alone
from mailrules.imap.session_commands import Compress, Idle, Logout
from mailrules.imap.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mailrules.client.content import IncomingContent
    from mailrules.client.traffic import Stream, TrafficObserver
    from mailrules.imap.command import Command
    from mailrules.imap.events import Event, Tag
    from mailrules.imap.limits import Limits
    from mailrules.imap.parser import Untagged
    from mailrules.imap.responses import StatusResponse

R = TypeVar("R")


class Carrier:
    """The task of one connection that reads, writes and keeps the deadline, and what other tasks ask of it.

    ``submit`` gives a future for each command; whatever happens to the stream, each of them ends. What
    ``AsyncClient`` promises of ``place`` and ``command_seconds`` is kept here.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        command_seconds: float,
        limits: Limits,
        observer: TrafficObserver | None,
        place: str,
    ) -> None:
        self.connection = Connection(limits=limits)
        self._meter = Meter(observer)
        self.counters = self._meter.counters
        self.listener: Callable[[Untagged], None] | None = None
        """Is given each untagged response that no command asked for; must not raise."""
        self._stream = stream
        self._command_seconds = command_seconds
        self._limits = limits
        self._place = place
        self._waiters: dict[Tag, asyncio.Future[Any]] = {}  # Any: the result of Command[R] is an R, see submit()
        self._greeting: asyncio.Future[StatusResponse] | None = None
        self._task: asyncio.Task[None] | None = None
        self._deadline = Deadline(None)
        self._outgoing = asyncio.Event()
        self._idle_tag: Tag | None = None
        self._idle_over: asyncio.Event | None = None  # while one IDLE waits for its end
        self._end_reason = ""
        self._incoming: dict[Tag, IncomingContent] = {}
        self._awaits_content = 0  # how many uploads wait for what they are to send
        self._is_paused = False  # nothing is read until somebody takes what has arrived
        self._life_signs = LifeSigns(self.connection)
        self._is_to_compress = self._is_flight_begun = False
        self._stirred, self._flushed = asyncio.Event(), asyncio.Event()

    @property
    def has_started(self) -> bool:
        """Whether ``start`` was called."""
        return self._task is not None

    async def start(self, *, greeting_seconds: float) -> StatusResponse:
        """Begin to read and wait for the greeting. Raises ConnectionLost, and LocalProtocolError the second time."""
        if self._task is not None:
            raise LocalProtocolError("the connection was started before, and a connection is started once")
        self._greeting = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._serve(greeting_seconds), name="imap-connection")
        try:
            return await self._greeting
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End the task, and with it the connection, and wait for that. May be called twice."""
        if self._task is None:
            return
        if not self._task.done():  # of one that is done the loop may be closed
            self._require_loop(self._task)
            self._task.cancel()
            await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    def submit(self, command: Command[R]) -> tuple[Tag, asyncio.Future[R]]:
        """Queue a command; the future gets its result or its error.

        Raises ConnectionLost, LocalProtocolError in another event loop, and what ``Connection.submit`` does.
        """
        if self._task is not None:
            self._require_loop(self._task)
        if self._task is None or self.connection.state is State.LOGOUT:
            raise self._lost(self._end_reason or "the connection is not open", may_have_run=False)
        waiter: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        if self._is_to_compress and isinstance(command, Idle):
            self._compress()  # nothing can follow IDLE before it is over
        tag = self.connection.submit(command)
        self._is_flight_begun = self._is_flight_begun or not is_alone(command.name)
        self._waiters[tag] = waiter
        self.counters.commands += 1
        if self._idle_over is not None:
            self._idle_over.set()
        self.stir()
        return tag, waiter

    def compress_soon(self) -> None:
        """Send COMPRESS behind the first commands that go out together, so that it costs no turn of its own.

        Refused it changes nothing: TLS may compress already (RFC 4978, COMPRESSIONACTIVE).
        """
        self._is_to_compress, self._is_flight_begun = True, False

    async def wait(self, tag: Tag, waiter: asyncio.Future[R]) -> R:
        """The outcome of a submitted command, which is abandoned if this is cancelled."""
        try:
            return await waiter
        finally:
            self.abandon(tag)

    def abandon(self, tag: Tag) -> None:
        """Nobody waits for this command any more; for one that is done it does nothing."""
        if self._waiters.pop(tag, None) is not None:
            self.connection.cancel(tag)
            self.stir()  # others may have waited for it

    def follow_content(self, tag: Tag, incoming: IncomingContent) -> None:
        """The answer to this command goes into ``incoming``: reading pauses while too much of it waits there."""
        self._incoming[tag] = incoming

    def leave_content(self, tag: Tag) -> None:
        """Nobody reads what ``follow_content`` told of any more."""
        del self._incoming[tag]
        self.abandon(tag)
        self.stir()

    @contextlib.contextmanager
    def awaiting_content(self) -> Iterator[None]:
        """Inside it is our own content that is waited for, not the server."""
        self._awaits_content += 1
        self.stir()
        try:
            yield
        finally:
            self._awaits_content -= 1
            self.stir()

    async def flush(self) -> None:
        """Wait until what is to be sent has been."""
        self._flushed.clear()
        self.stir()
        if self.connection.state is not State.LOGOUT:
            await self._flushed.wait()

    async def say_goodbye(self) -> None:
        """Send LOGOUT. Its answer is waited for only behind those of other commands, since nothing follows from it."""
        is_alone = not self._waiters and not self.connection.awaits_reply
        tag, waiter = self.submit(Logout())
        if is_alone:
            await self.flush()
            self.abandon(tag)
        else:
            await self.wait(tag, waiter)

    def break_off(self, reason: str) -> None:
        """End the connection without waiting for it."""
        self._take(self.connection.abort(reason))
        if self._task is not None:
            self._task.cancel()

    async def idle_once(self, seconds: float) -> None:
        """Run IDLE until the open mailbox changes, another command wants to go, or so many seconds are over."""
        tag, waiter = self.submit(Idle())
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
            await self.wait(tag, waiter)
        else:
            del self._waiters[tag]

    def stir(self, *, has_progressed: bool = False) -> None:
        """Let reader and writer look, and set the deadline by what the server owes us."""
        self._outgoing.set()
        self._stirred.set()
        if self.connection.state in {State.GREETING, State.LOGOUT} or self._deadline.expired():
            return
        has_progressed = self._life_signs.are_in_content() or has_progressed
        if not self.connection.awaits_reply or self._waits_for_us():
            self._deadline.restart(None)
        elif has_progressed or self._deadline.when() is None:
            self._deadline.restart(self._command_seconds)

    async def stirred(self) -> None:
        """Wait until something has happened."""
        self._stirred.clear()
        await self._stirred.wait()

    @staticmethod
    def _require_loop(task: asyncio.Task[None]) -> None:
        """Raise LocalProtocolError in another loop than the connection's, where nobody would ever be woken."""
        if task.get_loop() is not asyncio.get_running_loop():
            raise LocalProtocolError(
                "the connection belongs to another event loop: use it there, as by asyncio.run_coroutine_threadsafe"
            )

    def _finish_idle(self) -> bool:
        """Send DONE; whether IDLE has been sent, so that a reply is still to come."""
        self._idle_over = self._idle_tag = None
        is_sent = self.connection.finish_idle()
        self.stir()
        return is_sent

    def _waits_for_us(self) -> bool:
        return self._awaits_content > 0 or (self._is_paused and not self._others_wait())

    def _others_wait(self) -> bool:
        """Whether a command waits for its reply, other than those whose content is being read, and IDLE."""
        return any(tag not in self._incoming and tag != self._idle_tag for tag in self._waiters)

    # -- the connection's own task --------------------------------------------------------------

    async def _serve(self, greeting_seconds: float) -> None:
        reason = "the connection was closed"
        try:
            async with Deadline(greeting_seconds) as self._deadline, asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write())
                await self._read()
                writer.cancel()
        except* (OSError, EOFError, IMAPError) as group:
            reason = self._explain(group)
        finally:
            self._take(self.connection.abort(reason))
            # STARTTLS is done for the connection before the handshake is, which may have failed.
            for waiter in self._waiters.values():
                self._settle(waiter, self._lost(reason))
            self._stirred.set()
            self._flushed.set()
            await self._stream.close()

    def _lost(self, reason: str, *, may_have_run: bool = True) -> ConnectionLost:
        return lost(reason, place=self._place, may_have_run=may_have_run)

    def _explain(self, group: BaseExceptionGroup[Exception]) -> str:
        if self._deadline.expired():
            if self._is_paused:
                return (
                    f"nobody took the content that arrived for {self._command_seconds:g} seconds, and commands waited"
                )
            return (
                "the server sent no greeting in time"
                if self.connection.state is State.GREETING
                else f"the server left a command without a reply for {self._command_seconds:g} seconds"
            )
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        return str(error) or type(error).__name__

    async def _read(self) -> None:
        while self.connection.state is not State.LOGOUT:
            if self._incoming:
                await self._pause()
            data = await self._stream.read()
            if not data:
                self._take(self.connection.receive_eof())
                return
            self._meter.received(data)
            events = self.connection.receive_data(data)
            for layer in [event for event in events if isinstance(event, TlsAgreed | CompressionAgreed)]:
                await self._put_on(layer)
                events += self.connection.resume()
            self._take(events)

    async def _pause(self) -> None:
        """Wait while a task is far behind the content that arrives for it."""
        while self._is_behind():
            self._is_paused = True
            self.stir()
            await self.stirred()
        if self._is_paused:
            self._is_paused = False
            self.stir(has_progressed=True)

    def _is_behind(self) -> bool:
        held_bytes = max((one.held_bytes for one in self._incoming.values()), default=0)
        most_bytes = self._limits.literal_bytes if self._others_wait() else PROGRESS_BYTES
        return held_bytes >= most_bytes

    async def _put_on(self, layer: TlsAgreed | CompressionAgreed) -> None:
        if isinstance(layer, TlsAgreed):
            await self._stream.start_tls()
        else:
            self._stream.start_compression(layer.received)

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case CommandCompleted(tag=tag):
                    self._settle(self._waiters.pop(tag, None), event.result)
                case CommandFailed(tag=tag):
                    error = event.error
                    if isinstance(error, ConnectionLost):
                        error = self._lost(str(error), may_have_run=error.may_have_run)
                    self._settle(self._waiters.pop(tag, None), error)
                case Greeted():
                    self._settle(self._greeting, event.greeting)
                case Ended():
                    self._end_reason = event.reason
                    self._settle(self._greeting, self._lost(event.reason))
                case UntaggedReceived() if self.listener is not None:
                    self.listener(event.response)
                case _:
                    pass
        if self._idle_over is not None and self.connection.has_news:
            self._idle_over.set()
        self.stir(has_progressed=self._life_signs.are_in(events))

    @staticmethod
    def _settle(waiter: asyncio.Future[Any] | None, outcome: object) -> None:  # Any: as in _waiters
        if waiter is None or waiter.done():
            return
        if isinstance(outcome, IMAPError):
            waiter.set_exception(outcome)
            waiter.exception()  # now asyncio does not complain if the task that waited has just been cancelled
        else:
            waiter.set_result(outcome)

    def _compress(self) -> None:
        self._is_to_compress = False
        self.connection.submit(Compress())  # whatever comes of it, nobody waits for it
        self.counters.commands += 1

    async def _write(self) -> None:
        while True:
            await self._outgoing.wait()
            self._outgoing.clear()
            if self._is_to_compress and self._is_flight_begun and self.connection.state is not State.LOGOUT:
                self._compress()
            pieces = self.connection.data_to_send()
            if not pieces:
                self._flushed.set()
                continue
            self._stream.write(self._meter.sent(pieces))
            await self._stream.drain()
            self._flushed.set()
