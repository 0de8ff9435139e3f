"""Commands that search in one mailbox or several, keep what they find on the server, sort it and thread it.

They take typed keys, name CHARSET where a text needs it, and ask for the extensions that the keys need. A result
of ALL may be a range of four thousand million: it is never spelled out here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final

from mailrules.errors import LocalProtocolError, RemoteProtocolError
from mailrules.imap.command import Answer, Command, Extension, StatusOnly
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_items import extensions_of, fetch_nodes
from mailrules.imap.merging import merge_by_uid
from mailrules.imap.message_commands import SearchReturn, StoreChange
from mailrules.imap.responses import Malformed
from mailrules.imap.search_data import ESearchData, SortData, ThreadData
from mailrules.imap.search_keys import FUZZY, SEARCH_RESULT, extensions_of_key, needs_charset, search_nodes
from mailrules.imap.writer import AString, Atom, Charset, Flag, MailboxNode, Node, ParenthesisedList, SequenceSetNode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.fetch_items import FetchItems
    from mailrules.imap.parser import Untagged
    from mailrules.imap.search_keys import SearchKey
    from mailrules.imap.sequence_set import SequenceSet

ESEARCH: Final = Extension(capability="ESEARCH", rfc="RFC 4731", in_rev2=True)
# "CONTEXT=SEARCH" and "CONTEXT=SORT" have PARTIAL too, without ranges from the end (RFC 5267 section 4.4).
PARTIAL: Final = Extension(capability="PARTIAL", rfc="RFC 9394")
PARTIAL_OF_SEARCH: Final = Extension(capability="PARTIAL", rfc="RFC 9394", implied_by=frozenset({"CONTEXT=SEARCH"}))
PARTIAL_OF_SORT: Final = Extension(capability="PARTIAL", rfc="RFC 9394", implied_by=frozenset({"CONTEXT=SORT"}))
CONTEXT_SEARCH: Final = Extension(capability="CONTEXT=SEARCH", rfc="RFC 5267")
MULTI_SEARCH: Final = Extension(capability="MULTISEARCH", rfc="RFC 7377")
ESORT: Final = Extension(capability="ESORT", rfc="RFC 5267")
SORT: Final = Extension(capability="SORT", rfc="RFC 5256")
SORT_DISPLAY: Final = Extension(capability="SORT=DISPLAY", rfc="RFC 5957")


@dataclass(frozen=True, slots=True)
class Part:
    """The results from ``first`` to ``last``, both included and counted from 1, or from -1 at the end (RFC 9394)."""

    first: int
    last: int

    def node(self) -> Node:
        """``1:500`` or ``-1:-500``. Raises LocalProtocolError for 0 and for one number of each sign."""
        if not self.first or not self.last or (self.first < 0) != (self.last < 0):
            raise LocalProtocolError(f"{self.first}:{self.last} is no part of a result (RFC 9394 section 3.1)")
        return Atom(f"{self.first}:{self.last}")

    @property
    def is_from_end(self) -> bool:
        return self.first < 0


@dataclass(frozen=True, slots=True)
class UidSearchFor(Command[ESearchData]):
    """UID SEARCH RETURN with typed keys (RFC 4731): which, how many, the first and the last; several may be in flight.

    ``part`` returns a part of the result (RFC 9394, 5267), ``relevancy`` a score for each message found by a
    ``Fuzzy`` key (RFC 6203). ``context`` tells the server that more searches with this key will follow (RFC 5267).
    """

    name: ClassVar[str] = "UID SEARCH RETURN"
    extension: ClassVar[Extension | None] = ESEARCH
    key: SearchKey
    returned: tuple[SearchReturn, ...] = (SearchReturn.ALL,)
    part: Part | None = field(default=None, kw_only=True)
    relevancy: bool = field(default=False, kw_only=True)
    context: bool = field(default=False, kw_only=True)

    def extensions(self) -> tuple[Extension, ...]:
        return (ESEARCH, *self._extensions_of_options(), *extensions_of_key(self.key))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if self.part is not None and SearchReturn.ALL in self.returned:
            raise LocalProtocolError("a search returns ALL or a part, not both (RFC 9394 section 3.1)")
        return (ParenthesisedList(self._options()), *_charset_of(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        return _answers(response, tag=tag)

    def result(self, answer: Answer) -> ESearchData:
        return _one_result(answer, command="UID SEARCH RETURN")

    def _options(self) -> tuple[Node, ...]:
        part = () if self.part is None else (Atom("PARTIAL"), self.part.node())
        relevancy = (Atom("RELEVANCY"),) if self.relevancy else ()
        context = (Atom("CONTEXT"),) if self.context else ()
        return (*(Atom(option.value) for option in self.returned), *part, *relevancy, *context)

    def _extensions_of_options(self) -> tuple[Extension, ...]:
        needed = [FUZZY] if self.relevancy else []
        if self.part is not None:
            needed.append(PARTIAL if self.part.is_from_end else PARTIAL_OF_SEARCH)
        if self.context:
            needed.append(CONTEXT_SEARCH)
        return tuple(needed)


@dataclass(frozen=True, slots=True)
class UidSearchSave(Command[ESearchData]):
    """UID SEARCH RETURN (SAVE) (RFC 5182): keep the result on the server, where ``$`` stands for it from then on.

    Nothing is told of it unless ``returned`` asks; then an empty ``ESearchData`` comes back. The key
    ``LastResult`` and the commands ``Uid...Found`` act on it; opening a mailbox empties it. A server that cannot
    keep it refuses with NOTSAVED.
    """

    name: ClassVar[str] = "UID SEARCH RETURN"
    extension: ClassVar[Extension | None] = SEARCH_RESULT
    saves_result: ClassVar[bool] = True
    reads_saved_result: ClassVar[bool] = True  # the key may hold ``LastResult``
    key: SearchKey
    returned: tuple[SearchReturn, ...] = ()

    def extensions(self) -> tuple[Extension, ...]:
        return tuple(dict.fromkeys((ESEARCH, SEARCH_RESULT, *extensions_of_key(self.key))))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        options = (Atom("SAVE"), *(Atom(option.value) for option in self.returned))
        return (ParenthesisedList(options), *_charset_of(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        return _answers(response, tag=tag)

    def result(self, answer: Answer) -> ESearchData:
        if not self.returned and not answer.claimed:
            return ESearchData(tag=answer.reply.tag, is_uid=True)
        return _one_result(answer, command="UID SEARCH RETURN (SAVE)")


@dataclass(frozen=True, slots=True)
class UidFetchFound(Command[tuple[FetchData, ...]]):
    """UID FETCH of what the last ``UidSearchSave`` has found (RFC 5182); ascending by UID."""

    name: ClassVar[str] = "UID FETCH"
    extension: ClassVar[Extension | None] = SEARCH_RESULT
    reads_saved_result: ClassVar[bool] = True
    excludes_fetches: ClassVar[bool] = True
    items: FetchItems

    def extensions(self) -> tuple[Extension, ...]:
        return (SEARCH_RESULT, *extensions_of(self.items))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (Atom("$"), fetch_nodes(self.items))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, FetchData) and response.uid is not None

    def result(self, answer: Answer) -> tuple[FetchData, ...]:
        return merge_by_uid(answer.claimed)


@dataclass(frozen=True, slots=True)
class UidStoreFound(Command[tuple[FetchData, ...]]):
    """UID STORE on what the last ``UidSearchSave`` has found; the result is the flags that the server tells, by UID."""

    name: ClassVar[str] = "UID STORE"
    extension: ClassVar[Extension | None] = SEARCH_RESULT
    reads_saved_result: ClassVar[bool] = True
    change: StoreChange
    flags: tuple[str, ...]

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (Atom("$"), Atom(self.change.value), ParenthesisedList(tuple(Flag(flag) for flag in self.flags)))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, FetchData) and response.uid is not None and response.flags is not None

    def result(self, answer: Answer) -> tuple[FetchData, ...]:
        return merge_by_uid(answer.claimed)


@dataclass(frozen=True, slots=True)
class UidCopyFound(StatusOnly):
    """UID COPY of what the last ``UidSearchSave`` has found; a set that is empty is no error (RFC 5182 section 2.1)."""

    name: ClassVar[str] = "UID COPY"
    extension: ClassVar[Extension | None] = SEARCH_RESULT
    reads_saved_result: ClassVar[bool] = True
    mailbox: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (Atom("$"), MailboxNode(self.mailbox))


@dataclass(frozen=True, slots=True)
class UidFetchPart(Command[tuple[FetchData, ...]]):
    """UID FETCH of a part of a set (RFC 9394 section 3.3): a page, of the UIDs that exist; ascending by UID."""

    name: ClassVar[str] = "UID FETCH"
    extension: ClassVar[Extension | None] = PARTIAL
    uids: SequenceSet
    items: FetchItems
    part: Part

    def extensions(self) -> tuple[Extension, ...]:
        return (PARTIAL, *extensions_of(self.items))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        modifier = ParenthesisedList((Atom("PARTIAL"), self.part.node()))
        return (SequenceSetNode(self.uids), fetch_nodes(self.items), modifier)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        if not isinstance(response, FetchData) or response.uid is None:
            return False
        return self.uids.has_star or response.uid in self.uids

    def result(self, answer: Answer) -> tuple[FetchData, ...]:
        return merge_by_uid(answer.claimed)

    def touches(self) -> SequenceSet | None:
        return self.uids


class SearchScope(Enum):
    """Which mailboxes a ``MailboxSearch`` looks into (RFC 7377 section 2.2, RFC 5465 section 6)."""

    MAILBOXES = "mailboxes"
    SUBTREE = "subtree"
    SUBTREE_ONE = "subtree-one"
    SELECTED = "selected"
    INBOXES = "inboxes"
    PERSONAL = "personal"
    SUBSCRIBED = "subscribed"


_SCOPES_WITH_NAMES: Final = frozenset({SearchScope.MAILBOXES, SearchScope.SUBTREE, SearchScope.SUBTREE_ONE})


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """A scope, with the names of mailboxes where it takes them."""

    scope: SearchScope
    mailboxes: tuple[str, ...] = ()

    def nodes(self) -> tuple[Node, ...]:
        """As written after IN. Raises LocalProtocolError for names where none may be, and the other way round."""
        if bool(self.mailboxes) != (self.scope in _SCOPES_WITH_NAMES):
            raise LocalProtocolError(f"{self.scope.value} {'needs' if not self.mailboxes else 'takes no'} mailboxes")
        names: tuple[Node, ...] = tuple(MailboxNode(name) for name in self.mailboxes)
        if len(names) > 1:
            names = (ParenthesisedList(names),)
        return (Atom(self.scope.value), *names)


@dataclass(frozen=True, slots=True)
class MailboxSearch(Command[tuple[ESearchData, ...]]):
    """ESEARCH IN (...) (RFC 7377): search several mailboxes; one result for each in which something was found."""

    name: ClassVar[str] = "ESEARCH"
    extension: ClassVar[Extension | None] = MULTI_SEARCH
    places: tuple[SearchPlace, ...]
    key: SearchKey
    returned: tuple[SearchReturn, ...] = (SearchReturn.ALL,)

    def extensions(self) -> tuple[Extension, ...]:
        return (MULTI_SEARCH, *extensions_of_key(self.key))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.places:
            raise LocalProtocolError("a search in no mailbox at all cannot be sent")
        places = ParenthesisedList(tuple(node for place in self.places for node in place.nodes()))
        options = ParenthesisedList(tuple(Atom(option.value) for option in self.returned))
        charset = _charset_of(self.key)
        return (Atom("IN"), places, Atom("RETURN"), options, *charset, *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        return _answers(response, tag=tag)

    def result(self, answer: Answer) -> tuple[ESearchData, ...]:
        _require_readable(answer, command="ESEARCH")
        return tuple(response for response in answer.claimed if isinstance(response, ESearchData))


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

    def extensions(self) -> tuple[Extension, ...]:
        return (SORT, *_extensions_of_order(self.order), *extensions_of_key(self.key))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (_order_node(self.order), _required_charset(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, SortData) or _is_malformed(response, b"* SORT")

    def result(self, answer: Answer) -> tuple[int, ...]:
        _require_readable(answer, command="UID SORT")
        return tuple(uid for one in answer.claimed if isinstance(one, SortData) for uid in one.uids)


@dataclass(frozen=True, slots=True)
class UidSortReturn(Command[ESearchData]):
    """UID SORT RETURN (RFC 5267 section 3): ``in_order`` of the result or of its part has the order asked for."""

    name: ClassVar[str] = "UID SORT RETURN"
    extension: ClassVar[Extension | None] = ESORT
    order: tuple[SortKey | Reverse, ...]
    key: SearchKey
    returned: tuple[SearchReturn, ...] = (SearchReturn.ALL,)
    part: Part | None = field(default=None, kw_only=True)

    def extensions(self) -> tuple[Extension, ...]:
        part = () if self.part is None else (PARTIAL if self.part.is_from_end else PARTIAL_OF_SORT,)
        return (ESORT, *part, *_extensions_of_order(self.order), *extensions_of_key(self.key))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        part = () if self.part is None else (Atom("PARTIAL"), self.part.node())
        options = ParenthesisedList((*(Atom(option.value) for option in self.returned), *part))
        return (options, _order_node(self.order), _required_charset(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        return _answers(response, tag=tag)

    def result(self, answer: Answer) -> ESearchData:
        return _one_result(answer, command="UID SORT RETURN")


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

    def extensions(self) -> tuple[Extension, ...]:
        algorithm = Extension(capability=f"THREAD={self.algorithm.value}", rfc="RFC 5256")
        return (algorithm, *extensions_of_key(self.key))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (Atom(self.algorithm.value), _required_charset(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, ThreadData) or _is_malformed(response, b"* THREAD")

    def result(self, answer: Answer) -> ThreadData:
        _require_readable(answer, command="UID THREAD")
        told = (one for one in answer.claimed if isinstance(one, ThreadData))
        return ThreadData(members=tuple(member for one in told for member in one.members))


def _answers(response: Untagged, *, tag: str) -> bool:
    if isinstance(response, ESearchData):
        return response.tag == tag and not response.updates
    return _is_malformed(response, b"* ESEARCH", naming=f'"{tag}"'.encode())


def _one_result(answer: Answer, *, command: str) -> ESearchData:
    _require_readable(answer, command=command)
    for response in answer.claimed:
        if isinstance(response, ESearchData):
            return response
    # "it still MUST send the ESEARCH response" (RFC 4731 section 3.1), also where nothing was found.
    raise RemoteProtocolError(f"the server answered {command} without an ESEARCH response (RFC 4731 section 3.1)")


def _require_readable(answer: Answer, *, command: str) -> None:
    for response in answer.claimed:
        if isinstance(response, Malformed):
            raise RemoteProtocolError(f"the server's answer to {command} cannot be read: {response.reason}")


def _is_malformed(response: Untagged, start: bytes, *, naming: bytes = b"") -> bool:
    return isinstance(response, Malformed) and response.raw[: len(start)].upper() == start and naming in response.raw


def _charset_of(key: SearchKey) -> tuple[Node, ...]:
    return (Charset("UTF-8"),) if needs_charset(key) else ()


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
