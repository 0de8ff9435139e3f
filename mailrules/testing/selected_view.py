"""What does one session know of the mailbox it has open, and what must it still be told?"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from mailrules.testing.server_arguments import BadCommand, NeedsUids
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mailrules.testing.mail_state import StoredMailbox, StoredMessage
    from mailrules.testing.server_arguments import SequenceRanges
    from mailrules.testing.server_fetch import FetchItem

_SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft", "\\Recent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Which changes of the open mailbox a session is told now, and how."""

    expunges: bool
    """Only where sequence numbers may move."""
    arrivals: bool = True
    flags: bool = True
    fetched: tuple[FetchItem, ...] = ()
    """What is told of each new message (RFC 5465 section 5.2)."""
    with_uid: bool = False
    with_modseq: bool = False
    as_vanished: bool = False
    """With QRESYNC (RFC 7162 section 3.2.10); with UIDONLY it is so always (RFC 9586 section 3.4)."""


class SelectedView:
    """A session's sequence numbers over a mailbox, and the changes it has not been told of.

    Sequence numbers are this session's own: what another session expunges keeps its number here
    until ``news`` announces it (RFC 9051 section 7.5.1).
    """

    def __init__(
        self, mailbox: StoredMailbox, *, read_only: bool, uid_only: bool = False, has_news: asyncio.Event | None = None
    ) -> None:
        self.mailbox = mailbox
        self.read_only, self.uid_only = read_only, uid_only
        self.uids = list(mailbox.messages)
        self.recent = set(mailbox.recent)
        if not read_only:
            mailbox.recent.clear()
        self.has_news = has_news or asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._keywords_told = len(mailbox.keywords)
        self._last_uid = mailbox.uidnext - 1
        self._removed: list[int] = []
        self._changed: dict[int, None] = {}
        mailbox.observers.append(self)

    def close(self) -> None:
        self.mailbox.observers.remove(self)

    # How the mailbox tells of changes; a test may change it from another thread.

    def message_added(self, stored: StoredMessage) -> None:  # noqa: ARG002 - an Observer's signature
        self._loop.call_soon_threadsafe(self.has_news.set)

    def message_removed(self, uid: int) -> None:
        self._removed.append(uid)
        self._loop.call_soon_threadsafe(self.has_news.set)

    def flags_changed(self, stored: StoredMessage) -> None:
        self._changed[stored.uid] = None
        self._loop.call_soon_threadsafe(self.has_news.set)

    def number_of(self, uid: int) -> int:
        """The sequence number of a UID that the view holds."""
        return bisect_left(self.uids, uid) + 1

    def chosen(self, wanted: SequenceRanges, *, by_uid: bool) -> list[int]:
        """The UIDs that a set names, ascending. Raises BadCommand for a sequence number beyond the view."""
        largest = len(self.uids)
        if self.uid_only and not by_uid:
            raise NeedsUids
        if by_uid:
            found = [self._between(*pair) for pair in wanted.resolve(self.uids[-1] if self.uids else 0)]
        else:
            pairs = wanted.resolve(largest)
            if any(last > largest or first < 1 for first, last in pairs):
                raise BadCommand("Invalid messageset")
            found = [self.uids[first - 1 : last] for first, last in pairs]
        if len(found) == 1:
            return found[0]
        return sorted({uid for uids in found for uid in uids})

    def stored(self, uid: int) -> StoredMessage | None:
        """The message, None where another session has expunged it meanwhile."""
        return self.mailbox.messages.get(uid)

    def fetch_line(self, uid: int, words: bytes) -> bytes:
        """The untagged line, without ``* ``, that tells something of a message (RFC 9586 section 3.3: by UID)."""
        if self.uid_only:
            return b"%d UIDFETCH (%b)" % (uid, words)
        return b"%d FETCH (%b)" % (self.number_of(uid), words)

    def flags_text(self, stored: StoredMessage) -> bytes:
        """The message's flags as this session sees them, system flags first."""
        flags = stored.flags | {"\\Recent"} if stored.uid in self.recent else stored.flags
        system = [flag for flag in _SYSTEM_FLAGS if flag in flags]
        keywords = sorted(flag for flag in flags if not flag.startswith("\\"))
        return " ".join([*system, *keywords]).encode("latin-1", "replace")

    def flag_lines(self) -> bytes:
        """FLAGS and PERMANENTFLAGS as they are now."""
        self._keywords_told = len(self.mailbox.keywords)
        flags = " ".join([*_SYSTEM_FLAGS[:-1], *self.mailbox.keywords.values()]).encode("latin-1", "replace")
        permanent = b"()] Read-only mailbox." if self.read_only else b"(" + flags + b" \\*)] Flags permitted."
        return b"* FLAGS (" + flags + b")\r\n* OK [PERMANENTFLAGS " + permanent + b"\r\n"

    def own_changes_are_told(self, uids: Iterable[int]) -> None:
        """Forget flag changes of these messages: the session's own STORE has answered for them."""
        for uid in uids:
            self._changed.pop(uid, None)

    def new_keyword_lines(self) -> bytes:
        """FLAGS and PERMANENTFLAGS, where a keyword was used that the session has not heard of."""
        return self.flag_lines() if len(self.mailbox.keywords) > self._keywords_told else b""

    def news(self, told: Told) -> Iterator[bytes]:
        """The lines that tell the session of what changed."""
        if told.expunges:
            yield from self._vanished_lines() if told.as_vanished or self.uid_only else self._expunge_lines()
        if told.arrivals and self.mailbox.uidnext - 1 > self._last_uid:
            yield from self._arrival_lines(told.fetched)
        if not told.flags:
            self._changed.clear()
            return
        yield self.new_keyword_lines()
        for uid in self._changed:
            stored = self.stored(uid)
            place = bisect_left(self.uids, uid)
            if stored is not None and place < len(self.uids) and self.uids[place] == uid:
                modseq = b" MODSEQ (%d)" % stored.modseq if told.with_modseq else b""
                shown = b"UID %d " % uid if told.with_uid and not self.uid_only else b""
                yield b"* %b\r\n" % self.fetch_line(uid, b"%bFLAGS (%b)%b" % (shown, self.flags_text(stored), modseq))
        self._changed.clear()

    def _expunge_lines(self) -> Iterator[bytes]:
        removed, self._removed = self._removed, []
        for uid in removed:
            place = bisect_left(self.uids, uid)
            if place < len(self.uids) and self.uids[place] == uid:
                del self.uids[place]
                self.recent.discard(uid)
                yield b"* %d EXPUNGE\r\n" % (place + 1)

    def _vanished_lines(self) -> Iterator[bytes]:
        there = set(self.uids)
        gone = sorted(uid for uid in self._removed if uid in there)
        for _ in self._expunge_lines():
            pass  # the same, told otherwise
        if gone:
            yield b"* VANISHED %b\r\n" % b",".join(b"%d" % uid for uid in gone)

    def _arrival_lines(self, fetched: Sequence[FetchItem]) -> Iterator[bytes]:
        arrived = []
        for uid in reversed(self.mailbox.messages):
            if uid <= self._last_uid:
                break
            arrived.append(uid)
        self.uids.extend(reversed(arrived))
        self._last_uid = self.mailbox.uidnext - 1
        self.recent |= self.mailbox.recent & set(arrived)
        if not self.read_only:
            self.mailbox.recent.difference_update(arrived)
        yield b"* %d EXISTS\r\n* %d RECENT\r\n" % (len(self.uids), len(self.recent))
        for stored in (self.mailbox.messages[uid] for uid in reversed(arrived) if fetched):
            words = b" ".join(item.render(self, stored) for item in fetched)
            yield b"* %b\r\n" % self.fetch_line(stored.uid, words)

    def _between(self, first: int, last: int) -> list[int]:
        return self.uids[bisect_left(self.uids, first) : bisect_right(self.uids, last)]
