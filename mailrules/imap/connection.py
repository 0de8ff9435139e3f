"""What does one IMAP connection send next, and what do the bytes that came in mean for each command?

Sans-IO: commands and received bytes go in, bytes to send and events come out. The driver's part is to
carry bytes and to wait.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from mailrules.errors import (
    ConnectionLost,
    LocalProtocolError,
    MissingCapability,
    RemoteProtocolError,
)
from mailrules.imap.capabilities import Capabilities
from mailrules.imap.command import ContentBegun
from mailrules.imap.events import (
    CommandCompleted,
    CommandFailed,
    CompressionAgreed,
    Disregarded,
    Ended,
    Event,
    Greeted,
    Tag,
    TlsAgreed,
    UntaggedReceived,
)
from mailrules.imap.fetch_data import FetchData, section_name
from mailrules.imap.framing import ContentOffered, ContentPiece, Framer
from mailrules.imap.in_flight import InFlight
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.outbox import ContentWanted, Outbox, Outgoing
from mailrules.imap.parser import Untagged, parse_response
from mailrules.imap.pipelining import is_relied_on, may_overlap, opens_or_closes
from mailrules.imap.quirks import untrue_capabilities
from mailrules.imap.responses import Continuation, Status, StatusResponse, Tagged
from mailrules.imap.selected_mailbox import SelectedMailbox
from mailrules.imap.session_commands import (
    Authenticate,
    Compress,
    Idle,
    Login,
    Logout,
    StartTls,
    Unauthenticate,
)
from mailrules.imap.states import State, require_state, state_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.imap.command import Command
    from mailrules.imap.framing import Frame
    from mailrules.imap.parser import Response


# What Exchange says to every command once it cannot reach the mailbox any more; only a new connection helps.
_BACKEND_LOST = "authenticated but not connected"


class Connection:
    """One connection from the greeting to its end.

    ``submit`` queues a command, and the gate of ``pipelining`` lets it out when it may go. After each
    call that gives events, and after ``submit``, ``finish_idle`` and ``resume``, there may be
    ``data_to_send``, and ``content_wanted``: the driver then gives the content of a ``StreamedLiteral``
    by ``send_content``, or aborts. After ``Ended`` nothing happens any more.
    """

    def __init__(self, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._framer = Framer(limits)
        self._state = State.GREETING
        self._tags = count(1)
        self._held: dict[Tag, Command[object]] = {}
        self._unsendable: dict[Tag, LocalProtocolError | MissingCapability] = {}  # to be told with the next events
        self._in_flight: dict[Tag, InFlight] = {}
        self._outbox = Outbox()
        self._is_paused = False  # between the OK of STARTTLS or COMPRESS and resume()
        self._idle_begun = False
        self._idle_done = False
        self._is_compressed = False
        self._capabilities = Capabilities()
        self._greeting = ""
        self._mailbox: SelectedMailbox | None = None  # the one that responses are about, from SELECT's sending on
        self._has_news = False
        self._selections = 0
        self._content_sink: Callable[[bytes], None] = _nowhere  # of the literal that arrives in pieces
        self._streamed_bytes = 0

    # -- what is known --------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._state

    @property
    def greeting(self) -> str:
        """The text of the greeting, in which servers name themselves; "" before it."""
        return self._greeting

    @property
    def capabilities(self) -> frozenset[str]:
        """Upper case; what was last told, see ``capabilities_are_current``."""
        return self._capabilities.offered

    @property
    def capabilities_are_current(self) -> bool:
        """False until told, and again after a login or STARTTLS that told nothing new: ask CAPABILITY then."""
        return self._capabilities.are_current

    @property
    def selected(self) -> SelectedMailbox | None:
        """The open mailbox; None while there is none and while SELECT is under way."""
        return self._mailbox if self._state is State.SELECTED and self._opening() is None else None

    @property
    def selections(self) -> int:
        """How many commands that open or close a mailbox were submitted: while it stays, UIDs mean what they meant."""
        return self._selections

    @property
    def awaits_reply(self) -> bool:
        """Whether the server owes us something. It does not while IDLE runs."""
        return bool(self._in_flight) and not (self._idle_begun and not self._idle_done)

    @property
    def content_wanted(self) -> ContentWanted | None:
        """The streamed literal whose bytes are to be sent next; nothing else goes out before its end."""
        return self._outbox.wanted

    @property
    def streamed_bytes(self) -> int:
        """How much content has gone through in pieces, both ways: by this a driver sees that a long transfer lives."""
        return self._streamed_bytes

    def is_half_sent(self, tag: Tag) -> bool:
        """Whether the server is in the middle of this command: then it cannot be taken back."""
        return self._outbox.is_half_sent(tag)

    @property
    def has_news(self) -> bool:
        """What ``take_news`` would say."""
        return self._has_news

    def take_news(self) -> bool:
        """Whether the open mailbox has changed, in a way that no command asked for, since this was last called."""
        news, self._has_news = self._has_news, False
        return news

    # -- what the driver does -------------------------------------------------------------------

    def submit(self, command: Command[object]) -> Tag:
        """Queue a command; it goes out now or when the gate opens.

        Raises LocalProtocolError if it is not allowed in the state that the commands before it lead to, or
        cannot be written; MissingCapability if the server lacks its extension.
        """
        state = self._state
        for earlier in (*(one.command for one in self._in_flight.values()), *self._held.values()):
            state = state_after(earlier.name, state, succeeded=True)
        require_state(command.name, state)
        tag = Tag(f"A{next(self._tags)}")
        self._held[tag] = command
        self._send_ready()
        if tag in self._unsendable:
            raise self._unsendable.pop(tag)
        self._selections += opens_or_closes(command.name)
        return tag

    def send_content(self, data: bytes) -> None:
        """The next bytes of the literal that is ``content_wanted``, in pieces of any size.

        Raises LocalProtocolError for more bytes than were announced and for NUL; the literal cannot be taken back
        then, so all that is left to the driver is ``abort``.
        """
        self._outbox.put_content(data)
        self._streamed_bytes += len(data)
        if not self._outbox.is_blocked:
            self._send_ready()

    def cancel(self, tag: Tag) -> None:
        """Nobody waits for this command any more: it is not sent if that is still possible, else its answer is dropped.

        A command that the state of later ones rests on is sent in any case, or those would act in the wrong mailbox.
        """
        if tag in self._in_flight:
            self._in_flight[tag].is_abandoned = True
        elif tag in self._held and not is_relied_on(self._held[tag].name):
            del self._held[tag]
            self._send_ready()

    def finish_idle(self) -> bool:
        """End IDLE, now or once it has begun; False if there was none to end, or it had not been sent yet."""
        for tag, command in self._held.items():
            if isinstance(command, Idle):
                del self._held[tag]
                self._send_ready()
                return False
        if not any(isinstance(one.command, Idle) for one in self._in_flight.values()):
            return False
        if self._idle_begun and not self._idle_done:
            self._outbox.put_line(b"DONE")
        self._idle_done = True
        return True

    def resume(self) -> list[Event]:
        """The layer that TlsAgreed or CompressionAgreed called for is in place."""
        self._is_paused = False
        self._send_ready()
        return self._take_unsendable()

    def data_to_send(self) -> list[Outgoing]:
        """What is to be sent now, each piece once."""
        return self._outbox.take()

    def receive_data(self, data: bytes) -> list[Event]:
        """Take bytes as they came; how they are cut does not matter."""
        events: list[Event] = []
        if self._state is State.LOGOUT:
            return events
        self._framer.feed(data)
        try:
            while self._is_open() and (piece := self._framer.next_response()) is not None:
                if isinstance(piece, bytes):
                    self._receive(self._parse(piece), data, events)
                else:
                    self._receive_content(piece)
        except RemoteProtocolError as error:
            self._end(str(error), events)
        self._send_ready()
        events.extend(self._take_unsendable())
        return events

    def receive_eof(self) -> list[Event]:
        """The server has closed its side."""
        events: list[Event] = []
        if self._state is not State.LOGOUT and not self._complete_logout(events):
            before = "before any greeting" if self._state is State.GREETING else "without a word"
            self._end(f"the server closed the connection {before}", events)
        return events

    def abort(self, reason: str) -> list[Event]:
        """The driver gives the connection up."""
        events: list[Event] = []
        if self._state is not State.LOGOUT:
            self._end(reason, events)
        return events

    # -- sending --------------------------------------------------------------------------------

    def _send_ready(self) -> None:
        """Send every held command that the gate lets out; note those that cannot be sent any more."""
        if self._is_paused or not self._held or self._state in {State.GREETING, State.LOGOUT}:
            return
        earlier = [one.command for one in self._in_flight.values()]
        for tag, command in list(self._held.items()):
            if self._outbox.is_blocked:
                break
            if all(may_overlap(one, command) for one in earlier):
                del self._held[tag]
                try:
                    self._send(tag, command)
                except (LocalProtocolError, MissingCapability) as error:
                    self._unsendable[tag] = error
                    continue
            earlier.append(command)

    def _take_unsendable(self) -> list[Event]:
        failed: list[Event] = [CommandFailed(tag=tag, error=error) for tag, error in self._unsendable.items()]
        self._unsendable.clear()
        return failed

    def _send(self, tag: Tag, command: Command[object]) -> None:
        require_state(command.name, self._state)
        if isinstance(command, Unauthenticate) and self._is_compressed:
            raise LocalProtocolError("UNAUTHENTICATE ends compression (RFC 8437 section 4.1): open a new connection")
        self._capabilities.require_for(command)
        offered, utf8 = self._capabilities.offered, self._capabilities.utf8
        self._outbox.put_command(tag, command, offered=offered, utf8=utf8)
        self._in_flight[tag] = InFlight(tag, command)
        self._framer.offers_content = self._framer.offers_content or command.streams_content
        if isinstance(command, Select):
            self._mailbox = SelectedMailbox(command.mailbox, read_only=command.is_read_only)
        elif isinstance(command, Login | Authenticate):
            self._capabilities.expect_new()

    # -- receiving ------------------------------------------------------------------------------

    def _parse(self, frame: Frame) -> Response:
        return parse_response(frame, limits=self._limits, utf8=self._capabilities.utf8)

    def _receive_content(self, piece: ContentOffered | ContentPiece) -> None:
        if isinstance(piece, ContentPiece):
            self._streamed_bytes += len(piece.data)
            self._content_sink(piece.data)
            return
        message = self._parse(piece.head)
        if not isinstance(message, FetchData):
            return
        begun = ContentBegun(message=message, section=section_name(piece.section), size_bytes=piece.size_bytes)
        sinks = (one.content_sink(begun) for one in self._in_flight.values())
        sink = next((sink for sink in sinks if sink is not None), None)
        if sink is not None:
            self._content_sink = sink
            self._framer.take_in_pieces()

    def _receive(self, response: Response, data: bytes, events: list[Event]) -> None:
        if isinstance(response, Tagged):
            self._receive_tagged(response, data, events)
        elif isinstance(response, Continuation):
            self._receive_continuation(response, events)
        elif self._state is State.GREETING:
            self._receive_greeting(response, events)
        else:
            self._receive_untagged(response, events)

    def _receive_greeting(self, response: Untagged, events: list[Event]) -> None:
        if not isinstance(response, StatusResponse) or response.status in {Status.NO, Status.BAD}:
            raise RemoteProtocolError(f"the server does not greet as IMAP servers do: {str(response)[:200]}")
        self._greeting = response.text
        self._capabilities.disbelieve(untrue_capabilities(response.text))
        self._capabilities.note(response)
        if response.status is Status.BYE:
            self._end(f"the server refused the connection: {response.text}", events)
            return
        is_known = response.status is Status.PREAUTH
        self._state = State.AUTHENTICATED if is_known else State.NOT_AUTHENTICATED
        events.append(Greeted(greeting=response))

    def _receive_untagged(self, response: Untagged, events: list[Event]) -> None:
        claimable, changed = response, False
        if self._mailbox is not None:
            if not isinstance(response, FetchData):  # as most are
                claimable = self._mailbox.name_expunged(response)
            changed = self._mailbox.apply(response)
        for one in self._in_flight.values():
            if one.claim(claimable):
                break
        else:
            self._has_news = self._has_news or changed
            events.append(UntaggedReceived(response=response))
        if isinstance(response, FetchData):
            return  # as most are
        self._capabilities.note(response)
        if isinstance(response, StatusResponse) and response.status is Status.BYE and not self._complete_logout(events):
            self._end(f"the server said BYE: {response.text}", events)

    def _receive_continuation(self, response: Continuation, events: list[Event]) -> None:
        if self._outbox.awaits_go_ahead:
            self._outbox.send_waiting()
            return
        for one in self._in_flight.values():
            if isinstance(one.command, Idle) and not self._idle_begun:
                self._begin_idle()
                return
            line = one.reply_to(response.raw, offered=self._capabilities.offered)
            if line is not None:
                self._outbox.put_line(line, is_secret=one.command.is_secret)
                return
        events.append(Disregarded(response=response))

    def _receive_tagged(self, reply: Tagged, data: bytes, events: list[Event]) -> None:
        tag = Tag(reply.tag)
        one = self._in_flight.get(tag)
        if one is None:
            events.append(Disregarded(response=reply))
            return
        if reply.status is Status.OK:
            self._require_finished(one)
        elif reply.status is Status.BAD and _BACKEND_LOST in reply.text:
            raise RemoteProtocolError(f"the server has lost the mailbox behind it: {reply.text}")
        self._leave(one, succeeded=reply.status is Status.OK)
        self._capabilities.note(reply)
        if reply.status is Status.OK:
            self._follow(one.command, reply, data, events)
        elif isinstance(one.command, StartTls):
            self._drop_held("STARTTLS before it was refused, and it would have gone in the clear", events)
        events.append(one.outcome(reply))
        if self._state is State.LOGOUT:
            self._end("logged out", events)

    def _require_finished(self, one: InFlight) -> None:
        """Raise RemoteProtocolError for an OK that comes too early, or with something behind it that must not be."""
        command = one.command
        if self._outbox.is_half_sent(one.tag) or (isinstance(command, Idle) and not self._idle_begun):
            raise RemoteProtocolError(f"the server says OK to {command.name} before its + and the rest of the command")
        if isinstance(command, Authenticate) and (doubt := command.mechanism.doubt()):
            raise RemoteProtocolError(f"the server says OK to AUTHENTICATE, but {doubt}")
        behind = self._framer.buffered_bytes
        if isinstance(command, StartTls) and behind:
            raise RemoteProtocolError(
                f"{behind} bytes behind STARTTLS's OK came without TLS; somebody on the way may have put them there"
            )

    def _leave(self, one: InFlight, *, succeeded: bool) -> None:
        """The command is over: take the state that its reply leads to."""
        command = one.command
        del self._in_flight[one.tag]
        if command.streams_content:
            self._framer.offers_content = any(other.command.streams_content for other in self._in_flight.values())
        self._outbox.drop_waiting(one.tag)
        self._state = state_after(command.name, self._state, succeeded=succeeded)
        if self._state is not State.SELECTED and self._opening() is None:
            self._mailbox = None
        if isinstance(command, Idle):
            self._idle_begun = self._idle_done = False
        if isinstance(command, Login | Authenticate) and not succeeded:
            self._capabilities.keep()

    def _follow(self, command: Command[object], reply: Tagged, data: bytes, events: list[Event]) -> None:
        """Draw what follows from a command's success for the connection."""
        if self._mailbox is not None:
            self._mailbox.end_command(reply.code)
        if isinstance(command, Select):
            self._has_news = False
        elif isinstance(command, StartTls):
            self._capabilities.forget()
            self._is_paused = True
            events.append(TlsAgreed())
        elif isinstance(command, Unauthenticate):
            self._capabilities.start_over()
        elif isinstance(command, Compress):
            self._is_compressed = True
            behind = self._framer.buffered_bytes
            self._framer = Framer(self._limits)
            self._is_paused = True
            events.append(CompressionAgreed(received=data[len(data) - behind :]))

    def _drop_held(self, reason: str, events: list[Event]) -> None:
        error = LocalProtocolError(f"not sent: {reason}")
        events.extend(CommandFailed(tag=tag, error=error) for tag in self._held)
        self._held.clear()

    def _complete_logout(self, events: list[Event]) -> bool:
        """BYE or the end of the stream is all that LOGOUT wants; some servers send no tagged OK."""
        for tag, one in self._in_flight.items():
            if isinstance(one.command, Logout):
                del self._in_flight[tag]
                events.append(CommandCompleted(tag=tag, result=None))
                self._end("logged out", events)
                return True
        return False

    def _end(self, reason: str, events: list[Event]) -> None:
        self._state = State.LOGOUT
        self._mailbox = None
        sent = {tag for tag in self._in_flight if not self._outbox.is_half_sent(tag)}
        self._outbox.clear()
        lost = (*self._in_flight, *self._held)
        events.extend(CommandFailed(tag=tag, error=ConnectionLost(reason, may_have_run=tag in sent)) for tag in lost)
        events.extend(self._take_unsendable())
        self._in_flight.clear()
        self._held.clear()
        events.append(Ended(reason=reason))

    def _begin_idle(self) -> None:
        self._idle_begun = True
        if self._idle_done:
            self._outbox.put_line(b"DONE")

    def _is_open(self) -> bool:
        return self._state is not State.LOGOUT and not self._is_paused

    def _opening(self) -> Select | None:
        """The SELECT or EXAMINE that is under way."""
        commands = (one.command for one in self._in_flight.values())
        return next((command for command in commands if isinstance(command, Select)), None)


def _nowhere(piece: bytes) -> None:
    """For content whose command does not want it."""
    del piece
