"""Commands that put messages into a mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mailrules.imap.command import Answer, Command
from mailrules.imap.response_codes import AppendUid
from mailrules.imap.writer import Flag, Literal, MailboxNode, Node, ParenthesisedList, Quoted, StreamedLiteral

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Append(Command[AppendUid | None]):
    """APPEND of one message (RFC 9051 section 6.3.12); None where the server sends no APPENDUID of one message.

    A message of any size is given as a ``StreamedLiteral``, and its bytes to the client's ``upload``.
    """

    name: ClassVar[str] = "APPEND"
    mailbox: str
    message: bytes | StreamedLiteral
    flags: tuple[str, ...] = ()
    received: datetime | None = None
    """Becomes INTERNALDATE; has to know its time zone."""

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        nodes: list[Node] = [MailboxNode(self.mailbox)]
        if self.flags:
            nodes.append(ParenthesisedList(tuple(Flag(flag) for flag in self.flags)))
        if self.received is not None:
            nodes.append(Quoted(date_time(self.received)))
        return (*nodes, Literal(self.message) if isinstance(self.message, bytes) else self.message)

    def result(self, answer: Answer) -> AppendUid | None:
        code = answer.reply.code
        return code if isinstance(code, AppendUid) and not code.uids.has_star and code.uids.count == 1 else None


def date_time(moment: datetime) -> str:
    """``17-Jul-1996 02:44:25 -0700`` (RFC 9051 ``date-time``), which strftime would write in the locale's words."""
    month = _MONTHS[moment.month - 1]
    return f"{moment.day:2d}-{month}-{moment:%Y %H:%M:%S %z}"
