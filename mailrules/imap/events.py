"""What can a connection tell its driver?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NewType, TypeAlias

from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.errors import IMAPError
    from mailrules.imap.parser import Untagged
    from mailrules.imap.responses import Continuation, StatusResponse, Tagged

Tag = NewType("Tag", str)
"""Names one command on one connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeted:
    """The server's first words; commands may be sent now."""

    greeting: StatusResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCompleted:
    """The command ended in OK; ``result`` is the ``R`` of its ``Command[R]``."""

    tag: Tag
    result: object


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFailed:
    """The command was refused, could not be sent or read, or was lost with the connection."""

    tag: Tag
    error: IMAPError


@dataclass(frozen=True, slots=True, kw_only=True)
class UntaggedReceived:
    """An untagged response that no command claimed."""

    response: Untagged


@dataclass(frozen=True, slots=True, kw_only=True)
class Disregarded:
    """A tagged reply for a tag that was never sent, or a ``+`` that nobody waits for."""

    response: Tagged | Continuation


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsAgreed:
    """STARTTLS's OK: the driver shakes hands now and then calls ``resume``; nothing is sent before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressionAgreed:
    """COMPRESS's OK: the driver compresses from here on, then calls ``resume``.

    ``received`` came behind the OK and is compressed already.
    """

    received: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The connection is over, always the last event; every command without a reply has failed before it."""

    reason: str


Event: TypeAlias = (
    Greeted | CommandCompleted | CommandFailed | UntaggedReceived | Disregarded | TlsAgreed | CompressionAgreed | Ended
)
