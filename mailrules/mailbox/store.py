"""What the pipeline may ask of a mail account: the seam between our logic and IMAP.

``MailReader`` cannot change anything: previews get one, on mailboxes opened with EXAMINE.
``MailStore`` adds the writes. Both speak UIDs only, never sequence numbers. Every method may
raise ``ConnectionLost`` (the outcome is then unknown) and ``CommandRefused``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from mailrules.mailbox.message import UID, FactRequest, MessageFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxInfo:
    """One line of LIST (RFC 9051 section 7.3.1); ``name`` is decoded, ``delimiter`` may be ""."""

    name: str
    delimiter: str
    attributes: frozenset[str] = frozenset()
    """Lower case with the backslash: ``\\noselect``, ``\\trash``."""
    subscribed: bool = False

    @property
    def special_use(self) -> frozenset[str]:
        """The RFC 6154 attributes without backslash: trash, archive, junk, sent, drafts, all, flagged."""
        uses = {"trash", "archive", "junk", "sent", "drafts", "all", "flagged", "important"}
        return frozenset(name[1:] for name in self.attributes if name[1:] in uses)

    @property
    def selectable(self) -> bool:
        return not self.attributes & {"\\noselect", "\\nonexistent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxStatus:
    """What SELECT, EXAMINE or STATUS told of a mailbox; None where the server did not say."""

    mailbox: str
    uidvalidity: int
    messages: int
    uidnext: int | None = None
    highest_modseq: int | None = None
    permanent_flags: frozenset[str] | None = None
    """Flags that STORE keeps; holds ``\\*`` where new keywords may be made. None: not told (STATUS)."""
    read_only: bool = False
    mailbox_id: str = ""
    """Stays when the mailbox is renamed (RFC 8474); "" where the server does not say."""
    uids_are_sticky: bool = True
    """False where UIDs do not outlive the session (UIDNOTSTICKY, RFC 4315)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFlags:
    """The FETCH that STORE echoed for one message: its flags now, and its new MODSEQ."""

    uid: UID
    flags: frozenset[str]
    modseq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOutcome:
    """``confirmed``: echoed by the server; ``modified``: refused by UNCHANGEDSINCE (RFC 7162)."""

    confirmed: tuple[StoredFlags, ...]
    modified: tuple[UID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOutcome:
    """COPYUID (RFC 4315): source UID to target UID for each message the server says it copied.

    ``uidvalidity`` is the target's; 0 and an empty mapping where the server sent no COPYUID,
    in which case nothing is confirmed.
    """

    uidvalidity: int
    uids: Mapping[UID, UID]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendOutcome:
    """APPENDUID (RFC 4315); 0 and 0 where the server sent none."""

    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """GETACL of one mailbox (RFC 4314): identifier to rights letters."""

    mailbox: str
    entries: Mapping[str, str]


class MessageContent(Protocol):
    """A whole message on its way from a server, in pieces of any size; iterated once."""

    @property
    def size_bytes(self) -> int:
        """As the server announced it."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUse:
    """One resource that a mailbox's quota limits (RFC 9208); STORAGE is in units of 1024 bytes."""

    name: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRoot:
    """One quota that a mailbox falls under (RFC 9208); several mailboxes may share it, and it may limit nothing."""

    name: str
    resources: tuple[ResourceUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What was asked of one mailbox beside its rights and quotas.

    ``metadata`` has every entry that was asked for, None where it has no value; ``own_rights`` is "" where they were
    not asked for. ``refusal`` are the server's words where it tells nothing.
    """

    metadata: Mapping[str, bytes | None]
    own_rights: str = ""
    refusal: str = ""


class MailReader(Protocol):
    """One account, read only."""

    @property
    def account(self) -> str:
        """The account's name in the configuration."""
        ...

    @property
    def capabilities(self) -> frozenset[str]:
        """Capabilities after login, upper case."""
        ...

    @property
    def opened(self) -> MailboxStatus | None:
        """The mailbox that is open now, as the server's responses tell it by now; None where none is."""
        ...

    async def list_mailboxes(self) -> tuple[MailboxInfo, ...]:
        """All mailboxes, with special use and subscription where the server tells."""
        ...

    async def open(self, mailbox: str) -> MailboxStatus:
        """Open for reading: EXAMINE in a reader, SELECT in a store. Stays open until the next ``open``."""
        ...

    async def examine(self, mailbox: str) -> MailboxStatus:
        """Open by EXAMINE, in a store too: nothing there changes, \\Recent included. A STORE would do nothing now."""
        ...

    async def status(self, mailbox: str) -> MailboxStatus:
        """STATUS of a mailbox that need not be open: messages, UIDNEXT, UIDVALIDITY, HIGHESTMODSEQ."""
        ...

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        """Facts of these messages of the open mailbox, ascending by UID; None means all.

        Chunks are pipelined. UIDs that no longer exist are left out. Raises MessagesUnreadable where the server tells
        of messages what cannot be read, with the facts of all others as its ``result``.
        """
        ...

    async def fetch_from(self, request: FactRequest, first_uid: UID) -> list[MessageFacts]:
        """Facts of all messages with ``uid >= first_uid`` (never the ``*`` surprise below it). Raises as ``fetch``."""
        ...

    async def fetch_changed(self, request: FactRequest, *, since: int, below: UID) -> list[MessageFacts]:
        """Facts of the messages with ``uid < below`` that have changed: CHANGEDSINCE a MODSEQ (RFC 7162)."""
        ...

    def read_message(self, uid: UID) -> AbstractAsyncContextManager[MessageContent]:
        """The whole message of the open mailbox, byte for byte, in constant memory; it stays unseen.

        Raises RemoteProtocolError where there is no such message.
        """
        ...

    async def get_rights(self, mailbox: str) -> Rights:
        """GETACL. Raises ``MissingCapability`` where the server has no ACL."""
        ...

    async def search_as_written(self, query: str, *, is_gmail: bool = False) -> frozenset[UID]:
        """What the server itself finds in the open mailbox, by IMAP's keys or by Gmail's search language.

        Raises ``MissingCapability`` where the server lacks what the search needs.
        """
        ...

    async def quota_roots(self, mailbox: str) -> tuple[QuotaRoot, ...]:
        """GETQUOTAROOT: the quotas that it falls under, in the server's order. Raises ``MissingCapability``."""
        ...

    async def metadata(self, mailbox: str, *, entries: Sequence[str]) -> Mapping[str, bytes | None]:
        """GETMETADATA of these entries in lower case (RFC 5464), None where one has no value.

        Raises ``MissingCapability``.
        """
        ...

    async def particulars(
        self, mailboxes: Sequence[str], *, entries: Sequence[str] = (), own_rights: bool = False
    ) -> Mapping[str, Particulars]:
        """GETMETADATA and MYRIGHTS of many mailboxes: one LIST where the server can do that, else side by side.

        Raises ``MissingCapability``.
        """
        ...

    async def my_rights(self, mailbox: str) -> str:
        """MYRIGHTS: our own rights letters."""
        ...

    async def close(self) -> None:
        """LOGOUT and close; never raises for a connection that is already gone."""
        ...


class MailStore(MailReader, Protocol):
    """One account, with the writes. Only ``execution`` calls these.

    Calls may overlap (several tasks awaiting at once); the pipelining gate holds back what may not.
    UIDs of one call fit one command: the executor cuts batches with ``imap.sequence_set``.
    """

    async def store_flags(
        self,
        uids: Sequence[UID],
        *,
        add: frozenset[str] = frozenset(),
        remove: frozenset[str] = frozenset(),
        unchanged_since: int | None = None,
    ) -> StoreOutcome:
        """One UID STORE without .SILENT; exactly one of ``add`` and ``remove`` is non-empty."""
        ...

    async def copy(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        """UID COPY. A missing target raises ``CommandRefused`` with code TRYCREATE."""
        ...

    async def move(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        """UID MOVE (RFC 6851). Raises ``MissingCapability`` where there is no MOVE."""
        ...

    async def expunge(self, uids: Sequence[UID]) -> tuple[UID, ...]:
        """UID EXPUNGE (RFC 4315) of exactly these, which must carry \\Deleted; returns what is gone.

        Raises ``MissingCapability`` where there is no UIDPLUS; never falls back to EXPUNGE.
        """
        ...

    async def append(
        self,
        mailbox: str,
        message: bytes | MessageContent,
        *,
        flags: frozenset[str] = frozenset(),
        received: datetime | None = None,
    ) -> AppendOutcome:
        """APPEND one message, whole or as it comes from another connection.

        A missing mailbox raises ``CommandRefused`` with code TRYCREATE.
        """
        ...

    async def create(self, mailbox: str, *, special_use: str = "") -> bool:
        """CREATE; True when made by us, False when it was there (ALREADYEXISTS).

        ``special_use`` is what it is for, as in ``\\Archive`` (RFC 6154). Raises ``MissingCapability``.
        """
        ...

    async def rename(self, mailbox: str, to: str) -> None:
        """RENAME, of all mailboxes below it too. Never of INBOX, which would only lose its messages."""
        ...

    async def delete_mailbox(self, mailbox: str) -> None:
        """DELETE. Used by undo only, for an empty mailbox that our run created."""
        ...

    async def subscribe(self, mailbox: str, *, subscribed: bool = True) -> None:
        """SUBSCRIBE or UNSUBSCRIBE."""
        ...

    async def set_rights(self, mailbox: str, *, identifier: str, rights: str) -> None:
        """SETACL with exactly these rights, or with ``+lr`` or ``-w`` the change alone; ``""`` sends DELETEACL."""
        ...

    async def set_metadata(self, mailbox: str, *, entry: str, value: bytes | None) -> None:
        """SETMETADATA of one entry; None removes it. Raises ``MissingCapability``."""
        ...

    async def set_quota(self, mailbox: str, *, limits: Mapping[str, int | None]) -> None:
        """SETQUOTA of the mailbox's first quota root: these limits change (None: goes), the others stay.

        Where the mailbox falls under none, one of its own name is asked for. Raises ``MissingCapability``.
        """
        ...

    async def wait_for_news(self, *, timeout_seconds: float) -> bool:
        """IDLE (RFC 2177) on the open mailbox, or NOOP where there is no IDLE, until something
        changed there; True when it did, False when the time passed.

        Renews IDLE before the server's limit. Cancelling leaves the connection usable or closed.
        """
        ...
