"""What can go wrong at a memory store's call, and at which moment of it?"""

from __future__ import annotations

from enum import Enum, auto

from mailrules.values import dataclass


class Moment(Enum):
    """When a fault strikes, seen from the mailbox."""

    BEFORE = auto()
    """Nothing was done, then the connection is lost."""
    HALFWAY = auto()
    """A part was done, then the connection is lost: see ``MemoryStore`` for what a part is."""
    AFTER = auto()
    """All was done, then the connection is lost before the answer arrives."""
    REFUSED = auto()
    """Nothing was done, and the server answers NO with ``code``."""
    REFUSED_HALFWAY = auto()
    """A part was done, and the server answers NO with ``code`` all the same."""
    UNCONFIRMED = auto()
    """All was done, but the OK comes without the code or the FETCH that would confirm it."""
    IGNORED = auto()
    """Nothing was done, though the server says OK (STORE in a mailbox opened by EXAMINE)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFault:
    """One fault: at the ``nth`` call of the method named ``call``; ``"*"`` counts every call."""

    call: str
    moment: Moment
    nth: int = 1
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call that a memory store has seen."""

    name: str
    mailbox: str
    """The open mailbox."""
    uids: tuple[int, ...] = ()
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUnderway:
    """A call between its start and its answer, with the fault that is to strike it, if any."""

    name: str
    moment: Moment | None = None
    code: str = ""

    @property
    def is_cut_halfway(self) -> bool:
        return self.moment in {Moment.HALFWAY, Moment.REFUSED_HALFWAY}

    @property
    def has_effect(self) -> bool:
        return self.moment is not Moment.IGNORED

    @property
    def is_confirmed(self) -> bool:
        return self.moment not in {Moment.UNCONFIRMED, Moment.IGNORED}
