"""Which responses tell of annotations of mailboxes and servers, as values, and how are they read?

METADATA is RFC 5464; ANNOTATION is its draft of before (ANNOTATEMORE), which imaplib still has.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.tokens import Reader, Unreadable, Value
from mailrules.imap.values import list_of, text_of
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataData:
    """METADATA with values (RFC 5464 section 4.4.1); ``mailbox`` is "" for the server's own.

    Names of entries are compared without regard to case and come in lower case. A value is None where there is none.
    """

    mailbox: str
    entries: Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataChanged:
    """METADATA without values, unasked (RFC 5464 section 4.4.2): these entries were changed by somebody else."""

    mailbox: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationData:
    """ANNOTATION (draft-daboo-imap-annotatemore): one entry's attributes, such as ``value.shared``, in lower case."""

    mailbox: str
    entry: str
    attributes: Mapping[str, bytes | None]


MetadataResponse: TypeAlias = MetadataData | MetadataChanged | AnnotationData


def _read_metadata(reader: Reader) -> MetadataData | MetadataChanged:
    mailbox = reader.mailbox()
    if reader.next_is(b"("):
        return MetadataData(mailbox=mailbox, entries=_values(reader.value()))
    names: list[str] = []
    while not reader.at_end():
        names.append(text_of(reader.value()).lower())
    if not names:
        raise Unreadable("METADATA that names no entry")
    return MetadataChanged(mailbox=mailbox, entries=tuple(names))


def _read_annotation(reader: Reader) -> AnnotationData:
    mailbox, entry = reader.mailbox(), text_of(reader.value()).lower()
    return AnnotationData(mailbox=mailbox, entry=entry, attributes=_values(reader.value()))


def _values(value: Value) -> Mapping[str, bytes | None]:
    words = list_of(value)
    if len(words) % 2:
        raise Unreadable("an entry without a value")
    found: dict[str, bytes | None] = {}
    for name, content in zip(words[::2], words[1::2], strict=True):
        if isinstance(content, list):
            raise Unreadable(f"a list where the value of {text_of(name)!r:.60} should be")
        found[text_of(name).lower()] = content
    return MappingProxyType(found)


READERS: Final[Mapping[str, Callable[[Reader], MetadataResponse]]] = MappingProxyType(
    {"ANNOTATION": _read_annotation, "METADATA": _read_metadata}
)
