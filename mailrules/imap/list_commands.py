"""Commands that tell which mailboxes there are: LIST, LSUB and NAMESPACE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mailrules.imap.answers import every, newest
from mailrules.imap.command import Answer, Command, Extension
from mailrules.imap.mailbox_data import ListData, NamespaceData
from mailrules.imap.writer import Atom, MailboxNode, Node, ParenthesisedList, Quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.parser import Untagged


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
        return every(ListData, answer)


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
        return every(ListData, answer)


@dataclass(frozen=True, slots=True)
class ListNamespaces(Command[NamespaceData]):
    """NAMESPACE (RFC 2342)."""

    name: ClassVar[str] = "NAMESPACE"
    extension: ClassVar[Extension | None] = Extension(capability="NAMESPACE", rfc="RFC 2342", in_rev2=True)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, NamespaceData)

    def result(self, answer: Answer) -> NamespaceData:
        return newest(NamespaceData, answer, command=self.name)
