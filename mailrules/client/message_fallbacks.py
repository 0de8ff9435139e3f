"""How are messages moved, replaced, appended and compared on a server that has no one command for it?

Each procedure takes the one command where the server has it, and else the way that its RFC describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from mailrules.client.fallbacks import Procedure, run
from mailrules.errors import CommandRefused, LocalProtocolError, MessageLimitReached, MissingCapability, StoppedHalfway
from mailrules.imap.announced_limits import message_limit, save_limit
from mailrules.imap.append_commands import Append, MultiAppend, NewMessage, UidReplace
from mailrules.imap.copy_commands import CopiedMessages, UidCopy, UidExpunge, UidMove
from mailrules.imap.message_commands import StoreChange, UidFetch, UidFetchChanges, UidSearch, UidStore
from mailrules.imap.response_codes import AppendUid, Code
from mailrules.imap.resync import CONDSTORE, QRESYNC, Changes
from mailrules.imap.search_keys import Uids
from mailrules.imap.sequence_set import SequenceSet, cut_by_bytes
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mailrules.client.fallbacks import Steps
    from mailrules.imap.append_commands import MessageContent
    from mailrules.imap.command import Command, Extension
    from mailrules.imap.fetch_items import FetchItems

R = TypeVar("R")

_UID_EXPUNGE = UidExpunge.extension
_DELETED = ("\\Deleted",)
_SHORT_RANGES = 40


@dataclass(frozen=True, slots=True)
class MoveAnywhere(Procedure[CopiedMessages]):
    """MOVE, else COPY, STORE \\Deleted and UID EXPUNGE (RFC 6851 section 3.3).

    Without UIDPLUS there is no way that leaves alone what others have marked as deleted: MissingCapability,
    before anything is sent. What is refused after the copy is made is a ``StoppedHalfway``.
    """

    rests_on_selection: ClassVar[bool] = True
    uids: SequenceSet
    mailbox: str

    def steps(self, offered: frozenset[str]) -> Steps[CopiedMessages]:
        if _has(UidMove.extension, offered):
            return (yield from run(UidMove(self.uids, self.mailbox)))
        _require_uid_expunge("MOVE", offered)
        copied = yield from run(UidCopy(self.uids, self.mailbox))
        yield from _remove(self.uids, done=copied, goal="MOVE")
        return copied


@dataclass(frozen=True, slots=True)
class ReplaceAnywhere(Procedure[AppendUid | None]):
    """REPLACE, else APPEND, STORE \\Deleted and UID EXPUNGE (RFC 8508 section 3.4).

    In between both messages are there, and count for the quota. UIDPLUS is needed as for ``MoveAnywhere``.
    """

    rests_on_selection: ClassVar[bool] = True
    uid: int
    mailbox: str
    message: MessageContent
    flags: tuple[str, ...] = ()
    received: datetime | None = None

    def steps(self, offered: frozenset[str]) -> Steps[AppendUid | None]:
        if _has(UidReplace.extension, offered):
            command = UidReplace(self.uid, self.mailbox, self.message, self.flags, self.received)
            return (yield from run(command))
        _require_uid_expunge("REPLACE", offered)
        appended = yield from run(Append(self.mailbox, self.message, self.flags, self.received))
        yield from _remove(SequenceSet.of((self.uid,)), done=appended, goal="REPLACE")
        return appended


@dataclass(frozen=True, slots=True)
class AppendAnywhere(Procedure[tuple[AppendUid | None, ...]]):
    """MULTIAPPEND, which takes all or none, else one APPEND after the other (RFC 3502).

    Where the server limits how many messages one command may make (RFC 9738), several MULTIAPPENDs go out. One
    value for each message, None where the server proves nothing. A refusal of a later command is a
    ``StoppedHalfway`` with what the earlier ones gave; none is sent ahead, so that none follows a refusal.
    """

    mailbox: str
    messages: tuple[NewMessage, ...]

    def steps(self, offered: frozenset[str]) -> Steps[tuple[AppendUid | None, ...]]:
        at_once = (save_limit(offered) or len(self.messages)) if _has(MultiAppend.extension, offered) else 1
        done: tuple[AppendUid | None, ...] = ()
        for start in range(0, len(self.messages), max(1, at_once)):
            batch = self.messages[start : start + at_once]
            try:
                proof = yield from run(self._append(batch))
            except CommandRefused as refusal:
                if not done:
                    raise
                raise StoppedHalfway("APPEND of several messages", done=done, refusal=refusal) from refusal
            done += _each(proof, count=len(batch))
        return done

    def _append(self, batch: tuple[NewMessage, ...]) -> Append | MultiAppend:
        if len(batch) > 1:
            return MultiAppend(self.mailbox, batch)
        return Append(self.mailbox, batch[0].content, batch[0].flags, batch[0].received)


@dataclass(frozen=True, slots=True)
class ChangesAnywhere(Procedure[Changes]):
    """What has changed among ``known`` since ``modseq``: by QRESYNC where it is enabled, else by CONDSTORE.

    The latter takes a UID SEARCH to see which of the known messages are gone (RFC 7162 section 3.2.6, example 1).
    """

    rests_on_selection: ClassVar[bool] = True
    known: SequenceSet
    items: FetchItems
    modseq: int

    def steps(self, offered: frozenset[str]) -> Steps[Changes]:
        if self.known.has_star:
            raise LocalProtocolError("what is known to us has no *: name the UIDs")
        if QRESYNC.is_offered(offered):
            try:
                return (yield from run(UidFetchChanges(self.known, self.items, self.modseq)))
            except LocalProtocolError:  # it is not enabled on this connection
                pass
        if not CONDSTORE.is_offered(offered):
            raise MissingCapability("changes since a MODSEQ", capability="CONDSTORE", rfc="RFC 7162")
        messages = yield from run(UidFetch(self.known, self.items, changed_since=self.modseq))
        present = yield from run(UidSearch(Uids(_hull(self.known))))
        return Changes(messages=messages, vanished=self.known.without(SequenceSet.of(present)))


@dataclass(frozen=True, slots=True)
class InParts(Procedure[tuple[R, ...]]):
    """One command over any number of messages, in as many parts as MESSAGELIMIT makes of it (RFC 9738).

    ``command`` gives the command for a set. The result is one value for each part, from the highest UIDs
    down within what one command began. On a server without a limit this is one command.
    """

    rests_on_selection: ClassVar[bool] = True
    uids: SequenceSet
    command: Callable[[SequenceSet], Command[R]]

    def steps(self, offered: frozenset[str]) -> Steps[tuple[R, ...]]:
        limit = message_limit(offered)
        left = [self.uids] if limit is None or self.uids.has_star else _cut(self.uids, limit)
        results: list[R] = []
        while left:
            part = left.pop()
            try:
                results.append((yield from run(self.command(part))))
            except MessageLimitReached as reached:
                results.append(reached.result)  # type: ignore[arg-type] # the R of the command
                if rest := part.below(reached.lowest_uid):
                    left.append(rest)
        return tuple(results)


def _hull(uids: SequenceSet) -> SequenceSet:
    """From the first to the last where the set itself is longer than the shortest line of a known server takes."""
    if len(uids.ranges) <= _SHORT_RANGES:
        return uids
    return SequenceSet(((uids.ranges[0][0], uids.ranges[-1][1]),))


def _cut(uids: SequenceSet, limit: int) -> list[SequenceSet]:
    return list(cut_by_bytes(uids, max_count=max(1, limit)))


def _remove(uids: SequenceSet, *, done: object, goal: str) -> Steps[None]:
    """Take messages from the open mailbox whose new copies are there: ``done``."""
    for command in (UidStore(uids, StoreChange.ADD, _DELETED), UidExpunge(uids)):
        try:
            yield from run(command)
        except CommandRefused as refusal:
            # RFC 5530: somebody else was faster with some of them; the others have been done.
            if refusal.code != Code.EXPUNGE_ISSUED:
                raise StoppedHalfway(goal, done=done, refusal=refusal) from refusal


def _require_uid_expunge(goal: str, offered: frozenset[str]) -> None:
    if not _has(_UID_EXPUNGE, offered):
        raise MissingCapability(f"{goal}, or what stands in for it,", capability="UIDPLUS", rfc="RFC 4315")


def _has(extension: Extension | None, offered: frozenset[str]) -> bool:
    return extension is None or extension.is_offered(offered)


def _each(proof: AppendUid | None, *, count: int) -> tuple[AppendUid | None, ...]:
    if proof is None:
        return (None,) * count
    return tuple(AppendUid(uidvalidity=proof.uidvalidity, uids=SequenceSet.of((uid,))) for uid in proof.uids)
