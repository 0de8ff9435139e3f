"""What SEARCH, SORT and THREAD can ask for, as typed keys (RFC 9051 section 6.4.4, and extensions).

Keys become nodes of the writer, so that a value can never become a key of its own. Sequence numbers are no
key: they change under a search.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.command import Extension
from mailrules.values import dataclass

if TYPE_CHECKING:
    from datetime import date

    from mailrules.imap.sequence_set import SequenceSet

SEARCH_RESULT: Final = Extension(capability="SEARCHRES", rfc="RFC 5182", in_rev2=True)
WITHIN: Final = Extension(capability="WITHIN", rfc="RFC 5032")
FUZZY: Final = Extension(capability="SEARCH=FUZZY", rfc="RFC 6203")
FILTERS: Final = Extension(capability="FILTERS", rfc="RFC 5466")
ANNOTATE: Final = Extension(capability="ANNOTATE-EXPERIMENT-1", rfc="RFC 5257")


class TextField(Enum):
    """Where a text is looked for; TEXT is header and body."""

    BCC = "BCC"
    BODY = "BODY"
    CC = "CC"
    FROM = "FROM"
    SUBJECT = "SUBJECT"
    TEXT = "TEXT"
    TO = "TO"


class DateField(Enum):
    """Which date is compared, and how: the date part alone, disregarding time and zone.

    The plain ones are INTERNALDATE, SENT ones the Date field, SAVED ones when the message came into this mailbox
    (RFC 8514). SINCE includes the day, BEFORE excludes it.
    """

    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"
    SENT_BEFORE = "SENTBEFORE"
    SENT_ON = "SENTON"
    SENT_SINCE = "SENTSINCE"
    SAVED_BEFORE = "SAVEDBEFORE"
    SAVED_ON = "SAVEDON"
    SAVED_SINCE = "SAVEDSINCE"


class Arrival(Enum):
    """What IMAP4rev1 tells by \\Recent; IMAP4rev2 has none of them. NEW is RECENT and unseen, OLD is not RECENT."""

    NEW = "NEW"
    OLD = "OLD"
    RECENT = "RECENT"


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class Uids:
    """Messages with these UIDs."""

    uids: SequenceSet


@dataclass(frozen=True, slots=True)
class HasFlag:
    """Messages with this system flag or keyword; ``Not`` gives those without."""

    flag: str


@dataclass(frozen=True, slots=True)
class Dated:
    """Messages of certain days."""

    field: DateField
    day: date


@dataclass(frozen=True, slots=True)
class Larger:
    """RFC822.SIZE over this many bytes."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Smaller:
    """RFC822.SIZE under this many bytes."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class OlderThan:
    """INTERNALDATE at least this many seconds ago (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class YoungerThan:
    """INTERNALDATE at most this many seconds ago (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """Messages by what \\Recent tells of them."""

    arrival: Arrival


@dataclass(frozen=True, slots=True)
class SaveDateSupported:
    """Every message where the mailbox keeps save dates, else none (RFC 8514 section 4.3)."""


@dataclass(frozen=True, slots=True)
class EmailId:
    """The messages with this content (RFC 8474)."""

    email_id: str


@dataclass(frozen=True, slots=True)
class ThreadId:
    """The messages of this conversation (RFC 8474)."""

    thread_id: str


@dataclass(frozen=True, slots=True)
class LastResult:
    """What the last search that was saved has found (RFC 5182), written ``UID $``."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a search kept on the server under this name finds (RFC 5466)."""

    filter_name: str


@dataclass(frozen=True, slots=True)
class Gmail:
    """A search as one would type it into Gmail (X-GM-RAW)."""

    query: str


class AnnotationAttribute(Enum):
    """Whose value of an annotation is looked at; VALUE is either."""

    VALUE = "value"
    PRIVATE = "value.priv"
    SHARED = "value.shared"


@dataclass(frozen=True, slots=True)
class Annotated:
    """Messages whose annotation ``entry``, such as ``/comment``, contains a text (RFC 5257 section 4.8).

    None asks for messages that lack it.
    """

    entry: str
    attribute: AnnotationAttribute
    text: str | None


class EntryScope(Enum):
    """Whose metadata item a MODSEQ is of (RFC 7162 section 3.1.5)."""

    ALL = "all"
    PRIVATE = "priv"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class ModSeqFrom:
    """MODSEQ of at least this (RFC 7162); with ``entry``, such as ``/flags/\\draft``, of that item of metadata."""

    modseq: int
    entry: str = ""
    scope: EntryScope = EntryScope.ALL


@dataclass(frozen=True, slots=True)
class Contains:
    """A substring, compared without regard to case."""

    field: TextField
    text: str


@dataclass(frozen=True, slots=True)
class HeaderContains:
    """A substring of a header field; "" asks whether the field exists."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """The key, matched as the server thinks best instead of literally (RFC 6203)."""

    key: SearchKey


@dataclass(frozen=True, slots=True)
class Not:
    """Messages that do not match."""

    key: SearchKey


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Messages that match at least one of these."""

    keys: tuple[SearchKey, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Messages that match every one of these."""

    keys: tuple[SearchKey, ...]


SearchKey: TypeAlias = (
    All
    | Uids
    | LastResult
    | HasFlag
    | Arrived
    | Dated
    | OlderThan
    | YoungerThan
    | SaveDateSupported
    | Larger
    | Smaller
    | ModSeqFrom
    | EmailId
    | ThreadId
    | Contains
    | HeaderContains
    | Annotated
    | Filtered
    | Gmail
    | Fuzzy
    | Not
    | AnyOf
    | AllOf
)
