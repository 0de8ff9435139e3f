"""What a server's NO means for the rest of the run: one row for each response code (RFC 5530, 9051, 4314)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailrules.errors import CommandRefused


class Handling(Enum):
    """What to do with the messages concerned."""

    RETRY = auto()
    """It may pass by itself: they stay pending and the next run tries again."""
    HOLD = auto()
    """Nothing more goes to this target in this run; a person has to change something."""
    REPORT = auto()
    """Tell, and go on with the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One row. ``nothing_done``: the code proves that no message was touched; else the mailboxes are read."""

    handling: Handling
    advice: str
    nothing_done: bool = False


_REPLIES = {
    "TRYCREATE": Reply(handling=Handling.HOLD, advice="make the mailbox, or write create: true", nothing_done=True),
    "NONEXISTENT": Reply(handling=Handling.HOLD, advice="the mailbox does not exist", nothing_done=True),
    "OVERQUOTA": Reply(handling=Handling.HOLD, advice="free space in the account, then run again"),
    "NOPERM": Reply(handling=Handling.HOLD, advice="the login lacks the right; ask whoever owns the mailbox"),
    "CANNOT": Reply(handling=Handling.HOLD, advice="the server never allows this", nothing_done=True),
    "LIMIT": Reply(handling=Handling.RETRY, advice="a limit of the server; the next run tries again"),
    "INUSE": Reply(handling=Handling.RETRY, advice="another client holds the mailbox; the next run tries again"),
    "UNAVAILABLE": Reply(handling=Handling.RETRY, advice="a part of the server is down; the next run tries again"),
    "EXPUNGEISSUED": Reply(handling=Handling.RETRY, advice="another client removed messages; the next run looks again"),
    "CORRUPTION": Reply(
        handling=Handling.HOLD, advice="the server says the mailbox is damaged; tell its administrator"
    ),
    "CONTACTADMIN": Reply(handling=Handling.HOLD, advice="tell the server's administrator"),
    "SERVERBUG": Reply(handling=Handling.REPORT, advice="a fault of the server; tell its administrator"),
    "CLIENTBUG": Reply(handling=Handling.REPORT, advice="a fault of mailrules; please report it", nothing_done=True),
}
_OTHER = Reply(handling=Handling.REPORT, advice="the next run tries again")
_BAD = Reply(handling=Handling.REPORT, advice="a fault of mailrules or the server; please report it", nothing_done=True)


def reply_for(error: CommandRefused) -> Reply:
    """The row for a refusal; a BAD was not understood, so nothing of it was done."""
    if error.status == "BAD":
        return _BAD
    return _REPLIES.get(error.code, _OTHER)


def explain(error: CommandRefused) -> str:
    """The server's words and what to do, for reports and the journal."""
    return f"{error}; {reply_for(error).advice}"
