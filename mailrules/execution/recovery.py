"""What became of the steps that an earlier run left open: settle, read, decide; never repeat."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.finishing import finish_halfway
from mailrules.execution.reconcile import reconcile
from mailrules.execution.session import Session
from mailrules.journal.records import Operation, StepState, StepVerdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from mailrules.journal.journal import Journal
    from mailrules.journal.records import StepRecord
    from mailrules.mailbox.store import MailboxStatus, MailStore

MOST_READINGS = 6
"""After so many readings that differ, somebody is still at work there; the steps are parked."""

_ALARMING = frozenset({StepState.UNKNOWN, StepState.HALFWAY, StepState.AMBIGUOUS, StepState.VANISHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReport:
    """``settled`` counts the open steps by the state they got; ``alarms`` are for a person."""

    settled: Mapping[StepState, int] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()


async def recover(
    journal: Journal,
    stores: Mapping[str, MailStore],
    *,
    now: Callable[[], datetime],
    wait: Callable[[float], Awaitable[None]],
    quiet_seconds: float = 5.0,
) -> RecoveryReport:
    """Give every open step of these accounts its verdict, before anything new is judged there.

    ``wait`` is ``asyncio.sleep`` outside tests. With nothing open it sends and waits for nothing.
    Raises ConnectionLost; what was settled until then stays so.
    """
    settled: Counter[StepState] = Counter()
    alarms: list[str] = []
    for account, store in stores.items():
        steps = await _left_open(journal, account)
        if not steps:
            continue
        restless = await _settle(store, _mailboxes_of(steps), wait=wait, quiet_seconds=quiet_seconds)
        if restless:
            alarms.append(
                f"{account}: {', '.join(restless)} did not come to rest, so {len(steps)} steps of an earlier run"
                " stay unsettled and their messages are left alone; the next run looks again"
            )
            continue
        verdicts = await _settle_steps(journal, store, steps, now=now)
        settled.update(one.state for one in verdicts)
        alarms += _alarms(account, steps, verdicts)
    return RecoveryReport(settled=dict(settled), alarms=tuple(alarms))


async def _settle_steps(
    journal: Journal, store: MailStore, steps: Sequence[StepRecord], *, now: Callable[[], datetime]
) -> list[StepVerdict]:
    """Decide what is open, then finish what is halfway, under the run that began it."""
    unproved = [one for one in steps if one.state is not StepState.HALFWAY]
    verdicts = {one.step: one for one in await reconcile(store, unproved, journal=journal, now=now())}
    await journal.judge(tuple(verdicts.values()))
    halfway = [one for one in await _left_open(journal, store.account) if one.state is StepState.HALFWAY]
    for run, group in groupby(sorted(halfway, key=lambda one: one.run), key=lambda one: one.run):
        session = Session(run=run, store=store, journal=journal, now=now)
        verdicts.update({one.step: one for one in await finish_halfway(session, group)})
    return list(verdicts.values())


async def _left_open(journal: Journal, account: str) -> list[StepRecord]:
    """Open steps, but those of a run that this process is still at, on another connection."""
    return [one for one in await journal.open_steps(account) if not journal.is_under_way(one.run)]


def _mailboxes_of(steps: Iterable[StepRecord]) -> tuple[str, ...]:
    """The mailboxes whose messages the open steps may still be changing."""
    commands = [
        one.intent.command for one in steps if one.intent.uid and one.intent.command.operation is not Operation.EFFECT
    ]
    return tuple(sorted({name for command in commands for name in (command.mailbox, command.target) if name}))


async def _settle(
    store: MailStore, mailboxes: tuple[str, ...], *, wait: Callable[[float], Awaitable[None]], quiet_seconds: float
) -> tuple[str, ...]:
    """Wait until two readings agree: the old connection's command may still run. Returns what did not rest."""
    readings = {name: await _reading(store, name) for name in mailboxes}
    restless = mailboxes
    for _ in range(MOST_READINGS - 1):
        if not restless:
            break
        await wait(quiet_seconds)
        again = {name: await _reading(store, name) for name in mailboxes}
        restless = tuple(name for name in mailboxes if again[name] != readings[name])
        readings = again
    return restless


async def _reading(store: MailStore, mailbox: str) -> MailboxStatus | None:
    """What changes with every change of a mailbox; None if it does not exist."""
    try:
        return await store.status(mailbox)
    except CommandRefused:
        return None


def _alarms(account: str, steps: Sequence[StepRecord], verdicts: Iterable[StepVerdict]) -> list[str]:
    records = {one.id: one for one in steps}
    lines = []
    for verdict in verdicts:
        if verdict.state in _ALARMING and verdict.step in records:
            command, uid = records[verdict.step].intent.command, records[verdict.step].intent.uid
            where = f"{account}/{command.mailbox}" + (f" UID {uid}" if uid else "")
            lines.append(f"{where}: {command.kind} is {verdict.state}: {verdict.detail}")
    return lines
