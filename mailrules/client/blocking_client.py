"""How does one thread run IMAP commands, one after the other or side by side, without an event loop?

The same core as under the asyncio client, with no thread of its own: whoever calls does the reading and writing
for as long as the call lasts.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Generic, Self, TypeVar, cast

from mailrules.client.blocking_carrier import BlockingCarrier
from mailrules.client.blocking_content import BlockingContent
from mailrules.client.client_view import ClientView
from mailrules.client.content import NOT_IN_FULL, OutgoingContent, pieces_of, too_few_contents
from mailrules.client.fallbacks import OneCommand, Procedure, Progress
from mailrules.client.fallbacks import run_all as all_of
from mailrules.client.line_cutting import is_too_long
from mailrules.client.message_iteration import COMMANDS_IN_FLIGHT, MessageIteration, asked_for
from mailrules.errors import CommandRefused, IMAPError, LocalProtocolError
from mailrules.imap.content_commands import UidFetchContent
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Idle
from mailrules.imap.states import State
from mailrules.imap.writer import BodySection
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from mailrules.client.blocking_carrier import ByteStream
    from mailrules.client.content import SyncContent
    from mailrules.client.fallbacks import Steps
    from mailrules.client.traffic import Counters, TrafficObserver
    from mailrules.imap.command import Command
    from mailrules.imap.events import Tag
    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.fetch_items import FetchItems
    from mailrules.imap.message_commands import UidFetch
    from mailrules.imap.parser import Untagged
    from mailrules.imap.responses import StatusResponse

R = TypeVar("R")

_WHOLE = BodySection()


class BlockingClient(ClientView):
    """One IMAP connection for code that blocks.

    ``start`` waits for the greeting; ``close``, or the end of ``with``, ends the connection at once (run ``Logout``
    before, to part politely). Threads may share it: while one runs a command the others wait for their turn.

    A deadline of ``command_seconds`` runs while we wait for a reply that the server owes. It starts anew with each
    command that is done, with INPROGRESS (RFC 9585), and with each MiB of content that passes in pieces, but not with
    mere bytes. When it passes, or when an exception such as KeyboardInterrupt breaks into a call, the
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
        self._carrier = BlockingCarrier(stream, limits=limits, observer=observer, place=place, clock=clock)
        super().__init__(self._carrier.connection)
        self._command_seconds, self._idle_renew_seconds = command_seconds, idle_renew_seconds
        self._clock = clock

    @property
    def counters(self) -> Counters:
        """What the connection has cost so far."""
        return self._carrier.counters

    @property
    def is_late(self) -> bool:
        """Whether it was a deadline of ours that ended the connection."""
        return self._carrier.is_late

    @property
    def listener(self) -> Callable[[Untagged], None] | None:
        """Is given each untagged response that no command asked for, while a call lasts; must not raise, nor call."""
        return self._carrier.listener

    @listener.setter
    def listener(self, listener: Callable[[Untagged], None] | None) -> None:
        self._carrier.listener = listener

    def start(self, *, greeting_seconds: float = 15.0) -> StatusResponse:
        """Wait for the greeting, which tells OK or PREAUTH. Raises ConnectionLost."""
        carrier = self._carrier
        with carrier.turn():
            carrier.pump(
                lambda: carrier.greeted is not None, seconds=greeting_seconds, late="the server sent no greeting"
            )
            if carrier.greeted is None:
                raise carrier.lost()
            return carrier.greeted

    def close(self) -> None:
        """End the connection now; a call of another thread fails with ConnectionLost. May be called twice."""
        self._carrier.close("the connection was closed")

    def __enter__(self) -> Self:
        """Starts the client unless it runs already, as the one that ``connect_blocking`` gives does."""
        if self._connection.state is State.GREETING:
            self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def run(self, command: Command[R] | Procedure[R], *, seconds: float | None = None) -> R:
        """Run one command, or the commands of a procedure, and give the result.

        ``seconds`` is another deadline than ``command_seconds``. A command whose UIDs make it longer than
        ``line_bytes`` goes in pieces, see ``OneCommand``.
        Raises CommandRefused, ConnectionLost, LocalProtocolError, MissingCapability, RemoteProtocolError.
        """
        with self._carrier.turn():
            if isinstance(command, Procedure):
                return self._carry_out(command, seconds)
            if is_too_long(command, offered=self.capabilities, line_bytes=self.line_bytes):
                return self._carry_out(OneCommand(command), seconds)
            (outcome,) = self._run_batch((command,), seconds)
        if isinstance(outcome, IMAPError):
            raise outcome
        return cast("R", outcome)  # the connection gives the result of Command[R]

    def run_all(self, commands: Iterable[Command[R]]) -> tuple[R | CommandRefused, ...]:
        """Run commands side by side, as far as they may overlap; the results in their order, a refusal for one refused.

        Raises any other error, once all of them have ended.
        """
        return self.run(_All(tuple(commands)))

    def fetch(
        self, uids: SequenceSet, items: FetchItems, *, messages_per_command: int = 500
    ) -> Generator[FetchData, None, None]:
        """Iterate over messages, ascending by UID, in memory that does not grow with their number.

        Two commands of about ``messages_per_command`` messages are on their way at any time; for contents choose
        fewer. Other commands may be run inside the loop, by other threads too, and leaving it early costs at most the
        answers to those two. Raises what ``run`` does, and LocalProtocolError where another mailbox was opened
        meanwhile.
        """
        with self._carrier.turn():
            loop = MessageIteration(
                self._connection,
                uids,
                items,
                messages_per_command=messages_per_command,
                line_bytes=self.line_bytes,
            )
        sent: deque[tuple[UidFetch, Tag]] = deque()
        try:
            while True:
                with self._carrier.turn():
                    while len(sent) < COMMANDS_IN_FLIGHT and (command := loop.next_command()) is not None:
                        sent.append((command, self._carrier.submit(command)))
                    if not sent:
                        return
                    command, tag = sent.popleft()
                    outcome = self._wait_for(tag, self._command_seconds)
                if isinstance(outcome, IMAPError):
                    raise outcome
                yield from asked_for(command, cast("tuple[FetchData, ...]", outcome))  # the result of UidFetch
        finally:
            for _, tag in sent:
                self._carrier.leave(tag)

    @contextmanager
    def fetch_content(self, uid: int, section: BodySection = _WHOLE) -> Iterator[BlockingContent]:
        """The content of one message or part, of any size, in constant memory; it sets no \\Seen.

            with client.fetch_content(uid) as content:
                for piece in content: ...

        Nothing is read from the network while the loop does not ask. A command that is run inside the loop has its
        answer behind the content, which is then held, up to ``limits.literal_bytes``; where it has more left than
        that, the command is a LocalProtocolError and is not sent. Leaving the block early leaves the connection
        usable; the rest of the content still has to pass, and is dropped. Raises what ``run`` does, and
        RemoteProtocolError for no such message.
        """
        content = BlockingContent(self._carrier, seconds=self._command_seconds)
        with self._carrier.turn():
            tag = content.ask(UidFetchContent(SequenceSet.of((uid,)), section, content.buffer.open_sink))
        try:
            yield content
        finally:
            self._carrier.leave(tag)

    def upload(self, command: Command[R], *contents: SyncContent) -> R:
        """Run a command that has ``StreamedLiteral``s, such as an APPEND, with the content for each, in order.

        Nothing is taken from a content before the server lets it come. Content that raises, that has another size
        than announced, or an exception in the middle closes the connection: IMAP cannot take half a literal back.
        Raises what ``run`` does, and what the content raises.
        """
        carrier = self._carrier
        with carrier.turn():
            tag = carrier.submit(command)
            try:
                for content in contents:
                    self._give(OutgoingContent(self._connection, tag), content, tag)
                if self._is_wanted(OutgoingContent(self._connection, tag), tag):
                    raise too_few_contents(command.name, len(contents))
                outcome = self._wait_for(tag, self._command_seconds)
            finally:
                if self._connection.is_half_sent(tag):
                    carrier.give_up(NOT_IN_FULL)
                carrier.leave(tag)
        if isinstance(outcome, IMAPError):
            raise outcome
        return cast("R", outcome)  # as in run()

    def idle(self, *, timeout_seconds: float) -> bool:
        """Wait until the open mailbox changes, by IDLE; False when the time is over before that.

        A change that was told after the last call of this, or since SELECT, counts. IDLE is renewed in time.
        """
        ends = self._clock() + timeout_seconds
        with self._carrier.turn():
            while not self._connection.take_news():
                left = ends - self._clock()
                if left <= 0:
                    return False
                self._idle_once(min(left, self._idle_renew_seconds))
            return True

    # -- waiting --------------------------------------------------------------------------------

    def _carry_out(self, procedure: Procedure[R], seconds: float | None) -> R:
        connection = self._connection
        progress = Progress(
            procedure,
            offered=connection.capabilities,
            selections=connection.selections,
            line_bytes=self.line_bytes,
        )
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
        self._carrier.pump(lambda: all(self._carrier.is_done(tag) for tag in tags), seconds=patience)
        return [one if isinstance(one, IMAPError) else self._carrier.outcome(one) for one in sent]

    def _try_submit(self, command: Command[object]) -> Tag | IMAPError:
        if isinstance(command, Idle):
            return LocalProtocolError("IDLE has no result to wait for: call idle()")
        try:
            return self._carrier.submit(command)
        except IMAPError as error:
            return error

    def _wait_for(self, tag: Tag, seconds: float) -> object:
        self._carrier.pump(lambda: self._carrier.is_done(tag), seconds=seconds)
        return self._carrier.outcome(tag)

    def _idle_once(self, seconds: float) -> None:
        carrier, tag = self._carrier, self._carrier.submit(Idle())
        ends = self._clock() + seconds
        carrier.pump(
            lambda: carrier.is_done(tag) or self._connection.has_news or self._clock() >= ends,
            seconds=self._command_seconds,
            wake=ends,
        )
        self._connection.finish_idle()
        outcome = self._wait_for(tag, self._command_seconds)
        if isinstance(outcome, IMAPError):
            raise outcome

    # -- uploading ------------------------------------------------------------------------------

    def _is_wanted(self, literal: OutgoingContent, tag: Tag) -> bool:
        """Wait until the literal's turn comes; False if it never will."""
        self._carrier.pump(lambda: literal.is_wanted or self._carrier.is_done(tag), seconds=self._command_seconds)
        return literal.is_wanted

    def _give(self, literal: OutgoingContent, content: SyncContent, tag: Tag) -> None:
        if not self._is_wanted(literal, tag):
            return
        pieces = pieces_of(content)
        with closing(pieces):
            literal.put(self._next_piece(pieces))
            while literal.is_wanted:
                literal.put(self._next_piece(pieces))
                self._carrier.flush(seconds=self._command_seconds)

    def _next_piece(self, pieces: Iterator[bytes]) -> bytes:
        with self._carrier.taking_content():
            return next(pieces, b"")


@dataclass(frozen=True, slots=True)
class _All(Procedure[tuple[R | CommandRefused, ...]], Generic[R]):
    commands: tuple[Command[R], ...]

    def steps(self, offered: frozenset[str]) -> Steps[tuple[R | CommandRefused, ...]]:
        del offered
        return (yield from all_of(self.commands))
