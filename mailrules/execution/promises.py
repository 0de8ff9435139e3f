"""How sure is each kind of step on a server with these capabilities? What ``mailrules doctor`` prints."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.plan.plan import StepKind
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable


class Sureness(StrEnum):
    """What is promised of an effect when connections break, processes are killed, and others are at work."""

    EXACT = "exact"
    """Done once, whatever happens; nothing lost, nothing twice."""
    EXACT_WHEN_QUIET = "exact when quiet"
    """The same, if nobody else changes the same messages while recovery reads and decides."""
    AT_MOST_ONCE = "at most once"
    """Never repeated; after a crash a person may have to say whether it happened."""
    BEST_EFFORT = "best effort"
    """Tried and read back; something may stay behind that a person has to see to."""
    REFUSED = "refused"
    """The server cannot do it, so it is not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One cell of the matrix, and why it is no better, or what it rests on."""

    sureness: Sureness
    reason: str


_NO_UIDPLUS = "no UIDPLUS (RFC 4315): {} only marked \\Deleted, since EXPUNGE would remove other people's mail too"
_QUIET_TRANSFER = "after a broken connection the mailboxes are read when they have come to rest"


def promises(capabilities: frozenset[str], kinds: Iterable[StepKind] = tuple(StepKind)) -> dict[StepKind, Promise]:
    """The row of one account: for each kind of step what is promised. ``capabilities`` are upper case."""
    offered = capabilities | ({"MOVE", "UIDPLUS"} if "IMAP4REV2" in capabilities else set())
    return {kind: _PROMISE_OF[kind](offered) for kind in kinds}


def _flags(offered: frozenset[str]) -> Promise:
    if "CONDSTORE" in offered:
        return Promise(sureness=Sureness.EXACT, reason="flags are only added and removed, never set as a whole")
    reason = "no CONDSTORE (RFC 7162): a change made between reading and repeating is not seen"
    return Promise(sureness=Sureness.EXACT_WHEN_QUIET, reason=reason)


def _copy(offered: frozenset[str]) -> Promise:
    proof = "COPYUID proves each copy" if "UIDPLUS" in offered else "no UIDPLUS: each copy is looked for by reading"
    return Promise(sureness=Sureness.EXACT_WHEN_QUIET, reason=f"{proof}; {_QUIET_TRANSFER}")


def _move(offered: frozenset[str]) -> Promise:
    if "UIDPLUS" not in offered:
        which = "what an interrupted MOVE leaves in both mailboxes is" if "MOVE" in offered else "the original is"
        return Promise(sureness=Sureness.BEST_EFFORT, reason=_NO_UIDPLUS.format(which))
    how = "MOVE" if "MOVE" in offered else "no MOVE (RFC 6851): COPY, STORE \\Deleted and UID EXPUNGE"
    return Promise(sureness=Sureness.EXACT_WHEN_QUIET, reason=f"{how}; {_QUIET_TRANSFER}")


def _delete(offered: frozenset[str]) -> Promise:
    if "UIDPLUS" not in offered:
        return Promise(sureness=Sureness.BEST_EFFORT, reason=_NO_UIDPLUS.format("it is"))
    if "CONDSTORE" not in offered:
        reason = "no CONDSTORE (RFC 7162): what somebody touched right before is deleted all the same"
        return Promise(sureness=Sureness.EXACT_WHEN_QUIET, reason=reason)
    return Promise(sureness=Sureness.EXACT, reason="UID EXPUNGE of exactly these, unless somebody touched them")


def _append(offered: frozenset[str]) -> Promise:
    proof = "APPENDUID names the arrival" if "UIDPLUS" in offered else "no UIDPLUS: the arrival is looked for"
    return Promise(
        sureness=Sureness.EXACT_WHEN_QUIET, reason=f"{proof}; it is read and compared before the source is touched"
    )


def _goal(_offered: frozenset[str]) -> Promise:
    return Promise(sureness=Sureness.EXACT, reason="that it is so already is success")


def _rename(_offered: frozenset[str]) -> Promise:
    return Promise(sureness=Sureness.EXACT_WHEN_QUIET, reason="told by the names that there are afterwards")


def _delete_mailbox(_offered: frozenset[str]) -> Promise:
    return Promise(
        sureness=Sureness.EXACT_WHEN_QUIET, reason="only an empty mailbox of our own; mail may arrive in between"
    )


def _rights(offered: frozenset[str]) -> Promise:
    if "ACL" not in offered:
        return Promise(sureness=Sureness.REFUSED, reason="the server has no ACL (RFC 4314)")
    return Promise(
        sureness=Sureness.BEST_EFFORT, reason="read, changed, read back: others who write at the same time may win"
    )


def _metadata(offered: frozenset[str]) -> Promise:
    if "METADATA" not in offered:
        return Promise(sureness=Sureness.REFUSED, reason="the server has no METADATA (RFC 5464)")
    return Promise(
        sureness=Sureness.BEST_EFFORT, reason="read, changed, read back: others who write at the same time may win"
    )


def _quota(offered: frozenset[str]) -> Promise:
    if not any(one.startswith("QUOTA") for one in offered):
        return Promise(sureness=Sureness.REFUSED, reason="the server has no QUOTA (RFC 9208)")
    return Promise(
        sureness=Sureness.BEST_EFFORT, reason="read, changed, read back: others who write at the same time may win"
    )


def _effect(_offered: frozenset[str]) -> Promise:
    return Promise(
        sureness=Sureness.AT_MOST_ONCE, reason="an effect of unknown outcome is not repeated, unless it says it may be"
    )


_PROMISE_OF = {
    StepKind.ADD_FLAGS: _flags,
    StepKind.REMOVE_FLAGS: _flags,
    StepKind.COPY: _copy,
    StepKind.MOVE: _move,
    StepKind.DELETE: _delete,
    StepKind.APPEND: _append,
    StepKind.CREATE: _goal,
    StepKind.RENAME: _rename,
    StepKind.SUBSCRIBE: _goal,
    StepKind.SETACL: _rights,
    StepKind.SETMETADATA: _metadata,
    StepKind.SETQUOTA: _quota,
    StepKind.EFFECT: _effect,
    StepKind.DELETE_MAILBOX: _delete_mailbox,
    StepKind.UNSUBSCRIBE: _goal,
}
