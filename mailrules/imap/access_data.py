"""Which responses tell who may do what with a mailbox, as values, and how are they read?"""

from __future__ import annotations

from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.tokens import Reader, Unreadable
from mailrules.imap.values import text_of
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class AclData:
    """ACL (RFC 4314): identifier to rights letters."""

    mailbox: str
    entries: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class MyRightsData:
    """MYRIGHTS (RFC 4314): our own rights letters."""

    mailbox: str
    rights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRightsData:
    """LISTRIGHTS (RFC 4314 section 3.7): which rights an identifier always has, and which it can be given.

    Rights in one group of ``optional`` are given and taken together.
    """

    mailbox: str
    identifier: str
    required: str
    optional: tuple[str, ...] = ()


AccessResponse: TypeAlias = AclData | MyRightsData | ListRightsData


def _read_acl(reader: Reader) -> AclData:
    mailbox = reader.mailbox()
    words: list[str] = []
    while not reader.at_end():
        words.append(text_of(reader.value()))
    if len(words) % 2:
        raise Unreadable("ACL with an identifier that has no rights")
    return AclData(mailbox=mailbox, entries=dict(zip(words[::2], words[1::2], strict=True)))


def _read_my_rights(reader: Reader) -> MyRightsData:
    return MyRightsData(mailbox=reader.mailbox(), rights=text_of(reader.value()))


def _read_list_rights(reader: Reader) -> ListRightsData:
    mailbox, identifier, required = reader.mailbox(), text_of(reader.value()), text_of(reader.value())
    optional: list[str] = []
    while not reader.at_end():
        optional.append(text_of(reader.value()))
    return ListRightsData(mailbox=mailbox, identifier=identifier, required=required, optional=tuple(optional))


READERS: Final[Mapping[str, Callable[[Reader], AccessResponse]]] = MappingProxyType(
    {"ACL": _read_acl, "LISTRIGHTS": _read_list_rights, "MYRIGHTS": _read_my_rights}
)
