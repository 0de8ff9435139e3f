"""Commands about notes that are kept with messages: annotations (RFC 5257)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from mailrules.errors import LocalProtocolError
from mailrules.imap.command import Answer, Command, Extension, StatusOnly
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.search_keys import ANNOTATE, AnnotationAttribute
from mailrules.imap.writer import AString, Atom, Node, ParenthesisedList, Quoted, SequenceSetNode
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.imap.parser import Untagged
    from mailrules.imap.sequence_set import SequenceSet


@dataclass(frozen=True, slots=True)
class UidFetchAnnotations(Command["Mapping[int, Mapping[str, Mapping[str, str | None]]]"]):
    """UID FETCH ANNOTATION (RFC 5257 section 4.3): UID to entry, such as ``/comment``, to attribute to value.

    In ``entries`` ``*`` stands for anything, ``%`` for anything without ``/``. None is a value that is not set.
    """

    name: ClassVar[str] = "UID FETCH"
    extension: ClassVar[Extension | None] = ANNOTATE
    uids: SequenceSet
    entries: tuple[str, ...]
    attributes: tuple[AnnotationAttribute, ...] = (AnnotationAttribute.VALUE,)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.entries or not self.attributes:
            raise LocalProtocolError("annotations are asked for by entries and attributes (RFC 5257 section 4.3)")
        entries = ParenthesisedList(tuple(Quoted(entry) for entry in self.entries))
        attributes = ParenthesisedList(tuple(Atom(attribute.value) for attribute in self.attributes))
        asked = ParenthesisedList((entries, attributes))
        return (SequenceSetNode(self.uids), ParenthesisedList((Atom("UID"), Atom("ANNOTATION"), asked)))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        if not isinstance(response, FetchData) or response.uid is None:
            return False
        if not any((response.extras.annotations or {}).values()):  # names alone are news of changes (section 4.4)
            return False
        return self.uids.has_star or response.uid in self.uids

    def result(self, answer: Answer) -> Mapping[int, Mapping[str, Mapping[str, str | None]]]:
        told = (one for one in answer.claimed if isinstance(one, FetchData))
        return MappingProxyType({one.uid: one.extras.annotations or {} for one in told if one.uid is not None})

    def touches(self) -> SequenceSet | None:
        return self.uids


@dataclass(frozen=True, slots=True)
class UidStoreAnnotation(StatusOnly):
    """UID STORE ANNOTATION (RFC 5257 section 4.5): set values of one entry, None removes one.

    VALUE cannot be set, only PRIVATE and SHARED. A server that takes no such entry refuses.
    """

    name: ClassVar[str] = "UID STORE"
    extension: ClassVar[Extension | None] = ANNOTATE
    uids: SequenceSet
    entry: str
    values: tuple[tuple[AnnotationAttribute, str | None], ...]

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.values or any(attribute is AnnotationAttribute.VALUE for attribute, _ in self.values):
            raise LocalProtocolError("an annotation is set as value.priv or value.shared (RFC 5257 section 4.5)")
        if self.uids.has_star:
            raise LocalProtocolError("what changes messages takes exact UIDs, not *")
        words: list[Node] = []
        for attribute, value in self.values:
            words += [Atom(attribute.value), Atom("NIL") if value is None else Quoted(value)]
        entry = ParenthesisedList((AString(self.entry), ParenthesisedList(tuple(words))))
        return (SequenceSetNode(self.uids), Atom("ANNOTATION"), entry)

    def touches(self) -> SequenceSet | None:
        return self.uids
