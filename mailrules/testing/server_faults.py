"""What can the in-memory IMAP server do wrong on purpose, and when?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAfterSent:
    """Close the ``connection``-th connection once it has sent so many bytes, greeting included."""

    byte_count: int
    connection: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAfterReceived:
    """Close the ``connection``-th connection once so many bytes have come in; the rest is never read."""

    byte_count: int
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


Reaction = Refuse | Bye | Drop | DropBeforeTagged | DropHalfway | Silence | StallInLiteral | WithoutCode | Say


@dataclass(frozen=True, slots=True, kw_only=True)
class AtCommand:
    """React at the ``nth`` command of this name that the server sees, over all connections.

    ``command`` is such as ``"UID MOVE"`` or ``"LOGIN"``; ``"*"`` counts every command.
    """

    command: str
    reaction: Reaction
    nth: int = 1


Fault = CutAfterSent | CutAfterReceived | AtCommand
