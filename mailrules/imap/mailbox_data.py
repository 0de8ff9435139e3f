"""Which responses tell what mailboxes there are and what they hold, as values, and how are they read?"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.values import first_of, list_of, number_or_none, pairs_of, size_or_none, text_of
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailrules.imap.tokens import Reader, Value

_USES: Final = frozenset({"\\all", "\\archive", "\\drafts", "\\flagged", "\\important", "\\junk", "\\sent", "\\trash"})
# Dovecot and Cyrus write the tags of extended data without quotes: Parent (CHILDINFO ("SUBSCRIBED"))
_EXTENDED_DATA = re.compile(rb' \((?:"|(?:CHILDINFO|OLDNAME) ++\()', re.IGNORECASE)
_STATUS_ITEMS = re.compile(
    rb" \((?:MESSAGES|UID|UNSEEN|RECENT|DELETED|SIZE|HIGHESTMODSEQ|MAILBOXID|APPENDLIMIT|[ )])| NIL *+\Z", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListData:
    """LIST or LSUB. ``delimiter`` is "" for NIL; ``attributes`` are lower case with the backslash.

    ``child_info`` names the selection options of LIST, upper case, that a mailbox below fulfils (CHILDINFO,
    RFC 5258 section 3.5); ``old_name`` is what was renamed or asked for (OLDNAME, RFC 9051 section 6.3.9.7).
    """

    mailbox: str
    delimiter: str
    attributes: frozenset[str] = frozenset()
    is_lsub: bool = False
    child_info: frozenset[str] = frozenset()
    old_name: str = ""

    @property
    def can_be_opened(self) -> bool:
        """False for what is only a name: \\Noselect, which \\NonExistent implies (RFC 5258 section 3.4)."""
        return not self.attributes & {"\\noselect", "\\nonexistent"}

    @property
    def has_children(self) -> bool | None:
        """Whether there are mailboxes below it (RFC 3348); None where the server did not say."""
        if "\\haschildren" in self.attributes:
            return True
        return False if self.attributes & {"\\hasnochildren", "\\noinferiors"} else None

    @property
    def special_uses(self) -> frozenset[str]:
        """What the mailbox is for (RFC 6154, RFC 8457), as in ``\\sent``, most often nothing or one."""
        return self.attributes & _USES


class StatusItem(StrEnum):
    """What STATUS can tell of a mailbox."""

    MESSAGES = "MESSAGES"
    RECENT = "RECENT"
    UNSEEN = "UNSEEN"
    UIDNEXT = "UIDNEXT"
    UIDVALIDITY = "UIDVALIDITY"
    HIGHESTMODSEQ = "HIGHESTMODSEQ"
    SIZE = "SIZE"
    DELETED = "DELETED"
    DELETED_STORAGE = "DELETED-STORAGE"
    MAILBOX_ID = "MAILBOXID"
    APPEND_LIMIT = "APPENDLIMIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusData:
    """STATUS; an item is None where the server left it out or sent no usable number."""

    mailbox: str
    messages: int | None = None
    recent: int | None = None
    unseen: int | None = None
    deleted: int | None = None
    deleted_storage: int | None = None
    """What EXPUNGE would free, in units of 1024 bytes (RFC 9208 section 4.1.4)."""
    uidnext: int | None = None
    uidvalidity: int | None = None
    highest_modseq: int | None = None
    size_bytes: int | None = None
    mailbox_id: str = ""
    append_limit_bytes: int | None = None
    """The largest message that APPEND takes (RFC 7889); None too where there is no limit."""


def updated_status(earlier: StatusData, later: StatusData) -> StatusData:
    """What both tell together: NOTIFY's STATUS has only a part of the items (RFC 5465 sections 5.1 to 5.3)."""
    told = {one.name: value for one in fields(later) if (value := getattr(later, one.name)) not in {None, ""}}
    return replace(earlier, **told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """One namespace; ``delimiter`` is "" for NIL.

    ``translation`` is the prefix in the language of ``Language``, "" where there is none (RFC 5255 section 3.4).
    """

    prefix: str
    delimiter: str
    translation: str = ""


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
    mailbox = reader.mailbox(before=_EXTENDED_DATA)
    extended = pairs_of(reader.value()) if reader.next_is(b"(") else {}
    old_name = first_of(extended.get("OLDNAME"))
    return ListData(
        mailbox=mailbox,
        delimiter=delimiter,
        attributes=attributes,
        child_info=frozenset(text_of(one).upper() for one in list_of(extended.get("CHILDINFO"))),
        old_name=reader.decode_mailbox(old_name) if isinstance(old_name, bytes) else "",
    )


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
        deleted_storage=number("DELETED-STORAGE"),
        uidnext=number("UIDNEXT"),
        uidvalidity=number("UIDVALIDITY"),
        highest_modseq=number("HIGHESTMODSEQ"),
        size_bytes=size_or_none(items.get("SIZE")),
        mailbox_id=text_of(first_of(items.get("MAILBOXID"))),
        append_limit_bytes=number("APPENDLIMIT"),
    )


def _read_namespace(reader: Reader) -> NamespaceData:
    personal, other_users, shared = (_namespaces(reader) for _ in range(3))
    return NamespaceData(personal=personal, other_users=other_users, shared=shared)


def _namespaces(reader: Reader) -> tuple[Namespace, ...]:
    if reader.at_end():  # servers leave out the last ones
        return ()
    entries = [list_of(entry) for entry in list_of(reader.value())]
    return tuple(_read_one_namespace(entry, reader) for entry in entries if len(entry) >= 2)


def _read_one_namespace(entry: list[Value], reader: Reader) -> Namespace:
    translation = first_of(pairs_of(entry[2:]).get("TRANSLATION"))
    return Namespace(
        prefix=reader.decode_mailbox(entry[0]) if isinstance(entry[0], bytes) else "",
        delimiter=text_of(entry[1]),
        translation=reader.decode_mailbox(translation) if isinstance(translation, bytes) else "",
    )


READERS: Final[Mapping[str, Callable[[Reader], MailboxResponse]]] = MappingProxyType(
    {"LIST": _read_list, "LSUB": _read_lsub, "NAMESPACE": _read_namespace, "STATUS": _read_status}
)
