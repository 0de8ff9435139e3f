"""Commands about who may do what with a mailbox (ACL, RFC 4314)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mailrules.imap.about_mailbox import OneMailbox, is_about
from mailrules.imap.access_data import AclData, ListRightsData, MyRightsData
from mailrules.imap.answers import newest
from mailrules.imap.command import Answer, Command, Extension, StatusOnly
from mailrules.imap.writer import AString, MailboxNode, Node
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.parser import Untagged

ACL = Extension(capability="ACL", rfc="RFC 4314")


@dataclass(frozen=True, slots=True)
class GetAcl(OneMailbox[AclData]):
    """GETACL (RFC 4314 section 3.3)."""

    name: ClassVar[str] = "GETACL"
    extension: ClassVar[Extension | None] = ACL

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, AclData) and is_about(response, self)

    def result(self, answer: Answer) -> AclData:
        return newest(AclData, answer, command=self.name, about=self.mailbox)


@dataclass(frozen=True, slots=True)
class MyRights(OneMailbox[str]):
    """MYRIGHTS (RFC 4314 section 3.5): our own rights letters."""

    name: ClassVar[str] = "MYRIGHTS"
    extension: ClassVar[Extension | None] = ACL

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, MyRightsData) and is_about(response, self)

    def result(self, answer: Answer) -> str:
        return newest(MyRightsData, answer, command=self.name, about=self.mailbox).rights


@dataclass(frozen=True, slots=True)
class ListRights(Command[ListRightsData]):
    """LISTRIGHTS (RFC 4314 section 3.4): which rights somebody can be given."""

    name: ClassVar[str] = "LISTRIGHTS"
    extension: ClassVar[Extension | None] = ACL
    mailbox: str
    identifier: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.mailbox), AString(self.identifier))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return (
            isinstance(response, ListRightsData) and is_about(response, self) and response.identifier == self.identifier
        )

    def result(self, answer: Answer) -> ListRightsData:
        return newest(ListRightsData, answer, command=self.name, about=self.mailbox)


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
