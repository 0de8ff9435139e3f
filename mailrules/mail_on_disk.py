"""Mail in files, read as if it were a mailbox: one message (.eml, a maildir's), or many (mbox), through ``MailReader``.

What only a server can tell is unknowable: its searches, the quota, Gmail's labels, when a message was saved.
"""

from __future__ import annotations

import mmap
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NoReturn

from mailrules.errors import IMAPError, MailFileError, MissingCapability, RemoteProtocolError
from mailrules.mailbox.dates import parse_date
from mailrules.mailbox.message import UID, MessageFacts, Unreadable
from mailrules.mailbox.store import MailboxInfo, MailboxStatus
from mailrules.mailbox.whole_mail import WholeMail
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from mailrules.mailbox.message import FactRequest
    from mailrules.mailbox.store import Particulars, QuotaRoot, Rights

MAX_MESSAGE_BYTES = 256 << 20
_UIDVALIDITY = 1
_PIECE_BYTES = 64 << 10

# RFC 4155: "From ", the sender, and the time as asctime writes it; an empty line stands before it.
_SEPARATOR = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\r\n]*[0-9]{1,2}:[0-9]{2}[^\r\n]*\r?\n")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_STATUS_FLAGS = {"R": "\\Seen", "A": "\\Answered", "F": "\\Flagged", "D": "\\Deleted", "T": "\\Draft"}
_MAILDIR_FLAGS = {"S": "\\Seen", "R": "\\Answered", "F": "\\Flagged", "T": "\\Deleted", "D": "\\Draft"}
_MAILDIR_INFO = re.compile(r":2,([A-Za-z]*)$")


class OnlyAServerTells(MissingCapability):
    """Mail in files has no server that could be asked."""

    def __init__(self, command: str) -> None:
        self.command, self.capability, self.rfc = command, "", ""
        IMAPError.__init__(self, f"{command}: only a server can tell, and the message is in a file")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """Where a message lies: in ``data``, which is a file's bytes or a map of it, from ``start`` to ``end``."""

    data: bytes | mmap.mmap
    start: int
    end: int
    flags: frozenset[str] = frozenset()
    delivered: datetime | None = None
    """When an mbox's separator says that it came."""
    is_quoted: bool = False

    def mail(self) -> WholeMail:
        return WholeMail.of_file(self._bytes(self.start, self.end))

    def header(self) -> WholeMail:
        """The header alone: of most messages of a large mbox nothing else is read."""
        ends = (self.data.find(empty, self.start, self.end) for empty in (b"\n\n", b"\n\r\n"))
        end = min((one for one in ends if one >= 0), default=self.end)
        return WholeMail.of_file(self._bytes(self.start, min(end + 1, self.end)) + b"\n")

    def _bytes(self, start: int, end: int) -> bytes:
        content = self.data[start:end]
        return _QUOTED_FROM.sub(rb"\1", content) if self.is_quoted else content


class MailOnDisk:
    """A ``MailReader`` over files, which are one mailbox; UIDs count the messages from 1, in the order of the files."""

    def __init__(self, stored: Iterable[_Stored], *, account: str, mailbox: str) -> None:
        self._stored = tuple(stored)
        self._account, self._mailbox = account, mailbox

    @classmethod
    def of_files(cls, *, mails: Sequence[Path], mboxes: Sequence[Path], account: str, mailbox: str) -> MailOnDisk:
        """Messages that are a file each, then those of mbox files. Raises MailFileError."""
        stored = [one for path in mails for one in _of_mail(path)] + [one for path in mboxes for one in _of_mbox(path)]
        return cls(stored, account=account, mailbox=mailbox)

    @property
    def account(self) -> str:
        return self._account

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset()

    @property
    def opened(self) -> MailboxStatus:
        return self._status()

    async def list_mailboxes(self) -> tuple[MailboxInfo, ...]:
        return (MailboxInfo(name=self._mailbox, delimiter="/"),)

    async def open(self, mailbox: str) -> MailboxStatus:  # noqa: ARG002 -- there is only one
        return self._status()

    async def examine(self, mailbox: str) -> MailboxStatus:  # noqa: ARG002 -- there is only one
        return self._status()

    async def status(self, mailbox: str) -> MailboxStatus:  # noqa: ARG002 -- there is only one
        return self._status()

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        wanted = range(1, len(self._stored) + 1) if uids is None else sorted(set(uids))
        return [_facts(self._stored[uid - 1], UID(uid), request) for uid in wanted if 0 < uid <= len(self._stored)]

    async def fetch_from(self, request: FactRequest, first_uid: UID) -> list[MessageFacts]:
        return await self.fetch(request, [UID(uid) for uid in range(first_uid, len(self._stored) + 1)])

    async def fetch_changed(self, request: FactRequest, *, since: int, below: UID) -> list[MessageFacts]:  # noqa: ARG002
        self._refuse("what has changed")

    @asynccontextmanager
    async def read_message(self, uid: UID) -> AsyncIterator[_Content]:
        if not 0 < uid <= len(self._stored):
            raise RemoteProtocolError(f"there is no message with UID {uid}", sent="", rfc="RFC 9051 section 6.4.9")
        yield _Content(self._stored[uid - 1].mail().content)

    async def get_rights(self, mailbox: str) -> Rights:
        self._refuse(f"the rights of {mailbox}")

    async def search_as_written(self, query: str, *, is_gmail: bool = False) -> frozenset[UID]:
        self._refuse(f"what {'Gmail' if is_gmail else 'SEARCH'} finds by {query!r}")

    async def quota_roots(self, mailbox: str) -> tuple[QuotaRoot, ...]:
        self._refuse(f"the quota of {mailbox}")

    async def metadata(self, mailbox: str, *, entries: Sequence[str]) -> Mapping[str, bytes | None]:
        self._refuse(f"{', '.join(entries)} of {mailbox}")

    async def particulars(
        self, mailboxes: Sequence[str], *, entries: Sequence[str] = (), own_rights: bool = False
    ) -> Mapping[str, Particulars]:
        self._refuse(f"{', '.join([*entries, *(['the rights'] if own_rights else [])])} of {', '.join(mailboxes)}")

    async def my_rights(self, mailbox: str) -> str:
        self._refuse(f"the rights of {mailbox}")

    async def close(self) -> None:
        """Nothing is open: a map of a file goes with its last message."""

    @staticmethod
    def _refuse(what: str) -> NoReturn:
        raise OnlyAServerTells(what)

    def _status(self) -> MailboxStatus:
        return MailboxStatus(
            mailbox=self._mailbox,
            uidvalidity=_UIDVALIDITY,
            messages=len(self._stored),
            uidnext=len(self._stored) + 1,
            permanent_flags=frozenset(),
            read_only=True,
        )


class _Content:
    """A message's content in pieces."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size_bytes(self) -> int:
        return len(self._content)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), _PIECE_BYTES):
            yield self._content[start : start + _PIECE_BYTES]


def read_mail_file(path: Path) -> WholeMail:
    """The message in a file. Raises MailFileError."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_MESSAGE_BYTES:
            raise MailFileError(f"{path} has {size_bytes:,} bytes, over {MAX_MESSAGE_BYTES:,} for one message")
        return WholeMail.of_file(path.read_bytes())
    except OSError as error:
        raise MailFileError(f"cannot read {path}: {error.strerror or error}") from error


def _of_mail(path: Path) -> Iterator[_Stored]:
    content = read_mail_file(path).content
    info = _MAILDIR_INFO.search(path.name)
    flags = frozenset(_MAILDIR_FLAGS[letter] for letter in (info[1] if info else "") if letter in _MAILDIR_FLAGS)
    yield _Stored(data=content, start=0, end=len(content), flags=flags)


def _of_mbox(path: Path) -> Iterator[_Stored]:
    try:
        with path.open("rb") as file:
            empty = not path.stat().st_size
            data: bytes | mmap.mmap = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise MailFileError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    separators = list(_SEPARATOR.finditer(data))
    if data and (not separators or separators[0].start()):
        raise MailFileError(f'{path} does not begin as an mbox does, with a line "From sender date"')
    for place, separator in enumerate(separators):
        end = separators[place + 1].start() if place + 1 < len(separators) else len(data)
        if end - separator.end() > MAX_MESSAGE_BYTES:
            raise MailFileError(f"a message in {path} has over {MAX_MESSAGE_BYTES:,} bytes")
        # The empty line before a separator belongs to it.
        for empty_line in (b"\n\r\n", b"\n\n"):
            if data[max(end - len(empty_line), separator.end()) : end] == empty_line:
                end -= len(empty_line) - 1
        delivered = _delivered(separator.group())
        yield _Stored(data=data, start=separator.end(), end=end, delivered=delivered, is_quoted=True)


def _delivered(separator: bytes) -> datetime | None:
    _, _, rest = separator.partition(b" ")
    _, _, time = rest.strip().partition(b" ")
    told = parse_date(time.strip())
    return None if isinstance(told, Unreadable) else told


def _facts(stored: _Stored, uid: UID, request: FactRequest) -> MessageFacts:
    needs_all = request.size or request.structure or request.text or request.whole
    mail = stored.mail() if needs_all else stored.header()
    received: datetime | Unreadable | None = None
    if request.received:
        received = stored.delivered or mail.received
    return MessageFacts(
        uid=uid,
        flags=stored.flags | _flags_told(mail) if request.flags else None,
        size_bytes=len(mail.content) if request.size else None,
        received=received,
        saved=Unreadable(reason="a file does not tell when the message came into the mailbox")
        if request.saved
        else None,
        labels=Unreadable(reason="a message in a file has no labels") if request.labels else None,
        header=mail.fields(request.header_fields) if request.header_fields else None,
        structure=mail.structure if request.structure or request.text else None,
        texts=mail.texts if request.text else None,
        whole=mail.content if request.whole else None,
    )


def _flags_told(mail: WholeMail) -> frozenset[str]:
    """The flags in Status and X-Status, which mail programs write into an mbox."""
    letters = mail.fields(("status", "x-status")).decode("ascii", "replace")
    values = "".join(line.partition(":")[2] for line in letters.splitlines())
    return frozenset(_STATUS_FLAGS[letter] for letter in values if letter in _STATUS_FLAGS)
