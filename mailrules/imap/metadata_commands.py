"""Commands about annotations of mailboxes and of the server (METADATA, RFC 5464; ANNOTATEMORE, its draft)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from mailrules.imap.answers import every
from mailrules.imap.command import Answer, Command, Extension, StatusOnly
from mailrules.imap.mailbox_name import is_same_mailbox
from mailrules.imap.metadata_data import AnnotationData, MetadataData
from mailrules.imap.response_codes import MetadataCode
from mailrules.imap.writer import (
    AString,
    Atom,
    BinaryLiteral,
    Literal,
    MailboxNode,
    Node,
    Number,
    ParenthesisedList,
    Quoted,
)
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.imap.parser import Untagged
    from mailrules.imap.response_codes import ResponseCode

METADATA = Extension(capability="METADATA", rfc="RFC 5464")
METADATA_SERVER = Extension(capability="METADATA-SERVER", rfc="RFC 5464", implied_by=frozenset({"METADATA"}))
ANNOTATE_MORE = Extension(capability="ANNOTATEMORE", rfc="draft-daboo-imap-annotatemore")


class MetadataDepth(StrEnum):
    """How far below the named entries GETMETADATA looks (RFC 5464 section 4.2.2)."""

    ENTRY = "0"
    CHILDREN = "1"
    ALL = "infinity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What GETMETADATA found: values by entry in lower case, None for an entry without a value.

    ``longest_left_out_bytes`` is the size of the largest value that was over ``max_bytes``, None where none was.
    """

    entries: Mapping[str, bytes | None]
    longest_left_out_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class GetMetadata(Command[Metadata]):
    """GETMETADATA (RFC 5464 section 4.2) of a mailbox, or of the server where ``mailbox`` is "".

    Values longer than ``max_bytes`` are left out.
    """

    name: ClassVar[str] = "GETMETADATA"
    mailbox: str
    entries: tuple[str, ...]
    depth: MetadataDepth = MetadataDepth.ENTRY
    max_bytes: int | None = None

    def extensions(self) -> tuple[Extension, ...]:
        return (METADATA if self.mailbox else METADATA_SERVER,)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        options: list[Node] = []
        if self.max_bytes is not None:
            options += (Atom("MAXSIZE"), Number(self.max_bytes))
        if self.depth is not MetadataDepth.ENTRY:
            options += (Atom("DEPTH"), Atom(self.depth.value))
        # The examples of RFC 5464 have the options behind the mailbox, its grammar before; servers follow the grammar.
        before = (ParenthesisedList(tuple(options)),) if options else ()
        return (*before, MailboxNode(self.mailbox), ParenthesisedList(tuple(AString(entry) for entry in self.entries)))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, MetadataData) and is_same_mailbox(response.mailbox, self.mailbox)

    def result(self, answer: Answer) -> Metadata:
        entries = {name: value for told in every(MetadataData, answer) for name, value in told.entries.items()}
        return Metadata(entries=entries, longest_left_out_bytes=_longest_left_out(answer.reply.code))


@dataclass(frozen=True, slots=True)
class SetMetadata(StatusOnly):
    """SETMETADATA (RFC 5464 section 4.3): None removes an entry. All entries change, or none.

    Refused with the code METADATA where a value is too long, there are too many, or none may be private.
    """

    name: ClassVar[str] = "SETMETADATA"
    mailbox: str
    entries: tuple[tuple[str, bytes | None], ...]

    def extensions(self) -> tuple[Extension, ...]:
        return (METADATA if self.mailbox else METADATA_SERVER,)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        words = tuple(node for entry, value in self.entries for node in (AString(entry), _value_node(value)))
        return (MailboxNode(self.mailbox), ParenthesisedList(words))


@dataclass(frozen=True, slots=True)
class GetAnnotation(Command[tuple[AnnotationData, ...]]):
    """GETANNOTATION (draft-daboo-imap-annotatemore): ``mailbox``, ``entries`` and ``attributes`` may be patterns.

    The server's own annotations belong to the mailbox "". New clients use ``GetMetadata``.
    """

    name: ClassVar[str] = "GETANNOTATION"
    extension: ClassVar[Extension | None] = ANNOTATE_MORE
    mailbox: str
    entries: tuple[str, ...]
    attributes: tuple[str, ...] = ("value.*",)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (MailboxNode(self.mailbox), _one_or_list(self.entries), _one_or_list(self.attributes))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, AnnotationData)

    def result(self, answer: Answer) -> tuple[AnnotationData, ...]:
        return every(AnnotationData, answer)


@dataclass(frozen=True, slots=True)
class SetAnnotation(StatusOnly):
    """SETANNOTATION (draft-daboo-imap-annotatemore): attributes such as ``value.priv``; None removes one."""

    name: ClassVar[str] = "SETANNOTATION"
    extension: ClassVar[Extension | None] = ANNOTATE_MORE
    mailbox: str
    entry: str
    attributes: tuple[tuple[str, bytes | None], ...]

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        words = tuple(node for name, value in self.attributes for node in (Quoted(name), _value_node(value)))
        return (MailboxNode(self.mailbox), Quoted(self.entry), ParenthesisedList(words))


def _longest_left_out(code: ResponseCode | None) -> int | None:
    """The number of METADATA LONGENTRIES."""
    return code.number if isinstance(code, MetadataCode) and code.reason == "LONGENTRIES" else None


def _one_or_list(names: tuple[str, ...]) -> Node:
    quoted = tuple(Quoted(name) for name in names)
    return quoted[0] if len(quoted) == 1 else ParenthesisedList(quoted)


def _value_node(value: bytes | None) -> Node:
    if value is None:
        return Atom("NIL")
    if b"\0" in value:
        return BinaryLiteral(value)
    return Literal(value) if b"\r" in value or b"\n" in value else Quoted(value)
