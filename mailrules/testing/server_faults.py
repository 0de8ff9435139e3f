"""What can the in-memory IMAP server do wrong on purpose, and when?"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    import re
    from collections.abc import Callable


class Ending(Enum):
    """What becomes of a connection that is cut."""

    CLOSE = auto()
    """It is closed in order (FIN)."""
    RESET = auto()
    """It is reset (RST), as by a router that has forgotten it."""
    STALL = auto()
    """It stays open, and nothing is read or sent any more: a peer that is gone without a word."""
    HALF_CLOSE = auto()
    """The server closes its own side, and goes on doing what it reads (not over TLS, where it is CLOSE)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAfterSent:
    """End the ``connection``-th connection once it has sent so many bytes, greeting included."""

    byte_count: int
    connection: int = 1
    ending: Ending = Ending.CLOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAfterReceived:
    """End the ``connection``-th connection once so many bytes have come in; the rest is never read."""

    byte_count: int
    connection: int = 1
    ending: Ending = Ending.CLOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Trickle:
    """The ``connection``-th connection sends and reads so many bytes at a time, with a pause after each."""

    byte_count: int = 1
    pause_seconds: float = 0.0
    connection: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Answer NO (or BAD) and do nothing."""

    code: str = ""
    """The response code without brackets: ``"OVERQUOTA"``."""
    status: str = "NO"
    text: str = "Refused by the test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """Send an untagged BYE instead of doing anything, and close."""

    text: str = "Closed by the test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Close without a word, before anything is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropBeforeTagged:
    """Do all of it, then close before the tagged answer; ``untagged`` says whether the rest is sent."""

    untagged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DropHalfway:
    """A COPY or MOVE of which the server is killed in the middle, and then closes.

    Of n messages the first two thirds (rounded up) are copied; a MOVE has then removed the first
    third (rounded down) from the source. A single message is in both mailboxes.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Never answer this command nor anything after it; the connection stays open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StallInLiteral:
    """Answer up to ``byte_count`` bytes into the first literal, then fall silent."""

    byte_count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutCode:
    """Do it, but leave COPYUID or APPENDUID out of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Send these bytes; ``{tag}`` becomes the command's tag. With ``instead`` nothing is done."""

    data: bytes
    instead: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Interject:
    """Do it, and send these bytes amid the answer, after so many of its responses: unsolicited data."""

    data: bytes
    after: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """Do it, and send its answer with every match of ``pattern`` replaced, as ``re.sub`` does: wrong counts, odd forms.

    A long answer is rewritten in the pieces in which it leaves.
    """

    pattern: bytes
    replacement: bytes | Callable[[re.Match[bytes]], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misread:
    """Do what the command would be with every match of ``pattern`` replaced; literals stay as they are."""

    pattern: bytes
    replacement: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ByeForEver:
    """Say BYE again and again, never a tagged reply, and do not close."""

    text: str = "Autologout; idle for too long"


Reaction = (
    Refuse
    | Bye
    | ByeForEver
    | Drop
    | DropBeforeTagged
    | DropHalfway
    | Silence
    | StallInLiteral
    | WithoutCode
    | Say
    | Interject
    | Rewrite
    | Misread
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtCommand:
    """React at the ``nth`` command of this name that the server sees, over all connections; at each with None.

    ``command`` is such as ``"UID MOVE"`` or ``"LOGIN"``; ``"*"`` counts every command. ``when`` looks at
    the command's bytes without tag and line ends. ``until`` names a command after which the connection is
    served as it should be.
    """

    command: str
    reaction: Reaction
    nth: int | None = 1
    when: Callable[[bytes], bool] | None = None
    until: str = ""

    def is_due(self, command: str, *, count: int, text: bytes, said: frozenset[str]) -> bool:
        """Whether to react to this command, the ``count``-th of its name; ``said`` came before on its connection."""
        return (
            self.command in {command, "*"}
            and self.nth in {None, count}
            and self.until not in said
            and (self.when is None or self.when(text))
        )


Fault = CutAfterSent | CutAfterReceived | Trickle | AtCommand
