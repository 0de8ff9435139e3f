"""Into which commands is one cut whose set of UIDs does not fit into a line of the server at hand?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeGuard, TypeVar

from mailrules.imap.annotation_commands import UidStoreAnnotation
from mailrules.imap.command import Command
from mailrules.imap.copy_commands import CopiedMessages, UidCopy, UidExpunge, UidMove
from mailrules.imap.merging import merge_by_uid
from mailrules.imap.message_commands import StoreResult, UidFetch, UidFetchChanges, UidStore, UidStoreLabels
from mailrules.imap.resync import Changes
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import Atom, write_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from dataclasses import Field

R_co = TypeVar("R_co", covariant=True)

_MAY_BE_CUT = (
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
_LONG_TAG = "A1234567890"
_RANGE_BYTES = len(b"4294967295:4294967295,")
_SHORTEST = SequenceSet.of((1,))


class OverUids(Command[R_co], Protocol[R_co]):
    """A command that names its messages in a field ``uids``."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # Any: as dataclasses.replace declares it

    @property
    def uids(self) -> SequenceSet: ...


def room_for_uids(command: OverUids[object], *, offered: frozenset[str], line_bytes: int) -> int:
    """How many bytes the rest of the command leaves in a line for its set; at least what one range takes."""
    shortest = replace(command, uids=_SHORTEST)
    words = (*map(Atom, shortest.name.split()), *shortest.arguments(offered))
    written = sum(len(one) for one in write_command(_LONG_TAG, words) if isinstance(one, bytes))
    return max(_RANGE_BYTES, line_bytes - written + len(_SHORTEST.to_bytes()))


def is_too_long(command: Command[R_co], *, offered: frozenset[str], line_bytes: int) -> TypeGuard[OverUids[R_co]]:
    """Whether it is for its UIDs that the command does not go into one line. Costs nothing where they are few."""
    if not isinstance(command, _MAY_BE_CUT) or 2 * len(command.uids.ranges) * _RANGE_BYTES <= line_bytes:
        return False
    return len(command.uids.to_bytes()) > room_for_uids(command, offered=offered, line_bytes=line_bytes)


def pieces_of_command(command: OverUids[R_co], *, offered: frozenset[str], line_bytes: int) -> Iterator[OverUids[R_co]]:
    """The command once for each set that fits, ascending by UID; as it is where it fits whole."""
    if not is_too_long(command, offered=offered, line_bytes=line_bytes):
        yield command
        return
    room = room_for_uids(command, offered=offered, line_bytes=line_bytes)
    piece: list[tuple[int, int]] = []
    left = room
    for one in command.uids.ranges:
        added = len(SequenceSet((one,)).to_bytes()) + 1
        if piece and added > left + 1:  # the last one needs no comma
            yield replace(command, uids=SequenceSet(tuple(piece)))
            piece, left = [], room
        piece.append(one)
        left -= added
    yield replace(command, uids=SequenceSet(tuple(piece)))


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
