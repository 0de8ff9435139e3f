"""How does a test change mail through the ``MailStore`` protocol without a server?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from mailrules.errors import CommandRefused
from mailrules.mailbox.message import UID
from mailrules.mailbox.store import AppendOutcome, CopyOutcome, StoredFlags, StoreOutcome
from mailrules.testing.builders import A_DAY
from mailrules.testing.mail_state import MailboxExists, changed_rights
from mailrules.testing.memory_reader import MemoryReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mailrules.mailbox.store import MessageContent
    from mailrules.testing.mail_state import StoredMailbox
    from mailrules.testing.memory_faults import CallUnderway


class MemoryStore(MemoryReader):
    """A ``MailStore`` over a ``MailAccount``, in step with the one that speaks IMAP.

    A fault halfway leaves what a killed server leaves. A move has copied the first two thirds of
    its messages (rounded up) and removed the first third (rounded down) from the source, so a
    single message is in both mailboxes; an append has done nothing; every other call has done the
    first half, rounded up.
    """

    read_only: ClassVar[bool] = False

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        call = await self._begin("store_flags", uids=uids)
        opened = self._opened
        if self._is_examined:
            uids = ()  # as Dovecot has it: OK, and nothing done
        confirmed: list[StoredFlags] = []
        modified: list[UID] = []
        for uid in _share(self._present(uids), call):
            stored = opened.messages[uid]
            if unchanged_since is not None and stored.modseq > unchanged_since:
                modified.append(uid)
                continue
            before = stored.flags
            stored = opened.set_flags(uid, (before | add) - remove)
            modseq = stored.modseq if "CONDSTORE" in self.capabilities else None
            # Dovecot 2.3 echoes only what changed: a flag that was set already stays unconfirmed.
            if stored.flags != before:
                confirmed.append(StoredFlags(uid=uid, flags=stored.flags, modseq=modseq))
        self._end(call)
        return StoreOutcome(confirmed=tuple(confirmed) if call.is_confirmed else (), modified=tuple(modified))

    async def copy(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        call = await self._begin("copy", uids=uids, target=target)
        mailbox = self._find(target, command="COPY")
        pairs = self._copy_to(mailbox, _share(self._present(uids), call))
        self._end(call)
        return self._outcome(mailbox, pairs, call)

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        call = await self._begin("move", uids=uids, target=target)
        self._need("MOVE", command="MOVE", rfc="RFC 6851")
        self._need_selected("MOVE")
        source, mailbox = self._opened, self._find(target, command="MOVE")
        there = self._present(uids)
        copied, removed = len(there), len(there)
        if call.is_cut_halfway:
            copied, removed = -(-len(there) * 2 // 3), len(there) // 3
        elif not call.has_effect:
            copied = removed = 0
        pairs = self._copy_to(mailbox, there[:copied])
        for uid in there[:removed]:
            source.remove(uid)
        self._end(call)
        return self._outcome(mailbox, pairs, call)

    async def expunge(self, uids: Sequence[UID]) -> tuple[UID, ...]:
        call = await self._begin("expunge", uids=uids)
        self._need("UIDPLUS", command="UID EXPUNGE", rfc="RFC 4315")
        self._need_selected("UID EXPUNGE")
        opened = self._opened
        doomed = [uid for uid in self._present(uids) if "\\Deleted" in opened.messages[uid].flags]
        gone = tuple(_share(doomed, call))
        for uid in gone:
            opened.remove(uid)
        self._end(call)
        return gone if call.is_confirmed else ()

    async def append(
        self,
        mailbox: str,
        message: bytes | MessageContent,
        *,
        flags: frozenset[str] = frozenset(),
        received: datetime | None = None,
    ) -> AppendOutcome:
        call = await self._begin("append", target=mailbox)
        target = self._find(mailbox, command="APPEND")
        content = message if isinstance(message, bytes) else b"".join([piece async for piece in message])
        uid = target.uidnext
        if call.has_effect and not call.is_cut_halfway:
            self.mail.add(mailbox, content, flags=flags, received=received or A_DAY)
        self._end(call)
        if not call.is_confirmed or "UIDPLUS" not in self.capabilities:
            return AppendOutcome(uidvalidity=0, uid=0)
        return AppendOutcome(uidvalidity=target.uidvalidity, uid=uid)

    async def create(self, mailbox: str, *, special_use: str = "") -> bool:
        call = await self._begin("create", target=mailbox)
        if special_use:
            self._need("CREATE-SPECIAL-USE", command="CREATE", rfc="RFC 6154")
        created = True
        try:
            if call.has_effect:
                self.mail.create(mailbox).special_use = special_use
        except MailboxExists:
            created = False
        self._end(call)
        return created

    async def rename(self, mailbox: str, to: str) -> None:
        call = await self._begin("rename", target=mailbox)
        name = self._find(mailbox, command="RENAME").name
        try:
            if call.has_effect:
                self.mail.rename(name, to)
        except MailboxExists:
            raise CommandRefused("RENAME", status="NO", code="ALREADYEXISTS", text="Mailbox exists") from None
        self._end(call)

    async def delete_mailbox(self, mailbox: str) -> None:
        call = await self._begin("delete_mailbox", target=mailbox)
        name = self._find(mailbox, command="DELETE").name
        if name == "INBOX":
            raise CommandRefused("DELETE", status="NO", code="CANNOT", text="INBOX can't be deleted")
        if call.has_effect:
            self.mail.delete(name)
        self._end(call)

    async def subscribe(self, mailbox: str, *, subscribed: bool = True) -> None:
        call = await self._begin("subscribe", target=mailbox)
        if call.has_effect:
            self.mail.subscribe(mailbox, subscribed=subscribed)
        self._end(call)

    async def set_rights(self, mailbox: str, *, identifier: str, rights: str) -> None:
        call = await self._begin("set_rights", target=mailbox)
        self._need("ACL", command="SETACL" if rights else "DELETEACL", rfc="RFC 4314")
        entries = self._find(mailbox, command="SETACL").rights
        if call.has_effect:
            before = entries.pop(identifier, "")
            if after := changed_rights(before, rights):
                entries[identifier] = after
        self._end(call)

    async def set_metadata(self, mailbox: str, *, entry: str, value: bytes | None) -> None:
        call = await self._begin("set_metadata", target=mailbox)
        self._need("METADATA", command="SETMETADATA", rfc="RFC 5464")
        name = self._find(mailbox, command="SETMETADATA").name
        if call.has_effect:
            self.mail.annotate(name, entry, value)
        self._end(call)

    async def set_quota(self, mailbox: str, *, limits: Mapping[str, int | None]) -> None:
        call = await self._begin("set_quota", target=mailbox)
        self._need("QUOTASET", command="SETQUOTA", rfc="RFC 9208")
        if call.has_effect:
            used = {name: number for name, number, _ in self.mail.quota}
            kept = [one for one in self.mail.quota if one[0] not in limits]
            new = [(name, used.get(name, 0), limit) for name, limit in limits.items() if limit is not None]
            self.mail.quota = [*kept, *new]
        self._end(call)

    async def wait_for_news(self, *, timeout_seconds: float) -> bool:
        call = await self._begin("wait_for_news")
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        finally:
            self._news.clear()
        self._end(call)
        return True

    def _need_selected(self, command: str) -> None:
        if self._is_examined:
            raise CommandRefused(command, status="NO", code="READ-ONLY", text="Mailbox is read-only")

    def _present(self, uids: Sequence[UID]) -> list[UID]:
        """Those that exist, ascending: commands on absent UIDs answer OK and leave them out."""
        messages = self._opened.messages
        return sorted(uid for uid in set(uids) if uid in messages)

    def _copy_to(self, target: StoredMailbox, uids: Sequence[UID]) -> dict[UID, UID]:
        return {uid: UID(self.mail.copy(self._opened, uid, target).uid) for uid in uids}

    def _outcome(self, target: StoredMailbox, pairs: dict[UID, UID], call: CallUnderway) -> CopyOutcome:
        if not call.is_confirmed or not pairs or "UIDPLUS" not in self.capabilities:
            return CopyOutcome(uidvalidity=0, uids={})
        return CopyOutcome(uidvalidity=target.uidvalidity, uids=pairs)


def _share(uids: Sequence[UID], call: CallUnderway) -> Sequence[UID]:
    """The part of a call's messages that is dealt with before its fault strikes."""
    if not call.has_effect:
        return ()
    if call.is_cut_halfway:
        return uids[: -(-len(uids) // 2)]
    return uids
