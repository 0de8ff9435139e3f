"""Commands about mailboxes: which there are, what they hold, who may do what, and which one is open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

from mailrules.errors import RemoteProtocolError
from mailrules.imap.access_data import AclData, MyRightsData
from mailrules.imap.command import Answer, Command, Extension, StatusOnly
from mailrules.imap.mailbox_data import ListData, NamespaceData, StatusData
from mailrules.imap.responses import ExistsData, FlagsData, RecentData, StatusResponse
from mailrules.imap.selected_mailbox import OpenedMailbox, SelectedMailbox
from mailrules.imap.writer import AString, Atom, MailboxNode, Node, ParenthesisedList, Quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.parser import Untagged

ACL = Extension(capability="ACL", rfc="RFC 4314")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class List(Command[tuple[ListData, ...]]):
    """LIST of all mailboxes that match ``pattern`` (RFC 9051 section 6.3.9).

    Special use and subscription are asked for where the server knows RETURN; elsewhere special use comes
    if the server likes, and ``Lsub`` tells the subscriptions. ``is_plain`` never asks: strato announces
    LIST-EXTENDED and answers nothing to RETURN.
    """

    name: ClassVar[str] = "LIST"
    pattern: str = "*"
    reference: str = ""
    is_plain: bool = False

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        names = (MailboxNode(self.reference), Quoted(self.pattern))
        wanted = list_return_options(offered)
        if self.is_plain or not wanted:
            return names
        return (*names, Atom("RETURN"), ParenthesisedList(tuple(Atom(word) for word in wanted)))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, ListData) and not response.is_lsub

    def result(self, answer: Answer) -> tuple[ListData, ...]:
        return tuple(one for one in answer.claimed if isinstance(one, ListData))


def list_return_options(offered: frozenset[str]) -> tuple[str, ...]:
    """The options of LIST's RETURN (RFC 5258, RFC 6154) that a server with these capabilities understands."""
    if "LIST-EXTENDED" not in offered and "IMAP4REV2" not in offered:
        return ()
    return ("SPECIAL-USE", "SUBSCRIBED") if "SPECIAL-USE" in offered else ("SUBSCRIBED",)


@dataclass(frozen=True, slots=True)
class Lsub(Command[tuple[ListData, ...]]):
    """LSUB (RFC 3501 section 6.3.9): the subscribed mailboxes."""

    name: ClassVar[str] = "LSUB"
    pattern: str = "*"
    reference: str = ""

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.reference), Quoted(self.pattern))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, ListData) and response.is_lsub

    def result(self, answer: Answer) -> tuple[ListData, ...]:
        return tuple(one for one in answer.claimed if isinstance(one, ListData))


@dataclass(frozen=True, slots=True)
class ListNamespaces(Command[NamespaceData]):
    """NAMESPACE (RFC 2342)."""

    name: ClassVar[str] = "NAMESPACE"
    extension: ClassVar[Extension | None] = Extension(capability="NAMESPACE", rfc="RFC 2342", in_rev2=True)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, NamespaceData)

    def result(self, answer: Answer) -> NamespaceData:
        for response in answer.claimed:
            if isinstance(response, NamespaceData):
                return response
        raise RemoteProtocolError("the server answered NAMESPACE without any NAMESPACE response")


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
        return replace(_told_of(self.mailbox, answer, StatusData, command=self.name), mailbox=self.mailbox)


@dataclass(frozen=True, slots=True)
class Select(Command[OpenedMailbox]):
    """SELECT (RFC 9051 section 6.3.2), with the CONDSTORE parameter where offered (RFC 7162)."""

    name: ClassVar[str] = "SELECT"
    is_read_only: ClassVar[bool] = False
    mailbox: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        if not has_modseq(offered):
            return (MailboxNode(self.mailbox),)
        return (MailboxNode(self.mailbox), ParenthesisedList((Atom("CONDSTORE"),)))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, ExistsData | RecentData | FlagsData | StatusResponse | ListData)

    def result(self, answer: Answer) -> OpenedMailbox:
        told = SelectedMailbox(self.mailbox, read_only=self.is_read_only)
        for response in answer.claimed:
            told.apply(response)
        told.apply_code(answer.reply.code)
        return told.opened()


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


@dataclass(frozen=True, slots=True)
class GetAcl(Command[AclData]):
    """GETACL (RFC 4314 section 3.3)."""

    name: ClassVar[str] = "GETACL"
    extension: ClassVar[Extension | None] = ACL
    mailbox: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.mailbox),)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, AclData) and is_same_mailbox(response.mailbox, self.mailbox)

    def result(self, answer: Answer) -> AclData:
        return _told_of(self.mailbox, answer, AclData, command=self.name)


@dataclass(frozen=True, slots=True)
class MyRights(Command[str]):
    """MYRIGHTS (RFC 4314 section 3.5): our own rights letters."""

    name: ClassVar[str] = "MYRIGHTS"
    extension: ClassVar[Extension | None] = ACL
    mailbox: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.mailbox),)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, MyRightsData) and is_same_mailbox(response.mailbox, self.mailbox)

    def result(self, answer: Answer) -> str:
        return _told_of(self.mailbox, answer, MyRightsData, command=self.name).rights


@dataclass(frozen=True, slots=True)
class SetAcl(StatusOnly):
    """SETACL (RFC 4314 section 3.1). ``rights`` replaces what the identifier had; ``+l`` and ``-l`` change it."""

    name: ClassVar[str] = "SETACL"
    extension: ClassVar[Extension | None] = ACL
    mailbox: str
    identifier: str
    rights: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.mailbox), AString(self.identifier), AString(self.rights))


@dataclass(frozen=True, slots=True)
class DeleteAcl(StatusOnly):
    """DELETEACL (RFC 4314 section 3.2)."""

    name: ClassVar[str] = "DELETEACL"
    extension: ClassVar[Extension | None] = ACL
    mailbox: str
    identifier: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.mailbox), AString(self.identifier))


def is_same_mailbox(first: str, second: str) -> bool:
    """Whether two names mean one mailbox; only INBOX is compared without regard to case."""
    return first == second or first.upper() == second.upper() == "INBOX"


def has_modseq(offered: frozenset[str]) -> bool:
    """Whether the server keeps modification sequences (RFC 7162)."""
    return "CONDSTORE" in offered or "QRESYNC" in offered


def _told_of(mailbox: str, answer: Answer, kind: type[T], *, command: str) -> T:
    """The newest claimed response of this kind. Raises RemoteProtocolError for an OK that tells nothing."""
    told = [response for response in answer.claimed if isinstance(response, kind)]
    if not told:
        raise RemoteProtocolError(f"the server answered {command} without a response for {mailbox!r}")
    return told[-1]
