"""What does a client tell a server so that it hears only what has changed since (RFC 7162)?"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from mailrules.errors import LocalProtocolError
from mailrules.imap.command import Extension
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import Atom, Node, Number, ParenthesisedList, SequenceSetNode
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.imap.fetch_data import FetchData

CONDSTORE: Final = Extension(capability="CONDSTORE", rfc="RFC 7162", implied_by=frozenset({"QRESYNC"}))
QRESYNC: Final = Extension(capability="QRESYNC", rfc="RFC 7162", must_be_enabled=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resync:
    """The QRESYNC parameter of SELECT (RFC 7162 section 3.2.5): what we know from last time.

    ``known_uids`` restricts what we want to hear of; empty is every message. ``sampled_numbers`` and
    ``sampled_uids`` are a sample of sequence numbers and the UIDs that stood there, pair by pair in ascending
    order: a server that has forgotten old expunges then names fewer UIDs as gone.
    """

    uidvalidity: int
    modseq: int
    known_uids: SequenceSet = field(default_factory=SequenceSet)
    sampled_numbers: SequenceSet = field(default_factory=SequenceSet)
    sampled_uids: SequenceSet = field(default_factory=SequenceSet)

    def nodes(self) -> tuple[Node, ...]:
        """What stands behind the mailbox in SELECT's list of parameters. Raises LocalProtocolError."""
        if not (1 <= self.uidvalidity < 2**63 and 1 <= self.modseq < 2**63):
            raise LocalProtocolError(f"no UIDVALIDITY and MODSEQ to resync by: {self.uidvalidity}, {self.modseq}")
        if self.known_uids.has_star or self.sampled_numbers.has_star or self.sampled_uids.has_star:
            raise LocalProtocolError("the UIDs known to us cannot hold *")
        if self.sampled_numbers.count != self.sampled_uids.count:
            raise LocalProtocolError("each sampled sequence number takes one UID")
        told: list[Node] = [Number(self.uidvalidity), Number(self.modseq)]
        if self.known_uids:
            told.append(SequenceSetNode(self.known_uids))
        if self.sampled_uids:
            pairs = SequenceSetNode(self.sampled_numbers), SequenceSetNode(self.sampled_uids)
            told.append(ParenthesisedList(pairs))
        return Atom("QRESYNC"), ParenthesisedList(tuple(told))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What has changed since a MODSEQ: messages with new flags, or new ones, ascending by UID, and those that are gone.

    ``vanished`` may hold UIDs that never were, since servers answer in ranges.
    """

    messages: tuple[FetchData, ...] = ()
    vanished: SequenceSet = field(default_factory=SequenceSet)
