"""Commands that search in one mailbox or several, and keep what they find on the server.

They take typed keys, name CHARSET where a text needs it, and ask for the extensions that the keys need. A result
of ALL may be a range of four thousand million: it is never spelled out here.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final

from mailrules.errors import LocalProtocolError
from mailrules.imap.command import Answer, Command, Extension, StatusOnly
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_items import extensions_of, fetch_nodes
from mailrules.imap.merging import merge_by_uid
from mailrules.imap.message_commands import SearchReturn, StoreChange
from mailrules.imap.resync import CONDSTORE
from mailrules.imap.search_answers import answers_search, one_result, require_readable
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_keys import FUZZY, SEARCH_RESULT
from mailrules.imap.search_nodes import charset_nodes, extensions_of_key, holds_last_result, search_nodes
from mailrules.imap.writer import Atom, Flag, MailboxNode, Node, Number, ParenthesisedList, SequenceSetNode
from mailrules.values import dataclass

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
CONTEXT_SEARCH: Final = Extension(capability="CONTEXT=SEARCH", rfc="RFC 5267")
MULTI_SEARCH: Final = Extension(capability="MULTISEARCH", rfc="RFC 7377")


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

    @property
    def reads_saved_result(self) -> bool:
        return holds_last_result(self.key)

    def extensions(self) -> tuple[Extension, ...]:
        return (ESEARCH, *self._extensions_of_options(), *extensions_of_key(self.key))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if self.part is not None and SearchReturn.ALL in self.returned:
            raise LocalProtocolError("a search returns ALL or a part, not both (RFC 9394 section 3.1)")
        return (ParenthesisedList(self._options()), *charset_nodes(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        return answers_search(response, tag=tag)

    def result(self, answer: Answer) -> ESearchData:
        return one_result(answer, command="UID SEARCH RETURN")

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
    key: SearchKey
    returned: tuple[SearchReturn, ...] = ()

    @property
    def reads_saved_result(self) -> bool:
        return holds_last_result(self.key)

    def extensions(self) -> tuple[Extension, ...]:
        return tuple(dict.fromkeys((ESEARCH, SEARCH_RESULT, *extensions_of_key(self.key))))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        options = (Atom("SAVE"), *(Atom(option.value) for option in self.returned))
        return (ParenthesisedList(options), *charset_nodes(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        return answers_search(response, tag=tag)

    def result(self, answer: Answer) -> ESearchData:
        if not self.returned and not answer.claimed:
            return ESearchData(tag=answer.reply.tag, is_uid=True)
        return one_result(answer, command="UID SEARCH RETURN (SAVE)")


@dataclass(frozen=True, slots=True)
class UidFetchFound(Command[tuple[FetchData, ...]]):
    """UID FETCH of what the last ``UidSearchSave`` has found (RFC 5182); ascending by UID."""

    name: ClassVar[str] = "UID FETCH"
    extension: ClassVar[Extension | None] = SEARCH_RESULT
    excludes_fetches: ClassVar[bool] = True
    items: FetchItems

    @property
    def reads_saved_result(self) -> bool:
        return True

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
    change: StoreChange
    flags: tuple[str, ...]

    @property
    def reads_saved_result(self) -> bool:
        return True

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
    mailbox: str

    @property
    def reads_saved_result(self) -> bool:
        return True

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (Atom("$"), MailboxNode(self.mailbox))


@dataclass(frozen=True, slots=True)
class UidFetchPart(Command[tuple[FetchData, ...]]):
    """UID FETCH of a part of a set (RFC 9394 section 3.3): a page, of the UIDs that exist; ascending by UID."""

    name: ClassVar[str] = "UID FETCH"
    extension: ClassVar[Extension | None] = PARTIAL
    excludes_fetches: ClassVar[bool] = True
    uids: SequenceSet
    items: FetchItems
    part: Part
    changed_since: int | None = field(default=None, kw_only=True)
    """Of the part, only messages with a greater MODSEQ, which is then told too (section 3.4)."""

    def extensions(self) -> tuple[Extension, ...]:
        condition = () if self.changed_since is None else (CONDSTORE,)
        return tuple(dict.fromkeys((PARTIAL, *extensions_of(self.items), *condition)))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        modifiers: list[Node] = [Atom("PARTIAL"), self.part.node()]
        if self.changed_since is not None:
            modifiers += (Atom("CHANGEDSINCE"), Number(self.changed_since))
        return (SequenceSetNode(self.uids), fetch_nodes(self.items), ParenthesisedList(tuple(modifiers)))

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

    @property
    def reads_saved_result(self) -> bool:
        return holds_last_result(self.key)

    def extensions(self) -> tuple[Extension, ...]:
        return (MULTI_SEARCH, *extensions_of_key(self.key))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.places:
            raise LocalProtocolError("a search in no mailbox at all cannot be sent")
        places = ParenthesisedList(tuple(node for place in self.places for node in place.nodes()))
        options = ParenthesisedList(tuple(Atom(option.value) for option in self.returned))
        # "Presence of a source option in the absence of a result option implies the ALL result option" (section 2.1).
        returned = (Atom("RETURN"), options) if self.returned else ()
        return (Atom("IN"), places, *returned, *charset_nodes(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        return answers_search(response, tag=tag)

    def result(self, answer: Answer) -> tuple[ESearchData, ...]:
        require_readable(answer, command="ESEARCH")
        return tuple(response for response in answer.claimed if isinstance(response, ESearchData))
