"""What does one IMAP connection send next, and what do the bytes that came in mean for each command?

Sans-IO: commands and received bytes go in, bytes to send and events come out. The driver's part is to
carry bytes and to wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailrules.errors import RemoteProtocolError
from mailrules.imap.command_queue import CommandQueue
from mailrules.imap.content_intake import ContentIntake
from mailrules.imap.events import (
    CommandCompleted,
    CompressionAgreed,
    Disregarded,
    Ended,
    Event,
    Greeted,
    Tag,
    TlsAgreed,
    UntaggedReceived,
)
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.framing import ContentOffered, ContentPiece, Framer
from mailrules.imap.in_flight import InFlight
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.parser import Untagged, parse_response
from mailrules.imap.pipelining import opens_or_closes
from mailrules.imap.responses import Continuation, IdData, Malformed, Status, StatusResponse, Tagged
from mailrules.imap.session_commands import Compress, Idle, Logout, StartTls
from mailrules.imap.session_state import SessionState
from mailrules.imap.shown import shown_words
from mailrules.imap.states import State, require_state
from mailrules.imap.write_queue import ContentWanted, Outgoing, WriteQueue

if TYPE_CHECKING:
    from mailrules.imap.command import Command
    from mailrules.imap.framing import Frame
    from mailrules.imap.parser import Response
    from mailrules.imap.selected_mailbox import SelectedMailbox

# Python 3.11 looks up a member of an enum by a call, and every response is asked about these.
_GREETING: Final = State.GREETING
_LOGOUT: Final = State.LOGOUT


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
        self._queue = CommandQueue()
        self._session = SessionState()
        self._write_queue = WriteQueue()
        self._is_paused = False  # between the OK of STARTTLS or COMPRESS and resume()
        self._idle_begun = False
        self._idle_done = False
        self._selections = 0
        self._content = ContentIntake()
        self._streamed_bytes = 0

    # -- what is known --------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._session.state

    @property
    def greeting(self) -> str:
        """The text of the greeting, in which servers name themselves; "" before it."""
        return self._session.greeting

    @property
    def capabilities(self) -> frozenset[str]:
        """Upper case; what was last told, see ``capabilities_are_current``."""
        return self._session.capabilities.offered

    @property
    def capabilities_are_current(self) -> bool:
        """False until told, and again after a login or STARTTLS that told nothing new: ask CAPABILITY then."""
        return self._session.capabilities.are_current

    @property
    def selected(self) -> SelectedMailbox | None:
        """The open mailbox; None while there is none and while SELECT is under way."""
        return self._session.mailbox if self._session.state is State.SELECTED and self._queue.opening is None else None

    @property
    def selections(self) -> int:
        """How many commands that open or close a mailbox were submitted: while it stays, UIDs mean what they meant."""
        return self._selections

    @property
    def server_name(self) -> str:
        """What ID calls "name", where it was asked; "" where it was not, or the server has none."""
        return self._session.server_name

    @property
    def line_bytes(self) -> int:
        """How long a command line this server takes: by this the drivers cut sets of UIDs."""
        return self._session.line_bytes

    @property
    def awaits_reply(self) -> bool:
        """Whether the server owes us something. It does not while IDLE runs."""
        return bool(self._queue.in_flight) and not (self._idle_begun and not self._idle_done)

    @property
    def content_wanted(self) -> ContentWanted | None:
        """The streamed literal whose bytes are to be sent next; nothing else goes out before its end."""
        return self._write_queue.wanted

    @property
    def streamed_bytes(self) -> int:
        """How much content has gone through in pieces, both ways: by this a driver sees that a long transfer lives."""
        return self._streamed_bytes

    def is_half_sent(self, tag: Tag) -> bool:
        """Whether the server is in the middle of this command: then it cannot be taken back."""
        return self._write_queue.is_half_sent(tag)

    @property
    def has_news(self) -> bool:
        """What ``take_news`` would say."""
        return self._session.has_news

    def take_news(self) -> bool:
        """Whether the open mailbox has changed, in a way that no command asked for, since this was last called."""
        news, self._session.has_news = self._session.has_news, False
        return news

    # -- what the driver does -------------------------------------------------------------------

    def submit(self, command: Command[object]) -> Tag:
        """Queue a command; it goes out now or when the gate opens.

        Raises LocalProtocolError if it is not allowed in the state that the commands before it lead to, or
        cannot be written; MissingCapability if the server lacks its extension.
        """
        require_state(command.name, self._queue.state_behind(self._session.state))
        tag = self._queue.hold(command)
        self._send_ready()
        self._queue.require_sendable(tag)
        self._selections += opens_or_closes(command.name)
        return tag

    def send_content(self, data: bytes) -> None:
        """The next bytes of the literal that is ``content_wanted``, in pieces of any size.

        Raises LocalProtocolError for more bytes than were announced and for NUL; the literal cannot be taken back
        then, so all that is left to the driver is ``abort``.
        """
        self._write_queue.put_content(data)
        self._streamed_bytes += len(data)
        if not self._write_queue.is_blocked:
            self._send_ready()

    def cancel(self, tag: Tag) -> None:
        """Nobody waits for this command any more: it is not sent if that is still possible, else its answer is dropped.

        A command that the state of later ones rests on is sent in any case, or those would act in the wrong mailbox.
        """
        if self._queue.withdraw(tag):
            self._send_ready()

    def finish_idle(self) -> bool:
        """End IDLE, now or once it has begun; False if there was none to end, or it had not been sent yet."""
        if self._queue.withdraw_idle():
            self._send_ready()
            return False
        if not any(isinstance(one.command, Idle) for one in self._queue.in_flight.values()):
            return False
        if self._idle_begun and not self._idle_done:
            self._write_queue.put_line(b"DONE")
        self._idle_done = True
        return True

    def resume(self) -> list[Event]:
        """The layer that TlsAgreed or CompressionAgreed called for is in place."""
        self._is_paused = False
        self._send_ready()
        return self._queue.take_unsendable()

    def data_to_send(self) -> list[Outgoing]:
        """What is to be sent now, each piece once."""
        return self._write_queue.take()

    def receive_data(self, data: bytes) -> list[Event]:
        """Take bytes as they came; how they are cut does not matter."""
        events: list[Event] = []
        if self._session.state is _LOGOUT:
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
        events.extend(self._queue.take_unsendable())
        return events

    def receive_eof(self) -> list[Event]:
        """The server has closed its side."""
        events: list[Event] = []
        if self._session.state is not State.LOGOUT and not self._complete_logout(events):
            before = "before any greeting" if self._session.state is State.GREETING else "without a word"
            self._end(f"the server closed the connection {before}", events)
        return events

    def abort(self, reason: str) -> list[Event]:
        """The driver gives the connection up."""
        events: list[Event] = []
        if self._session.state is not State.LOGOUT:
            self._end(reason, events)
        return events

    # -- sending --------------------------------------------------------------------------------

    def _send_ready(self) -> None:
        """Send every held command that the gate lets out; note those that cannot be sent any more."""
        if self._is_paused or not self._queue.has_held or self._session.state in {State.GREETING, State.LOGOUT}:
            return
        self._queue.send_ready(self._send, write_queue=self._write_queue)

    def _send(self, tag: Tag, command: Command[object]) -> None:
        self._session.require_for(command)
        offered, utf8 = self._session.capabilities.offered, self._session.capabilities.utf8
        self._write_queue.put_command(tag, command, offered=offered, utf8=utf8)
        self._queue.in_flight[tag] = InFlight(tag, command)
        self._framer.offers_content = self._framer.offers_content or command.streams_content
        self._session.begin(command)

    # -- receiving ------------------------------------------------------------------------------

    def _parse(self, frame: Frame) -> Response:
        return parse_response(frame, limits=self._limits, utf8=self._session.capabilities.utf8)

    def _receive_content(self, piece: ContentOffered | ContentPiece) -> None:
        if isinstance(piece, ContentPiece):
            self._streamed_bytes += len(piece.data)
            self._content.take(piece.data)
            return
        message = self._parse(piece.head)
        in_flight = self._queue.in_flight.values()
        if isinstance(message, FetchData) and self._content.begin(piece, message, in_flight=in_flight):
            self._framer.take_in_pieces()

    def _receive(self, response: Response, data: bytes, events: list[Event]) -> None:
        if isinstance(response, Tagged):
            self._receive_tagged(response, data, events)
        elif isinstance(response, Continuation):
            self._receive_continuation(response, events)
        elif self._session.state is _GREETING:
            self._receive_greeting(response, events)
        else:
            self._receive_untagged(response, events)

    def _receive_greeting(self, response: Untagged, events: list[Event]) -> None:
        greeting = self._session.greet(response)
        if greeting.status is Status.BYE:
            self._end(f"the server refused the connection: {shown_words(greeting.text)}", events)
        else:
            events.append(Greeted(greeting=greeting))

    def _receive_untagged(self, response: Untagged, events: list[Event]) -> None:
        session = self._session
        claimable, changed = response, False
        if session.mailbox is not None:
            if not isinstance(response, FetchData) or response.uid is None:  # most have one
                claimable = session.mailbox.named(response)
            changed = session.mailbox.apply(response)
        if not self._queue.claim(claimable):
            if any(one.claim_leftover(claimable) for one in self._queue.in_flight.values()):
                return
            session.has_news = session.has_news or changed
            if isinstance(response, Malformed):
                self._queue.require_no_reply(response)
                self._queue.note_unreadable(response)
            self._queue.note_unread_message(claimable)
            events.append(UntaggedReceived(response=response))
        if isinstance(response, FetchData):
            return  # as most are
        session.capabilities.note(response)
        if isinstance(response, IdData):
            session.server_name = (response.fields or {}).get("name") or ""
        if isinstance(response, StatusResponse) and response.status is Status.BYE and not self._complete_logout(events):
            self._end(f"the server said BYE: {shown_words(response.text)}", events)

    def _receive_continuation(self, response: Continuation, events: list[Event]) -> None:
        if self._write_queue.awaits_go_ahead:
            self._write_queue.send_waiting()
            return
        for one in self._queue.in_flight.values():
            if isinstance(one.command, Idle) and not self._idle_begun:
                self._begin_idle()
                return
            line = one.reply_to(response.raw, offered=self._session.capabilities.offered)
            if line is not None:
                self._write_queue.put_line(line, is_secret=one.command.is_secret)
                return
        events.append(Disregarded(response=response))

    def _receive_tagged(self, reply: Tagged, data: bytes, events: list[Event]) -> None:
        tag = Tag(reply.tag)
        one = self._queue.in_flight.get(tag)
        if one is None:
            events.append(Disregarded(response=reply))
            return
        is_whole = not self._write_queue.is_half_sent(tag) and (self._idle_begun or not isinstance(one.command, Idle))
        one.require_credible(reply, is_whole=is_whole, behind_bytes=self._framer.buffered_bytes)
        self._leave(one, succeeded=reply.status is Status.OK)
        self._session.capabilities.note(reply)
        if reply.status is Status.OK:
            self._follow(one.command, reply, data, events)
        elif isinstance(one.command, StartTls):
            reason = "STARTTLS before it was refused, and it would have gone in the clear"
            events.extend(self._queue.drop_held(reason))
        events.append(one.outcome(reply))
        if self._session.state is State.LOGOUT:
            self._end("logged out", events)

    def _leave(self, one: InFlight, *, succeeded: bool) -> None:
        """The command is over: take the state that its reply leads to."""
        command = one.command
        del self._queue.in_flight[one.tag]
        if command.streams_content:
            self._framer.offers_content = any(other.command.streams_content for other in self._queue.in_flight.values())
        self._write_queue.drop_waiting(one.tag)
        self._session.leave(command, succeeded=succeeded, opening=self._queue.opening)
        if isinstance(command, Idle):
            self._idle_begun = self._idle_done = False

    def _follow(self, command: Command[object], reply: Tagged, data: bytes, events: list[Event]) -> None:
        """Draw what follows from a command's success for the connection."""
        self._session.follow(command, reply)
        if isinstance(command, StartTls):
            self._is_paused = True
            events.append(TlsAgreed())
        elif isinstance(command, Compress):
            behind = self._framer.buffered_bytes
            self._framer = Framer(self._limits)
            self._framer.offers_content = any(one.command.streams_content for one in self._queue.in_flight.values())
            self._is_paused = True
            events.append(CompressionAgreed(received=data[len(data) - behind :]))

    def _complete_logout(self, events: list[Event]) -> bool:
        """BYE or the end of the stream is all that LOGOUT wants; some servers send no tagged OK."""
        for tag, one in self._queue.in_flight.items():
            if isinstance(one.command, Logout):
                del self._queue.in_flight[tag]
                events.append(CommandCompleted(tag=tag, result=None))
                self._end("logged out", events)
                return True
        return False

    def _end(self, reason: str, events: list[Event]) -> None:
        self._session.end()
        lost = self._queue.lose_all(reason, write_queue=self._write_queue)
        self._write_queue.clear()
        events.extend(lost)
        events.append(Ended(reason=reason))

    def _begin_idle(self) -> None:
        self._idle_begun = True
        if self._idle_done:
            self._write_queue.put_line(b"DONE")

    def _is_open(self) -> bool:
        return self._session.state is not _LOGOUT and not self._is_paused
