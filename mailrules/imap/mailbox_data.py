"""Which responses tell what mailboxes there are and what they hold, as values, and how are they read?"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.values import first_of, list_of, number_or_none, pairs_of, size_or_none, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailrules.imap.tokens import Reader

_EXTENDED_DATA = re.compile(rb' \("')
_STATUS_ITEMS = re.compile(
    rb" \((?:MESSAGES|UID|UNSEEN|RECENT|DELETED|SIZE|HIGHESTMODSEQ|MAILBOXID|[ )])", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListData:
    """LIST or LSUB. ``delimiter`` is "" for NIL; ``attributes`` are lower case with the backslash."""

    mailbox: str
    delimiter: str
    attributes: frozenset[str] = frozenset()
    is_lsub: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusData:
    """STATUS; an item is None where the server left it out or sent no usable number."""

    mailbox: str
    messages: int | None = None
    recent: int | None = None
    unseen: int | None = None
    deleted: int | None = None
    uidnext: int | None = None
    uidvalidity: int | None = None
    highest_modseq: int | None = None
    size_bytes: int | None = None
    mailbox_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """One namespace; ``delimiter`` is "" for NIL."""

    prefix: str
    delimiter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceData:
    """NAMESPACE (RFC 2342)."""

    personal: tuple[Namespace, ...] = ()
    other_users: tuple[Namespace, ...] = ()
    shared: tuple[Namespace, ...] = ()


MailboxResponse: TypeAlias = ListData | StatusData | NamespaceData


def _read_list(reader: Reader) -> ListData:
    attributes = frozenset(text_of(one).lower() for one in list_of(reader.value()))
    delimiter = text_of(reader.value())
    return ListData(mailbox=reader.mailbox(before=_EXTENDED_DATA), delimiter=delimiter, attributes=attributes)


def _read_lsub(reader: Reader) -> ListData:
    return replace(_read_list(reader), is_lsub=True)


def _read_status(reader: Reader) -> StatusData:
    mailbox = reader.mailbox(before=_STATUS_ITEMS)
    items = pairs_of(reader.value())
    number = partial(number_or_none, items)
    return StatusData(
        mailbox=mailbox,
        messages=number("MESSAGES"),
        recent=number("RECENT"),
        unseen=number("UNSEEN"),
        deleted=number("DELETED"),
        uidnext=number("UIDNEXT"),
        uidvalidity=number("UIDVALIDITY"),
        highest_modseq=number("HIGHESTMODSEQ"),
        size_bytes=size_or_none(items.get("SIZE")),
        mailbox_id=text_of(first_of(items.get("MAILBOXID"))),
    )


def _read_namespace(reader: Reader) -> NamespaceData:
    personal, other_users, shared = (_namespaces(reader) for _ in range(3))
    return NamespaceData(personal=personal, other_users=other_users, shared=shared)


def _namespaces(reader: Reader) -> tuple[Namespace, ...]:
    if reader.at_end():  # servers leave out the last ones
        return ()
    entries = [list_of(entry) for entry in list_of(reader.value())]
    return tuple(
        Namespace(prefix=text_of(entry[0]), delimiter=text_of(entry[1])) for entry in entries if len(entry) >= 2
    )


READERS: Final[Mapping[str, Callable[[Reader], MailboxResponse]]] = MappingProxyType(
    {"LIST": _read_list, "LSUB": _read_lsub, "NAMESPACE": _read_namespace, "STATUS": _read_status}
)
