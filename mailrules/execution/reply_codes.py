"""What a server's NO means for the rest of the run: one row for each response code (RFC 5530, 9051, 4314)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.errors import CommandRefused


class Handling(StrEnum):
    """What to do with the messages concerned."""

    RETRY = "retry"
    """It may pass by itself: they stay pending and are tried again, when ``Reply.when`` says."""
    HOLD = "hold"
    """Nothing more goes to this target in this run; a person has to change something."""
    REPORT = "report"
    """Tell, and go on with the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One row. ``when`` is when the same is tried again, or "never".

    ``nothing_done``: the code proves that no message was touched. A copy or a move is read up on all the same:
    a server may have done a part of it before it came upon the reason.
    """

    handling: Handling
    advice: str
    when: str = "the next run"
    nothing_done: bool = False


_RETRY, _HOLD, _REPORT = Handling.RETRY, Handling.HOLD, Handling.REPORT

REPLIES = {
    "TRYCREATE": Reply(handling=_HOLD, advice="make the mailbox, or write create: true", nothing_done=True),
    "NONEXISTENT": Reply(handling=_HOLD, advice="the mailbox does not exist", nothing_done=True),
    "ALREADYEXISTS": Reply(
        handling=_REPORT,
        advice="it is there already, as was wanted",
        when="never: CREATE counts as done",
        nothing_done=True,
    ),
    "OVERQUOTA": Reply(handling=_HOLD, advice="free space in the account, then run again"),
    "TOOBIG": Reply(handling=_REPORT, advice="the message is larger than the server takes", nothing_done=True),
    "NOPERM": Reply(handling=_HOLD, advice="the login lacks the right; ask whoever owns the mailbox"),
    "READ-ONLY": Reply(handling=_HOLD, advice="the mailbox cannot be changed by this login", nothing_done=True),
    "CANNOT": Reply(handling=_HOLD, advice="the server never allows this", nothing_done=True),
    "HASCHILDREN": Reply(handling=_REPORT, advice="mailboxes lie below it, so it stays", nothing_done=True),
    "LIMIT": Reply(handling=_RETRY, advice="a limit of the server; the next run tries again"),
    "MESSAGELIMIT": Reply(handling=_RETRY, advice="the server takes fewer messages at once; the next run goes on"),
    "INUSE": Reply(handling=_RETRY, advice="another client holds the mailbox; the next run tries again"),
    "UNAVAILABLE": Reply(handling=_RETRY, advice="a part of the server is down; the next run tries again"),
    "THROTTLED": Reply(handling=_RETRY, advice="too much traffic for this server; the next run tries again"),
    "EXPUNGEISSUED": Reply(
        handling=_RETRY,
        advice="another client removed messages; the next run looks again",
        when="after the mailbox was read, in the next run",
    ),
    "CORRUPTION": Reply(handling=_HOLD, advice="the server says the mailbox is damaged; tell its administrator"),
    "CONTACTADMIN": Reply(handling=_HOLD, advice="tell the server's administrator"),
    "SERVERBUG": Reply(handling=_REPORT, advice="a fault of the server; tell its administrator"),
    "CLIENTBUG": Reply(
        handling=_REPORT, advice="a fault of mailrules; please report it", when="never", nothing_done=True
    ),
    "AUTHENTICATIONFAILED": Reply(
        handling=_HOLD, advice="the login was refused; check user and secret", nothing_done=True
    ),
    "AUTHORIZATIONFAILED": Reply(
        handling=_HOLD, advice="the login may not act for this user; ask the administrator", nothing_done=True
    ),
    "EXPIRED": Reply(handling=_HOLD, advice="the password or token has expired; renew it", nothing_done=True),
    "PRIVACYREQUIRED": Reply(
        handling=_HOLD, advice="the server asks for encryption; use security: tls", nothing_done=True
    ),
}
"""By response code, as ``CommandRefused.code`` has it."""

OTHER = Reply(handling=Handling.REPORT, advice="the next run tries again")
"""For a NO with another code, or with none."""

BAD = Reply(handling=Handling.REPORT, advice="a fault of mailrules or the server; please report it", nothing_done=True)
"""For a BAD, whatever its code: it was not understood, so nothing of it was done."""


def reply_for(error: CommandRefused) -> Reply:
    """The row for a refusal."""
    if error.status == "BAD":
        return BAD
    return REPLIES.get(error.code, OTHER)


def explain(error: CommandRefused) -> str:
    """The server's words and what to do, for reports and the journal."""
    return f"{error}; {reply_for(error).advice}"
