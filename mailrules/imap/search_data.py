"""Which responses answer searching, as values, and how are they read?"""

from __future__ import annotations

import re
from dataclasses import field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.mailbox_name import decode_mailbox_name
from mailrules.imap.sequence_set import LARGEST_NUMBER, SequenceSet, parse_ranges, parse_sequence_set
from mailrules.imap.tokens import Reader, Unreadable, Value, read_number
from mailrules.imap.values import list_of, number_or_none, pairs_of, text_of
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_NUMBERS = re.compile(rb" *+(?:[0-9]{1,10}(?: ++|\Z))*+")

_THREAD_TOKEN = re.compile(rb" *+([()]|[0-9]{1,10}) *+")
_PART = re.compile(rb"(-?[1-9][0-9]{0,9}):(-?[1-9][0-9]{0,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchData:
    """SEARCH; numbers in the server's order, UIDs where UID SEARCH asked for them."""

    uids: tuple[int, ...]
    modseq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchUpdate:
    """ADDTO or REMOVEFROM (RFC 5267 section 4.3): what joins or leaves the result of a search, at this position.

    ``position`` counts from 1; 0 leaves the place to the order of the search.
    """

    position: int
    numbers: SequenceSet
    is_removal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPart:
    """PARTIAL (RFC 9394): the part of a result from ``first`` to ``last``, counted from 1, or from -1 at its end.

    ``ranges`` are as the server wrote them, which for SORT is the order; empty where the result has no such part.
    """

    first: int
    last: int
    ranges: tuple[tuple[int, int], ...] = ()

    @property
    def uids(self) -> SequenceSet:
        """The messages of the part."""
        return SequenceSet().union(*(SequenceSet((_ascending(one),)) for one in self.ranges))

    def in_order(self) -> Iterator[int]:
        """One number after the other, in the server's order."""
        return _each(self.ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class ESearchData:
    """ESEARCH (RFC 4731). ``tag`` names the command it answers, "" where the server left it out.

    ``all_uids`` is None where ALL was not returned, which is also how "nothing found" looks; ``all_ranges`` has the
    same as the server wrote it, and ``in_order`` reads it: for SORT that is the order (RFC 5267).
    ``relevancy`` has a score from 1 to 100 for each message found, in the order of ALL or PARTIAL (RFC 6203).
    ``mailbox`` and ``uidvalidity`` tell where, if several mailboxes were searched (RFC 7377).
    """

    tag: str = ""
    is_uid: bool = False
    all_uids: SequenceSet | None = None
    minimum: int | None = None
    maximum: int | None = None
    count: int | None = None
    modseq: int | None = None
    updates: tuple[SearchUpdate, ...] = ()
    """In the server's order; with them the response answers no command, but is news of an earlier one."""
    part: SearchPart | None = None
    relevancy: tuple[int, ...] = ()
    mailbox: str = ""
    uidvalidity: int | None = None
    all_ranges: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    def in_order(self) -> Iterator[int]:
        """What ALL returned, one number after the other, in the server's order."""
        return _each(self.all_ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class SortData:
    """SORT (RFC 5256): UIDs, where UID SORT asked for them, in the order asked for."""

    uids: tuple[int, ...]
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class ThreadMember:
    """One message of a thread; ``uid`` is None for one that others answer, and that was not found itself.

    ``depth`` 0 begins a thread. The parent is the last member before it whose depth is one less.
    """

    uid: int | None
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadData:
    """THREAD (RFC 5256): all threads, one after the other, each from its root down; flat, however deep they are."""

    members: tuple[ThreadMember, ...]

    def threads(self) -> Iterator[tuple[ThreadMember, ...]]:
        """The members of each thread."""
        start = 0
        for index, member in enumerate(self.members):
            if member.depth == 0 and index > start:
                yield self.members[start:index]
                start = index
        if self.members:
            yield self.members[start:]


SearchingResponse: TypeAlias = SearchData | ESearchData | SortData | ThreadData


def _read_search(reader: Reader) -> SearchData:
    found, modseq = _numbers_and_modseq(reader)
    return SearchData(uids=found, modseq=modseq)


def _read_sort(reader: Reader) -> SortData:
    found, modseq = _numbers_and_modseq(reader)
    return SortData(uids=found, modseq=modseq)


def _numbers_and_modseq(reader: Reader) -> tuple[tuple[int, ...], int | None]:
    numbers, _, modseq = reader.rest().partition(b"(")
    if _NUMBERS.fullmatch(numbers) is None:
        raise Unreadable(f"not a list of numbers: {numbers[:60]!r}")
    found = tuple(map(int, numbers.split()))
    if found and max(found) > LARGEST_NUMBER:
        raise Unreadable(f"numbers end at {LARGEST_NUMBER}, and there is {max(found)}")
    words = modseq.rstrip(b") ").split()
    return found, read_number(words[1]) if len(words) == 2 else None


def _read_thread(reader: Reader) -> ThreadData:
    """Parentheses are counted, never followed: a conversation of any depth costs no stack."""
    text, members, outer = reader.rest(), [], []
    depth, is_at_start, position = 0, False, 0
    for match in _THREAD_TOKEN.finditer(text):
        if match.start() != position:
            break
        position = match.end()
        token = match[1]
        if token == b"(":
            if is_at_start:  # "((3)(5))": siblings whose parent was not found
                members.append(ThreadMember(None, depth))
                depth += 1
            outer.append(depth)
            is_at_start = True
        elif token == b")":
            if not outer or is_at_start:
                raise Unreadable("THREAD with parentheses that do not match, or with nothing in them")
            depth = outer.pop()
        else:
            if not outer:
                raise Unreadable("THREAD with a message outside of parentheses")
            members.append(ThreadMember(read_number(token, smallest=1, largest=LARGEST_NUMBER), depth))
            depth, is_at_start = depth + 1, False
    if position != len(text) or outer:
        raise Unreadable(f"not a list of threads at byte {position}: {text[position : position + 60]!r}")
    return ThreadData(members=tuple(members))


def _read_esearch(reader: Reader) -> ESearchData:
    correlator = pairs_of(reader.value()) if reader.next_is(b"(") else {}
    words: list[Value] = []
    while not reader.at_end():
        words.append(reader.value())
    is_uid = bool(words) and text_of(words[0]).upper() == "UID"
    items = pairs_of(words[1:] if is_uid else words)
    number = partial(number_or_none, items)
    found = items.get("ALL")
    mailbox = correlator.get("MAILBOX")
    return ESearchData(
        tag=text_of(correlator.get("TAG")),
        is_uid=is_uid,
        all_uids=parse_sequence_set(found) if isinstance(found, bytes) else None,
        minimum=number("MIN"),
        maximum=number("MAX"),
        count=number("COUNT"),
        modseq=number("MODSEQ"),
        updates=tuple(_updates(words[1:] if is_uid else words)),
        part=_read_part(items["PARTIAL"]) if "PARTIAL" in items else None,
        relevancy=tuple(read_number(score) for score in list_of(items.get("RELEVANCY"))),
        mailbox=decode_mailbox_name(mailbox, utf8=not mailbox.isascii()) if isinstance(mailbox, bytes) else "",
        uidvalidity=number_or_none(correlator, "UIDVALIDITY"),
        all_ranges=parse_ranges(found) if isinstance(found, bytes) else (),
    )


def _read_part(value: Value) -> SearchPart:
    words = list_of(value)
    match = _PART.fullmatch(words[0]) if words and isinstance(words[0], bytes) else None
    if match is None or len(words) != 2:
        raise Unreadable(f"PARTIAL without a range and its messages: {words!r:.60}")
    numbers = words[1]
    if isinstance(numbers, list):
        raise Unreadable("PARTIAL with a list where its messages should be")
    ranges = () if numbers is None else parse_ranges(numbers)
    return SearchPart(first=int(match[1]), last=int(match[2]), ranges=ranges)


def _each(ranges: Sequence[tuple[int, int]]) -> Iterator[int]:
    for first, last in ranges:
        yield from range(first, last + 1) if first <= last else range(first, last - 1, -1)


def _ascending(one: tuple[int, int]) -> tuple[int, int]:
    return min(one), max(one)


def _updates(words: Sequence[Value]) -> Iterator[SearchUpdate]:
    """ADDTO and REMOVEFROM may come several times in one response, each with several pairs."""
    for name, value in zip(words[::2], words[1::2], strict=False):
        if (word := text_of(name).upper()) not in {"ADDTO", "REMOVEFROM"}:
            continue
        pairs = list_of(value)
        if len(pairs) % 2:
            raise Unreadable(f"{word} with a position that has no messages")
        for position, numbers in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(numbers, bytes):
                raise Unreadable(f"{word} without a set of messages")
            yield SearchUpdate(
                position=read_number(position), numbers=parse_sequence_set(numbers), is_removal=word == "REMOVEFROM"
            )


READERS: Final[Mapping[str, Callable[[Reader], SearchingResponse]]] = MappingProxyType(
    {"ESEARCH": _read_esearch, "SEARCH": _read_search, "SORT": _read_sort, "THREAD": _read_thread}
)
