"""Commands that put messages into a mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

from mailrules.errors import LocalProtocolError
from mailrules.imap.announced_limits import append_limit
from mailrules.imap.command import Answer, Command, Extension
from mailrules.imap.message_url import MessageUrl
from mailrules.imap.response_codes import AppendUid
from mailrules.imap.responses import ExpungeData, Status, StatusResponse, VanishedData
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import (
    Atom,
    BinaryLiteral,
    Flag,
    Literal,
    MailboxNode,
    Node,
    Number,
    ParenthesisedList,
    Quoted,
    StreamedLiteral,
)
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mailrules.imap.parser import Untagged

BINARY_APPEND = Extension(capability="BINARY", rfc="RFC 3516 section 4.4")
CATENATE = Extension(capability="CATENATE", rfc="RFC 4469")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Catenated:
    """A message that the server puts together (RFC 4469): bytes of ours, and parts of messages that it has.

    What a URL names is copied octet by octet: boundaries and MIME headers around it are ours to give.
    """

    parts: tuple[bytes | MessageUrl | str, ...]
    """A ``str`` is a URL as it stands."""


MessageContent: TypeAlias = "bytes | StreamedLiteral | Catenated"
"""Bytes may hold NUL where the server has BINARY (RFC 3516)."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One message to be put into a mailbox."""

    content: MessageContent
    flags: tuple[str, ...] = ()
    received: datetime | None = None
    """Becomes INTERNALDATE; has to know its time zone."""

    def extensions(self) -> tuple[Extension, ...]:
        """What the server must announce to take it."""
        if isinstance(self.content, Catenated):
            return (CATENATE,)
        is_binary = b"\0" in self.content if isinstance(self.content, bytes) else self.content.is_binary
        return (BINARY_APPEND,) if is_binary else ()

    def nodes(self, offered: frozenset[str]) -> tuple[Node, ...]:
        """What follows the mailbox. Raises LocalProtocolError for a message over the server's APPENDLIMIT."""
        self._require_fits(append_limit(offered))
        nodes: list[Node] = []
        if self.flags:
            nodes.append(ParenthesisedList(tuple(Flag(flag) for flag in self.flags)))
        if self.received is not None:
            nodes.append(Quoted(date_time(self.received)))
        return (*nodes, *self._content_nodes())

    def _content_nodes(self) -> tuple[Node, ...]:
        content = self.content
        if isinstance(content, Catenated):
            return Atom("CATENATE"), ParenthesisedList(tuple(node for part in content.parts for node in _part(part)))
        if isinstance(content, bytes):
            return (BinaryLiteral(content) if b"\0" in content else Literal(content),)
        return (content,)

    def _require_fits(self, limit: int | None) -> None:
        if limit is None or isinstance(self.content, Catenated):
            return
        size_bytes = len(self.content) if isinstance(self.content, bytes) else self.content.size_bytes
        if size_bytes > limit:
            raise LocalProtocolError(
                f"a message of {size_bytes} bytes is over the {limit} that this server takes (APPENDLIMIT, RFC 7889)"
            )


@dataclass(frozen=True, slots=True)
class Append(Command[AppendUid | None]):
    """APPEND of one message (RFC 9051 section 6.3.12); None where the server sends no APPENDUID of one message.

    A message of any size is given as a ``StreamedLiteral``, and its bytes to the client's ``upload``. One
    that the server is to put together is ``Catenated`` (RFC 4469); it may be refused with BADURL or TOOBIG.
    """

    name: ClassVar[str] = "APPEND"
    mailbox: str
    message: MessageContent
    flags: tuple[str, ...] = ()
    received: datetime | None = None
    """Becomes INTERNALDATE; has to know its time zone."""

    def extensions(self) -> tuple[Extension, ...]:
        return self._new().extensions()

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        return (MailboxNode(self.mailbox), *self._new().nodes(offered))

    def result(self, answer: Answer) -> AppendUid | None:
        return _appended((answer.reply.code,), count=1)

    def _new(self) -> NewMessage:
        return NewMessage(self.message, self.flags, self.received)


@dataclass(frozen=True, slots=True)
class MultiAppend(Command[AppendUid | None]):
    """APPEND of several messages, all or none (RFC 3502); the UIDs ascend as the messages stand."""

    name: ClassVar[str] = "APPEND"
    extension: ClassVar[Extension | None] = Extension(capability="MULTIAPPEND", rfc="RFC 3502")
    mailbox: str
    messages: tuple[NewMessage, ...]

    def extensions(self) -> tuple[Extension, ...]:
        own = () if self.extension is None else (self.extension,)
        return tuple(dict.fromkeys((*own, *(needed for one in self.messages for needed in one.extensions()))))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        if not self.messages:
            raise LocalProtocolError("APPEND of no messages cannot be sent")
        return (MailboxNode(self.mailbox), *(node for one in self.messages for node in one.nodes(offered)))

    def result(self, answer: Answer) -> AppendUid | None:
        return _appended((answer.reply.code,), count=len(self.messages))


@dataclass(frozen=True, slots=True)
class UidReplace(Command[AppendUid | None]):
    """UID REPLACE (RFC 8508): put a message into ``mailbox`` and take ``uid`` from the open one, in one step.

    Nothing is inherited: flags and date are those given here. APPENDUID comes before the EXPUNGE.
    """

    name: ClassVar[str] = "UID REPLACE"
    extension: ClassVar[Extension | None] = Extension(capability="REPLACE", rfc="RFC 8508")
    uid: int
    mailbox: str
    message: MessageContent
    flags: tuple[str, ...] = ()
    received: datetime | None = None

    def extensions(self) -> tuple[Extension, ...]:
        own = () if self.extension is None else (self.extension,)
        return (*own, *self._new().extensions())

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        return (Number(self.uid), MailboxNode(self.mailbox), *self._new().nodes(offered))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        if isinstance(response, VanishedData):
            return not response.earlier and self.uid in response.uids
        return isinstance(response, ExpungeData) or _append_code(response) is not None

    def result(self, answer: Answer) -> AppendUid | None:
        return _appended((*(_append_code(one) for one in answer.claimed), answer.reply.code), count=1)

    def touches(self) -> SequenceSet | None:
        return SequenceSet.of((self.uid,))

    def _new(self) -> NewMessage:
        return NewMessage(self.message, self.flags, self.received)


def date_time(moment: datetime) -> str:
    """``17-Jul-1996 02:44:25 -0700`` (RFC 9051 ``date-time``), which strftime would write in the locale's words."""
    month = _MONTHS[moment.month - 1]
    return f"{moment.day:2d}-{month}-{moment:%Y %H:%M:%S %z}"


def _part(part: bytes | MessageUrl | str) -> tuple[Node, Node]:
    if isinstance(part, bytes):
        return Atom("TEXT"), Literal(part)
    return Atom("URL"), Quoted(part.relative() if isinstance(part, MessageUrl) else part)


def _append_code(response: Untagged) -> AppendUid | None:
    if isinstance(response, StatusResponse) and response.status is Status.OK and isinstance(response.code, AppendUid):
        return response.code
    return None


def _appended(codes: Iterable[object], *, count: int) -> AppendUid | None:
    """The one code that proves so many messages."""
    proofs = [code for code in codes if isinstance(code, AppendUid)]
    if len(proofs) == 1 and not proofs[0].uids.has_star and proofs[0].uids.count == count:
        return proofs[0]
    return None
