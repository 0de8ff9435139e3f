"""What has a command that is on its way got so far, and how did it end?"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, MessageLimitReached, MessagesUnreadable, RemoteProtocolError
from mailrules.imap.command import Answer, Command
from mailrules.imap.events import CommandCompleted, CommandFailed, Tag
from mailrules.imap.pipelining import Resource, uses_of
from mailrules.imap.response_codes import Code, MessageLimitCode
from mailrules.imap.responses import Malformed, Status, StatusResponse, UnreadableFetch
from mailrules.imap.sections import STATUS_RESPONSES, section_of_response
from mailrules.imap.session_commands import Authenticate, StartTls
from mailrules.imap.shown import shown
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailrules.imap.command import ContentBegun
    from mailrules.imap.parser import Untagged
    from mailrules.imap.responses import Tagged


# What Exchange says to every command once it cannot reach the mailbox any more; only a new connection helps.
_BACKEND_LOST = "authenticated but not connected"


@dataclass(slots=True)
class InFlight:
    """A command of which at least the first byte is on its way."""

    tag: Tag
    command: Command[object]
    is_abandoned: bool = False
    """Nobody waits for it any more; its answer is drained."""
    _claimed: list[Untagged] = field(default_factory=list)
    _turns: int = 0
    unreadable: Malformed | None = None
    """The last response that came meanwhile and that nobody could read or claim."""
    unread_messages: list[UnreadableFetch] = field(default_factory=list)
    """Those of a UID FETCH that it has not been told of in a way that can be read."""
    _limit: MessageLimitCode | None = None
    """Told before the reply, which has another code."""

    def claim(self, response: Untagged) -> bool:
        """Take the response if it belongs to this command's answer."""
        if isinstance(response, StatusResponse) and self._is_limited_by(response):
            return True
        if not self.command.claims(response, tag=self.tag):
            return False
        self._take(response)
        return True

    def claim_leftover(self, response: Untagged) -> bool:
        """Take a response that no command under way claims, if it may belong to this one's answer."""
        if not self.command.claims_leftover(response):
            return False
        self._take(response)
        return True

    def _take(self, response: Untagged) -> None:
        if not self.is_abandoned and not self.command.absorb(response):
            self._claimed.append(response)

    def content_sink(self, begun: ContentBegun) -> Callable[[bytes], None] | None:
        """Where the pieces of this content go if it belongs to this command's answer."""
        sink = self.command.content_sink(begun)
        if sink is None:
            return None

        def pass_on(piece: bytes) -> None:
            if not self.is_abandoned:
                sink(piece)

        return pass_on

    def reply_to(self, challenge: bytes, *, offered: frozenset[str]) -> bytes | None:
        """The command's next line after a ``+``, None where it expects none."""
        line = self.command.reply_to(challenge, turn=self._turns, offered=offered)
        self._turns += line is not None
        return line

    def require_credible(self, reply: Tagged, *, is_whole: bool, behind_bytes: int) -> None:
        """Raise RemoteProtocolError for a reply after which nothing on the connection can be relied on.

        That is an OK that comes before the command ``is_whole``, sent to its end and answered by each ``+``, or with
        ``behind_bytes`` already received that must not be there, and the loss of the mailbox behind the server.
        """
        command = self.command
        if reply.status is Status.BAD and _BACKEND_LOST in reply.text:
            raise RemoteProtocolError(
                "the server has lost the mailbox behind it", sent=shown(reply.text), rfc=STATUS_RESPONSES
            )
        if reply.status is not Status.OK:
            return
        if not is_whole:
            raise RemoteProtocolError(
                f"the server says OK to {command.name} before its + and the rest of the command",
                sent=shown(reply.text),
                rfc="RFC 9051 section 7.6",
            )
        if isinstance(command, Authenticate) and (doubt := command.mechanism.doubt()):
            raise RemoteProtocolError(
                f"the server says OK to AUTHENTICATE, but {doubt}",
                sent=shown(reply.text),
                rfc="RFC 9051 section 6.2.2",
            )
        if isinstance(command, StartTls) and behind_bytes:
            raise RemoteProtocolError(
                f"{behind_bytes} bytes behind STARTTLS's OK came without TLS; "
                "somebody on the way may have put them there",
                sent=shown(reply.text),
                rfc="RFC 9051 section 11.1",
            )

    def outcome(self, reply: Tagged) -> CommandCompleted | CommandFailed:
        """What the tagged reply makes of it."""
        if reply.status is not Status.OK:
            code = reply.code.name if reply.code else ""
            refusal = CommandRefused(
                self.command.name, status=reply.status.value, code=code, text=reply.text, detail=reply.code
            )
            if code != Code.EXPUNGE_ISSUED or not self.unread_messages:  # then the others have been told
                return CommandFailed(tag=self.tag, error=refusal)
        try:
            result = self.command.result(Answer(claimed=self._claimed, reply=reply))
        except RemoteProtocolError as error:
            return CommandFailed(tag=self.tag, error=self._explained(error))
        if self.unread_messages:
            return CommandFailed(tag=self.tag, error=messages_unreadable(self.unread_messages, result=result))
        limited = reply.code if isinstance(reply.code, MessageLimitCode) else self._limit
        if limited is not None and limited.lowest_uid is not None:
            partial = MessageLimitReached(
                self.command.name, limit=limited.limit, lowest_uid=limited.lowest_uid, result=result
            )
            return CommandFailed(tag=self.tag, error=partial)
        return CommandCompleted(tag=self.tag, result=result)

    def _explained(self, error: RemoteProtocolError) -> RemoteProtocolError:
        """What is missing may have come, and could not be read: then that is what the server sent."""
        unreadable = self.unreadable
        if unreadable is None or unreadable in self._claimed:
            return error
        explained = RemoteProtocolError(
            f"{error.what}; one that came cannot be read, {unreadable.reason}",
            sent=shown(unreadable.raw),
            rfc=unreadable.rfc or error.rfc,
        )
        explained.__cause__ = error
        return explained

    def _is_limited_by(self, response: StatusResponse) -> bool:
        """Whether this tells that the command stops short, and takes note of it.

        "When the server needs to return both EXPUNGEISSUED and MESSAGELIMIT response codes, ... the latter MUST be
        returned in an untagged NO" (RFC 9738 section 3.1).
        """
        if not isinstance(response.code, MessageLimitCode):
            return False
        row = uses_of(self.command.name)
        if response.status is not Status.NO or Resource.MESSAGES not in row.reads | row.writes:
            return False
        self._limit = response.code
        return True


def messages_unreadable(unread: Sequence[UnreadableFetch], *, result: object) -> MessagesUnreadable:
    """The error of a UID FETCH that gave ``result`` and could not be told of these messages."""
    first = unread[0]
    named = f"UID {first.uid}" if first.uid is not None else f"message number {first.sequence_number}"
    more = f" and of {len(unread) - 1} more" if len(unread) > 1 else ""
    return MessagesUnreadable(
        f"what the server told of {named}{more} cannot be read, {first.reason}",
        sent=shown(first.raw),
        rfc=first.rfc or section_of_response("FETCH"),
        reasons={one.uid: one.reason for one in unread if one.uid is not None},
        result=result,
        has_nameless=any(one.uid is None for one in unread),
    )
