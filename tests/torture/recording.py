"""A mail store in memory that writes down what would go over the wire, and strikes where it is told to.

Each command is logged before it has an effect, with whether the journal's file, read from outside by a
connection of its own, knew then what it was about to do.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from mailrules.errors import CommandRefused, ConnectionLost
from mailrules.imap.sequence_set import SequenceSet
from mailrules.testing.memory_faults import CallUnderway, MemoryFault, Moment
from mailrules.testing.memory_store import MemoryStore
from tests.torture.cases import ACCOUNT, LEASE_MAILBOX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from mailrules.mailbox.message import UID, FactRequest, MessageFacts
    from mailrules.mailbox.store import (
        AppendOutcome,
        CopyOutcome,
        MailboxInfo,
        MailboxStatus,
        MessageContent,
        Rights,
        StoreOutcome,
    )
    from mailrules.testing.mail_state import MailAccount
    from tests.torture.wire import WireLine
    from tests.torture.world import World

T = TypeVar("T")


class Killed(BaseException):
    """Stands for kill -9: nobody may catch it."""


class Ending(Enum):
    """What becomes of a command that is struck, seen from the mailboxes, and of us."""

    NEVER = "never"
    """It does not arrive."""
    HALF = "half"
    """The server dies in the middle of it."""
    DONE = "done"
    """It is done, and the answer does not come."""
    LATE = "late"
    """The server's process for the lost connection does it while we recover."""
    HALF_LATE = "half-late"
    """The server has begun it when we lose the connection, and ends it while we recover."""


_MOMENTS = {
    Ending.NEVER: Moment.BEFORE,
    Ending.LATE: Moment.BEFORE,
    Ending.HALF: Moment.HALFWAY,
    Ending.HALF_LATE: Moment.HALFWAY,
    Ending.DONE: Moment.AFTER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """What happens at our ``nth`` command: the connection is lost, or ``kills`` us; the command ends as said."""

    nth: int
    ending: Ending
    kills: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The server's answer to our ``nth`` command is NO or BAD; it ``has_begun``, or has done nothing."""

    nth: int
    status: str = "NO"
    code: str = ""
    has_begun: bool = False


class RecordingStore(MemoryStore):
    """The store that the world connects; a fresh one for each connection."""

    def __init__(
        self,
        world: World,
        *,
        strike: Strike | None = None,
        refusal: Refusal | None = None,
        faults: Sequence[MemoryFault] = (),
        mail: MailAccount | None = None,
        account: str = ACCOUNT,
    ) -> None:
        """``mail`` is that of ``account``, where it is not the world's first one."""
        more = [MemoryFault(call="*", moment=_MOMENTS[strike.ending], nth=strike.nth)] if strike else []
        if refusal:
            moment = Moment.REFUSED_HALFWAY if refusal.has_begun else Moment.REFUSED
            more.append(MemoryFault(call="*", moment=moment, nth=refusal.nth, code=refusal.code))
        super().__init__(
            mail or world.mail,
            account=account,
            capabilities=world.capabilities,
            faults=[*more, *faults],
            before_call=world.before_call,
        )
        self.world, self.strike, self.refusal = world, strike, refusal
        self.is_refused = False
        self.number = world.wire.connections = world.wire.connections + 1
        self._line: WireLine | None = None

    # Commands that read.

    async def list_mailboxes(self) -> tuple[MailboxInfo, ...]:
        self.say("LIST")
        return await super().list_mailboxes()

    async def open(self, mailbox: str) -> MailboxStatus:
        self.say(f"{'EXAMINE' if self.read_only else 'SELECT'} {mailbox}")
        return await super().open(mailbox)

    async def examine(self, mailbox: str) -> MailboxStatus:
        self.say(f"EXAMINE {mailbox}")
        return await super().examine(mailbox)

    def read_message(self, uid: UID) -> AbstractAsyncContextManager[MessageContent]:
        self.say(f"UID FETCH {uid} (BODY.PEEK[])")
        return super().read_message(uid)

    async def status(self, mailbox: str) -> MailboxStatus:
        self.say(f"STATUS {mailbox}")
        return await super().status(mailbox)

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        self.say(f"UID FETCH {_set(uids) if uids is not None else '1:*'} {_items(request)}")
        return await super().fetch(request, uids)

    async def fetch_from(self, request: FactRequest, first_uid: UID) -> list[MessageFacts]:
        self.say(f"UID FETCH {first_uid}:* {_items(request)}")
        return await super().fetch_from(request, first_uid)

    async def get_rights(self, mailbox: str) -> Rights:
        self.say(f"GETACL {mailbox}")
        return await super().get_rights(mailbox)

    async def my_rights(self, mailbox: str) -> str:
        self.say(f"MYRIGHTS {mailbox}")
        return await super().my_rights(mailbox)

    # Commands that write.

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        since = f" (UNCHANGEDSINCE {unchanged_since})" if unchanged_since is not None else ""
        sign, flags = ("+", add) if add else ("-", remove)
        self.say(f"UID STORE {_set(uids)}{since} {sign}FLAGS ({' '.join(sorted(flags))})", uids=uids)
        return await self._late(
            act := lambda store: MemoryStore.store_flags(
                store, uids, add=add, remove=remove, unchanged_since=unchanged_since
            ),
            rest=act,
        )

    async def copy(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        self.say(f"UID COPY {_set(uids)} {target}", uids=uids, target=target)
        half = sorted(uids)[-(-len(uids) // 2) :]  # see MemoryStore for what is done by half
        return await self._late(
            lambda store: MemoryStore.copy(store, uids, target),
            rest=lambda store: MemoryStore.copy(store, half, target),
        )

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        self.say(f"UID MOVE {_set(uids)} {target}", uids=uids, target=target)
        there = sorted(uids)

        async def rest(store: MemoryStore) -> None:
            await MemoryStore.copy(store, there[-(-len(there) * 2 // 3) :], target)
            for uid in there[len(there) // 3 :]:
                if uid in store._opened.messages:
                    store._opened.remove(uid)

        return await self._late(lambda store: MemoryStore.move(store, uids, target), rest=rest)

    async def expunge(self, uids: Sequence[UID]) -> tuple[UID, ...]:
        self.say(f"UID EXPUNGE {_set(uids)}", uids=uids)
        return await self._late(act := lambda store: MemoryStore.expunge(store, uids), rest=act)

    async def append(
        self,
        mailbox: str,
        message: bytes | MessageContent,
        *,
        flags: frozenset[str] = frozenset(),
        received: datetime | None = None,
    ) -> AppendOutcome:
        content = message if isinstance(message, bytes) else b"".join([piece async for piece in message])
        self.say(f"APPEND {mailbox} ({' '.join(sorted(flags))}) {{{len(content)}}}", target=mailbox)
        return await self._late(
            act := lambda store: MemoryStore.append(store, mailbox, content, flags=flags, received=received), rest=act
        )

    async def create(self, mailbox: str, *, special_use: str = "") -> bool:
        self.say(f"CREATE {mailbox}", mailbox=mailbox)
        return await self._late(lambda store: MemoryStore.create(store, mailbox, special_use=special_use))

    async def delete_mailbox(self, mailbox: str) -> None:
        self.say(f"DELETE {mailbox}", mailbox=mailbox)
        return await self._late(lambda store: MemoryStore.delete_mailbox(store, mailbox))

    async def subscribe(self, mailbox: str, *, subscribed: bool = True) -> None:
        self.say(f"{'SUBSCRIBE' if subscribed else 'UNSUBSCRIBE'} {mailbox}", mailbox=mailbox)
        return await self._late(lambda store: MemoryStore.subscribe(store, mailbox, subscribed=subscribed))

    async def set_rights(self, mailbox: str, *, identifier: str, rights: str) -> None:
        self.say(
            f"SETACL {mailbox} {identifier} {rights}" if rights else f"DELETEACL {mailbox} {identifier}",
            mailbox=mailbox,
        )
        return await self._late(
            lambda store: MemoryStore.set_rights(store, mailbox, identifier=identifier, rights=rights)
        )

    @property
    def _opened_name(self) -> str:
        return self._open.name if self._open is not None else ""

    def say(self, text: str, *, uids: Sequence[int] = (), mailbox: str = "", target: str = "") -> None:
        """Log a command, and ask the journal's file about it if it writes."""
        if self.world.is_dead or self.lost:
            return
        line = self.world.wire.say(self.number, text)
        self._line = line
        if line.is_writing and not (mailbox or target or self._opened_name).startswith(LEASE_MAILBOX):
            where = mailbox or (self._open.name if self._open is not None else "")
            operation = text.removeprefix("UID ").split()[0].lower()
            line.is_intended = self.world.watcher.knows(operation, where, uids=uids, target=target)

    async def _late(
        self,
        act: Callable[[MemoryStore], Awaitable[T]],
        *,
        rest: Callable[[MemoryStore], Awaitable[object]] | None = None,
    ) -> T:
        """Do it; where the strike lets the server do it later, or its ``rest``, leave that with the world."""
        opened = self._open.name if self._open is not None else ""
        try:
            return await act(self)
        except (ConnectionLost, Killed):
            ending = self.strike.ending if self.strike and self._is_struck_now else None
            later = act if ending is Ending.LATE else rest if ending is Ending.HALF_LATE else None
            self._is_struck_now = False
            if later is not None:
                self.world.unfinished.append(lambda: self._act_as_ghost(later, opened))
            raise

    async def _act_as_ghost(self, act: Callable[[MemoryStore], Awaitable[object]], opened: str) -> None:
        """The server's process for a connection that we have lost goes on."""
        ghost = MemoryStore(self.mail, account=self._account, capabilities=self.capabilities)
        with suppress(CommandRefused):  # nobody is there to be told
            if opened:
                await ghost.open(opened)
            await act(ghost)
        await ghost.close()

    _is_struck_now = False

    async def _begin(self, name: str, *, uids: Sequence[int] = (), target: str = "") -> CallUnderway:
        if self.world.is_dead:
            raise Killed
        return await super()._begin(name, uids=uids, target=target)

    def _lose(self, call: CallUnderway) -> None:
        self._is_struck_now = True
        if self._line is not None:
            self._line.note = self.strike.ending.value if self.strike else str(call.moment)
        self._leave()
        self.lost = True
        if self.strike is not None and self.strike.kills:
            self.world.kill()
        raise ConnectionLost(f"{call.name}: the connection was cut by the test")

    def _refuse(self, call: CallUnderway) -> None:
        self.is_refused = True
        status = self.refusal.status if self.refusal else "NO"
        if self._line is not None:
            self._line.note = f"{status} {call.code}".strip()
        raise CommandRefused(call.name.upper(), status=status, code=call.code, text="refused by the test")


class RecordingReader(RecordingStore):
    """What a preview gets: the same, but mailboxes are opened by EXAMINE."""

    read_only = True


class JournalWatcher:
    """Somebody who reads the journal's file over our shoulder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def knows(self, operation: str, mailbox: str | None, *, uids: Sequence[int], target: str | None) -> bool:
        """Whether the file holds an open intent for this command and each of its messages; None is any mailbox."""
        if not self._path.exists():
            return False
        wanted = {"deleteacl": "setacl", "delete": "delete_mailbox"}.get(operation, operation)
        rows = (
            self._opened()
            .execute(
                "SELECT s.uid FROM steps s JOIN commands c ON c.id = s.command"
                " WHERE s.state = 'intent' AND c.operation = ? AND c.mailbox = coalesce(?, c.mailbox)"
                " AND c.target = coalesce(?, c.target)",
                (wanted, mailbox, target if target is None or operation in {"copy", "move", "append"} else ""),
            )
            .fetchall()
        )
        known = {uid for (uid,) in rows}
        return bool(known) and known >= set(uids)

    def doubtful(self) -> list[tuple[str, str, str, int, str, str]]:
        """Steps that are open or in doubt: state, operation, mailbox, uid, message_id, rule."""
        return (
            self._opened()
            .execute(
                "SELECT s.state, c.operation, c.mailbox, s.uid, s.message_id, s.rule FROM steps s"
                " JOIN commands c ON c.id = s.command WHERE s.state IN ('intent', 'halfway', 'unknown', 'ambiguous')"
            )
            .fetchall()
        )

    def effects_without_answer(self) -> list[tuple[str, int, str]]:
        """Rule, UID and Message-ID of effects that were under way."""
        return (
            self._opened()
            .execute(
                "SELECT s.rule, s.uid, s.message_id FROM steps s JOIN commands c ON c.id = s.command"
                " WHERE c.operation = 'effect' AND s.state IN ('intent', 'unknown')"
            )
            .fetchall()
        )

    def rows(self, question: str) -> list[tuple[object, ...]]:
        """What the file answers."""
        return self._opened().execute(question).fetchall()

    def told(self) -> str:
        """All its steps, for people."""
        rows = self._opened().execute(
            "SELECT c.operation, s.uid, c.mailbox, c.target, s.state, s.detail FROM steps s"
            " JOIN commands c ON c.id = s.command ORDER BY s.id"
        )
        lines = []
        for operation, uid, mailbox, target, state, detail in rows:
            where = f"{mailbox} -> {target}" if target else mailbox
            lines.append(f"  {operation} {uid or ''} {where}: {state}{f' ({detail})' if detail else ''}")
        return "\n".join(lines)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, check_same_thread=False)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _set(uids: Sequence[int]) -> str:
    return SequenceSet.of(uids).to_bytes().decode() if uids else "()"


def _items(request: FactRequest) -> str:
    names = [
        name for name in ("flags", "size", "received", "modseq", "structure", "text", "whole") if getattr(request, name)
    ]
    fields = [f"header {' '.join(request.header_fields)}"] if request.header_fields else []
    return f"({', '.join([*names, *fields])})"
