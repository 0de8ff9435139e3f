"""How does a test read mail through the ``MailReader`` protocol without a server?"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar

from mailrules.errors import CommandRefused, ConnectionLost, MissingCapability, RemoteProtocolError
from mailrules.imap.search_text import parse_search_text
from mailrules.mailbox.message import UID, MessageFacts, Unreadable
from mailrules.mailbox.store import MailboxInfo, MailboxStatus, Particulars, QuotaRoot, ResourceUse, Rights
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.mail_state import MailAccount, NoSuchMailbox, StoredMailbox, StoredMessage, canonical_name
from mailrules.testing.memory_faults import CallUnderway, MemoryFault, Moment, RecordedCall
from mailrules.testing.message_parts import header_block, parts_of, texts_of
from mailrules.testing.selected_view import SelectedView
from mailrules.testing.server_arguments import Arguments, parse_arguments
from mailrules.testing.server_search import Search

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from mailrules.mailbox.message import FactRequest

_PIECE_BYTES = 64 << 10
SYSTEM_FLAGS = frozenset({"\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"})


class MemoryContent:
    """A message's content in pieces."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size_bytes(self) -> int:
        return len(self._content)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), _PIECE_BYTES):
            yield self._content[start : start + _PIECE_BYTES]


class MemoryReader:
    """A ``MailReader`` over a ``MailAccount``; changes nothing there, \\Recent included.

    ``faults`` strike as their moments say; after a lost connection every call raises
    ``ConnectionLost``, as with a real one, and the test makes a new reader over the same account.
    ``calls`` records what was asked. ``before_call`` runs first in every call, so that a second
    client can act between any two of ours.
    """

    read_only: ClassVar[bool] = True

    def __init__(
        self,
        mail: MailAccount | None = None,
        *,
        account: str = "test",
        capabilities: Iterable[str] = EVERY_CAPABILITY,
        faults: Iterable[MemoryFault] = (),
        before_call: Callable[[str], None] | None = None,
    ) -> None:
        self.mail = mail if mail is not None else MailAccount()
        self.faults = list(faults)
        self.calls: list[RecordedCall] = []
        self.before_call = before_call
        self.lost = False
        self._account = account
        self._capabilities = frozenset(name.upper() for name in capabilities)
        self._open: StoredMailbox | None = None
        self._is_examined = False
        self._news = asyncio.Event()

    @property
    def account(self) -> str:
        return self._account

    @property
    def capabilities(self) -> frozenset[str]:
        return self._capabilities

    @property
    def opened(self) -> MailboxStatus | None:
        return self._opened_status(self._open) if self._open is not None else None

    async def list_mailboxes(self) -> tuple[MailboxInfo, ...]:
        call = await self._begin("list_mailboxes")
        mailboxes = tuple(self._info(name) for name in sorted([*self.mail.mailboxes, *self.mail.parents()]))
        self._end(call)
        return mailboxes

    async def open(self, mailbox: str) -> MailboxStatus:
        call = await self._begin("open", target=mailbox)
        opened = self._enter(mailbox, examines=self.read_only)
        self._end(call)
        return self._opened_status(opened)

    async def examine(self, mailbox: str) -> MailboxStatus:
        call = await self._begin("examine", target=mailbox)
        opened = self._enter(mailbox, examines=True)
        self._end(call)
        return self._opened_status(opened)

    async def status(self, mailbox: str) -> MailboxStatus:
        call = await self._begin("status", target=mailbox)
        found = self._find(mailbox, command="STATUS")
        self._end(call)
        return self._status(found, permanent_flags=None)

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        call = await self._begin("fetch", uids=uids or ())
        messages = self._opened.messages
        wanted = messages.values() if uids is None else [messages[uid] for uid in sorted(set(uids)) if uid in messages]
        facts = [self._facts(stored, request) for stored in wanted]
        self._end(call)
        return facts

    async def fetch_from(self, request: FactRequest, first_uid: UID) -> list[MessageFacts]:
        call = await self._begin("fetch_from")
        wanted = [stored for uid, stored in self._opened.messages.items() if uid >= first_uid]
        facts = [self._facts(stored, request) for stored in wanted]
        self._end(call)
        return facts

    async def fetch_changed(self, request: FactRequest, *, since: int, below: UID) -> list[MessageFacts]:
        call = await self._begin("fetch_changed")
        self._need("CONDSTORE", command="UID FETCH", rfc="RFC 7162")
        messages = self._opened.messages.items()
        facts = [self._facts(stored, request) for uid, stored in messages if uid < below and stored.modseq > since]
        self._end(call)
        return facts

    @asynccontextmanager
    async def read_message(self, uid: UID) -> AsyncIterator[MemoryContent]:
        call = await self._begin("read_message", uids=(uid,))
        stored = self._opened.messages.get(uid)
        self._end(call)
        if stored is None:
            raise RemoteProtocolError(f"there is no message with UID {uid}", sent="", rfc="RFC 9051 section 6.4.9")
        yield MemoryContent(stored.content)

    async def get_rights(self, mailbox: str) -> Rights:
        call = await self._begin("get_rights", target=mailbox)
        self._need("ACL", command="GETACL", rfc="RFC 4314")
        entries = dict(self._find(mailbox, command="GETACL").rights)
        self._end(call)
        return Rights(mailbox=canonical_name(mailbox), entries=entries)

    async def search_as_written(self, query: str, *, is_gmail: bool = False) -> frozenset[UID]:
        call = await self._begin("search_as_written")
        if is_gmail:
            self._need("X-GM-EXT-1", command="X-GM-RAW", rfc="Gmail IMAP Extensions")
        parse_search_text(query)
        view = SelectedView(self._opened, read_only=True)
        try:
            found = Search(view).run(Arguments(parse_arguments([query.encode()])))
        finally:
            view.close()
        self._end(call)
        return frozenset(map(UID, found))

    async def quota_roots(self, mailbox: str) -> tuple[QuotaRoot, ...]:
        call = await self._begin("quota_roots", target=mailbox)
        self._need("QUOTA", command="GETQUOTAROOT", rfc="RFC 9208")
        self._end(call)
        limits = tuple(ResourceUse(name=name, used=used, limit=limit) for name, used, limit in self.mail.quota)
        return (QuotaRoot(name="", resources=limits),)

    async def metadata(self, mailbox: str, *, entries: Sequence[str]) -> Mapping[str, bytes | None]:
        call = await self._begin("metadata", target=mailbox)
        self._need("METADATA", command="GETMETADATA", rfc="RFC 5464")
        stored = self._find(mailbox, command="GETMETADATA").metadata
        self._end(call)
        return {entry.lower(): stored.get(entry.lower()) for entry in entries}

    async def particulars(
        self, mailboxes: Sequence[str], *, entries: Sequence[str] = (), own_rights: bool = False
    ) -> Mapping[str, Particulars]:
        found: dict[str, Particulars] = {}
        for name in mailboxes:
            try:
                metadata = await self.metadata(name, entries=entries) if entries else {}
                rights = await self.my_rights(name) if own_rights else ""
            except CommandRefused as refused:
                found[name] = Particulars(metadata={}, refusal=str(refused))
            else:
                found[name] = Particulars(metadata=metadata, own_rights=rights)
        return found

    async def my_rights(self, mailbox: str) -> str:
        call = await self._begin("my_rights", target=mailbox)
        self._need("ACL", command="MYRIGHTS", rfc="RFC 4314")
        rights = self._find(mailbox, command="MYRIGHTS").rights.get(self.mail.user, "")
        self._end(call)
        return rights

    async def close(self) -> None:
        self._leave()
        self.lost = True

    # How the account tells us of changes in the open mailbox.

    def message_added(self, stored: StoredMessage) -> None:  # noqa: ARG002 - an Observer's signature
        self._news.set()

    def message_removed(self, uid: int) -> None:  # noqa: ARG002 - an Observer's signature
        self._news.set()

    def flags_changed(self, stored: StoredMessage) -> None:  # noqa: ARG002 - an Observer's signature
        self._news.set()

    def _enter(self, mailbox: str, *, examines: bool) -> StoredMailbox:
        self._leave()
        self._open = opened = self._find(mailbox, command="EXAMINE" if examines else "SELECT")
        self._is_examined = examines
        opened.observers.append(self)
        if not examines:
            opened.recent.clear()
        self._news.clear()
        return opened

    @property
    def _opened(self) -> StoredMailbox:
        if self._open is None:
            raise CommandRefused("FETCH", status="BAD", text="No mailbox is open")
        return self._open

    async def _begin(self, name: str, *, uids: Sequence[int] = (), target: str = "") -> CallUnderway:
        """Let others act, record the call, and strike with what strikes before the effect."""
        await asyncio.sleep(0)  # as over a socket, other tasks run while we wait
        if self.before_call is not None:
            self.before_call(name)
        if self.lost:
            raise ConnectionLost(f"{name}: the connection of {self._account} has ended")
        opened = self._open.name if self._open else ""
        self.calls.append(RecordedCall(name=name, mailbox=opened, uids=tuple(uids), target=target))
        call = self._struck(name)
        if call.moment is Moment.BEFORE:
            self._lose(call)
        if call.moment is Moment.REFUSED:
            self._refuse(call)
        return call

    def _end(self, call: CallUnderway) -> None:
        """Strike with what strikes after the effect."""
        if call.moment in {Moment.AFTER, Moment.HALFWAY}:
            self._lose(call)
        if call.moment is Moment.REFUSED_HALFWAY:
            self._refuse(call)

    def _struck(self, name: str) -> CallUnderway:
        counts = {name: sum(call.name == name for call in self.calls), "*": len(self.calls)}
        for fault in self.faults:
            if counts.get(fault.call) == fault.nth:
                return CallUnderway(name=name, moment=fault.moment, code=fault.code)
        return CallUnderway(name=name)

    def _lose(self, call: CallUnderway) -> None:
        self._leave()
        self.lost = True
        raise ConnectionLost(f"{call.name}: the connection of {self._account} was cut by the test")

    def _refuse(self, call: CallUnderway) -> None:
        raise CommandRefused(call.name.upper(), status="NO", code=call.code, text="refused by the test")

    def _leave(self) -> None:
        if self._open is not None and self in self._open.observers:
            self._open.observers.remove(self)
        self._open = None

    def _need(self, capability: str, *, command: str, rfc: str) -> None:
        if capability not in self._capabilities:
            raise MissingCapability(command, capability=capability, rfc=rfc)

    def _find(self, name: str, *, command: str) -> StoredMailbox:
        try:
            return self.mail[name]
        except NoSuchMailbox:
            code = "TRYCREATE" if command in {"COPY", "MOVE", "APPEND"} else "NONEXISTENT"
            raise CommandRefused(command, status="NO", code=code, text=f"Mailbox doesn't exist: {name}") from None

    def _info(self, name: str) -> MailboxInfo:
        attributes = {"\\haschildren" if self.mail.has_children(name) else "\\hasnochildren"}
        if name in self.mail:
            attributes.add(self.mail[name].special_use.lower())
        else:
            attributes.add("\\noselect")
        return MailboxInfo(
            name=name,
            delimiter=self.mail.delimiter,
            attributes=frozenset(attributes - {""}),
            subscribed=name in self.mail.subscriptions,
        )

    def _opened_status(self, mailbox: StoredMailbox) -> MailboxStatus:
        flags = SYSTEM_FLAGS | set(mailbox.keywords.values()) | {"\\*"}
        return self._status(mailbox, permanent_flags=frozenset() if self._is_examined else flags)

    def _status(self, mailbox: StoredMailbox, *, permanent_flags: frozenset[str] | None) -> MailboxStatus:
        return MailboxStatus(
            mailbox=mailbox.name,
            uidvalidity=mailbox.uidvalidity,
            messages=len(mailbox.messages),
            uidnext=mailbox.uidnext,
            highest_modseq=mailbox.highest_modseq if "CONDSTORE" in self._capabilities else None,
            permanent_flags=permanent_flags,
            read_only=self._is_examined and permanent_flags is not None,
            mailbox_id=mailbox.object_id if "OBJECTID" in self._capabilities else "",
        )

    def _labels(self, stored: StoredMessage) -> frozenset[str] | Unreadable:
        """As at Gmail: the other mailboxes that the same message is in."""
        if "X-GM-EXT-1" not in self._capabilities:
            return Unreadable(reason="no labels (X-GM-EXT-1)")
        others = (mailbox for mailbox in self.mail.mailboxes.values() if mailbox is not self._opened)
        return frozenset(
            mailbox.name
            for mailbox in others
            if any(one.object_id == stored.object_id for one in mailbox.messages.values())
        )

    def _facts(self, stored: StoredMessage, request: FactRequest) -> MessageFacts:
        return MessageFacts(
            uid=UID(stored.uid),
            flags=stored.flags if request.flags else None,
            size_bytes=len(stored.content) if request.size else None,
            received=stored.received if request.received else None,
            modseq=stored.modseq if request.modseq and "CONDSTORE" in self._capabilities else None,
            saved=Unreadable(reason="no SAVEDATE (RFC 8514)") if request.saved else None,
            labels=self._labels(stored) if request.labels else None,
            header=header_block(stored.content, request.header_fields) if request.header_fields else None,
            structure=parts_of(stored.content) if request.structure else None,
            texts=texts_of(stored.content) if request.text else None,
            whole=stored.content if request.whole else None,
            object_id=stored.object_id if "OBJECTID" in self._capabilities else "",
        )
