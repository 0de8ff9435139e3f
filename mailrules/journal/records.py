"""What the journal keeps: runs, the commands they meant to send, and the steps those commands carry.

A ``plan.Step`` is only planned. It becomes a ``StepIntent`` right before its command is sent, and a
``StepRecord`` (with an id) once that intent is on disk; a ``StepVerdict`` then says what became of it.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mailrules.mailbox.message import UID
    from mailrules.plan.plan import StepKind

RunId = NewType("RunId", str)
"""A run's name for people and commands: its start in UTC, ``20261122-120000``, ``-2`` for the next in that second."""

StepId = NewType("StepId", int)


class RunKind(StrEnum):
    """Who asked for the run. Guards count only what ``DAEMON`` runs changed."""

    ONCE = "once"
    APPLY = "apply"
    DAEMON = "daemon"
    UNDO = "undo"


class RunOutcome(StrEnum):
    """How a run ended; a run without an outcome is running, or was killed."""

    DONE = "done"
    PARTLY_DONE = "partly_done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Operation(StrEnum):
    """The command that carries a step. A move without MOVE is three: copy, store, expunge."""

    STORE = "store"
    COPY = "copy"
    MOVE = "move"
    APPEND = "append"
    """A copy into another account, or the first half of a move there; ``target`` then begins with its name."""
    EXPUNGE = "expunge"
    CREATE = "create"
    RENAME = "rename"
    """``target`` is the new name."""
    DELETE_MAILBOX = "delete_mailbox"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    SETACL = "setacl"
    SETMETADATA = "setmetadata"
    SETQUOTA = "setquota"
    EFFECT = "effect"


class StepState(StrEnum):
    """``intent -> applied | refused | unknown``, and after reading the mailboxes
    ``-> applied | not_applied | vanished | ambiguous`` (failure-model, the journal's law).
    The first command of a change that takes several is ``halfway`` until the last one is proved.
    """

    INTENT = "intent"
    HALFWAY = "halfway"
    """The copy of a move without MOVE, or the \\Deleted of a delete, is proved; the rest is to be finished."""
    APPLIED = "applied"
    """Proved by the server's answer or by reading."""
    REFUSED = "refused"
    """The server said no, and reading shows nothing of it."""
    UNKNOWN = "unknown"
    """No answer, or one that proves nothing; to be reconciled (an effect: never repeated)."""
    NOT_APPLIED = "not_applied"
    """Nothing came of it, or nothing was needed; what is still wanted is planned anew."""
    VANISHED = "vanished"
    """The message is in neither mailbox any more: somebody else moved or removed it."""
    AMBIGUOUS = "ambiguous"
    """Reading cannot decide, so nothing more is done about it by itself."""
    WAITING = "waiting"
    """An effect that surely did not happen yet; it is tried again when it is due."""
    GIVEN_UP = "given_up"
    """An effect that surely did not happen and is not tried any more; it waits for a person."""


OPEN_STATES = frozenset({StepState.INTENT, StepState.HALFWAY, StepState.UNKNOWN})
"""What recovery has to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandIntent:
    """One command to one server, as it is about to be sent; its messages are ``StepIntent``s.

    ``kind`` is the plan's word for the purpose (a ``STORE`` may serve a delete), ``mailbox`` the source,
    or the mailbox that a mailbox step changes. ``target_uidnext`` is the target's UIDNEXT beforehand:
    whatever the command adds there has that UID or a higher one. ``rights`` and ``prior_rights`` belong to
    ``identifier`` (SETACL), or are the values of its metadata entry or quota. ``capabilities`` were on offer.
    """

    kind: StepKind
    operation: Operation
    account: str
    mailbox: str
    uidvalidity: int = 0
    target: str = ""
    target_uidvalidity: int = 0
    target_uidnext: int = 0
    flags: tuple[str, ...] = ()
    removes_flags: bool = False
    identifier: str = ""
    rights: str = ""
    prior_rights: str = ""
    effect: str = ""
    capabilities: frozenset[str] = frozenset()

    @property
    def target_place(self) -> tuple[str, str]:
        """Account and mailbox of the target: ``work/Archive`` is one of another account, where APPEND puts it."""
        if self.operation is Operation.APPEND:
            account, _, mailbox = self.target.partition("/")
            return account, mailbox
        return self.account, self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class StepIntent:
    """One message's share of a command (a mailbox step has UID 0), with what undo and recovery need.

    ``flags`` are those of this step; the command's are the union over the steps of one message.
    """

    command: CommandIntent
    rule: str
    uid: UID
    flags: tuple[str, ...] = ()
    reason: str = ""
    message_id: str = ""
    subject: str = ""
    prior_flags: frozenset[str] = frozenset()
    modseq: int | None = None
    object_id: str = ""
    received: datetime | None = None
    size_bytes: int = 0
    content_key: str = ""
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepVerdict:
    """What became of a step. ``target_uid`` in ``target_uidvalidity`` is where a copy or move put the message."""

    step: StepId
    state: StepState
    judged: datetime
    detail: str = ""
    target_uidvalidity: int = 0
    target_uid: int = 0
    is_declined: bool = False
    """Of an applied effect: settled, and nothing went out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """A stored step: the intent, and the newest verdict's words (``judged`` is None while there is none)."""

    id: StepId
    run: RunId
    command_id: int
    intent: StepIntent
    state: StepState
    intended: datetime
    judged: datetime | None = None
    detail: str = ""
    target_uidvalidity: int = 0
    target_uid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A stored run. ``counts`` are its steps by state (the words of ``StepState``)."""

    id: RunId
    kind: RunKind
    started: datetime
    instance: str
    rules_hash: str
    undo_of: str = ""
    planned_messages: int = 0
    ended: datetime | None = None
    outcome: RunOutcome | None = None
    counts: Mapping[StepState, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a mailbox has been judged within one UIDVALIDITY.

    Every message up to ``last_uid`` has a final outcome, but those in ``pending`` (held, or failed),
    which are judged again; ``pending`` may also hold some beyond it.
    """

    account: str
    mailbox: str
    uidvalidity: int
    last_uid: int
    pending: frozenset[UID] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A message that is judged again. ``kind`` is that of the ``Finding``, or ``failed``; "" was not told.

    By one of its ``names``, best first, it is told again in another UIDVALIDITY.
    """

    account: str
    mailbox: str
    uid: UID
    kind: str = ""
    rule: str = ""
    reason: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A person's decision about a step that reading could not settle; ``who`` is the login on this machine."""

    step: StepId
    resolved: datetime
    who: str
    was: StepState
    became: StepState
