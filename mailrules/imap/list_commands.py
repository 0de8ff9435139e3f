"""Commands that tell which mailboxes there are: LIST, LSUB and NAMESPACE."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final

from mailrules.errors import LocalProtocolError
from mailrules.imap.access_data import MyRightsData
from mailrules.imap.answers import every, newest
from mailrules.imap.command import Answer, Command, Extension
from mailrules.imap.mailbox_commands import status_extensions
from mailrules.imap.mailbox_data import ListData, NamespaceData, StatusData, updated_status
from mailrules.imap.metadata_data import MetadataData
from mailrules.imap.writer import Atom, MailboxNode, Node, ParenthesisedList, Quoted
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailrules.imap.mailbox_data import StatusItem
    from mailrules.imap.parser import Untagged

# Servers with SPECIAL-USE read its options whether or not they have the rest (RFC 6154 section 5.2).
LIST_EXTENDED = Extension(
    capability="LIST-EXTENDED", rfc="RFC 5258", in_rev2=True, implied_by=frozenset({"SPECIAL-USE"})
)
# "the syntax for multiple mailbox patterns is not supported in IMAP4rev2" (RFC 9051 appendix C)
LIST_PATTERNS = Extension(capability="LIST-EXTENDED", rfc="RFC 5258")
SPECIAL_USE = Extension(capability="SPECIAL-USE", rfc="RFC 6154")
LIST_MY_RIGHTS = Extension(capability="LIST-MYRIGHTS", rfc="RFC 8440")
LIST_STATUS = Extension(capability="LIST-STATUS", rfc="RFC 5819", in_rev2=True)
LIST_METADATA = Extension(capability="LIST-METADATA", rfc="RFC 9590")


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


class ListSelection(StrEnum):
    """Which mailboxes LIST is to tell of (RFC 5258 section 3.1, RFC 6154)."""

    SUBSCRIBED = "SUBSCRIBED"
    REMOTE = "REMOTE"
    """Those of other servers as well."""
    RECURSIVE_MATCH = "RECURSIVEMATCH"
    """Those with a mailbox below that fulfils the other options, as well."""
    SPECIAL_USE = "SPECIAL-USE"


class ListReturn(StrEnum):
    """What LIST is to tell besides the name (RFC 5258 section 3.2, RFC 6154, RFC 8440)."""

    SUBSCRIBED = "SUBSCRIBED"
    CHILDREN = "CHILDREN"
    SPECIAL_USE = "SPECIAL-USE"
    MY_RIGHTS = "MYRIGHTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMailbox:
    """What LIST told of one mailbox; ``status``, ``rights`` and ``metadata`` only where asked for and told."""

    listed: ListData
    status: StatusData | None = None
    rights: str | None = None
    metadata: Mapping[str, bytes | None] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def mailbox(self) -> str:
        return self.listed.mailbox


@dataclass(frozen=True, slots=True)
class ListExtended(Command[tuple[ListedMailbox, ...]]):
    """LIST with several patterns, with options, and with what else is to be told of each mailbox (RFC 5258).

    ``status`` asks for STATUS of each (RFC 5819), ``metadata`` for these entries (RFC 9590). The result is in the
    server's order. ``mailrules.client.mailbox_fallbacks.ListAnywhere`` reaches the same on any server.
    """

    name: ClassVar[str] = "LIST"
    patterns: tuple[str, ...] = ("*",)
    reference: str = ""
    select: tuple[ListSelection, ...] = ()
    returns: tuple[ListReturn, ...] = ()
    status: tuple[StatusItem, ...] = ()
    metadata: tuple[str, ...] = ()

    def extensions(self) -> tuple[Extension, ...]:
        needed = [LIST_PATTERNS if len(self.patterns) > 1 else LIST_EXTENDED]
        if ListSelection.SPECIAL_USE in self.select or ListReturn.SPECIAL_USE in self.returns:
            needed.append(SPECIAL_USE)
        if ListReturn.MY_RIGHTS in self.returns:
            needed.append(LIST_MY_RIGHTS)
        if self.status:
            needed += (LIST_STATUS, *status_extensions(self.status))
        if self.metadata:
            needed.append(LIST_METADATA)
        return tuple(needed)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if ListSelection.RECURSIVE_MATCH in self.select and not {*self.select} & _RECURSABLE:
            # RFC 5258 section 3.1: it "MUST NOT occur as the only selection option (or only with REMOTE)".
            raise LocalProtocolError("RECURSIVEMATCH needs another selection option beside it (RFC 5258 section 3.1)")
        nodes: list[Node] = [_words(*self.select)] if self.select else []
        patterns = tuple(Quoted(pattern) for pattern in self.patterns)
        nodes += (MailboxNode(self.reference), patterns[0] if len(patterns) == 1 else ParenthesisedList(patterns))
        if returned := self._returned():
            nodes += (Atom("RETURN"), ParenthesisedList(returned))
        return nodes

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        match response:
            case ListData():
                return not response.is_lsub
            case StatusData():
                return bool(self.status)
            case MyRightsData():
                return ListReturn.MY_RIGHTS in self.returns
            case MetadataData():
                return bool(self.metadata)
            case _:
                return False

    def result(self, answer: Answer) -> tuple[ListedMailbox, ...]:
        return join_listed(
            every(ListData, answer),
            statuses=every(StatusData, answer),
            rights=every(MyRightsData, answer),
            metadata=every(MetadataData, answer),
        )

    def _returned(self) -> tuple[Node, ...]:
        nodes: list[Node] = [Atom(option.value) for option in self.returns]
        if self.status:
            nodes += (Atom("STATUS"), _words(*self.status))
        if self.metadata:
            nodes += (Atom("METADATA"), ParenthesisedList(tuple(Quoted(entry) for entry in self.metadata)))
        return tuple(nodes)


def join_listed(
    listed: Iterable[ListData],
    *,
    statuses: Iterable[StatusData] = (),
    rights: Iterable[MyRightsData] = (),
    metadata: Iterable[MetadataData] = (),
) -> tuple[ListedMailbox, ...]:
    """Put together what is told of each mailbox, in the order of ``listed``; a name listed twice comes once."""
    status_of: dict[str, StatusData] = {}
    for status in statuses:
        status_of[status.mailbox] = updated_status(status_of.get(status.mailbox, status), status)
    rights_of = {one.mailbox: one.rights for one in rights}
    entries_of: dict[str, dict[str, bytes | None]] = {}
    for told in metadata:
        entries_of.setdefault(told.mailbox, {}).update(told.entries)
    newest_of = {one.mailbox: one for one in listed}
    return tuple(
        ListedMailbox(
            listed=one,
            status=status_of.get(name),
            rights=rights_of.get(name),
            metadata=MappingProxyType(entries_of.get(name, {})),
        )
        for name, one in newest_of.items()
    )


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


_RECURSABLE: Final = frozenset({ListSelection.SUBSCRIBED, ListSelection.SPECIAL_USE})


def _words(*options: StrEnum) -> ParenthesisedList:
    return ParenthesisedList(tuple(Atom(option.value) for option in options))
