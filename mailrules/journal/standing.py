"""How do things stand: what is under way, open, in doubt, given up, waiting or held, and who has to do something?"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from mailrules.journal.kill_switch import KillSwitch
from mailrules.journal.lock import lock_holder
from mailrules.journal.records import Operation, RunId, StepState
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mailrules.journal.lock import Holder
    from mailrules.journal.reader import JournalReader
    from mailrules.journal.records import Pending, Position, RunRecord, StepRecord


class Concern(StrEnum):
    """What is to become of a step without a final verdict."""

    UNDER_WAY = "under_way"
    """A run is at it now."""
    OPEN = "open"
    """The next run reads the mailboxes and settles it."""
    WAITING = "waiting"
    """An effect that surely did not happen yet; it is tried again."""
    IN_DOUBT = "in_doubt"
    """An effect of which nobody knows whether it happened; only a person can say."""
    GIVEN_UP = "given_up"
    """Reading could not decide, or an effect is tried no more; only a person can say or do something."""


FOR_A_PERSON = frozenset({Concern.IN_DOUBT, Concern.GIVEN_UP})


class PendingGroup(NamedTuple):
    """Messages of one mailbox that are judged again for one reason."""

    account: str
    mailbox: str
    kind: str
    rule: str
    reason: str
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStanding:
    """One account's numbers: steps by concern, messages that are judged again by kind, positions."""

    account: str
    steps: dict[Concern, int]
    pending: tuple[PendingGroup, ...]
    positions: tuple[Position, ...]

    def messages(self, kind: str) -> int:
        return sum(one.messages for one in self.pending if one.kind == kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """``holder`` is who is at work, ``read_only`` why nothing may be changed ("" where it may).

    ``killed`` are runs that ended without saying how, as long as a person may have to do with them: something
    of theirs is open (``left_open``), or no run has begun since.
    """

    holder: Holder | None
    read_only: str
    last_run: RunRecord | None
    killed: tuple[RunRecord, ...]
    left_open: frozenset[RunId]
    accounts: tuple[AccountStanding, ...]


async def standing(reader: JournalReader, state_dir: Path) -> Standing:
    """Everything at once; it asks no server, and holds nobody up."""
    holder = lock_holder(state_dir)
    unfinished = await reader.unfinished_runs()
    under_way = runs_under_way(unfinished, holder)
    concerns: dict[str, Counter[Concern]] = {}
    left_open: set[RunId] = set()
    for step in await reader.in_doubt():
        concern = concern_of(step, under_way=under_way)
        concerns.setdefault(step.intent.command.account, Counter())[concern] += 1
        if concern is Concern.OPEN:
            left_open.add(step.run)
    for delivery in await reader.waiting_deliveries():
        concerns.setdefault(delivery.step.intent.command.account, Counter())[Concern.WAITING] += 1
    pending, positions = _grouped(await reader.pending()), await reader.positions()
    names = {*concerns, *(one.account for one in pending), *(one.account for one in positions)}
    runs = await reader.runs(limit=1)
    return Standing(
        holder=holder,
        read_only=KillSwitch(state_dir).reason(),
        last_run=runs[0] if runs else None,
        killed=tuple(
            run for run in unfinished if run.id not in under_way and (run.id in left_open or run.id == runs[0].id)
        ),
        left_open=frozenset(left_open),
        accounts=tuple(
            AccountStanding(
                account=name,
                steps=dict(concerns.get(name, {})),
                pending=tuple(one for one in pending if one.account == name),
                positions=tuple(one for one in positions if one.account == name),
            )
            for name in sorted(names)
        ),
    )


def runs_under_way(unfinished: Iterable[RunRecord], holder: Holder | None) -> frozenset[RunId]:
    """Which of the runs without an outcome belong to the process that is at work now."""
    if holder is None:
        return frozenset()
    return frozenset(run.id for run in unfinished if run.instance.rpartition(":")[2] == str(holder.process))


def concern_of(step: StepRecord, *, under_way: frozenset[RunId]) -> Concern:
    """What is to become of a step that has no final verdict, or was given up."""
    if step.state in {StepState.AMBIGUOUS, StepState.GIVEN_UP}:
        return Concern.GIVEN_UP
    if step.state is StepState.WAITING:
        return Concern.WAITING
    if step.state is StepState.UNKNOWN and step.intent.command.operation is Operation.EFFECT:
        return Concern.IN_DOUBT
    return Concern.UNDER_WAY if step.run in under_way else Concern.OPEN


def _grouped(pending: Iterable[Pending]) -> tuple[PendingGroup, ...]:
    groups = Counter((one.account, one.mailbox, one.kind or "failed", one.rule, one.reason) for one in pending)
    return tuple(PendingGroup(*key, messages=count) for key, count in groups.items())
