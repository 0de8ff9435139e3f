"""Stores that say the wrong thing to the server, or believe it too readily."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, ConnectionLost
from mailrules.mailbox.store import CopyOutcome, StoredFlags, StoreOutcome
from mailrules.testing.mail_state import changed_rights
from mailrules.testing.memory_store import MemoryStore
from tests.torture.cases import BODY_SECRET, DELETED, PASSWORD, STRANGER
from tests.torture.recording import RecordingReader, RecordingStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.mailbox.message import UID, FactRequest, MessageFacts
    from mailrules.mailbox.store import MailboxStatus


class RepeatsAfterReset(RecordingStore):
    """Connects again at once when the line breaks, and says the command once more."""

    async def copy(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        opened = self._open.name if self._open else ""
        try:
            return await super().copy(uids, target)
        except ConnectionLost:
            return await (await self._again(opened)).copy(uids, target)

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        opened = self._open.name if self._open else ""
        try:
            return await super().move(uids, target)
        except ConnectionLost:
            return await (await self._again(opened)).move(uids, target)

    async def _again(self, opened: str) -> RecordingStore:
        fresh = RecordingStore(self.world)
        await fresh.open(opened)
        self.lost, self._open, self.faults = False, fresh._open, []
        return fresh


class PlainExpunge(RecordingStore):
    """EXPUNGE in place of UID EXPUNGE."""

    async def expunge(self, uids: Sequence[UID]) -> tuple[UID, ...]:
        self.say("EXPUNGE")
        return await MemoryStore.expunge(self, _deleted(self))


class Closes(RecordingStore):
    """CLOSE when it is through with a mailbox."""

    async def open(self, mailbox: str) -> MailboxStatus:
        if self._open is not None and not self.lost:
            self.say("CLOSE")
            await MemoryStore.expunge(self, _deleted(self))
        return await super().open(mailbox)


class ExpungesAll(RecordingStore):
    """UID EXPUNGE of everything, since all that is \\Deleted is surely ours."""

    async def expunge(self, uids: Sequence[UID]) -> tuple[UID, ...]:
        self.say("UID EXPUNGE 1:*", uids=uids)
        return await MemoryStore.expunge(self, _deleted(self))


class AbsoluteRights(RecordingStore):
    """SETACL with all the rights that are wanted, in place of what is lacking and what is too much."""

    async def set_rights(self, mailbox: str, *, identifier: str, rights: str) -> None:
        before = self._find(mailbox, command="SETACL").rights.get(identifier, "")
        await super().set_rights(mailbox, identifier=identifier, rights=changed_rights(before, rights))


class AbsoluteFlags(RecordingStore):
    """STORE FLAGS in place of STORE +FLAGS and -FLAGS."""

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        self.say(f"UID STORE {','.join(map(str, uids))} FLAGS ({' '.join(sorted(add))})", uids=uids)
        await MemoryStore.store_flags(
            self, uids, remove=frozenset({"\\Seen", "\\Answered", "\\Flagged", "$Old"}) | remove
        )
        return await MemoryStore.store_flags(self, uids, add=add, unchanged_since=unchanged_since)


class SequenceNumbers(RecordingStore):
    """STORE by the message's number."""

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        numbers = [list(self._opened.messages).index(uid) + 1 for uid in uids if uid in self._opened.messages]
        self.say(f"STORE {','.join(map(str, numbers))} +FLAGS ({' '.join(sorted(add | remove))})", uids=uids)
        return await MemoryStore.store_flags(self, uids, add=add, remove=remove, unchanged_since=unchanged_since)


class TrustsOkToCopy(RecordingStore):
    """Takes OK for the proof that all was copied."""

    async def copy(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        outcome = await super().copy(uids, target)
        missing = {uid: UID_OF_NOTHING for uid in uids if uid not in outcome.uids}
        return replace(outcome, uidvalidity=outcome.uidvalidity or 1, uids={**outcome.uids, **missing})


UID_OF_NOTHING: UID = 4_000_000_000  # type: ignore[assignment]  # a NewType of int


class TrustsOkToStore(RecordingStore):
    """Takes OK for the proof that all flags are set."""

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        await super().store_flags(uids, add=add, remove=remove, unchanged_since=unchanged_since)
        return StoreOutcome(confirmed=tuple(StoredFlags(uid=uid, flags=add) for uid in uids))


class Examines(TrustsOkToStore):
    """Opens by EXAMINE, where STORE says OK and does nothing."""

    async def open(self, mailbox: str) -> MailboxStatus:
        self.say(f"EXAMINE {mailbox}")
        return await MemoryStore.open(self, mailbox)

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        self.say(f"UID STORE {','.join(map(str, uids))} +FLAGS ({' '.join(sorted(add))})", uids=uids)
        changed = {
            uid: (self._opened.messages[uid].flags | add) - remove for uid in uids if uid in self._opened.messages
        }
        return StoreOutcome(confirmed=tuple(StoredFlags(uid=uid, flags=flags) for uid, flags in changed.items()))


class IgnoresModified(RecordingStore):
    """STORE without UNCHANGEDSINCE: whatever somebody did to the message meanwhile."""

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        return await super().store_flags(uids, add=add, remove=remove)


class StaleTargets(RecordingStore):
    """Keeps what the names meant when it connected, and moves there."""

    async def list_mailboxes(self) -> tuple[object, ...]:
        self._then = dict(self.mail.mailboxes)
        return await super().list_mailboxes()

    def _find(self, name: str, *, command: str) -> object:
        return getattr(self, "_then", {}).get(name) or super()._find(name, command=command)


class DeletesWhatItCannotMove(RecordingStore):
    """Removes from INBOX what the target does not take."""

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        try:
            return await super().move(uids, target)
        except CommandRefused:
            self.say(f"UID STORE {','.join(map(str, uids))} +FLAGS ({DELETED})", uids=uids)
            await MemoryStore.store_flags(self, uids, add=frozenset({DELETED}))
            await MemoryStore.expunge(self, uids)
            raise


class CopiesThenMoves(RecordingStore):
    """Makes sure: first COPY, then MOVE."""

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        await MemoryStore.copy(self, uids, target)
        return await super().move(uids, target)


class SearchesByMessageId(RecordingStore):
    """Looks for what became of a message by the Message-ID that its sender wrote."""

    async def fetch_from(self, request: FactRequest, first_uid: UID) -> list[MessageFacts]:
        self.say(f'UID SEARCH HEADER Message-ID "<m1."{STRANGER}\\")@example.org>"')
        return await super().fetch_from(request, first_uid)


class NamesMailboxesAfterSenders(RecordingStore):
    """Makes a mailbox with a sender's words in its name."""

    async def create(self, mailbox: str, *, special_use: str = "") -> bool:
        made = await super().create(f"{mailbox}/{STRANGER}")
        return made and await super().create(mailbox, special_use=special_use)


class SelectsInPreview(RecordingReader):
    """SELECT in place of EXAMINE: it takes \\Recent away."""

    async def open(self, mailbox: str) -> MailboxStatus:
        self.say(f"SELECT {mailbox}")
        self.mail[mailbox].recent.clear()
        return await MemoryStore.open(self, mailbox)


class RecentInPreview(RecordingReader):
    """Says EXAMINE, and still takes \\Recent away: a server would."""

    async def open(self, mailbox: str) -> MailboxStatus:
        status = await super().open(mailbox)
        self.mail[mailbox].recent.clear()
        return status


class FetchesWithoutPeek(RecordingReader):
    """BODY[] in place of BODY.PEEK[]: it sets \\Seen."""

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        facts = await super().fetch(request, uids)
        self.say(f"UID FETCH {','.join(str(one.uid) for one in facts)} (BODY[])")
        for one in facts:
            self._opened.set_flags(one.uid, self._opened.messages[one.uid].flags | {"\\Seen"})
        return facts


class WritesInPreview(RecordingReader):
    """Tries whether it may."""

    async def open(self, mailbox: str) -> MailboxStatus:
        status = await super().open(mailbox)
        await self.subscribe(mailbox)
        return status


class TellsThePassword(RecordingStore):
    """Logs how it logged in."""

    async def open(self, mailbox: str) -> MailboxStatus:
        self.world.outputs.append(f"A1 LOGIN ann {PASSWORD}")
        return await super().open(mailbox)


class TellsTheMail(RecordingStore):
    """Logs what it read."""

    async def open(self, mailbox: str) -> MailboxStatus:
        self.world.outputs.append(f"read: Hello. {BODY_SECRET}")
        return await super().open(mailbox)


def _deleted(store: RecordingStore) -> list[UID]:
    return [uid for uid, one in store._opened.messages.items() if DELETED in one.flags]
