"""In which pieces is a large set of UIDs asked for, so that each answer is small?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.imap.sequence_set import LARGEST_NUMBER, SequenceSet

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BATCHES = 1_000
"""For a set whose mailbox tells no UIDNEXT, so that 1:4294967295 does not become millions of commands."""


def batches_of(
    uids: SequenceSet, *, messages: int, uidnext: int | None, messages_per_command: int, line_bytes: int
) -> Iterator[SequenceSet]:
    """The set in order, each piece with about so many messages if UIDs are spread evenly, and written in so many bytes.

    ``messages`` and ``uidnext`` are those of the mailbox. A piece has more than ``messages_per_command`` only
    where messages stand closer together than elsewhere. What lies beyond UIDNEXT, ``*`` too, comes last and whole;
    so does an open set in a mailbox that tells no UIDNEXT.
    """
    horizon = uidnext - 1 if uidnext else 0 if uids.has_star else LARGEST_NUMBER
    room = width = _width(uids, messages=messages, uidnext=uidnext, messages_per_command=messages_per_command)
    batch: list[tuple[int, int]] = []
    batch_bytes = 0
    for first, last in uids.ranges:
        start = first
        while start <= last:
            piece = (start, last if start > horizon else min(last, horizon, start + room - 1))
            piece_bytes = len(SequenceSet((piece,)).to_bytes()) + 1
            if batch and (room < 1 or batch_bytes + piece_bytes > line_bytes):
                yield SequenceSet(tuple(batch))
                batch, batch_bytes, room = [], 0, width
                continue
            batch.append(piece)
            batch_bytes += piece_bytes
            room -= 1 if start > horizon else piece[1] - start + 1
            start = piece[1] + 1
    if batch:
        yield SequenceSet(tuple(batch))


def _width(uids: SequenceSet, *, messages: int, uidnext: int | None, messages_per_command: int) -> int:
    """How many UIDs go into one command."""
    if uidnext:
        return messages_per_command * max(1, uidnext // max(1, messages))
    spanned = sum(min(last, LARGEST_NUMBER) - first + 1 for first, last in uids.ranges if first <= LARGEST_NUMBER)
    return max(messages_per_command, -(-spanned // _MOST_BATCHES))
