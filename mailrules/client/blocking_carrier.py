"""How do bytes pass between one connection and its stream for as long as a call lasts, and what became of commands?"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from mailrules.client.life_signs import LifeSigns
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
from mailrules.imap.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mailrules.client.content import ContentBuffer
    from mailrules.client.traffic import TrafficObserver
    from mailrules.imap.command import Command
    from mailrules.imap.events import Event, Tag
    from mailrules.imap.limits import Limits
    from mailrules.imap.parser import Untagged
    from mailrules.imap.responses import StatusResponse


_CLOSE_SECONDS = 1.0


class ByteStream(Protocol):
    """A byte stream to one server; ``mailrules.client.blocking_stream`` has the real one."""

    @property
    def queued_bytes(self) -> int:
        """How much of what was written has not been sent."""
        ...

    def write(self, data: bytes) -> None:
        """Queue bytes; ``read`` sends them."""
        ...

    def read(self, *, seconds: float, or_sent: bool = False) -> bytes | None:
        """Send what is queued, give the next bytes; b"" at the end, None when the time is over before.

        With ``or_sent`` None as soon as all is sent, too.
        """
        ...

    def start_tls(self) -> None:
        """Put TLS, verified for the host connected to, over the stream."""
        ...

    def start_compression(self, received: bytes) -> None:
        """Inflate and deflate from here on; ``received`` is compressed already."""
        ...

    def break_off(self) -> None:
        """Have ``read`` on another thread find the end now."""
        ...

    def close(self) -> None:
        """Close at once. May be called twice."""
        ...


class BlockingCarrier:
    """The pump of one connection: whoever has the turn reads and writes for all.

    Nothing happens between the turns. Commands may be on their way then, whose answers the next turn takes.
    """

    def __init__(
        self,
        stream: ByteStream,
        *,
        limits: Limits,
        observer: TrafficObserver | None,
        place: str,
        clock: Callable[[], float],
    ) -> None:
        self.connection = Connection(limits=limits)
        self.greeted: StatusResponse | None = None
        self.is_late = False
        """Whether it was a deadline of ours that ended the connection."""
        self.listener: Callable[[Untagged], None] | None = None
        """Is given each untagged response that no command asked for; must not raise, nor run commands."""
        self._stream, self._place, self._clock, self._limits = stream, place, clock, limits
        self._meter = Meter(observer)
        self.counters = self._meter.counters
        self._life_signs = LifeSigns(self.connection)
        self._outcomes: dict[Tag, object] = {}  # of commands that are done and whose caller has not looked yet
        self._awaited: set[Tag] = set()
        self._left: deque[Tag] = deque()  # of commands that nobody waits for any more
        self._contents: dict[Tag, ContentBuffer] = {}
        self._end_reason = ""
        self._has_progressed = False
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._closed_by_another = ""  # why a thread without the turn wants the connection closed
        self._is_taking_content = False

    @contextmanager
    def turn(self, *, is_for_content: bool = False) -> Iterator[None]:
        """One call at a time. What breaks into it closes the connection, since it may have come anywhere.

        Content may be read while the same thread takes what it uploads, perhaps from there.
        """
        if self._owner == threading.get_ident():
            if not (is_for_content and self._is_taking_content):
                raise LocalProtocolError(
                    "a command cannot be run while another one of this thread hands out its answer"
                )
            yield
            return
        with self._lock:
            self._owner = threading.get_ident()
            try:
                self._drop_what_was_left()
                yield
            except IMAPError:
                raise
            except BaseException as error:
                self.give_up(f"the call was broken off by {type(error).__name__}")
                raise
            finally:
                if self._closed_by_another:
                    self.give_up(self._closed_by_another)
                self._owner = None

    @contextmanager
    def taking_content(self) -> Iterator[None]:
        """Inside it is our own content that is waited for, not the server."""
        self._is_taking_content = True
        try:
            yield
        finally:
            self._is_taking_content = False

    def submit(self, command: Command[object]) -> Tag:
        """Queue a command. Raises ConnectionLost, and what ``Connection.submit`` does.

        Raises LocalProtocolError where its answer comes behind more content than may be held.
        """
        if self.connection.state is State.LOGOUT:
            raise self.lost()
        untaken_bytes = sum(one.untaken_bytes for one in self._contents.values())
        if untaken_bytes > self._limits.literal_bytes:
            raise LocalProtocolError(
                f"{untaken_bytes:,} bytes of content would have to be held until the answer comes, over "
                f"{self._limits.literal_bytes:,}: take them first, or raise limits.literal_bytes"
            )
        tag = self.connection.submit(command)
        self._awaited.add(tag)
        self.counters.commands += 1
        return tag

    def follow_content(self, tag: Tag, content: ContentBuffer) -> None:
        """The answer to this command goes there, until ``leave`` is called."""
        self._contents[tag] = content

    def is_done(self, tag: Tag) -> bool:
        """Whether the command has its outcome, or never will."""
        return tag in self._outcomes or self.connection.state is State.LOGOUT

    def outcome(self, tag: Tag) -> object:
        """The result or the error of a command that is done, once."""
        self._awaited.discard(tag)
        # STARTTLS is done for the connection before the handshake is, which may have failed.
        return self._outcomes.pop(tag) if tag in self._outcomes else self.lost()

    def leave(self, tag: Tag) -> None:
        """Nobody waits for this command any more. Needs no turn: the next one drops what has come."""
        self._left.append(tag)

    def pump(
        self,
        is_done: Callable[[], bool],
        *,
        seconds: float,
        late: str = "",
        wake: float | None = None,
        or_sent: bool = False,
    ) -> None:
        """Read and write until ``is_done``, for at most ``seconds`` without a sign of life while a reply is owed.

        ``wake`` is when to look again in any case; with ``or_sent`` also when all is sent. Ends the connection when
        the time is over.
        """
        ends = self._clock() + seconds
        self._has_progressed = False
        self._send()
        while not is_done() and self.connection.state is not State.LOGOUT:
            owes = self.connection.awaits_reply or self.connection.state is State.GREETING
            now = self._clock()
            if self._has_progressed or self._life_signs.are_in_content() or not owes:
                self._has_progressed, ends = False, now + seconds
            if now >= ends:
                self.is_late = True
                self.give_up(late or f"the server left a command without a reply for {seconds:g} seconds")
                return
            until = min(ends if owes else now + seconds, ends if wake is None else wake)
            self._receive(max(0.0, until - now), or_sent=or_sent)
            self._send()

    def flush(self, *, seconds: float) -> None:
        """Read and write until all is sent."""
        self._send()
        self.pump(lambda: not self._stream.queued_bytes, seconds=seconds, or_sent=True)

    def give_up(self, reason: str) -> None:
        """End the connection now. May be called twice."""
        self._take(self.connection.abort(reason))
        self._stream.close()

    def close(self, reason: str) -> None:
        """End the connection, also under another thread that has the turn and waits: its call fails then.

        Where that one is busy with content of its own, it closes as soon as it looks up from it.
        """
        if self._owner == threading.get_ident():
            self.give_up(reason)
        elif self._lock.acquire(blocking=False):
            self._give_up_and_release(reason)
        else:
            self._closed_by_another = reason
            self._stream.break_off()
            if self._lock.acquire(timeout=_CLOSE_SECONDS):
                self._give_up_and_release(reason)

    def lost(self) -> ConnectionLost:
        """Why nothing can be sent any more."""
        return lost(self._end_reason or "the connection is not open", place=self._place, may_have_run=False)

    def _give_up_and_release(self, reason: str) -> None:
        try:
            self.give_up(reason)
        finally:
            self._lock.release()

    def _drop_what_was_left(self) -> None:
        while self._left:
            tag = self._left.popleft()
            self._awaited.discard(tag)
            self._contents.pop(tag, None)
            self._outcomes.pop(tag, None)
            self.connection.cancel(tag)

    def _receive(self, seconds: float, *, or_sent: bool) -> None:
        try:
            data = self._stream.read(seconds=seconds, or_sent=or_sent)
            if self._closed_by_another:
                self.give_up(self._closed_by_another)
                return
            if data is None:
                return
            if not data:
                self._take(self.connection.receive_eof())
                return
            self._meter.received(data)
            events = self.connection.receive_data(data)
            for layer in [event for event in events if isinstance(event, TlsAgreed | CompressionAgreed)]:
                self._put_on(layer)
                events += self.connection.resume()
            self._take(events)
        except (OSError, IMAPError) as error:
            self.give_up(self._closed_by_another or str(error) or type(error).__name__)

    def _put_on(self, layer: TlsAgreed | CompressionAgreed) -> None:
        if isinstance(layer, TlsAgreed):
            self._stream.start_tls()
        else:
            self._stream.start_compression(layer.received)

    def _send(self) -> None:
        if pieces := self.connection.data_to_send():
            self._stream.write(self._meter.sent(pieces))

    def _take(self, events: Sequence[Event]) -> None:
        self._has_progressed = self._has_progressed or self._life_signs.are_in(events)
        for event in events:
            match event:
                case CommandCompleted(tag=tag):
                    self._settle(tag, event.result)
                case CommandFailed(tag=tag):
                    error = event.error
                    if isinstance(error, ConnectionLost):
                        error = lost(str(error), place=self._place, may_have_run=error.may_have_run)
                    self._settle(tag, error)
                case Greeted():
                    self.greeted = event.greeting
                case Ended():
                    self._end_reason = event.reason
                    self._stream.close()
                case UntaggedReceived() if self.listener is not None:
                    self.listener(event.response)
                case _:
                    pass

    def _settle(self, tag: Tag, outcome: object) -> None:
        if tag in self._awaited:
            self._outcomes[tag] = outcome
