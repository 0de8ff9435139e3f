"""What became of the steps that an earlier run left open: settle, read, decide; never repeat."""

from __future__ import annotations

from collections import Counter
from dataclasses import field, replace
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.arrived import Arrived, check_halfway, has_lost_keywords, keywords_before, restore_keywords
from mailrules.execution.finishing import finish_halfway
from mailrules.execution.late import NOT_SEEN, settle_late
from mailrules.execution.places import found_again
from mailrules.execution.reconcile import read_up, verdict_of
from mailrules.execution.session import Session
from mailrules.journal.records import Operation, StepState, StepVerdict
from mailrules.plan.plan import StepKind
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from mailrules.execution.transfers import Decision
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import StepId, StepRecord
    from mailrules.mailbox.store import MailboxStatus, MailStore

MOST_READINGS = 6
"""After so many readings that differ, somebody is still at work there; the steps are parked."""

QUIET_SECONDS = 5.0
"""Between two readings that have to agree."""

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
    quiet_seconds: float = QUIET_SECONDS,
    others: Mapping[str, MailStore] = MappingProxyType({}),
    guards: Mapping[str, Callable[[], Awaitable[None]]] = MappingProxyType({}),
) -> RecoveryReport:
    """Give every open step of these accounts its verdict, before anything new is judged there.

    The connections are new ones: the steps' own are gone. ``wait`` is ``asyncio.sleep`` outside tests. With
    nothing open it sends and waits for nothing. ``others`` are connections to accounts that only received.

    Raises ConnectionLost; what was settled until then stays so.
    """
    settled: Counter[StepState] = Counter()
    alarms: list[str] = []
    reached = {**others, **stores}
    for account, store in stores.items():
        alarms += await settle_late(journal, store, now=now, guard=guards.get(account))
        steps = await _left_open(journal, account)
        if not steps:
            continue
        apart = [one for one in steps if one.intent.command.target_place[0] not in reached]
        if apart:
            names = sorted({one.intent.command.target_place[0] for one in apart})
            alarms.append(
                f"{account}: {len(apart)} steps of an earlier run go to {', '.join(names)}, which is not connected;"
                " they stay unsettled and their messages are left alone"
            )
        steps = [one for one in steps if one not in apart]
        restless = await _settle(reached, _mailboxes_of(steps), wait=wait, quiet_seconds=quiet_seconds)
        parked = [one for one in steps if not restless.isdisjoint(_mailboxes_of([one]))]
        if parked:
            await _park(journal, parked, now=now())
            alarms.append(
                f"{account}: {', '.join(_names(restless, account))} did not come to rest, so {len(parked)} steps of an"
                " earlier run stay unsettled and their messages are left alone; the next run looks again"
            )
        steps = [one for one in steps if one not in parked]
        if steps:
            guard = guards.get(account)
            verdicts = await _settle_steps(journal, store, steps, now=now, others=reached, guard=guard)
            settled.update(one.state for one in verdicts)
            alarms += _alarms(account, steps, verdicts)
    return RecoveryReport(settled=dict(settled), alarms=tuple(alarms))


async def _settle_steps(
    journal: Journal,
    store: MailStore,
    steps: Sequence[StepRecord],
    *,
    now: Callable[[], datetime],
    others: Mapping[str, MailStore],
    guard: Callable[[], Awaitable[None]] | None,
) -> list[StepVerdict]:
    """Decide what is open, then finish what is halfway, under the run that began it."""
    meant = {one.id: one for one in steps}
    located = {one.id: one for one in await found_again(store, steps)}
    unproved = [one for one in located.values() if one.state is not StepState.HALFWAY]
    decisions = await read_up(store, unproved, journal=journal, others=others)
    # Before the verdicts: once a move counts as done, nobody looks at its keywords again.
    await restore_keywords(journal, store, await _arrived(journal, decisions, meant=meant), now=now)
    verdicts = {one.record.id: _told(one, meant=meant, now=now()) for one in decisions}
    await journal.judge(tuple(verdicts.values()))
    halfway = [one for one in located.values() if one.state is StepState.HALFWAY] + [
        _as_judged(located[step], verdict) for step, verdict in verdicts.items() if verdict.state is StepState.HALFWAY
    ]
    verdicts.update(await _finish(journal, store, halfway, now=now, others=others, guard=guard))
    return list(verdicts.values())


async def _finish(
    journal: Journal,
    store: MailStore,
    halfway: Sequence[StepRecord],
    *,
    now: Callable[[], datetime],
    others: Mapping[str, MailStore],
    guard: Callable[[], Awaitable[None]] | None,
) -> dict[StepId, StepVerdict]:
    """Finish what takes more than one command, where its first half still stands."""
    if not halfway:
        return {}
    checked = await check_halfway(store, halfway, now=now(), others=others)
    await journal.judge(checked.verdicts)
    await restore_keywords(journal, store, checked.arrived, now=now)
    verdicts = {one.step: one for one in checked.verdicts}
    ordered = sorted(checked.finishable, key=lambda one: (one.run, one.id))
    for run, group in groupby(ordered, key=lambda one: one.run):
        session = Session(run=run, store=store, journal=journal, now=now, guard=guard)
        verdicts.update({one.step: one for one in await finish_halfway(session, group)})
    return verdicts


async def _arrived(
    journal: Journal, decisions: Iterable[Decision], *, meant: Mapping[StepId, StepRecord]
) -> list[Arrived]:
    """The messages of moves that were found in the target alone, and have no keyword there."""
    bare = [
        one
        for one in decisions
        if one.state is StepState.APPLIED
        and one.record.intent.command.operation is not Operation.APPEND
        and one.record.intent.command.kind is StepKind.MOVE
        and one.arrived is not None
        and has_lost_keywords(one.arrived)
    ]
    if not bare:
        return []
    wanted = await keywords_before(journal, [meant[one.record.id] for one in bare])
    return [
        Arrived(record=one.record, uidvalidity=one.target_uidvalidity, facts=one.arrived, wanted=wanted[one.record.id])
        for one in bare
        if one.arrived is not None
    ]


def _told(decision: Decision, *, meant: Mapping[StepId, StepRecord], now: datetime) -> StepVerdict:
    """The verdict; where a new UIDVALIDITY voided what the journal has, it says so."""
    verdict = verdict_of(decision, now=now)
    is_transfer = decision.record.intent.command.operation in {Operation.COPY, Operation.MOVE}
    if verdict.state is StepState.NOT_APPLIED and is_transfer and not verdict.detail:
        verdict = replace(verdict, detail=NOT_SEEN)
    was, is_now = meant[verdict.step].intent.command, decision.record.intent.command
    if was.uidvalidity != is_now.uidvalidity:
        note = f"UIDVALIDITY of {was.mailbox} was {was.uidvalidity} and is {is_now.uidvalidity}: told by its identity"
        verdict = replace(verdict, detail="; ".join(part for part in (note, verdict.detail) if part))
    return verdict


def _as_judged(record: StepRecord, verdict: StepVerdict) -> StepRecord:
    return replace(
        record,
        state=verdict.state,
        judged=verdict.judged,
        detail=verdict.detail,
        target_uidvalidity=verdict.target_uidvalidity,
        target_uid=verdict.target_uid,
    )


async def _park(journal: Journal, steps: Iterable[StepRecord], *, now: datetime) -> None:
    """What cannot be looked into yet is unknown, as the journal then says; a half stays a half."""
    detail = "its mailboxes did not come to rest; the next start looks again"
    await journal.judge(
        [
            StepVerdict(step=one.id, state=StepState.UNKNOWN, judged=now, detail=detail)
            for one in steps
            if one.state is not StepState.HALFWAY
        ]
    )


async def _left_open(journal: Journal, account: str) -> list[StepRecord]:
    """Open steps, but those of a run that this process is still at, on another connection."""
    return [one for one in await journal.open_steps(account) if not journal.is_under_way(one.run)]


def _names(places: Iterable[tuple[str, str]], account: str) -> list[str]:
    return sorted(name if where == account else f"{where}/{name}" for where, name in places)


def _mailboxes_of(steps: Iterable[StepRecord]) -> frozenset[tuple[str, str]]:
    """Account and name of the mailboxes whose messages the open steps may still be changing."""
    commands = [
        one.intent.command for one in steps if one.intent.uid and one.intent.command.operation is not Operation.EFFECT
    ]
    places = {(one.account, one.mailbox) for one in commands} | {one.target_place for one in commands if one.target}
    return frozenset(places)


async def _settle(
    stores: Mapping[str, MailStore],
    mailboxes: frozenset[tuple[str, str]],
    *,
    wait: Callable[[float], Awaitable[None]],
    quiet_seconds: float,
) -> frozenset[tuple[str, str]]:
    """Wait until two readings agree: the old connection's command may still run. Returns what did not rest."""
    restless = mailboxes
    readings = {place: await _reading(stores, place) for place in sorted(mailboxes)}
    for _ in range(MOST_READINGS - 1):
        if not restless:
            break
        await wait(quiet_seconds)
        again = {place: await _reading(stores, place) for place in sorted(mailboxes)}
        restless = frozenset(place for place in mailboxes if again[place] != readings[place])
        readings = again
    return restless


async def _reading(stores: Mapping[str, MailStore], place: tuple[str, str]) -> MailboxStatus | None:
    """What changes with every change of a mailbox; None if it does not exist."""
    account, mailbox = place
    try:
        return await stores[account].status(mailbox)
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
