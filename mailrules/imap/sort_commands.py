"""Commands that sort what they find, or put it into threads (RFC 5256, RFC 5267, RFC 5957)."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final

from mailrules.errors import LocalProtocolError
from mailrules.imap.command import Answer, Command, Extension
from mailrules.imap.message_commands import SearchReturn
from mailrules.imap.search_answers import answers_search, is_malformed, one_result, require_readable
from mailrules.imap.search_commands import PARTIAL, Part
from mailrules.imap.search_data import ESearchData, SortData, ThreadData
from mailrules.imap.search_keys import FUZZY
from mailrules.imap.search_nodes import extensions_of_key, holds_last_result, needs_charset, search_nodes
from mailrules.imap.writer import AString, Atom, Node, ParenthesisedList
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.parser import Untagged
    from mailrules.imap.search_keys import SearchKey

PARTIAL_OF_SORT: Final = Extension(capability="PARTIAL", rfc="RFC 9394", implied_by=frozenset({"CONTEXT=SORT"}))
ESORT: Final = Extension(capability="ESORT", rfc="RFC 5267")
SORT: Final = Extension(capability="SORT", rfc="RFC 5256")
SORT_DISPLAY: Final = Extension(capability="SORT=DISPLAY", rfc="RFC 5957")


class SortKey(Enum):
    """What messages are sorted by (RFC 5256 section 3, RFC 5957, RFC 6203).

    DATE is the Date field, ARRIVAL is INTERNALDATE, SIZE is RFC822.SIZE; RELEVANCY needs a ``Fuzzy`` key.
    """

    ARRIVAL = "ARRIVAL"
    CC = "CC"
    DATE = "DATE"
    FROM = "FROM"
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    TO = "TO"
    DISPLAY_FROM = "DISPLAYFROM"
    DISPLAY_TO = "DISPLAYTO"
    RELEVANCY = "RELEVANCY"


@dataclass(frozen=True, slots=True)
class Reverse:
    """The other way round, for this key alone."""

    key: SortKey


@dataclass(frozen=True, slots=True)
class UidSort(Command[tuple[int, ...]]):
    """UID SORT (RFC 5256); the result is in the order asked for. There is no fallback: MissingCapability."""

    name: ClassVar[str] = "UID SORT"
    extension: ClassVar[Extension | None] = SORT
    order: tuple[SortKey | Reverse, ...]
    key: SearchKey

    @property
    def reads_saved_result(self) -> bool:
        return holds_last_result(self.key)

    def extensions(self) -> tuple[Extension, ...]:
        return (SORT, *_extensions_of_order(self.order), *extensions_of_key(self.key))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (_order_node(self.order), _required_charset(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, SortData) or is_malformed(response, b"* SORT")

    def result(self, answer: Answer) -> tuple[int, ...]:
        require_readable(answer, command="UID SORT")
        return tuple(uid for one in answer.claimed if isinstance(one, SortData) for uid in one.uids)


@dataclass(frozen=True, slots=True)
class UidSortReturn(Command[ESearchData]):
    """UID SORT RETURN (RFC 5267 section 3): ``in_order`` of the result or of its part has the order asked for.

    ``relevancy`` returns a score for each message found by a ``Fuzzy`` key (RFC 6203 section 6).
    """

    name: ClassVar[str] = "UID SORT RETURN"
    extension: ClassVar[Extension | None] = ESORT
    order: tuple[SortKey | Reverse, ...]
    key: SearchKey
    returned: tuple[SearchReturn, ...] = (SearchReturn.ALL,)
    part: Part | None = field(default=None, kw_only=True)
    relevancy: bool = field(default=False, kw_only=True)

    @property
    def reads_saved_result(self) -> bool:
        return holds_last_result(self.key)

    def extensions(self) -> tuple[Extension, ...]:
        part = () if self.part is None else (PARTIAL if self.part.is_from_end else PARTIAL_OF_SORT,)
        relevancy = (FUZZY,) if self.relevancy else ()
        needed = (ESORT, *part, *relevancy, *_extensions_of_order(self.order), *extensions_of_key(self.key))
        return tuple(dict.fromkeys(needed))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        part = () if self.part is None else (Atom("PARTIAL"), self.part.node())
        relevancy = (Atom("RELEVANCY"),) if self.relevancy else ()
        options = ParenthesisedList((*(Atom(option.value) for option in self.returned), *part, *relevancy))
        return (options, _order_node(self.order), _required_charset(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        return answers_search(response, tag=tag)

    def result(self, answer: Answer) -> ESearchData:
        return one_result(answer, command="UID SORT RETURN")


class ThreadAlgorithm(Enum):
    """How messages are put into threads: by subject, or by who answers whom (RFC 5256 section 3)."""

    ORDERED_SUBJECT = "ORDEREDSUBJECT"
    REFERENCES = "REFERENCES"
    REFS = "REFS"
    """As REFERENCES, without joining by subject, and sorted by the newest message (Dovecot, Cyrus)."""


@dataclass(frozen=True, slots=True)
class UidThread(Command[ThreadData]):
    """UID THREAD (RFC 5256). There is no fallback: MissingCapability."""

    name: ClassVar[str] = "UID THREAD"
    algorithm: ThreadAlgorithm
    key: SearchKey

    @property
    def reads_saved_result(self) -> bool:
        return holds_last_result(self.key)

    def extensions(self) -> tuple[Extension, ...]:
        algorithm = Extension(capability=f"THREAD={self.algorithm.value}", rfc="RFC 5256")
        return (algorithm, *extensions_of_key(self.key))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (Atom(self.algorithm.value), _required_charset(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, ThreadData) or is_malformed(response, b"* THREAD")

    def result(self, answer: Answer) -> ThreadData:
        require_readable(answer, command="UID THREAD")
        told = (one for one in answer.claimed if isinstance(one, ThreadData))
        return ThreadData(members=tuple(member for one in told for member in one.members))


def _required_charset(key: SearchKey) -> Node:
    """SORT and THREAD always name one (RFC 5256 section 3)."""
    return AString("UTF-8" if needs_charset(key) else "US-ASCII")


def _order_node(order: Sequence[SortKey | Reverse]) -> Node:
    if not order:
        raise LocalProtocolError("SORT by nothing cannot be sent")
    words: list[Node] = []
    for one in order:
        words += [Atom("REVERSE"), Atom(one.key.value)] if isinstance(one, Reverse) else [Atom(one.value)]
    return ParenthesisedList(tuple(words))


def _extensions_of_order(order: Sequence[SortKey | Reverse]) -> tuple[Extension, ...]:
    keys = {one.key if isinstance(one, Reverse) else one for one in order}
    display = (SORT_DISPLAY,) if keys & {SortKey.DISPLAY_FROM, SortKey.DISPLAY_TO} else ()
    return (*display, *((FUZZY,) if SortKey.RELEVANCY in keys else ()))
