"""Commands that take messages elsewhere or away: copy, move and expunge, always by UID.

There is no EXPUNGE and no CLOSE here: both remove what other people have marked as deleted.
"""

from __future__ import annotations

from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from mailrules.imap.command import Answer, Command, Extension
from mailrules.imap.pipelining import overlap
from mailrules.imap.response_codes import CopyUid
from mailrules.imap.responses import ExpungeData, Status, StatusResponse, VanishedData
from mailrules.imap.writer import MailboxNode, Node, exact_set
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailrules.imap.parser import Untagged
    from mailrules.imap.sequence_set import SequenceSet


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedMessages:
    """What COPYUID proves (RFC 4315): source UID to target UID, in a target of this UIDVALIDITY.

    Empty, with UIDVALIDITY 0, where the server proved nothing: no COPYUID, or one that contradicts
    the command or itself.
    """

    uidvalidity: int = 0
    uids: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class UidCopy(Command[CopiedMessages]):
    """UID COPY (RFC 9051 section 6.4.7)."""

    name: ClassVar[str] = "UID COPY"
    uids: SequenceSet
    mailbox: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (exact_set(self.uids), MailboxNode(self.mailbox))

    def result(self, answer: Answer) -> CopiedMessages:
        return check_copied((answer.reply.code,), asked=self.uids)

    def touches(self) -> SequenceSet | None:
        return self.uids


@dataclass(frozen=True, slots=True)
class UidMove(Command[CopiedMessages]):
    """UID MOVE (RFC 6851). COPYUID comes in untagged OKs, several where the server moves in pieces."""

    name: ClassVar[str] = "UID MOVE"
    extension: ClassVar[Extension | None] = Extension(capability="MOVE", rfc="RFC 6851", in_rev2=True)
    uids: SequenceSet
    mailbox: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (exact_set(self.uids), MailboxNode(self.mailbox))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        code = _copy_code(response)
        if code is not None:
            return any(source in self.uids for source, _ in code.pairs)
        return _may_be_gone(response, self.uids)

    def result(self, answer: Answer) -> CopiedMessages:
        untagged = (_copy_code(response) for response in answer.claimed)
        return check_copied((*untagged, answer.reply.code), asked=self.uids)

    def touches(self) -> SequenceSet | None:
        return self.uids


@dataclass(frozen=True, slots=True)
class UidExpunge(Command[tuple[int, ...]]):
    """UID EXPUNGE (RFC 4315); the result is the UIDs that are known to be gone, ascending."""

    name: ClassVar[str] = "UID EXPUNGE"
    extension: ClassVar[Extension | None] = Extension(capability="UIDPLUS", rfc="RFC 4315", in_rev2=True)
    uids: SequenceSet

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (exact_set(self.uids),)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return _may_be_gone(response, self.uids)

    def result(self, answer: Answer) -> tuple[int, ...]:
        gone = [response.uids for response in answer.claimed if isinstance(response, VanishedData)]
        return tuple(uid for uid in self.uids if any(uid in uids for uids in gone))

    def touches(self) -> SequenceSet | None:
        return self.uids


def check_copied(codes: Iterable[object], *, asked: SequenceSet) -> CopiedMessages:
    """Put COPYUID codes together, others are left aside; empty unless all of it fits the command and itself."""
    uidvalidities: set[int] = set()
    uids: dict[int, int] = {}
    pairs = 0
    for code in codes:
        if isinstance(code, CopyUid):
            uidvalidities.add(code.uidvalidity)
            uids.update(code.pairs)
            pairs += len(code.pairs)
    is_one_to_one = len(uids) == pairs == len(set(uids.values()))
    if len(uidvalidities) != 1 or not is_one_to_one or not all(source in asked for source in uids):
        return CopiedMessages()
    return CopiedMessages(uidvalidity=uidvalidities.pop(), uids=MappingProxyType(uids))


def _copy_code(response: Untagged) -> CopyUid | None:
    if isinstance(response, StatusResponse) and response.status is Status.OK and isinstance(response.code, CopyUid):
        return response.code
    return None


def _may_be_gone(response: Untagged, uids: SequenceSet) -> bool:
    """Whether this tells that some of ``uids`` left. An EXPUNGE reaches a command only if its UID is not known."""
    if isinstance(response, VanishedData):
        return not response.earlier and overlap(uids, response.uids)
    return isinstance(response, ExpungeData)
