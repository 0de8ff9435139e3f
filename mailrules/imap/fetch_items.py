"""What can FETCH be asked for, how is that written, and which extensions does it need?"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.command import Extension
from mailrules.imap.resync import CONDSTORE
from mailrules.imap.writer import Atom, BinarySection, BinarySize, BodySection, Node, ParenthesisedList
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

BINARY = Extension(capability="BINARY", rfc="RFC 3516", in_rev2=True)
OBJECT_ID = Extension(capability="OBJECTID", rfc="RFC 8474")
PREVIEW = Extension(capability="PREVIEW", rfc="RFC 8970")
SAVE_DATE = Extension(capability="SAVEDATE", rfc="RFC 8514")
GMAIL = Extension(capability="X-GM-EXT-1", rfc="Gmail IMAP Extensions")


class FetchItem(StrEnum):
    """Data items of FETCH without arguments; the other members of ``FetchItems`` have them."""

    UID = "UID"
    FLAGS = "FLAGS"
    INTERNALDATE = "INTERNALDATE"
    SIZE = "RFC822.SIZE"
    MODSEQ = "MODSEQ"
    ENVELOPE = "ENVELOPE"
    BODYSTRUCTURE = "BODYSTRUCTURE"
    EMAIL_ID = "EMAILID"
    THREAD_ID = "THREADID"
    PREVIEW = "PREVIEW"
    SAVE_DATE = "SAVEDATE"
    X_GUID = "X-GUID"
    GMAIL_MESSAGE_ID = "X-GM-MSGID"
    GMAIL_THREAD_ID = "X-GM-THRID"
    GMAIL_LABELS = "X-GM-LABELS"


@dataclass(frozen=True, slots=True)
class LazyPreview:
    """``PREVIEW (LAZY)``: only if the server has it at hand (RFC 8970 section 4.1); else NIL, which reads as None."""


FetchItems: TypeAlias = "tuple[FetchItem | LazyPreview | BodySection | BinarySection | BinarySize, ...]"

_EXTENSIONS: Final[Mapping[FetchItem, Extension]] = MappingProxyType(
    {
        FetchItem.MODSEQ: CONDSTORE,
        FetchItem.EMAIL_ID: OBJECT_ID,
        FetchItem.THREAD_ID: OBJECT_ID,
        FetchItem.PREVIEW: PREVIEW,
        FetchItem.SAVE_DATE: SAVE_DATE,
        FetchItem.GMAIL_MESSAGE_ID: GMAIL,
        FetchItem.GMAIL_THREAD_ID: GMAIL,
        FetchItem.GMAIL_LABELS: GMAIL,
    }
)


def fetch_nodes(items: FetchItems) -> ParenthesisedList:
    """The items as one argument."""
    return ParenthesisedList(tuple(node for item in items for node in _nodes(item)))


def extensions_of(items: FetchItems) -> tuple[Extension, ...]:
    """What a server must announce to be asked for these. Dovecot has X-GUID and announces it nowhere."""
    needed = (_extension(item) for item in items)
    return tuple(dict.fromkeys(extension for extension in needed if extension is not None))


def _nodes(item: FetchItem | LazyPreview | BodySection | BinarySection | BinarySize) -> tuple[Node, ...]:
    if isinstance(item, LazyPreview):
        return Atom(FetchItem.PREVIEW.value), ParenthesisedList((Atom("LAZY"),))
    return (Atom(item.value),) if isinstance(item, FetchItem) else (item,)


def _extension(item: FetchItem | LazyPreview | BodySection | BinarySection | BinarySize) -> Extension | None:
    if isinstance(item, FetchItem):
        return _EXTENSIONS.get(item)
    if isinstance(item, LazyPreview):
        return PREVIEW
    return BINARY if isinstance(item, BinarySection | BinarySize) else None
