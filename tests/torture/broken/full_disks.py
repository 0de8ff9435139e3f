"""Executors on a real server that take a full disk lightly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailrules.cli.exit_status import ExitStatus
from mailrules.client.imap_store import ImapStore
from mailrules.errors import CommandRefused
from mailrules.mailbox.store import CopyOutcome, StoredFlags, StoreOutcome
from tests.torture.cases import DELETED
from tests.torture.full_disks import FullDiskWorld
from tests.torture.judge import Broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.mailbox.message import UID


class TakesRefusedForDone(ImapStore):
    """Says that all was copied, moved and flagged, whatever the server says."""

    async def copy(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        try:
            return await super().copy(uids, target)
        except CommandRefused:
            return _all_of(uids)

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        try:
            return await super().move(uids, target)
        except CommandRefused:
            return _all_of(uids)

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        try:
            return await super().store_flags(uids, add=add, remove=remove, unchanged_since=unchanged_since)
        except CommandRefused:
            return StoreOutcome(confirmed=tuple(StoredFlags(uid=uid, flags=add) for uid in uids))


class DeletesWhatItCouldNotMove(ImapStore):
    """Removes from INBOX what there was no room for in the target."""

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        try:
            return await super().move(uids, target)
        except CommandRefused:
            await self.store_flags(uids, add=frozenset({DELETED}))
            await self.expunge(uids)
            raise


class ConfirmsDisks(FullDiskWorld):
    """A world with a store that believes what it wants."""

    store_type = TakesRefusedForDone


class DeletesOnDisks(FullDiskWorld):
    """A world with a store that makes room."""

    store_type = DeletesWhatItCouldNotMove


class RunsOnce(FullDiskWorld):
    """Takes a refusal for the last word: says afterwards that nothing is left to do."""

    async def tell(self) -> None:
        if self.said:
            self.status = ExitStatus.DONE
        else:
            await super().tell()


class KeepsTheReason(FullDiskWorld):
    """Says that something went wrong, and not what."""

    async def tell(self) -> None:
        await super().tell()
        if self.status is not ExitStatus.DONE:
            self.said = "a step failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenOnFullDisk:
    """``world`` breaks ``promise`` at points whose names have ``what``; ``words`` are in what the judge says."""

    name: str
    world: type[FullDiskWorld]
    promise: Broken
    words: str
    case: str = "moves"
    what: str = "bytes-0"


BROKEN_ON_FULL_DISKS = (
    BrokenOnFullDisk(
        name="says done though the copy was refused",
        world=ConfirmsDisks,
        promise=Broken.UNDONE,
        words="status 0, and ",
        case="copies",
    ),
    BrokenOnFullDisk(
        name="says done though the move was refused",
        world=ConfirmsDisks,
        promise=Broken.UNDONE,
        words="status 0, and ",
    ),
    BrokenOnFullDisk(
        name="deletes what it could not move",
        world=DeletesOnDisks,
        promise=Broken.LOST,
        words="is nowhere",
    ),
    BrokenOnFullDisk(
        name="does not come back when there is room",
        world=RunsOnce,
        promise=Broken.UNDONE,
        words="with room again, ",
    ),
    BrokenOnFullDisk(
        name="does not say why",
        world=KeepsTheReason,
        promise=Broken.UNDONE,
        words="a step failed",
    ),
)


def _all_of(uids: Sequence[UID]) -> CopyOutcome:
    return CopyOutcome(uidvalidity=1, uids={uid: uid for uid in uids})
