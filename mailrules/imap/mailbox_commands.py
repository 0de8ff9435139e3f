"""Commands about mailboxes: what they hold, which one is open, and making and removing them."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, ClassVar, Final

from mailrules.imap.answers import every, newest
from mailrules.imap.command import Answer, Command, Extension, StatusOnly
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.mailbox_data import ListData, StatusData, StatusItem, updated_status
from mailrules.imap.mailbox_name import is_same_mailbox
from mailrules.imap.merging import changes_of
from mailrules.imap.response_codes import Code, InProgressCode, TextCode
from mailrules.imap.responses import ExistsData, ExpungeData, FlagsData, RecentData, StatusResponse, VanishedData
from mailrules.imap.resync import QRESYNC, Resync
from mailrules.imap.selected_mailbox import OpenedMailbox, SelectedMailbox
from mailrules.imap.writer import Atom, Flag, MailboxNode, Node, ParenthesisedList
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailrules.imap.parser import Untagged

CREATE_SPECIAL_USE = Extension(capability="CREATE-SPECIAL-USE", rfc="RFC 6154")


class _AppendLimit(Extension):
    """APPENDLIMIT, announced bare or with the number for all mailboxes."""

    __slots__ = ()

    def is_offered(self, offered: frozenset[str]) -> bool:
        return any(one == "APPENDLIMIT" or one.startswith("APPENDLIMIT=") for one in offered)


_STATUS_EXTENSIONS: Final[Mapping[StatusItem, Extension]] = {
    StatusItem.HIGHESTMODSEQ: Extension(capability="CONDSTORE", rfc="RFC 7162", implied_by=frozenset({"QRESYNC"})),
    StatusItem.SIZE: Extension(capability="STATUS=SIZE", rfc="RFC 8438", in_rev2=True),
    StatusItem.DELETED: Extension(capability="QUOTA=RES-MESSAGE", rfc="RFC 9208", in_rev2=True),
    StatusItem.DELETED_STORAGE: Extension(capability="QUOTA=RES-STORAGE", rfc="RFC 9208"),
    StatusItem.MAILBOX_ID: Extension(capability="OBJECTID", rfc="RFC 8474"),
    StatusItem.APPEND_LIMIT: _AppendLimit(capability="APPENDLIMIT", rfc="RFC 7889"),
}


@dataclass(frozen=True, slots=True)
class Status(Command[StatusData]):
    """STATUS (RFC 9051 section 6.3.11) of a mailbox that is not open.

    Without ``items`` MESSAGES, UIDNEXT and UIDVALIDITY are asked for, and HIGHESTMODSEQ where the server keeps it.
    """

    name: ClassVar[str] = "STATUS"
    mailbox: str
    items: tuple[StatusItem, ...] = ()

    def extensions(self) -> tuple[Extension, ...]:
        return status_extensions(self.items)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        items = self.items or _usual_items(offered)
        return (MailboxNode(self.mailbox), ParenthesisedList(tuple(Atom(item.value) for item in items)))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, StatusData) and is_same_mailbox(response.mailbox, self.mailbox)

    def result(self, answer: Answer) -> StatusData:
        # NOTIFY may tell of the same mailbox beside the answer, and nothing says which is which.
        last = newest(StatusData, answer, command=self.name, about=self.mailbox)
        return replace(reduce(updated_status, every(StatusData, answer), last), mailbox=self.mailbox)


def status_extensions(items: Iterable[StatusItem]) -> tuple[Extension, ...]:
    """What a server must announce to be asked for these."""
    return tuple(_STATUS_EXTENSIONS[item] for item in items if item in _STATUS_EXTENSIONS)


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
class Check(StatusOnly):
    """CHECK (RFC 3501 section 6.4.1): the server tidies up. IMAP4rev2 has none; there it is ``Noop``."""

    name: ClassVar[str] = "CHECK"


@dataclass(frozen=True, slots=True)
class Close(StatusOnly):
    """CLOSE (RFC 9051 section 6.4.1). Mind that it removes **every** message marked \\Deleted, whoever marked it.

    A message that somebody else, or another program, has marked a moment ago is gone too, and nothing tells which
    they were. ``Unselect`` closes and removes nothing. In a mailbox opened by EXAMINE, CLOSE removes nothing either.
    """

    name: ClassVar[str] = "CLOSE"


@dataclass(frozen=True, slots=True)
class Expunge(Command[int]):
    """EXPUNGE (RFC 9051 section 6.4.3); the result is how many messages are known to be gone.

    Mind that it removes **every** message marked \\Deleted, whoever marked it: others' marks too, and those that
    were set after you looked. ``UidExpunge`` removes the messages that you name.
    """

    name: ClassVar[str] = "EXPUNGE"

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, ExpungeData) or (isinstance(response, VanishedData) and not response.earlier)

    def result(self, answer: Answer) -> int:
        return sum(one.uids.count if isinstance(one, VanishedData) else 1 for one in answer.claimed)


@dataclass(frozen=True, slots=True)
class _OneMailbox(StatusOnly):
    mailbox: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.mailbox),)


@dataclass(frozen=True, slots=True)
class Create(Command[str]):
    """CREATE (RFC 9051 section 6.3.4); refused with ALREADYEXISTS where the server says why (RFC 5530).

    ``special_uses`` such as ``("\\\\Sent",)`` say what the mailbox is for; refused with USEATTR where that cannot
    be (RFC 6154 section 3). The result is the new mailbox's MAILBOXID (RFC 8474), "" where the server has none.
    """

    name: ClassVar[str] = "CREATE"
    mailbox: str
    special_uses: tuple[str, ...] = ()

    def extensions(self) -> tuple[Extension, ...]:
        return (CREATE_SPECIAL_USE,) if self.special_uses else ()

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.special_uses:
            return (MailboxNode(self.mailbox),)
        uses = ParenthesisedList(tuple(Flag(use) for use in self.special_uses))
        return (MailboxNode(self.mailbox), ParenthesisedList((Atom("USE"), uses)))

    def result(self, answer: Answer) -> str:
        code = answer.reply.code
        return code.text if isinstance(code, TextCode) and code.name == Code.MAILBOX_ID else ""


@dataclass(frozen=True, slots=True)
class Rename(StatusOnly):
    """RENAME (RFC 9051 section 6.3.6), of all mailboxes below it too; INBOX stays, and only its messages move."""

    name: ClassVar[str] = "RENAME"
    mailbox: str
    new_name: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.mailbox), MailboxNode(self.new_name))


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


def _usual_items(offered: frozenset[str]) -> tuple[StatusItem, ...]:
    usual = (StatusItem.MESSAGES, StatusItem.UIDNEXT, StatusItem.UIDVALIDITY)
    return (*usual, StatusItem.HIGHESTMODSEQ) if has_modseq(offered) else usual
