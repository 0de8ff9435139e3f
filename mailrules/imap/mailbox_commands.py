"""Commands about mailboxes: what they hold, which one is open, and making and removing them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from mailrules.imap.answers import newest
from mailrules.imap.command import Answer, Command, Extension, StatusOnly
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.mailbox_data import ListData, StatusData
from mailrules.imap.mailbox_name import is_same_mailbox
from mailrules.imap.message_commands import changes_of
from mailrules.imap.response_codes import Code, InProgressCode
from mailrules.imap.responses import ExistsData, FlagsData, RecentData, StatusResponse, VanishedData
from mailrules.imap.resync import QRESYNC, Resync
from mailrules.imap.selected_mailbox import OpenedMailbox, SelectedMailbox
from mailrules.imap.writer import Atom, MailboxNode, Node, ParenthesisedList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.parser import Untagged


@dataclass(frozen=True, slots=True)
class Status(Command[StatusData]):
    """STATUS (RFC 9051 section 6.3.11). HIGHESTMODSEQ is asked for where CONDSTORE is offered (RFC 7162)."""

    name: ClassVar[str] = "STATUS"
    mailbox: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"]
        if has_modseq(offered):
            items.append("HIGHESTMODSEQ")
        return (MailboxNode(self.mailbox), ParenthesisedList(tuple(Atom(item) for item in items)))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, StatusData) and is_same_mailbox(response.mailbox, self.mailbox)

    def result(self, answer: Answer) -> StatusData:
        return replace(newest(StatusData, answer, command=self.name, about=self.mailbox), mailbox=self.mailbox)


@dataclass(frozen=True, slots=True)
class Select(Command[OpenedMailbox]):
    """SELECT (RFC 9051 section 6.3.2), with the CONDSTORE parameter where offered (RFC 7162).

    With ``resync`` the server tells what has changed since; QRESYNC has to be enabled before.
    """

    name: ClassVar[str] = "SELECT"
    is_read_only: ClassVar[bool] = False
    mailbox: str
    resync: Resync | None = None

    def extensions(self) -> tuple[Extension, ...]:
        return () if self.resync is None else (QRESYNC,)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        if self.resync is not None:
            return (MailboxNode(self.mailbox), ParenthesisedList(self.resync.nodes()))
        if not has_modseq(offered):
            return (MailboxNode(self.mailbox),)
        return (MailboxNode(self.mailbox), ParenthesisedList((Atom("CONDSTORE"),)))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        if isinstance(response, FetchData | VanishedData):
            return self.resync is not None
        if isinstance(response, StatusResponse):
            return not isinstance(response.code, InProgressCode)  # that is for whoever waits, not for the answer
        return isinstance(response, ExistsData | RecentData | FlagsData | ListData)

    def result(self, answer: Answer) -> OpenedMailbox:
        told = SelectedMailbox(self.mailbox, read_only=self.is_read_only)
        since_opened: list[Untagged] = []
        for response in answer.claimed:
            told.apply(response)
            if isinstance(response, StatusResponse) and response.code is not None and response.code.name == Code.CLOSED:
                since_opened.clear()  # that was about the mailbox before
            since_opened.append(response)
        told.end_command(answer.reply.code)
        opened = told.opened()
        if self.resync is None or opened.uidvalidity != self.resync.uidvalidity:
            return opened
        return replace(opened, changes=changes_of(since_opened))


@dataclass(frozen=True, slots=True)
class Examine(Select):
    """EXAMINE (RFC 9051 section 6.3.3): nothing in the mailbox changes, not even \\Recent."""

    name: ClassVar[str] = "EXAMINE"
    is_read_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Unselect(StatusOnly):
    """UNSELECT (RFC 3691): close the mailbox and expunge nothing."""

    name: ClassVar[str] = "UNSELECT"
    extension: ClassVar[Extension | None] = Extension(capability="UNSELECT", rfc="RFC 3691", in_rev2=True)


@dataclass(frozen=True, slots=True)
class _OneMailbox(StatusOnly):
    mailbox: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.mailbox),)


@dataclass(frozen=True, slots=True)
class Create(_OneMailbox):
    """CREATE (RFC 9051 section 6.3.4); refused with ALREADYEXISTS where the server says why (RFC 5530)."""

    name: ClassVar[str] = "CREATE"


@dataclass(frozen=True, slots=True)
class Delete(_OneMailbox):
    """DELETE (RFC 9051 section 6.3.5): the mailbox and all messages in it."""

    name: ClassVar[str] = "DELETE"


@dataclass(frozen=True, slots=True)
class Subscribe(_OneMailbox):
    """SUBSCRIBE (RFC 9051 section 6.3.7)."""

    name: ClassVar[str] = "SUBSCRIBE"


@dataclass(frozen=True, slots=True)
class Unsubscribe(_OneMailbox):
    """UNSUBSCRIBE (RFC 9051 section 6.3.8)."""

    name: ClassVar[str] = "UNSUBSCRIBE"


def has_modseq(offered: frozenset[str]) -> bool:
    """Whether the server keeps modification sequences (RFC 7162)."""
    return "CONDSTORE" in offered or "QRESYNC" in offered
