"""Into which commands is one cut whose set of UIDs does not fit into a line of the server at hand?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from mailrules.imap.annotation_commands import UidStoreAnnotation
from mailrules.imap.copy_commands import CopiedMessages, UidCopy, UidExpunge, UidMove
from mailrules.imap.merging import merge_by_uid
from mailrules.imap.message_commands import (
    StoreResult,
    UidFetch,
    UidFetchChanges,
    UidSearch,
    UidStore,
    UidStoreLabels,
)
from mailrules.imap.resync import Changes
from mailrules.imap.search_commands import UidSearchFor
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_keys import AllOf, Uids
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import Atom, write_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.imap.command import Command
    from mailrules.imap.search_keys import SearchKey

R = TypeVar("R")

_OVER_UIDS = (
    UidFetch,
    UidFetchChanges,
    UidStore,
    UidStoreLabels,
    UidStoreAnnotation,
    UidCopy,
    UidMove,
    UidExpunge,
)
"""Those that do the same to each message, whichever others are named beside it. UidFetchPart is none: it counts."""
_ONLY_READ = (UidFetch, UidFetchChanges, UidSearch, UidSearchFor)
_LONG_TAG = "A1234567890"
_RANGE_BYTES = len(b"4294967295:4294967295,")
_SHORTEST = SequenceSet.of((1,))


def room_for_uids(command: Command[object], *, offered: frozenset[str], line_bytes: int) -> int:
    """How many bytes the rest of the command leaves in a line for its set; at least what one range takes."""
    shortest = _with_set(command, _SHORTEST)
    words = (*map(Atom, shortest.name.split()), *shortest.arguments(offered))
    written = sum(len(one) for one in write_command(_LONG_TAG, words) if isinstance(one, bytes))
    return max(_RANGE_BYTES, line_bytes - written + len(_SHORTEST.to_bytes()))


def is_too_long(command: Command[object], *, offered: frozenset[str], line_bytes: int) -> bool:
    """Whether it is for its UIDs that the command does not go into one line. Costs nothing where they are few."""
    uids = _set_of(command)
    if uids is None or 2 * len(uids.ranges) * _RANGE_BYTES <= line_bytes:
        return False
    return len(uids.to_bytes()) > room_for_uids(command, offered=offered, line_bytes=line_bytes)


def may_go_side_by_side(command: Command[object]) -> bool:
    """Whether its pieces need not wait for each other: where one is refused, the others have done nothing."""
    return isinstance(command, _ONLY_READ)


def pieces_of_command(command: Command[R], *, offered: frozenset[str], line_bytes: int) -> Iterator[Command[R]]:
    """The command once for each set that fits, ascending by UID; as it is where it fits whole."""
    uids = _set_of(command)
    if uids is None or not is_too_long(command, offered=offered, line_bytes=line_bytes):
        yield command
        return
    room = room_for_uids(command, offered=offered, line_bytes=line_bytes)
    piece: list[tuple[int, int]] = []
    left = room
    for one in uids.ranges:
        added = len(SequenceSet((one,)).to_bytes()) + 1
        if piece and added > left + 1:  # the last one needs no comma
            yield _with_set(command, SequenceSet(tuple(piece)))
            piece, left = [], room
        piece.append(one)
        left -= added
    yield _with_set(command, SequenceSet(tuple(piece)))


def _set_of(command: Command[object]) -> SequenceSet | None:
    """The set by which the command may be cut; None where it may not."""
    if isinstance(command, _OVER_UIDS):
        return command.uids
    if isinstance(command, UidSearch) or (isinstance(command, UidSearchFor) and not _counts(command)):
        named = _longest(command.key)
        return None if named is None else named.uids
    return None


def _with_set(command: Command[R], uids: SequenceSet) -> Command[R]:
    """The same command over these UIDs; of one that ``_set_of`` gives a set for."""
    if isinstance(command, UidSearch | UidSearchFor):
        key, named = command.key, _longest(command.key)
        if isinstance(key, AllOf):
            key = AllOf(tuple(Uids(uids) if one is named else one for one in key.keys))
        else:
            key = Uids(uids)
        return replace(command, key=key)  # type: ignore[return-value]  # it stays of its kind
    return replace(command, uids=uids)  # type: ignore[type-var]  # they are dataclasses


def _counts(command: UidSearchFor) -> bool:
    """Whether the answer depends on all messages found, so that those for pieces do not make it up."""
    return command.part is not None or command.relevancy or command.context


def _longest(key: SearchKey) -> Uids | None:
    """The set of a search that must hold for every message found: what is found for its pieces is found for it."""
    keys = key.keys if isinstance(key, AllOf) else (key,)
    named = [one for one in keys if isinstance(one, Uids)]
    return max(named, key=lambda one: len(one.uids.ranges), default=None)


def joined(results: Sequence[object]) -> object:
    """The result that one command would have had."""
    first = results[0]
    if len(results) == 1:
        return first
    if isinstance(first, StoreResult):
        stored = [one for one in results if isinstance(one, StoreResult)]
        return StoreResult(
            confirmed=merge_by_uid(data for one in stored for data in one.confirmed),
            modified=SequenceSet.of(uid for one in stored for uid in one.modified),
        )
    if isinstance(first, CopiedMessages):
        return _joined_copies([one for one in results if isinstance(one, CopiedMessages)])
    if isinstance(first, Changes):
        changes = [one for one in results if isinstance(one, Changes)]
        return Changes(
            messages=merge_by_uid(data for one in changes for data in one.messages),
            vanished=SequenceSet().union(*(one.vanished for one in changes)),
        )
    if isinstance(first, ESearchData):
        return _joined_searches([one for one in results if isinstance(one, ESearchData)])
    if first is None:
        return None
    return tuple(item for one in results if isinstance(one, tuple) for item in one)


def _joined_copies(copies: Sequence[CopiedMessages]) -> CopiedMessages:
    """What is proven for some pieces is proven; targets of two UIDVALIDITYs prove nothing."""
    told = {one.uidvalidity for one in copies if one.uids}
    if len(told) != 1:
        return CopiedMessages()
    uids = {source: target for one in copies for source, target in one.uids.items()}
    return CopiedMessages(uidvalidity=told.pop(), uids=uids)


def _joined_searches(found: Sequence[ESearchData]) -> ESearchData:
    """What was returned for all pieces together; they are disjoint, and ascending by UID."""
    every = [one.all_uids for one in found if one.all_uids is not None]
    uids = SequenceSet().union(*every) if every else None
    counts = [one.count for one in found if one.count is not None]
    return ESearchData(
        is_uid=True,
        all_uids=uids,
        all_ranges=uids.ranges if uids is not None else (),
        minimum=min((one.minimum for one in found if one.minimum is not None), default=None),
        maximum=max((one.maximum for one in found if one.maximum is not None), default=None),
        count=sum(counts) if counts else None,
        modseq=max((one.modseq for one in found if one.modseq is not None), default=None),
    )
