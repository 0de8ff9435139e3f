"""Which moves of a message would make a loop, judged by what was moved before (rule-language, meaning 10)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MOVES_A_DAY = 2
"""So often a message may be moved within ``WINDOW``; one more is held."""
WINDOW = timedelta(hours=24)


class MessageIdentity(NamedTuple):
    """What of a message stays as it is when it is moved or copied; ``received`` is INTERNALDATE.

    RFC 9051 section 6.4.7: "the flags and internal date of the message(s) SHOULD be preserved". Two deliveries of
    one message differ in it.
    """

    message_id: str
    size_bytes: int
    received: datetime | None


class PastMove(NamedTuple):
    """One of our moves that happened and was not taken back: by which rule, out of which mailbox, and when."""

    rule: str
    account: str
    mailbox: str
    moved: datetime


def came_back(moves: Sequence[PastMove], *, rule: str, account: str, mailbox: str) -> PastMove | None:
    """The latest move by which this rule took the message out of this mailbox, in which it lies again."""
    ours = (one for one in moves if (one.rule, one.account, one.mailbox) == (rule, account, mailbox))
    return max(ours, key=lambda one: one.moved, default=None)


def is_restless(moves: Sequence[PastMove], *, now: datetime) -> bool:
    """Whether the message was moved so often within a day that it is not moved once more."""
    return sum(one.moved > now - WINDOW for one in moves) >= MOVES_A_DAY
