"""How does a command reach messages whose UIDs do not fit into one line of the server at hand?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, cast

from mailrules.client.fallbacks import Procedure, run
from mailrules.imap.command import Command
from mailrules.imap.copy_commands import CopiedMessages
from mailrules.imap.merging import merge_by_uid
from mailrules.imap.message_commands import StoreResult
from mailrules.imap.sequence_set import SequenceSet, cut_by_bytes
from mailrules.imap.writer import Atom, write_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from dataclasses import Field

    from mailrules.client.fallbacks import Steps

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_TAG_BYTES = 12
_SHORTEST = SequenceSet.of((1,))


class OverUids(Command[R_co], Protocol[R_co]):
    """A command that names its messages in a field ``uids``."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # Any: as dataclasses.replace declares it

    @property
    def uids(self) -> SequenceSet: ...


@dataclass(frozen=True, slots=True)
class InPieces(Procedure[R], Generic[R]):
    """The command, cut so that no line is longer than ``line_bytes`` (see ``imap.quirks``); the results as one.

    The pieces go one after the other, ascending by UID, and the first that is refused or lost is raised: what the
    earlier ones did stays done, as with a COPY that a server breaks off.
    """

    rests_on_selection: ClassVar[bool] = True
    command: OverUids[R]
    line_bytes: int

    def steps(self, offered: frozenset[str]) -> Steps[R]:
        results = []
        for uids in self._pieces(offered):
            results.append((yield from run(replace(self.command, uids=uids))))  # noqa: PERF401 - it yields
        return cast("R", joined(results))  # of the command's own kind

    def _pieces(self, offered: frozenset[str]) -> Iterator[SequenceSet]:
        uids = self.command.uids
        shortest = replace(self.command, uids=_SHORTEST)
        words = (*map(Atom, shortest.name.split()), *shortest.arguments(offered))
        around = _TAG_BYTES + sum(len(one) for one in write_command("A1", words) if isinstance(one, bytes))
        room = self.line_bytes - around
        if len(uids.to_bytes()) <= room:
            yield uids
        else:
            yield from cut_by_bytes(uids, max_bytes=room)


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
    return tuple(item for one in results if isinstance(one, tuple) for item in one)


def _joined_copies(copies: Sequence[CopiedMessages]) -> CopiedMessages:
    """What is proven for some pieces is proven; targets of two UIDVALIDITYs prove nothing."""
    told = {one.uidvalidity for one in copies if one.uids}
    if len(told) != 1:
        return CopiedMessages()
    uids = {source: target for one in copies for source, target in one.uids.items()}
    return CopiedMessages(uidvalidity=told.pop(), uids=uids)
