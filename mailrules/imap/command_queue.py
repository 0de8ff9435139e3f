"""Which commands of a connection wait for their turn, which are on their way, and which of them may go next?"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from mailrules.errors import ConnectionLost, LocalProtocolError, MissingCapability, RemoteProtocolError
from mailrules.imap.events import CommandFailed, Event, Tag
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.mailbox_data import StatusData
from mailrules.imap.pipelining import is_relied_on, may_be_told_together, may_overlap
from mailrules.imap.responses import UnreadableFetch, VanishedData
from mailrules.imap.sections import STATUS_RESPONSES
from mailrules.imap.session_commands import Idle
from mailrules.imap.shown import shown
from mailrules.imap.states import State, state_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.imap.command import Command
    from mailrules.imap.in_flight import InFlight
    from mailrules.imap.parser import Untagged
    from mailrules.imap.responses import Malformed
    from mailrules.imap.write_queue import WriteQueue

_SHARED = (FetchData, StatusData, VanishedData)
"""Several commands may have asked about one message or mailbox, and servers tell the data of all before the first OK,
or, in VANISHED, of all in one."""


class CommandQueue:
    """The commands that have no outcome yet, in the order in which they were submitted.

    They are held until the gate of ``pipelining`` opens, and then ``in_flight`` until the connection takes them out.
    """

    def __init__(self) -> None:
        self.in_flight: dict[Tag, InFlight] = {}
        self._tags = count(1)
        self._held: dict[Tag, Command[object]] = {}
        self._unsendable: dict[Tag, LocalProtocolError | MissingCapability] = {}  # to be told with the next events
        self._last_told = Tag("")  # the command to which the last FETCH belonged
        self._may_share = False  # whether a FETCH may belong to two of those in flight

    @property
    def has_held(self) -> bool:
        """Whether a command waits for its turn."""
        return bool(self._held)

    @property
    def opening(self) -> Select | None:
        """The SELECT or EXAMINE that is under way."""
        commands = (one.command for one in self.in_flight.values())
        return next((command for command in commands if isinstance(command, Select)), None)

    def state_behind(self, state: State) -> State:
        """Where the commands of the queue lead from this state if all of them succeed."""
        for command in (*(one.command for one in self.in_flight.values()), *self._held.values()):
            state = state_after(command.name, state, succeeded=True)
        return state

    def hold(self, command: Command[object]) -> Tag:
        """Put a command at the end; its tag is new."""
        tag = Tag(f"A{next(self._tags)}")
        self._held[tag] = command
        return tag

    def send_ready(self, send: Callable[[Tag, Command[object]], None], *, write_queue: WriteQueue) -> None:
        """Give ``send`` every held command that the gate lets out, up to one that blocks the write queue.

        One that cannot be sent, or not even be written, is out of the queue, see ``take_unsendable``.
        """
        earlier = [one.command for one in self.in_flight.values()]
        self._may_share = self._may_share and bool(earlier)
        for tag, command in list(self._held.items()):
            if write_queue.is_blocked:
                break
            try:
                if all(may_overlap(one, command) for one in earlier):
                    del self._held[tag]
                    send(tag, command)
                    self._may_share = self._may_share or any(may_be_told_together(one, command) for one in earlier)
            except (LocalProtocolError, MissingCapability) as error:
                self._unsendable[tag] = error
                continue
            except (AttributeError, TypeError, ValueError) as error:
                # A field of a wrong type shows only here, perhaps in the turn of somebody else's command.
                self._held.pop(tag, None)
                self._unsendable[tag] = _unwritable(command, error)
                continue
            earlier.append(command)

    def require_sendable(self, tag: Tag) -> None:
        """Raise why this command could not be sent, if it was tried and could not."""
        if tag in self._unsendable:
            raise self._unsendable.pop(tag)

    def take_unsendable(self) -> list[Event]:
        """The failures of those that could not be sent, each once."""
        failed: list[Event] = [CommandFailed(tag=tag, error=error) for tag, error in self._unsendable.items()]
        self._unsendable.clear()
        return failed

    def claim(self, response: Untagged) -> bool:
        """Give an untagged response to the commands under way to whose answers it belongs; whether there is any."""
        is_message = isinstance(response, FetchData)
        if is_message and not self._may_share:
            last = self.in_flight.get(self._last_told)  # of thousands of messages most are told for the same command
            if last is not None and last.claim(response):
                return True
        is_claimed = False
        for one in self.in_flight.values():
            if one.claim(response):
                is_claimed = True
                if is_message:
                    self._last_told = one.tag
                if not isinstance(response, _SHARED) or (is_message and not self._may_share):
                    break
        return is_claimed

    def require_no_reply(self, response: Malformed) -> None:
        """Raise RemoteProtocolError where it begins with the tag of a command, which would never end otherwise."""
        tag = response.raw.partition(b" ")[0].decode("latin-1")
        one = self.in_flight.get(Tag(tag))
        if one is not None:
            raise RemoteProtocolError(
                f"the server's reply to {one.command.name} is neither OK, NO nor BAD",
                sent=shown(response.raw),
                rfc=STATUS_RESPONSES,
            )

    def note_unreadable(self, response: Malformed) -> None:
        """It may have been the answer to any command on its way."""
        for one in self.in_flight.values():
            one.unreadable = response

    def note_unread_message(self, response: Untagged) -> None:
        """A FETCH that nobody claims, since it cannot be read or not told of which message: some UID FETCH lacks it."""
        match response:
            case UnreadableFetch(uid=uid):
                unread = response
            case FetchData(uid=None, malformed={"UID": malformed}):
                uid = None
                unread = UnreadableFetch(
                    raw=malformed.raw,
                    reason=malformed.reason,
                    rfc=malformed.rfc,
                    sequence_number=response.sequence_number,
                )
            case _:
                return
        for one in self.in_flight.values():
            asked = one.command.touches()
            if one.command.name == "UID FETCH" and (uid is None or asked is None or asked.has_star or uid in asked):
                one.unread_messages.append(unread)

    def withdraw(self, tag: Tag) -> bool:
        """Nobody waits for this command any more; whether it was held and is gone.

        One that the state of later ones rests on stays, or those would act in the wrong mailbox.
        """
        if tag in self.in_flight:
            self.in_flight[tag].is_abandoned = True
        elif tag in self._held and not is_relied_on(self._held[tag].name):
            del self._held[tag]
            return True
        return False

    def withdraw_idle(self) -> bool:
        """Take back an IDLE that was not sent yet; False if there is none."""
        for tag, command in self._held.items():
            if isinstance(command, Idle):
                del self._held[tag]
                return True
        return False

    def drop_held(self, reason: str) -> list[Event]:
        """Fail the commands that wait for their turn."""
        error = LocalProtocolError(f"not sent: {reason}")
        failed: list[Event] = [CommandFailed(tag=tag, error=error) for tag in self._held]
        self._held.clear()
        return failed

    def lose_all(self, reason: str, *, write_queue: WriteQueue) -> list[Event]:
        """The connection is over: fail every command, those sent whole as ones that may have run."""
        sent = {tag for tag in self.in_flight if not write_queue.is_half_sent(tag)}
        lost = (*self.in_flight, *self._held)
        failed: list[Event] = [
            CommandFailed(tag=tag, error=ConnectionLost(reason, may_have_run=tag in sent)) for tag in lost
        ]
        failed.extend(self.take_unsendable())
        self.in_flight.clear()
        self._held.clear()
        return failed


def _unwritable(command: Command[object], error: Exception) -> LocalProtocolError:
    unwritable = LocalProtocolError(f"{command.name} cannot be written, a field of it has the wrong type: {error}")
    unwritable.__cause__ = error
    return unwritable
