"""Which commands may be sent again, on a new connection, after the old one was lost in the middle of them?

A lost connection leaves open whether the server has carried a command out. One that only asks gives the same
answer twice; one that changes mail, mailboxes or rights could do its work twice, or undo what others did meanwhile.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from mailrules.errors import LocalProtocolError

if TYPE_CHECKING:
    from mailrules.imap.command import Command


class Repeat(Enum):
    """What to do with a command whose answer was lost."""

    AGAIN = auto()
    """Send it again: it asks, or it leads this one connection where it was to be led."""
    NEVER = auto()
    """Tell the caller, who alone can find out what has become of it."""
    CONNECTION = auto()
    """It makes or ends a connection: whoever makes the new one does this as well."""


def repeat_of(name: str) -> Repeat:
    """The row of the command ``name``."""
    try:
        return REPEATING[name]
    except KeyError:
        raise LocalProtocolError(f"{name} has no row in the table of repeating") from None


def is_repeatable(command: Command[object]) -> bool:
    """Whether nothing is done or told twice if this command is sent again.

    A command that hands on its answer as it arrives has told the caller a part of it already.
    """
    return repeat_of(command.name) is Repeat.AGAIN and not command.tells_early


REPEATING: dict[str, Repeat] = {
    "CAPABILITY": Repeat.AGAIN,
    "NOOP": Repeat.AGAIN,
    "ID": Repeat.AGAIN,
    "NAMESPACE": Repeat.AGAIN,
    "ENABLE": Repeat.AGAIN,
    "LANGUAGE": Repeat.AGAIN,
    "COMPARATOR": Repeat.AGAIN,
    "NOTIFY SET": Repeat.AGAIN,
    "NOTIFY NONE": Repeat.AGAIN,
    "GETJMAPACCESS": Repeat.AGAIN,
    "LOGOUT": Repeat.CONNECTION,
    "UNAUTHENTICATE": Repeat.CONNECTION,
    "STARTTLS": Repeat.CONNECTION,
    "LOGIN": Repeat.CONNECTION,
    "AUTHENTICATE": Repeat.CONNECTION,
    "COMPRESS": Repeat.CONNECTION,
    "IDLE": Repeat.CONNECTION,
    "LIST": Repeat.AGAIN,
    "LSUB": Repeat.AGAIN,
    "STATUS": Repeat.AGAIN,
    "GETACL": Repeat.AGAIN,
    "MYRIGHTS": Repeat.AGAIN,
    "LISTRIGHTS": Repeat.AGAIN,
    "GETQUOTA": Repeat.AGAIN,
    "GETQUOTAROOT": Repeat.AGAIN,
    "GETMETADATA": Repeat.AGAIN,
    "GETANNOTATION": Repeat.AGAIN,
    "GENURLAUTH": Repeat.AGAIN,
    "URLFETCH": Repeat.AGAIN,
    "CHECK": Repeat.AGAIN,
    "SELECT": Repeat.AGAIN,
    "EXAMINE": Repeat.AGAIN,
    "UNSELECT": Repeat.AGAIN,
    # Twice is as good as once for some of these, unless somebody else has done the opposite meanwhile.
    "CREATE": Repeat.NEVER,
    "DELETE": Repeat.NEVER,
    "RENAME": Repeat.NEVER,
    "SUBSCRIBE": Repeat.NEVER,
    "UNSUBSCRIBE": Repeat.NEVER,
    "APPEND": Repeat.NEVER,
    "SETACL": Repeat.NEVER,
    "DELETEACL": Repeat.NEVER,
    "SETQUOTA": Repeat.NEVER,
    "SETMETADATA": Repeat.NEVER,
    "SETANNOTATION": Repeat.NEVER,
    "RESETKEY": Repeat.NEVER,
    "CLOSE": Repeat.NEVER,
    "EXPUNGE": Repeat.NEVER,
    "CANCELUPDATE": Repeat.NEVER,  # it names the tag of a search on the connection that is gone
    "UID SEARCH": Repeat.AGAIN,
    "UID SEARCH RETURN": Repeat.AGAIN,
    "UID FETCH": Repeat.AGAIN,
    "UID SORT": Repeat.AGAIN,
    "UID SORT RETURN": Repeat.AGAIN,
    "UID THREAD": Repeat.AGAIN,
    "ESEARCH": Repeat.AGAIN,
    "UID STORE": Repeat.NEVER,
    "UID COPY": Repeat.NEVER,
    "UID MOVE": Repeat.NEVER,
    "UID EXPUNGE": Repeat.NEVER,
    "UID REPLACE": Repeat.NEVER,
}
