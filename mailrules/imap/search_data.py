"""Which responses answer searching, as values, and how are they read?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.sequence_set import LARGEST_NUMBER, SequenceSet, parse_sequence_set
from mailrules.imap.tokens import Reader, Unreadable, Value, read_number
from mailrules.imap.values import list_of, number_or_none, pairs_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_NUMBERS = re.compile(rb" *+(?:[0-9]{1,10}(?: ++|\Z))*+")


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
class ESearchData:
    """ESEARCH (RFC 4731). ``tag`` names the command it answers, "" where the server left it out.

    ``all_uids`` is None where ALL was not returned, which is also how "nothing found" looks.
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


SearchingResponse: TypeAlias = SearchData | ESearchData


def _read_search(reader: Reader) -> SearchData:
    numbers, _, modseq = reader.rest().partition(b"(")
    if _NUMBERS.fullmatch(numbers) is None:
        raise Unreadable(f"not a list of numbers: {numbers[:60]!r}")
    found = tuple(map(int, numbers.split()))
    if found and max(found) > LARGEST_NUMBER:
        raise Unreadable(f"numbers end at {LARGEST_NUMBER}, and there is {max(found)}")
    words = modseq.rstrip(b") ").split()
    return SearchData(uids=found, modseq=read_number(words[1]) if len(words) == 2 else None)


def _read_esearch(reader: Reader) -> ESearchData:
    tag = ""
    if reader.next_is(b"("):
        tag = text_of(pairs_of(reader.value()).get("TAG"))
    words: list[Value] = []
    while not reader.at_end():
        words.append(reader.value())
    is_uid = bool(words) and text_of(words[0]).upper() == "UID"
    items = pairs_of(words[1:] if is_uid else words)
    number = partial(number_or_none, items)
    found = items.get("ALL")
    return ESearchData(
        tag=tag,
        is_uid=is_uid,
        all_uids=parse_sequence_set(found) if isinstance(found, bytes) else None,
        minimum=number("MIN"),
        maximum=number("MAX"),
        count=number("COUNT"),
        modseq=number("MODSEQ"),
        updates=tuple(_updates(words[1:] if is_uid else words)),
    )


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
    {"ESEARCH": _read_esearch, "SEARCH": _read_search}
)
