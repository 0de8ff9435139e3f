"""How does one IMAP connection serve as the mail account that the pipeline reads and changes?"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

from mailrules.client.connect import connect
from mailrules.client.credentials import resolve
from mailrules.client.fetching import (
    DEFAULT_FETCH_LIMITS,
    FetchLimits,
    items_for,
    object_id_item,
    sets_of_mailbox,
    sets_of_uids,
)
from mailrules.client.login_memory import LoginMemory
from mailrules.client.particulars import particulars
from mailrules.client.reading import FactsReading
from mailrules.client.search_fallbacks import SearchAnywhere
from mailrules.client.store_values import copy_outcome_of, quota_root_of, status_of
from mailrules.errors import CommandRefused, RemoteProtocolError, first_error
from mailrules.imap.access_commands import DeleteAcl, GetAcl, MyRights, SetAcl
from mailrules.imap.append_commands import Append
from mailrules.imap.copy_commands import UidCopy, UidExpunge, UidMove
from mailrules.imap.list_commands import List, Lsub, list_return_options
from mailrules.imap.mailbox_commands import Create, Delete, Examine, Rename, Select, Status, Subscribe, Unsubscribe
from mailrules.imap.mailbox_name import is_same_mailbox
from mailrules.imap.message_commands import MOST_FOUND, StoreChange, UidStore
from mailrules.imap.metadata_commands import GetMetadata, SetMetadata
from mailrules.imap.quota_commands import GetQuotaRoot, SetQuota
from mailrules.imap.search_keys import Gmail
from mailrules.imap.search_text import parse_search_text
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Id, Noop
from mailrules.imap.writer import StreamedLiteral
from mailrules.mailbox.message import UID
from mailrules.mailbox.store import (
    AppendOutcome,
    CopyOutcome,
    MailboxInfo,
    MailboxStatus,
    Rights,
    StoredFlags,
    StoreOutcome,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from mailrules.client.async_client import AsyncClient
    from mailrules.client.connect import SecretResolver
    from mailrules.client.transcript import Transcript
    from mailrules.mailbox.message import FactRequest, MessageFacts
    from mailrules.mailbox.store import MessageContent, Particulars, QuotaRoot
    from mailrules.settings import AccountSettings

R = TypeVar("R")

_LOGINS = LoginMemory()
"""What logins of this process have been like: no later one is weaker."""
POLL_SECONDS = 60.0
"""How often a server without IDLE is asked for news."""


class ImapReader:
    """A ``MailReader`` over one connection: mailboxes are opened by EXAMINE, and nothing here writes."""

    def __init__(self, client: AsyncClient, *, account: str, limits: FetchLimits = DEFAULT_FETCH_LIMITS) -> None:
        self.client = client
        """For its counters; commands of its own would disturb the open mailbox."""
        self._account, self._limits = account, limits
        self._is_introduced = False

    @property
    def account(self) -> str:
        return self._account

    @property
    def capabilities(self) -> frozenset[str]:
        return self.client.capabilities

    @property
    def opened(self) -> MailboxStatus | None:
        selected = self.client.selected
        return status_of(selected.opened()) if selected is not None else None

    async def list_mailboxes(self) -> tuple[MailboxInfo, ...]:
        with first_error():
            async with asyncio.TaskGroup() as group:
                group.create_task(self._introduce())
                listing = group.create_task(self.client.run(List()))
                subscriptions = group.create_task(self._subscriptions())
        listed, subscribed = listing.result(), subscriptions.result()
        if not listed and list_return_options(self.capabilities):
            # "INBOX" is always there: strato lists nothing where RETURN is asked for.
            listed = await self.client.run(List(is_plain=True))
            subscribed = frozenset(one.mailbox for one in await self.client.run(Lsub()))
        mailboxes = {
            one.mailbox: MailboxInfo(
                name=one.mailbox,
                delimiter=one.delimiter,
                attributes=one.attributes,
                subscribed="\\subscribed" in one.attributes or one.mailbox in subscribed,
            )
            for one in listed
        }
        return tuple(mailboxes[name] for name in sorted(mailboxes))

    async def open(self, mailbox: str) -> MailboxStatus:
        return await self._open_by(self._opening(mailbox))

    async def examine(self, mailbox: str) -> MailboxStatus:
        return await self._open_by(Examine(mailbox))

    async def status(self, mailbox: str) -> MailboxStatus:
        told = await self.client.run(Status(mailbox))
        if told.uidvalidity is None or told.messages is None:
            raise RemoteProtocolError(
                f"STATUS of {mailbox!r} lacks UIDVALIDITY or MESSAGES", sent="", rfc="RFC 9051 section 7.3.3"
            )
        return MailboxStatus(
            mailbox=mailbox,
            uidvalidity=told.uidvalidity,
            messages=told.messages,
            uidnext=told.uidnext,
            highest_modseq=told.highest_modseq,
        )

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        if uids is not None:
            return await self._fetch(request, sets_of_uids(uids, request, limits=self._limits))
        selected = self.client.selected
        messages, uidnext = (selected.exists, selected.uidnext) if selected else (0, None)
        return await self._fetch(request, sets_of_mailbox(messages=messages, uidnext=uidnext, limits=self._limits))

    async def fetch_from(self, request: FactRequest, first_uid: UID) -> list[MessageFacts]:
        return await self._fetch(request, [SequenceSet.starting_at(first_uid)])

    async def fetch_changed(self, request: FactRequest, *, since: int, below: UID) -> list[MessageFacts]:
        return await self._fetch(request, [SequenceSet(((1, below - 1),))], changed_since=since) if below > 1 else []

    def read_message(self, uid: UID) -> AbstractAsyncContextManager[MessageContent]:
        return self.client.fetch_content(uid)

    async def get_rights(self, mailbox: str) -> Rights:
        told = await self.client.run(GetAcl(mailbox))
        return Rights(mailbox=mailbox, entries=told.entries)

    async def search_as_written(self, query: str, *, is_gmail: bool = False) -> frozenset[UID]:
        key = Gmail(query) if is_gmail else parse_search_text(query)
        found = (await self.client.run(SearchAnywhere(key))).all_uids or SequenceSet()
        if found.has_star or found.count > MOST_FOUND:
            raise RemoteProtocolError(f"SEARCH found over {MOST_FOUND:,} messages", sent="", rfc="RFC 4731 section 3.1")
        return frozenset(UID(uid) for uid in found)

    async def quota_roots(self, mailbox: str) -> tuple[QuotaRoot, ...]:
        return tuple(quota_root_of(one) for one in await self.client.run(GetQuotaRoot(mailbox)))

    async def metadata(self, mailbox: str, *, entries: Sequence[str]) -> Mapping[str, bytes | None]:
        told = await self.client.run(GetMetadata(mailbox, tuple(entries)))
        return {entry.lower(): told.entries.get(entry.lower()) for entry in entries}

    async def particulars(
        self, mailboxes: Sequence[str], *, entries: Sequence[str] = (), own_rights: bool = False
    ) -> Mapping[str, Particulars]:
        return await particulars(self.client, mailboxes, entries=tuple(entries), own_rights=own_rights)

    async def my_rights(self, mailbox: str) -> str:
        return await self.client.run(MyRights(mailbox))

    async def close(self) -> None:
        await self.client.leave()

    def _opening(self, mailbox: str) -> Select:
        return Examine(mailbox)

    async def _open_by(self, opening: Select) -> MailboxStatus:
        with first_error():
            async with asyncio.TaskGroup() as group:
                group.create_task(self._introduce())
                opened = group.create_task(self.client.run(opening))
        return status_of(opened.result())

    async def _subscriptions(self) -> frozenset[str]:
        """By LSUB, where LIST does not tell them as well."""
        if "SUBSCRIBED" in list_return_options(self.capabilities):
            return frozenset()
        return frozenset(one.mailbox for one in await self.client.run(Lsub()))

    async def _introduce(self) -> None:
        """Ask once, beside the first command, who the server is: some (163.com) want to know who we are."""
        if self._is_introduced or "ID" not in self.capabilities:
            return
        self._is_introduced = True
        with contextlib.suppress(CommandRefused):
            await self.client.run(Id((("name", "mailrules"),)))

    async def _fetch(
        self, request: FactRequest, sets: Iterable[SequenceSet], *, changed_since: int | None = None
    ) -> list[MessageFacts]:
        object_id = object_id_item(self.capabilities, server_name=self.client.server_name)
        items = items_for(request, capabilities=self.capabilities, object_id=object_id)
        reading = FactsReading(self.client, request, items, limits=self._limits, changed_since=changed_since)
        return await reading.run(sets)


class ImapStore(ImapReader):
    """A ``MailStore`` over one connection: mailboxes are opened by SELECT."""

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        change = StoreChange.ADD if add else StoreChange.REMOVE
        flags = tuple(sorted(add or remove))
        told = await self.client.run(UidStore(SequenceSet.of(uids), change, flags, unchanged_since))
        confirmed = tuple(
            StoredFlags(uid=UID(one.uid), flags=one.flags, modseq=one.modseq)
            for one in told.confirmed
            if one.uid is not None and one.flags is not None
        )
        return StoreOutcome(confirmed=confirmed, modified=tuple(UID(uid) for uid in told.modified))

    async def copy(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        return copy_outcome_of(await self.client.run(UidCopy(SequenceSet.of(uids), target)))

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        return copy_outcome_of(await self.client.run(UidMove(SequenceSet.of(uids), target)))

    async def expunge(self, uids: Sequence[UID]) -> tuple[UID, ...]:
        gone = await self.client.run(UidExpunge(SequenceSet.of(uids)))
        return tuple(UID(uid) for uid in gone)

    async def append(
        self,
        mailbox: str,
        message: bytes | MessageContent,
        *,
        flags: frozenset[str] = frozenset(),
        received: datetime | None = None,
    ) -> AppendOutcome:
        named = tuple(sorted(flags))
        if isinstance(message, bytes):
            told = await self.client.run(Append(mailbox, message, named, received))
        else:
            literal = StreamedLiteral(message.size_bytes)
            told = await self.client.upload(Append(mailbox, literal, named, received), message)
        if told is None:
            return AppendOutcome(uidvalidity=0, uid=0)
        return AppendOutcome(uidvalidity=told.uidvalidity, uid=next(iter(told.uids)))

    async def create(self, mailbox: str, *, special_use: str = "") -> bool:
        try:
            await self.client.run(Create(mailbox, (special_use,) if special_use else ()))
        except CommandRefused as refusal:
            if refusal.code == "ALREADYEXISTS" or (not refusal.code and await self._exists(mailbox)):
                return False
            raise
        return True

    async def rename(self, mailbox: str, to: str) -> None:
        await self.client.run(Rename(mailbox, to))

    async def delete_mailbox(self, mailbox: str) -> None:
        await self.client.run(Delete(mailbox))

    async def subscribe(self, mailbox: str, *, subscribed: bool = True) -> None:
        await self.client.run(Subscribe(mailbox) if subscribed else Unsubscribe(mailbox))

    async def set_rights(self, mailbox: str, *, identifier: str, rights: str) -> None:
        await self.client.run(SetAcl(mailbox, identifier, rights) if rights else DeleteAcl(mailbox, identifier))

    async def set_metadata(self, mailbox: str, *, entry: str, value: bytes | None) -> None:
        await self.client.run(SetMetadata(mailbox, ((entry, value),)))

    async def set_quota(self, mailbox: str, *, limits: Mapping[str, int | None]) -> None:
        roots = await self.client.run(GetQuotaRoot(mailbox))
        # Cyrus makes a quota root for the mailbox of that name; others refuse it.
        name, before = (roots[0].root, roots[0].resources) if roots else (mailbox, {})
        wanted = {resource: one.limit for resource, one in before.items()} | dict(limits)
        kept = tuple((resource, number) for resource, number in wanted.items() if number is not None)
        await self.client.run(SetQuota(name, kept))

    async def wait_for_news(self, *, timeout_seconds: float) -> bool:
        if "IDLE" in self.capabilities or "IMAP4REV2" in self.capabilities:
            return await self.client.idle(timeout_seconds=timeout_seconds)
        loop = asyncio.get_running_loop()
        ends = loop.time() + timeout_seconds
        while not self.client.take_news():
            remaining = ends - loop.time()
            if remaining <= 0:
                return False
            await asyncio.sleep(min(remaining, POLL_SECONDS))
            await self.client.run(Noop())
        return True

    def _opening(self, mailbox: str) -> Select:
        return Select(mailbox)

    async def _exists(self, mailbox: str) -> bool:
        listed = await self.client.run(List(mailbox))
        return any(is_same_mailbox(one.mailbox, mailbox) and "\\nonexistent" not in one.attributes for one in listed)


async def connect_reader(
    account: AccountSettings, *, resolve_secret: SecretResolver = resolve, transcript: Transcript | None = None
) -> ImapReader:
    """Log in for reading only; errors are those of ``connect``."""
    client = await connect(account, resolve_secret=resolve_secret, transcript=transcript, memory=_LOGINS)
    return ImapReader(client, account=account.name)


async def connect_store(
    account: AccountSettings, *, resolve_secret: SecretResolver = resolve, transcript: Transcript | None = None
) -> ImapStore:
    """Log in for reading and writing; errors are those of ``connect``."""
    client = await connect(account, resolve_secret=resolve_secret, transcript=transcript, memory=_LOGINS)
    return ImapStore(client, account=account.name)
