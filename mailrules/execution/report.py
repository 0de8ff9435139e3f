"""What came of a plan, in numbers and reasons."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from mailrules.journal.records import RunOutcome, StepState
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mailrules.mailbox.message import UID
    from mailrules.plan.plan import StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many of the plan's steps have an outcome, and where the executor is."""

    account: str
    mailbox: str
    done_steps: int
    total_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """Steps that were not applied, for one reason; a mailbox step has no UIDs."""

    account: str
    mailbox: str
    kind: StepKind
    state: StepState | None
    """None: left out, no command was sent for it."""
    reason: str
    uids: tuple[UID, ...] = ()

    @property
    def count(self) -> int:
        return max(1, len(self.uids))

    @property
    def is_final(self) -> bool:
        """Whether trying again makes no sense, since the message is gone."""
        return self.state is StepState.VANISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionReport:
    """``applied`` counts the plan's steps by kind; ``shortfalls`` tells of all others.

    ``declined`` are effects that are settled, and of which nothing went out. ``made_mailboxes`` were made for messages
    to go to, which is no step of the plan.
    """

    applied: Mapping[StepKind, int] = field(default_factory=dict)
    declined: int = 0
    made_mailboxes: int = 0
    shortfalls: tuple[Shortfall, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def outcome(self) -> RunOutcome:
        return RunOutcome.PARTLY_DONE if self.shortfalls else RunOutcome.DONE

    @property
    def applied_steps(self) -> int:
        return sum(self.applied.values())

    def count(self, state: StepState | None) -> int:
        """Steps that ended so (None: left out)."""
        return sum(one.count for one in self.shortfalls if one.state is state)


class _Cause(NamedTuple):
    account: str
    mailbox: str
    kind: StepKind
    state: StepState | None
    reason: str


class Tally:
    """Counts a run's steps while it goes on."""

    def __init__(self, *, total_steps: int, progress: Callable[[Progress], None] | None) -> None:
        self._total_steps = total_steps
        self._done_steps = 0
        self._progress = progress
        self._applied: Counter[StepKind] = Counter()
        self._declined = 0
        self._made_mailboxes = 0
        self._shortfalls: dict[_Cause, list[UID]] = {}
        self._warnings: dict[str, None] = {}

    def count_applied(self, account: str, mailbox: str, kinds: Iterable[StepKind], *, declined: int = 0) -> None:
        """These steps are done, and of so many more effects nothing was to go out."""
        done = list(kinds)
        self._applied.update(done)
        self._declined += declined
        self._advance(account, mailbox, len(done) + declined)

    def count_needless(self, account: str, mailbox: str) -> None:
        """A step is not sent, since all is as it should be."""
        self._advance(account, mailbox, 1)

    def count_made(self) -> None:
        """A mailbox was made for messages to go to."""
        self._made_mailboxes += 1

    def count_missed(
        self,
        account: str,
        mailbox: str,
        kinds: Iterable[StepKind],
        *,
        state: StepState | None,
        reason: str,
        uid: UID | None = None,
    ) -> None:
        """These steps of one message, or this mailbox step, are not done."""
        missed = list(kinds)
        for kind in missed:
            uids = self._shortfalls.setdefault(_Cause(account, mailbox, kind, state, reason), [])
            if uid is not None:
                uids.append(uid)
        self._advance(account, mailbox, len(missed))

    def warn(self, sentence: str) -> None:
        """Say something once that is no step's failure."""
        self._warnings[sentence] = None

    def report(self) -> ExecutionReport:
        """What has been counted."""
        return ExecutionReport(
            applied=dict(self._applied),
            declined=self._declined,
            made_mailboxes=self._made_mailboxes,
            shortfalls=tuple(
                Shortfall(**cause._asdict(), uids=tuple(sorted(uids))) for cause, uids in self._shortfalls.items()
            ),
            warnings=tuple(self._warnings),
        )

    def _advance(self, account: str, mailbox: str, steps: int) -> None:
        self._done_steps += steps
        if self._progress is not None:
            self._progress(
                Progress(account=account, mailbox=mailbox, done_steps=self._done_steps, total_steps=self._total_steps)
            )
