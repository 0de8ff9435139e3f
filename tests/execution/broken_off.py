"""A store on a real connection that breaks off in a chosen command: nothing of it was done, a part, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.client.connect import connect
from mailrules.client.imap_store import ImapStore
from mailrules.errors import ConnectionLost
from mailrules.testing.memory_faults import Moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import AppendOutcome, CopyOutcome, MessageContent, StoreOutcome
    from mailrules.settings import AccountSettings


class BrokenOff(ImapStore):
    """At its ``nth`` call of ``at`` the answer never comes; ``is_lost`` tells whether it came to that.

    What a part is, is what killed servers leave: of a move a third is in the target alone and a third in both
    mailboxes; of every other command the first half, rounded up, is done.
    """

    at = ""
    moment = Moment.BEFORE
    nth = 1
    is_lost = False

    @classmethod
    async def connected(cls, settings: AccountSettings, *, at: str, moment: Moment, nth: int = 1) -> BrokenOff:
        store = cls(await connect(settings), account=settings.name)
        store.at, store.moment, store.nth = at, moment, nth
        return store

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        part = await self._part("store_flags", uids)
        outcome = await super().store_flags(part, add=add, remove=remove, unchanged_since=unchanged_since)
        await self._break("store_flags")
        return outcome

    async def copy(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        outcome = await super().copy(await self._part("copy", uids), target)
        await self._break("copy")
        return outcome

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        part = await self._part("move", uids)
        if len(part) < len(uids):
            moved = -(-len(uids) // 3)
            await super().move(uids[:moved], target)
            if both := uids[moved : 2 * moved]:
                await super().copy(both, target)
            await self._lose("move")
        outcome = await super().move(part, target)
        await self._break("move")
        return outcome

    async def expunge(self, uids: Sequence[UID]) -> tuple[UID, ...]:
        gone = await super().expunge(await self._part("expunge", uids))
        await self._break("expunge")
        return gone

    async def append(
        self,
        mailbox: str,
        message: bytes | MessageContent,
        *,
        flags: frozenset[str] = frozenset(),
        received: datetime | None = None,
    ) -> AppendOutcome:
        await self._part("append", (0,))
        outcome = await super().append(mailbox, message, flags=flags, received=received)
        await self._break("append")
        return outcome

    async def create(self, mailbox: str, *, special_use: str = "") -> bool:
        await self._part("create", (0,))
        made = await super().create(mailbox, special_use=special_use)
        await self._break("create")
        return made

    async def rename(self, mailbox: str, to: str) -> None:
        await self._part("rename", (0,))
        await super().rename(mailbox, to)
        await self._break("rename")

    async def subscribe(self, mailbox: str, *, subscribed: bool = True) -> None:
        await self._part("subscribe", (0,))
        await super().subscribe(mailbox, subscribed=subscribed)
        await self._break("subscribe")

    async def set_rights(self, mailbox: str, *, identifier: str, rights: str) -> None:
        await self._part("set_rights", (0,))
        await super().set_rights(mailbox, identifier=identifier, rights=rights)
        await self._break("set_rights")

    async def _part(self, name: str, uids: Sequence[UID] | Sequence[int]) -> Sequence[UID]:
        """The messages that are still dealt with; all of them where nothing strikes."""
        if name == self.at:
            self.nth -= 1
            if not self.nth and self.moment is Moment.BEFORE:
                await self._lose(name)
            if not self.nth and self.moment is Moment.HALFWAY and len(uids) > 1:
                return uids[: -(-len(uids) // 2)]  # type: ignore[return-value]  # UIDs, where there are several
        return uids  # type: ignore[return-value]  # as above

    async def _break(self, name: str) -> None:
        if name == self.at and not self.nth:
            await self._lose(name)

    async def _lose(self, name: str) -> None:
        self.is_lost = True
        await self.client.close()
        raise ConnectionLost(f"{name}: the line was cut by the test")
