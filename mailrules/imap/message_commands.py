"""Commands about messages of the open mailbox, always by UID: search, fetch, store."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from mailrules.errors import RemoteProtocolError
from mailrules.imap.command import Answer, Command, Extension
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_items import GMAIL, FetchItem, FetchItems, extensions_of, fetch_nodes
from mailrules.imap.merging import changes_of, merge_by_uid
from mailrules.imap.response_codes import ModifiedCode
from mailrules.imap.responses import VanishedData
from mailrules.imap.resync import CONDSTORE, QRESYNC, Changes
from mailrules.imap.search_answers import answers_search, is_malformed, require_readable
from mailrules.imap.search_data import ESearchData, SearchData
from mailrules.imap.search_nodes import charset_nodes, extensions_of_key, holds_last_result, search_nodes
from mailrules.imap.sections import section_of_response
from mailrules.imap.sequence_set import STAR, SequenceSet
from mailrules.imap.shown import shown
from mailrules.imap.writer import (
    Atom,
    Flag,
    MailboxNode,
    Node,
    Number,
    ParenthesisedList,
    SequenceSetNode,
    exact_set,
)
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mailrules.imap.parser import Untagged
    from mailrules.imap.search_keys import SearchKey

_FLAGS: Final = FetchItem.FLAGS
"""By a name of its own, since Python 3.11 looks up a member of an enum by a call: every FETCH is asked about it."""

MOST_FOUND = 10_000_000
"""Messages that one UID SEARCH may find: what a SEARCH line of limits.data_line_bytes could name."""


@dataclass(frozen=True, slots=True)
class UidFetch(Command[tuple[FetchData, ...]]):
    """UID FETCH (RFC 9051 section 6.4.5); the result has one ``FetchData`` for each message, ascending by UID.

    With ``sink`` each response goes there as it arrives and the result is empty, so that memory
    stays flat; a server may then tell of one message in several pieces.
    """

    name: ClassVar[str] = "UID FETCH"
    uids: SequenceSet
    items: FetchItems
    sink: Callable[[FetchData], None] | None = field(default=None, compare=False)
    changed_since: int | None = field(default=None, kw_only=True)
    """Only messages with a greater MODSEQ, which is then told too (RFC 7162 section 3.1.4.1)."""

    def extensions(self) -> tuple[Extension, ...]:
        condition = () if self.changed_since is None else (CONDSTORE,)
        return tuple(dict.fromkeys((*extensions_of(self.items), *condition)))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        condition: tuple[Node, ...] = ()
        if self.changed_since is not None:
            condition = (ParenthesisedList((Atom("CHANGEDSINCE"), Number(self.changed_since))),)
        return (SequenceSetNode(self.uids), fetch_nodes(self.items), *condition)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        if not isinstance(response, FetchData) or response.uid is None:
            return False
        if self.changed_since is not None and response.modseq is not None and response.modseq <= self.changed_since:
            return False  # asked for by another command
        return response.uid in self.uids and (
            response.flags is None or _FLAGS in self.items or not _tells_only_flags(response)
        )

    def claims_leftover(self, response: Untagged) -> bool:
        # "n:*" is answered with the last message even where its UID is below n (RFC 9051 section 6.4.8). Another FETCH
        # under way may have asked for that one: Dovecot tells the data of both before either OK.
        if not self.uids.has_star or not isinstance(response, FetchData) or response.uid is None:
            return False
        return response.flags is None or _FLAGS in self.items or not _tells_only_flags(response)

    @property
    def tells_early(self) -> bool:
        return self.sink is not None or self.streams_content

    def absorb(self, response: Untagged) -> bool:
        if self.sink is None or not isinstance(response, FetchData):
            return False
        self.sink(response)
        return True

    def result(self, answer: Answer) -> tuple[FetchData, ...]:
        return merge_by_uid(answer.claimed)

    def touches(self) -> SequenceSet | None:
        return self.uids


@dataclass(frozen=True, slots=True)
class UidFetchChanges(Command[Changes]):
    """UID FETCH (CHANGEDSINCE VANISHED): what has changed since ``modseq``, gone messages too (RFC 7162 section 3.2.6).

    UID and MODSEQ are told in any case.
    """

    name: ClassVar[str] = "UID FETCH"
    extension: ClassVar[Extension | None] = QRESYNC
    excludes_fetches: ClassVar[bool] = True
    uids: SequenceSet
    items: FetchItems
    modseq: int

    def extensions(self) -> tuple[Extension, ...]:
        return (QRESYNC, *extensions_of(self.items))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        since = ParenthesisedList((Atom("CHANGEDSINCE"), Number(self.modseq), Atom("VANISHED")))
        return (SequenceSetNode(self.uids), fetch_nodes(self.items), since)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        if isinstance(response, VanishedData):
            return response.earlier
        return isinstance(response, FetchData) and response.uid is not None and self._is_asked(response.uid)

    def result(self, answer: Answer) -> Changes:
        return changes_of(answer.claimed)

    def touches(self) -> SequenceSet | None:
        return self.uids

    def _is_asked(self, uid: int) -> bool:
        return uid in self.uids or self.uids.has_star


class StoreChange(StrEnum):
    """How STORE changes flags. REPLACE undoes what others do meanwhile, unless ``unchanged_since`` stands guard."""

    ADD = "+FLAGS"
    REMOVE = "-FLAGS"
    REPLACE = "FLAGS"

    def is_shown_by(self, present: Iterable[str], wanted: Iterable[str]) -> bool:
        """Whether a message with ``present`` is what this change with ``wanted`` leaves, case disregarded."""
        # "\\Recent ... cannot be altered by clients" (RFC 3501 section 2.3.2), so REPLACE leaves it where it was.
        have = {flag.lower() for flag in present} - {"\\recent"}
        want = {flag.lower() for flag in wanted} - {"\\recent"}
        if self is StoreChange.REPLACE:
            return have == want
        return want <= have if self is StoreChange.ADD else not want & have


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreResult:
    """``confirmed``: messages whose echo shows the change, ascending by UID.

    ``modified``: those that UNCHANGEDSINCE kept from being changed.
    """

    confirmed: tuple[FetchData, ...]
    modified: SequenceSet


@dataclass(frozen=True, slots=True)
class UidStore(Command[StoreResult]):
    """UID STORE (RFC 9051 section 6.4.6). Only the echo of flags confirms.

    ``is_silent`` asks for none (.SILENT). Servers with CONDSTORE then still tell a MODSEQ for each message
    that they changed (RFC 7162 section 3.1.3), which confirms; others confirm nothing.
    """

    name: ClassVar[str] = "UID STORE"
    uids: SequenceSet
    change: StoreChange
    flags: tuple[str, ...]
    unchanged_since: int | None = None
    is_silent: bool = field(default=False, kw_only=True)

    def extensions(self) -> tuple[Extension, ...]:
        return () if self.unchanged_since is None else (CONDSTORE,)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        flags = ParenthesisedList(tuple(Flag(flag) for flag in self.flags))
        item = self.change.value + (".SILENT" if self.is_silent else "")
        return (exact_set(self.uids), *_unchanged_since(self.unchanged_since), Atom(item), flags)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        if not isinstance(response, FetchData) or response.uid is None:
            return False
        is_echo = response.flags is not None or (self.is_silent and response.modseq is not None)
        return is_echo and response.uid in self.uids

    def result(self, answer: Answer) -> StoreResult:
        modified = _modified(answer)
        confirmed = tuple(one for one in merge_by_uid(answer.claimed) if self._is_confirmed(one, modified))
        return StoreResult(confirmed=confirmed, modified=modified)

    def touches(self) -> SequenceSet | None:
        return self.uids

    def _is_confirmed(self, echo: FetchData, modified: SequenceSet) -> bool:
        if echo.uid is None or echo.uid in modified:
            return False
        if echo.flags is None:
            return self.is_silent
        # Flags are compared without regard to case (RFC 9051 section 2.3.2).
        return self.change.is_shown_by(echo.flags, self.flags)


@dataclass(frozen=True, slots=True)
class UidStoreLabels(Command[StoreResult]):
    """UID STORE X-GM-LABELS of Gmail. Its own labels begin with a backslash, as ``\\Inbox``; the echo confirms."""

    name: ClassVar[str] = "UID STORE"
    extension: ClassVar[Extension | None] = GMAIL
    uids: SequenceSet
    change: StoreChange
    labels: tuple[str, ...]

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        labels = tuple(Flag(label) if label.startswith("\\") else MailboxNode(label) for label in self.labels)
        item = self.change.value.replace("FLAGS", FetchItem.GMAIL_LABELS.value)
        return (exact_set(self.uids), Atom(item), ParenthesisedList(labels))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        if not isinstance(response, FetchData) or response.extras.gmail_labels is None:
            return False
        return response.uid is not None and response.uid in self.uids

    def result(self, answer: Answer) -> StoreResult:
        echoes = merge_by_uid(answer.claimed)
        confirmed = tuple(one for one in echoes if self.change.is_shown_by(one.extras.gmail_labels or (), self.labels))
        return StoreResult(confirmed=confirmed, modified=SequenceSet())

    def touches(self) -> SequenceSet | None:
        return self.uids


@dataclass(frozen=True, slots=True)
class UidSearch(Command[tuple[int, ...]]):
    """UID SEARCH (RFC 9051 section 6.4.4); the result is ascending. IMAP4rev2 answers it by ESEARCH.

    CHARSET is named where a text needs it, unless ``names_charset`` is False: for servers that refuse the word.
    """

    name: ClassVar[str] = "UID SEARCH"
    key: SearchKey
    names_charset: bool = field(default=True, kw_only=True)

    @property
    def reads_saved_result(self) -> bool:
        return holds_last_result(self.key)

    def extensions(self) -> tuple[Extension, ...]:
        return extensions_of_key(self.key)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (*(charset_nodes(self.key) if self.names_charset else ()), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        if isinstance(response, SearchData) or is_malformed(response, b"* SEARCH"):
            return True
        return answers_search(response, tag=tag)

    def result(self, answer: Answer) -> tuple[int, ...]:
        require_readable(answer, command=self.name)
        found: set[int] = set()
        for response in answer.claimed:
            if isinstance(response, SearchData):
                found.update(response.uids)
            elif isinstance(response, ESearchData):
                found.update(_members_of(response))
        return tuple(sorted(found))


class SearchReturn(StrEnum):
    """What ESEARCH returns (RFC 4731)."""

    MIN = "MIN"
    MAX = "MAX"
    ALL = "ALL"
    COUNT = "COUNT"


def _unchanged_since(modseq: int | None) -> tuple[Node, ...]:
    return () if modseq is None else (ParenthesisedList((Atom("UNCHANGEDSINCE"), Number(modseq))),)


def _modified(answer: Answer) -> SequenceSet:
    code = answer.reply.code
    return code.uids if isinstance(code, ModifiedCode) else SequenceSet()


def _tells_only_flags(response: FetchData) -> bool:
    """What a server sends unasked when flags change: FLAGS, with UID and MODSEQ."""
    bare = FetchData(
        sequence_number=response.sequence_number, uid=response.uid, flags=response.flags, modseq=response.modseq
    )
    return response == bare


def _members_of(told: ESearchData) -> Iterable[int]:
    """The UIDs of ALL, which few bytes can make many. Raises RemoteProtocolError for more than a mailbox holds."""
    if told.all_uids is None:
        return ()
    if told.all_uids.has_star or told.all_uids.count > MOST_FOUND:
        ranges = ",".join(f"{first}:{'*' if last == STAR else last}" for first, last in told.all_uids.ranges[:5])
        raise RemoteProtocolError(
            f"the server's ESEARCH response names more than {MOST_FOUND} messages",
            sent=shown(ranges),
            rfc=section_of_response("ESEARCH"),
        )
    return told.all_uids
