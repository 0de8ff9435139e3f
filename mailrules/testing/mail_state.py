"""What does a mail account of the test kit hold, and who is told when it changes?

The in-memory IMAP server and the memory store are two doors to the same ``MailAccount``, so a
test may act through one and look through the other.
"""

from __future__ import annotations

from dataclasses import field
from itertools import count
from typing import TYPE_CHECKING, Protocol

from mailrules.testing.builders import A_DAY, SampleMessage
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

ALL_RIGHTS = "lrwstipekxacd"
"""The owner's rights, in the order in which Dovecot writes them."""

FIRST_UIDVALIDITY = 1_700_000_001


def changed_rights(before: str, change: str) -> str:
    """What SETACL makes of rights: ``+`` and ``-`` add and remove, else all are replaced (RFC 4314 section 3.1)."""
    letters = set(change[1:] if change[:1] in {"+", "-"} else change)
    match change[:1]:
        case "+":
            after = set(before) | letters
        case "-":
            after = set(before) - letters
        case _:
            after = letters
    return "".join(letter for letter in ALL_RIGHTS if letter in after)


class NoSuchMailbox(LookupError):
    """The mailbox that was named does not exist."""


class MailboxExists(ValueError):
    """A mailbox of that name is there already."""


@dataclass(slots=True, kw_only=True)
class StoredMessage:
    """One message in one mailbox. ``flags`` never holds ``\\Recent``: that is a session's to know."""

    uid: int
    content: bytes
    flags: frozenset[str]
    received: datetime
    modseq: int
    object_id: str
    saved: datetime
    """When it came into this mailbox (SAVEDATE); delivered mail came when it was received."""


class Observer(Protocol):
    """Someone who has a mailbox open and is told of every change in it."""

    def message_added(self, stored: StoredMessage) -> None: ...

    def message_removed(self, uid: int) -> None: ...

    def flags_changed(self, stored: StoredMessage) -> None: ...


class AccountObserver(Protocol):
    """Someone who is told of every change among the mailboxes of an account."""

    def mailbox_created(self, mailbox: StoredMailbox) -> None: ...

    def mailbox_deleted(self, mailbox: StoredMailbox) -> None: ...

    def mailbox_renamed(self, mailbox: StoredMailbox, old_name: str) -> None: ...

    def subscription_changed(self, name: str) -> None: ...

    def metadata_changed(self, name: str, entry: str) -> None:
        """``name`` is "" for the server's own entries."""


@dataclass(slots=True, kw_only=True)
class StoredMailbox:
    """One mailbox. ``messages`` is ascending by UID, since UIDs are only ever added at its end."""

    name: str
    uidvalidity: int
    special_use: str = ""
    """An RFC 6154 attribute such as ``\\Trash``, or ""."""
    uidnext: int = 1
    highest_modseq: int = 1
    messages: dict[int, StoredMessage] = field(default_factory=dict)
    recent: set[int] = field(default_factory=set)
    """UIDs that no session has been told of as ``\\Recent`` yet."""
    rights: dict[str, str] = field(default_factory=dict)
    keywords: dict[str, str] = field(default_factory=dict)
    """Every keyword ever used here, in lower case, to its first spelling; a mailbox does not forget them."""
    observers: list[Observer] = field(default_factory=list)
    object_id: str = ""
    """MAILBOXID, which a new name does not change."""
    vanished: dict[int, int] = field(default_factory=dict)
    """UIDs that are gone, with the MODSEQ at which they went."""
    metadata: dict[str, bytes] = field(default_factory=dict)
    """Entries such as ``/private/comment``, in lower case, with their values."""

    @property
    def size_bytes(self) -> int:
        """What all its messages take."""
        return sum(len(stored.content) for stored in self.messages.values())

    def add(
        self,
        content: bytes,
        *,
        flags: frozenset[str],
        received: datetime,
        object_id: str,
        saved: datetime | None = None,
    ) -> StoredMessage:
        """Take in a message under the next UID."""
        self.highest_modseq += 1
        stored = StoredMessage(
            uid=self.uidnext,
            content=content,
            flags=self.spelled(flags) - {"\\Recent"},
            received=received,
            modseq=self.highest_modseq,
            object_id=object_id,
            saved=saved or received,
        )
        self.uidnext += 1
        self.messages[stored.uid] = stored
        self.recent.add(stored.uid)
        for observer in self.observers:
            observer.message_added(stored)
        return stored

    def remove(self, uid: int) -> None:
        """Take a message out for good."""
        del self.messages[uid]
        self.recent.discard(uid)
        self.highest_modseq += 1
        self.vanished[uid] = self.highest_modseq
        for observer in self.observers:
            observer.message_removed(uid)

    def set_flags(self, uid: int, flags: frozenset[str]) -> StoredMessage:
        """Replace a message's flags; without a difference nothing changes, MODSEQ included."""
        stored, flags = self.messages[uid], self.spelled(flags)
        if flags != stored.flags:
            self.highest_modseq += 1
            stored.flags, stored.modseq = flags, self.highest_modseq
            for observer in self.observers:
                observer.flags_changed(stored)
        return stored

    def spelled(self, flags: frozenset[str]) -> frozenset[str]:
        """These flags, keywords as the mailbox first met them: keywords have no case."""
        return frozenset(
            flag if flag.startswith("\\") else self.keywords.setdefault(flag.lower(), flag) for flag in sorted(flags)
        )


class MailAccount:
    """One user's mailboxes, with ``/`` between the levels of a name.

    Names are decoded text. INBOX is there from the start, under any spelling of its case.
    """

    delimiter = "/"

    def __init__(
        self,
        user: str = "ann",
        *,
        password: str = "pass",  # noqa: S107 - the test kit's well-known password, as documented
        special_use: bool = True,
    ) -> None:
        self.user, self.password = user, password
        self.mailboxes: dict[str, StoredMailbox] = {}
        self.subscriptions: set[str] = set()
        self.quota: list[tuple[str, int, int]] = []
        """What limits every mailbox: a resource's name, what is used of it, and its limit."""
        self.metadata: dict[str, bytes] = {}
        """The server's own entries, such as ``/shared/admin``."""
        self.observers: list[AccountObserver] = []
        self.quota_bytes: int | None = None
        """How much all mailboxes together may hold, which the IMAP server keeps to; None: as much as there is."""
        self._uidvalidities = count(FIRST_UIDVALIDITY)
        self._object_ids = count(1)
        self.create("INBOX")
        if special_use:
            for name in ("Archive", "Junk", "Trash"):
                self.create(name).special_use = f"\\{name}"

    def __getitem__(self, name: str) -> StoredMailbox:
        """The mailbox of this name. Raises NoSuchMailbox."""
        try:
            return self.mailboxes[canonical_name(name)]
        except KeyError:
            raise NoSuchMailbox(name) from None

    def __contains__(self, name: str) -> bool:
        return canonical_name(name) in self.mailboxes

    def create(self, name: str) -> StoredMailbox:
        """Make an empty mailbox. Raises MailboxExists."""
        if name in self:
            raise MailboxExists(name)
        name = canonical_name(name)
        uidvalidity = next(self._uidvalidities)
        mailbox = StoredMailbox(
            name=name, uidvalidity=uidvalidity, rights={self.user: ALL_RIGHTS}, object_id=f"F{uidvalidity:08x}"
        )
        self.mailboxes[name] = mailbox
        for observer in self.observers:
            observer.mailbox_created(mailbox)
        return mailbox

    @property
    def size_bytes(self) -> int:
        """What all mailboxes hold."""
        return sum(mailbox.size_bytes for mailbox in self.mailboxes.values())

    def has_room_for(self, size_bytes: int) -> bool:
        """Whether the quota lets so many more bytes in."""
        return self.quota_bytes is None or self.size_bytes + size_bytes <= self.quota_bytes

    def parents(self) -> list[str]:
        """The names above mailboxes that are no mailboxes themselves, sorted."""
        levels = [name.split(self.delimiter) for name in self.mailboxes]
        above = {self.delimiter.join(path[:depth]) for path in levels for depth in range(1, len(path))}
        return sorted(above - self.mailboxes.keys())

    def has_children(self, name: str) -> bool:
        """Whether a mailbox lies below this name."""
        return any(other.startswith(name + self.delimiter) for other in self.mailboxes)

    def delete(self, name: str) -> None:
        """Remove a mailbox with its messages. Raises NoSuchMailbox."""
        mailbox = self[name]
        for uid in list(mailbox.messages):
            mailbox.remove(uid)
        del self.mailboxes[mailbox.name]
        for observer in self.observers:
            observer.mailbox_deleted(mailbox)

    def rename(self, name: str, new_name: str) -> None:
        """Give a mailbox and all below it new names. Raises NoSuchMailbox or MailboxExists."""
        old = self[name].name
        if new_name in self:
            raise MailboxExists(new_name)
        for path in [path for path in self.mailboxes if path == old or path.startswith(old + self.delimiter)]:
            mailbox = self.mailboxes.pop(path)
            mailbox.name = new_name + path[len(old) :]
            self.mailboxes[mailbox.name] = mailbox
            for observer in self.observers:
                observer.mailbox_renamed(mailbox, path)

    def subscribe(self, name: str, *, subscribed: bool = True) -> None:
        """Take a name among the subscriptions, or out of them; no mailbox need have it."""
        if (name in self.subscriptions) is subscribed:
            return
        (self.subscriptions.add if subscribed else self.subscriptions.discard)(name)
        for observer in self.observers:
            observer.subscription_changed(name)

    def annotate(self, name: str, entry: str, value: bytes | None) -> None:
        """Set an entry of a mailbox, or of the server where the name is ""; None removes it. Raises NoSuchMailbox."""
        entries, entry = self[name].metadata if name else self.metadata, entry.lower()
        if entries.get(entry) == value:
            return
        entries.pop(entry, None)
        if value is not None:
            entries[entry] = value
        for observer in self.observers:
            observer.metadata_changed(name, entry)

    def add(
        self,
        mailbox: str,
        content: bytes,
        *,
        flags: Iterable[str] = (),
        received: datetime = A_DAY,
        saved: datetime | None = None,
    ) -> StoredMessage:
        """Deliver one message. Raises NoSuchMailbox."""
        return self[mailbox].add(
            content,
            flags=frozenset(flags),
            received=received,
            object_id=f"M{next(self._object_ids):012x}",
            saved=saved,
        )

    def fill(self, mailbox: str, messages: Iterable[SampleMessage]) -> int:
        """Deliver many messages, making the mailbox if it is missing; returns how many they were.

        As in a real mailbox that a client has seen before, only messages with ``\\Recent`` are recent.
        """
        target = self[mailbox] if mailbox in self else self.create(mailbox)
        number = 0
        for number, sample in enumerate(messages, start=1):  # noqa: B007 - counted, and used after the loop
            stored = self.add(target.name, sample.content, flags=sample.flags, received=sample.received)
            if "\\Recent" not in sample.flags:
                target.recent.discard(stored.uid)
        return number

    def copy(
        self, source: StoredMailbox, uid: int, target: StoredMailbox, *, saved: datetime | None = None
    ) -> StoredMessage:
        """Copy one message with its flags, date and object id."""
        stored = source.messages[uid]
        return target.add(
            stored.content, flags=stored.flags, received=stored.received, object_id=stored.object_id, saved=saved
        )

    def change_uidvalidity(self, name: str) -> None:
        """What a lost index does: a new UIDVALIDITY over the same UIDs."""
        self[name].uidvalidity = next(self._uidvalidities)


def canonical_name(name: str) -> str:
    """INBOX in capitals, every other name as it is."""
    return "INBOX" if name.upper() == "INBOX" else name
