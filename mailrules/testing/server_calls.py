"""What is a command to the in-memory server, what may come of it, and what does the command table say of it?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import TYPE_CHECKING

from mailrules.testing.server_faults import DropHalfway
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.testing.server_arguments import Arguments
    from mailrules.testing.server_faults import Reaction
    from mailrules.testing.server_session import Session


class State(Enum):
    """RFC 9051 section 3."""

    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()


ANY = frozenset(State)
LOGGED_IN = frozenset({State.AUTHENTICATED, State.SELECTED})
LOGGED_OUT = frozenset({State.NOT_AUTHENTICATED})
OPEN = frozenset({State.SELECTED})


class Refused(Exception):
    """The answer is NO, with this code (without brackets) and text."""

    def __init__(self, text: str, *, code: str = "") -> None:
        self.text, self.code = text, code
        super().__init__(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The answer is OK, with this code (without brackets) and text."""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One command underway; ``name`` is in capitals and includes ``UID``."""

    tag: str
    name: str
    arguments: Arguments
    reaction: Reaction | None = None

    @property
    def by_uid(self) -> bool:
        return self.name.startswith("UID ")

    @property
    def is_cut_halfway(self) -> bool:
        return isinstance(self.reaction, DropHalfway)


Handler = Callable[["Session", Call], Awaitable[Done]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the command table says of one command."""

    handler: Handler
    states: frozenset[State]
    capability: str = ""
    """Without this capability the command is unknown."""
    announces_expunges: bool = True
    """RFC 9051 section 7.5.1: not while sequence numbers are in use."""
    removes_messages: bool = False
