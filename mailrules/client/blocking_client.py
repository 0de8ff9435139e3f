"""How does one thread run IMAP commands, one after the other or side by side, without an event loop?

The same core as under the asyncio client, with no thread of its own: whoever calls does the reading and writing
for as long as the call lasts.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, Self, TypeVar, cast

from mailrules.client.fallbacks import Procedure, Progress
from mailrules.client.traffic import Counters
from mailrules.errors import CommandRefused, ConnectionLost, IMAPError, LocalProtocolError
from mailrules.imap.connection import Connection
from mailrules.imap.events import CommandCompleted, CommandFailed, CompressionAgreed, Ended, Greeted, TlsAgreed
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.session_commands import Idle
from mailrules.imap.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mailrules.client.traffic import TrafficObserver
    from mailrules.imap.command import Command
    from mailrules.imap.events import Event, Tag
    from mailrules.imap.responses import StatusResponse
    from mailrules.imap.selected_mailbox import SelectedMailbox

R = TypeVar("R")


class ByteStream(Protocol):
    """A byte stream to one server; ``mailrules.client.blocking_stream`` has the real one."""

    def write(self, data: bytes) -> None:
        """Queue bytes; ``read`` sends them."""
        ...

    def read(self, *, seconds: float) -> bytes | None:
        """Send what is queued, give the next bytes; b"" at the end, None when the time is over before."""
        ...

    def start_tls(self) -> None:
        """Put TLS, verified for the host connected to, over the stream."""
        ...

    def start_compression(self, received: bytes) -> None:
        """Inflate and deflate from here on; ``received`` is compressed already."""
        ...

    def close(self) -> None:
        """Close at once. May be called twice."""
        ...


class BlockingClient:
    """One IMAP connection for code that blocks.

    ``start`` waits for the greeting; ``close``, or the end of ``with``, ends the connection at once (run ``Logout``
    before, to part politely). Threads may share it: while one runs a command the others wait for their turn.

    A deadline of ``command_seconds`` runs while the server owes a reply, and starts anew with each command that is
    done, not with mere bytes. When it passes, or when an exception such as KeyboardInterrupt breaks into a call, the
    connection is closed: it is usable or closed, never in between.
    """

    def __init__(
        self,
        stream: ByteStream,
        *,
        command_seconds: float = 120.0,
        idle_renew_seconds: float = 25 * 60.0,
        limits: Limits = DEFAULT_LIMITS,
        observer: TrafficObserver | None = None,
        place: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters = Counters()
        self._stream = stream
        self._command_seconds, self._idle_renew_seconds = command_seconds, idle_renew_seconds
        self._observer, self._place, self._clock = observer, place, clock
        self._connection = Connection(limits=limits)
        self._outcomes: dict[Tag, object] = {}  # of commands that are done and whose caller has not looked yet
        self.is_late = False
        """Whether it was a deadline of ours that ended the connection."""
        self._greeted: StatusResponse | None = None
        self._end_reason = ""
        self._has_received = True
        self._progress = 0  # counts commands that are done
        self._lock = threading.Lock()
        self._owner: int | None = None

    @property
    def greeting(self) -> str:
        """The text of the greeting, "" before it."""
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

    def start(self, *, greeting_seconds: float = 15.0) -> StatusResponse:
        """Wait for the greeting, which tells OK or PREAUTH. Raises ConnectionLost."""
        with self._turn():
            self._pump(lambda: self._greeted is not None, seconds=greeting_seconds, late="the server sent no greeting")
            if self._greeted is None:
                raise self._lost()
            return self._greeted

    def close(self) -> None:
        """End the connection now. May be called twice."""
        self._give_up("the connection was closed")

    def __enter__(self) -> Self:
        """Starts the client unless it runs already, as the one that ``connect_blocking`` gives does."""
        if self._connection.state is State.GREETING:
            self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def run(self, command: Command[R] | Procedure[R], *, seconds: float | None = None) -> R:
        """Run one command, or the commands of a procedure, and give the result.

        ``seconds`` is another deadline than ``command_seconds``.
        Raises CommandRefused, ConnectionLost, LocalProtocolError, MissingCapability, RemoteProtocolError.
        """
        with self._turn():
            if isinstance(command, Procedure):
                return self._carry_out(command, seconds)
            (outcome,) = self._run_batch((command,), seconds)
        if isinstance(outcome, IMAPError):
            raise outcome
        return cast("R", outcome)  # the connection gives the result of Command[R]

    def run_all(self, commands: Iterable[Command[R]]) -> tuple[R | CommandRefused, ...]:
        """Run commands side by side, as far as they may overlap; the results in their order, a refusal for one refused.

        Raises any other error, once all of them have ended.
        """
        with self._turn():
            outcomes = self._run_batch(tuple(commands))
        for outcome in outcomes:
            if isinstance(outcome, IMAPError) and not isinstance(outcome, CommandRefused):
                raise outcome
        return cast("tuple[R | CommandRefused, ...]", tuple(outcomes))  # as in run()

    def idle(self, *, timeout_seconds: float) -> bool:
        """Wait until the open mailbox changes, by IDLE; False when the time is over before that.

        A change that was told after the last call of this, or since SELECT, counts. IDLE is renewed in time.
        """
        ends = self._clock() + timeout_seconds
        with self._turn():
            while not self._connection.take_news():
                left = ends - self._clock()
                if left <= 0:
                    return False
                self._idle_once(min(left, self._idle_renew_seconds))
            return True

    # -- commands -------------------------------------------------------------------------------

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One call at a time. What breaks into it closes the connection, since it may have come anywhere."""
        if self._owner == threading.get_ident():
            raise LocalProtocolError("a command cannot be run while another one of this thread hands out its answer")
        with self._lock:
            self._owner = threading.get_ident()
            try:
                yield
            except IMAPError:
                raise
            except BaseException as error:
                self._give_up(f"the call was broken off by {type(error).__name__}")
                raise
            finally:
                self._owner = None

    def _carry_out(self, procedure: Procedure[R], seconds: float | None) -> R:
        connection = self._connection
        progress = Progress(procedure, offered=connection.capabilities, selections=connection.selections)
        while not progress.is_done:
            progress.require_same_mailbox(connection.selections)
            outcomes = self._run_batch(progress.batch, seconds)
            progress.note_sent(connection.selections)
            progress.take(outcomes)
        return progress.result

    def _run_batch(self, commands: Sequence[Command[object]], seconds: float | None = None) -> list[object]:
        """The result or the error of each."""
        sent = [self._try_submit(command) for command in commands]
        tags = [tag for tag in sent if isinstance(tag, str)]
        patience = self._command_seconds if seconds is None else seconds
        self._pump(lambda: all(tag in self._outcomes for tag in tags), seconds=patience)
        return [one if isinstance(one, IMAPError) else self._outcome(one) for one in sent]

    def _outcome(self, tag: Tag) -> object:
        # STARTTLS is done for the connection before the handshake is, which may have failed.
        return self._outcomes.pop(tag) if tag in self._outcomes else self._lost()

    def _try_submit(self, command: Command[object]) -> Tag | IMAPError:
        if isinstance(command, Idle):
            return LocalProtocolError("IDLE has no result to wait for: call idle()")
        try:
            return self._submit(command)
        except IMAPError as error:
            return error

    def _submit(self, command: Command[object]) -> Tag:
        if self._connection.state is State.LOGOUT:
            raise self._lost()
        tag = self._connection.submit(command)
        self.counters.commands += 1
        return tag

    def _idle_once(self, seconds: float) -> None:
        tag = self._submit(Idle())
        ends = self._clock() + seconds
        self._pump(
            lambda: tag in self._outcomes or self._connection.has_news or self._clock() >= ends,
            seconds=self._command_seconds,
            wake=ends,
        )
        self._connection.finish_idle()
        self._pump(lambda: tag in self._outcomes, seconds=self._command_seconds)
        outcome = self._outcome(tag)
        if isinstance(outcome, IMAPError):
            raise outcome

    # -- reading and writing --------------------------------------------------------------------

    def _pump(self, is_done: Callable[[], bool], *, seconds: float, late: str = "", wake: float | None = None) -> None:
        """Read and write until ``is_done``, for at most ``seconds`` without a command's end while the server owes one.

        ``wake`` is when to look again in any case. Ends the connection when the time is over.
        """
        progress, ends = self._progress, self._clock() + seconds
        self._send()
        while not is_done() and self._connection.state is not State.LOGOUT:
            owes = self._connection.awaits_reply or self._connection.state is State.GREETING
            now = self._clock()
            if self._progress != progress or not owes:
                progress, ends = self._progress, now + seconds
            if now >= ends:
                self.is_late = True
                self._give_up(late or f"the server left a command without a reply for {seconds:g} seconds")
                return
            until = min(ends if owes else now + seconds, ends if wake is None else wake)
            self._receive(max(0.0, until - now))
            self._send()

    def _receive(self, seconds: float) -> None:
        try:
            data = self._stream.read(seconds=seconds)
            if data is None:
                return
            if not data:
                self._take(self._connection.receive_eof())
                return
            self._has_received = True
            self.counters.bytes_in += len(data)
            if self._observer is not None:
                self._observer.received(data)
            events = self._connection.receive_data(data)
            for layer in [event for event in events if isinstance(event, TlsAgreed | CompressionAgreed)]:
                self._put_on(layer)
                events += self._connection.resume()
            self._take(events)
        except (OSError, IMAPError) as error:
            self._give_up(str(error) or type(error).__name__)

    def _put_on(self, layer: TlsAgreed | CompressionAgreed) -> None:
        if isinstance(layer, TlsAgreed):
            self._stream.start_tls()
        else:
            self._stream.start_compression(layer.received)

    def _send(self) -> None:
        pieces = self._connection.data_to_send()
        if not pieces:
            return
        self.counters.turns += self._has_received
        self._has_received = False
        for piece in pieces:
            if self._observer is not None:
                self._observer.sent(piece.data, secret=piece.is_secret)
        data = b"".join(piece.data for piece in pieces)
        self.counters.bytes_out += len(data)
        self._stream.write(data)

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case CommandCompleted(tag=tag):
                    self._progress += 1
                    self._outcomes[tag] = event.result
                case CommandFailed(tag=tag):
                    self._progress += 1
                    error = event.error
                    if isinstance(error, ConnectionLost):
                        error = self._named(str(error), may_have_run=error.may_have_run)
                    self._outcomes[tag] = error
                case Greeted():
                    self._greeted = event.greeting
                case Ended():
                    self._end_reason = event.reason
                    self._stream.close()
                case _:
                    pass

    def _give_up(self, reason: str) -> None:
        self._take(self._connection.abort(reason))
        self._stream.close()

    def _lost(self) -> ConnectionLost:
        return self._named(self._end_reason or "the connection is not open", may_have_run=False)

    def _named(self, reason: str, *, may_have_run: bool) -> ConnectionLost:
        is_told = not self._place or reason.startswith(self._place)
        return ConnectionLost(reason if is_told else f"{self._place}: {reason}", may_have_run=may_have_run)
