"""The pipeline on one page: connect, recover, snapshot, gather facts, plan, guard, journal, execute.

``preview`` and ``explain`` read through stores that cannot write. ``run_once``, ``apply_plan`` and
``undo`` act, and every change they make is a step of a plan whose intent is in the journal before
the first byte of its command is sent. The daemon's way through the same steps is ``arrivals``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.client.imap_store import connect_reader, connect_store
from mailrules.errors import CommandRefused, PlanRefused
from mailrules.execution.drift import still_current
from mailrules.execution.executor import execute
from mailrules.execution.recovery import recover
from mailrules.execution.undo import plan_undo
from mailrules.execution.undo_check import still_possible
from mailrules.foresight import with_declined
from mailrules.hookspecs import RunFinished, RunStarted
from mailrules.journal.records import RunKind, RunOutcome
from mailrules.logs import get_logger
from mailrules.mailbox.message import FactRequest
from mailrules.outgoing import alarms_of, outbox_of, tidy_outbox, work_outbox
from mailrules.plan.document import plan_digest, plan_from_json
from mailrules.plan.guards import hold_deletions
from mailrules.plan.plan import MailboxPlan, Plan
from mailrules.plan.planner import DISPLAY_FIELDS, IDENTITY_FIELDS
from mailrules.planning import others_of, plan_accounts, read_directory, surroundings_of
from mailrules.searching import trust_of
from mailrules.session import (
    ReadingSession,
    Scope,
    Session,
    accounts_in,
    accounts_named,
    accounts_reached,
    also_connected,
    connected,
)
from mailrules.survey import explain_mail
from mailrules.targets import Targets
from mailrules.trials import changed_in_scope, know_applied, know_confirmed, note_shadow, standing_of
from mailrules.upkeep import tidy
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mailrules.execution.recovery import RecoveryReport
    from mailrules.execution.report import ExecutionReport
    from mailrules.journal.records import RunId
    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import MailboxStatus, MailStore
    from mailrules.plan.explanation import MessageExplanation
    from mailrules.rules.rule import MailboxRef

Confirm = Callable[[Plan], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What came of a run. ``run`` is "" where nothing was to be done or it was not confirmed.

    ``left_out`` are sentences about what could not be undone or had moved on.
    """

    plan: Plan
    kind: RunKind = RunKind.ONCE
    run: str = ""
    execution: ExecutionReport | None = None
    recoveries: tuple[RecoveryReport, ...] = ()
    left_out: tuple[str, ...] = ()
    confirmed: bool = True

    @property
    def outcome(self) -> RunOutcome:
        incomplete = self.left_out or self.plan.left_out or not self.plan.complete
        if self.execution is not None and self.execution.outcome != RunOutcome.DONE:
            return self.execution.outcome
        return RunOutcome.PARTLY_DONE if incomplete else RunOutcome.DONE


async def preview(session: ReadingSession, *, scope: Scope | None = None) -> Plan:
    """What a run would do now. Opens mailboxes with EXAMINE, through stores without a writing method."""
    scope = scope or Scope()
    async with connected(accounts_in(session, scope), session.connect_reader) as readers:
        return await plan_accounts(session, readers, scope=scope, describe=DISPLAY_FIELDS)


async def run_once(session: Session, *, confirm: Confirm, scope: Scope | None = None) -> RunReport:
    """Judge all mail in the rules' mailboxes, act on it and end; nothing is done without ``confirm``.

    Raises ReadOnlyMode, as the other verbs that act do, where the kill switch is on.
    """
    session.journal.kill_switch.check()
    await tidy_outbox(session)
    scope = scope or Scope()
    await session.journal.see_rules(session.configuration.rules.rules, now=session.now())
    async with connected(accounts_in(session, scope), session.connect) as stores:
        recoveries = await recover_open_steps(session, stores)
        targets = Targets(now=session.now)
        plan = await plan_accounts(
            session,
            stores,
            scope=scope,
            describe=IDENTITY_FIELDS,
            renew=session.journal.renumber,
            targets=targets,
        )
        await session.journal.remember_untruths(plan.untruths)
        plan = replace(plan, changed_rules=await changed_in_scope(session, scope))
        if not await confirm(plan):
            return RunReport(plan=plan, recoveries=recoveries, confirmed=False)
        await know_confirmed(session, scope, plan)
        report = await carry_out(session, plan, stores, kind=RunKind.ONCE, recoveries=recoveries, known=targets.known)
        await note_shadow(session, plan)
        await tidy(session, stores)
        return report


async def apply_plan(session: Session, document: str) -> RunReport:
    """Carry out exactly the saved plan, without what has moved on since.

    Raises PlanRefused for a document that this journal did not make.
    """
    session.journal.kill_switch.check()
    plan = plan_from_json(document)
    if not await session.journal.knows_plan(plan_digest(document)):
        raise PlanRefused(
            "this plan was not saved by this journal, or was edited since; make it again with: "
            "mailrules dry-run --save FILE"
        )
    async with connected(accounts_named(session, _accounts_of(plan)), connect_store) as stores:
        recoveries = await recover_open_steps(session, stores)
        checked = await still_current(plan, stores)
        await know_applied(session, plan)
        return await carry_out(
            session, checked.plan, stores, kind=RunKind.APPLY, recoveries=recoveries, left_out=checked.left_out
        )


async def undo(
    session: Session,
    run: RunId,
    *,
    confirm: Callable[[Plan, tuple[str, ...]], Awaitable[bool]],
    rule: str | None = None,
    message_id: str | None = None,
) -> RunReport:
    """Take a run back, or one rule's or message's part of it; ``confirm`` sees what cannot be taken back."""
    session.journal.kill_switch.check()
    commands = [step.intent.command for step in await session.journal.steps_of(run)]
    accounts = dict.fromkeys(name for one in commands for name in (one.account, one.target_place[0]))
    async with connected(accounts_named(session, accounts), connect_store) as stores:
        # First: a step whose outcome is open could not be taken back.
        recoveries = await recover_open_steps(session, stores)
        planned = await plan_undo(session.journal, run, now=session.now(), rule=rule, message_id=message_id)
        way_back = await still_possible(planned, stores, journal=session.journal)
        if not await confirm(way_back.plan, way_back.cannot):
            return RunReport(plan=way_back.plan, recoveries=recoveries, left_out=way_back.cannot, confirmed=False)
        return await carry_out(
            session, way_back.plan, stores, kind=RunKind.UNDO, recoveries=recoveries, left_out=way_back.cannot
        )


def _accounts_of(plan: Plan) -> tuple[str, ...]:
    return (*(one.account for one in plan.mailboxes), *(one.account for one in plan.mailbox_steps))


async def explain(session: ReadingSession, ref: MailboxRef, uid: UID, *, remedies_for: str = "") -> MessageExplanation:
    """What every rule of the mailbox makes of one message. Raises PlanRefused if it is not there.

    With ``remedies_for`` only of that rule it is looked for what would make it match.
    """
    account = session.configuration.accounts[ref.account]
    reached = accounts_named(session, accounts_reached(session, [ref]))
    async with connected([account, *reached], connect_reader) as readers:
        reader = readers[ref.account]
        directory = await read_directory(session.configuration, reader)
        directory = replace(directory, others=await others_of(session, readers, [ref]))
        status = await reader.open(directory.server_name(ref.mailbox))
        rules = session.configuration.rules.for_mailbox(ref)
        history = await session.journal.history(rules=rules, now=session.now())
        surroundings = surroundings_of(session, directory, history, describe=DISPLAY_FIELDS)
        standing = await standing_of(session, ref, uid, uidvalidity=status.uidvalidity)
        trust = await trust_of(session, ref.account)

        async def finish(plan: MailboxPlan) -> MailboxPlan:
            plan = await with_declined(session, reader, plan)
            return hold_deletions([plan], session.configuration.deletion, now=session.now())[0]

        found = await explain_mail(
            reader,
            status,
            rules,
            uid=uid,
            surroundings=surroundings,
            standing=standing,
            remedies_for=remedies_for,
            trust=trust,
            finish=finish,
        )
    if found is None:
        raise PlanRefused(f"no message with UID {uid} in {ref}")
    return found


async def find_message(session: ReadingSession, message_id: str) -> tuple[tuple[MailboxRef, UID], ...]:
    """Where in the rules' mailboxes messages with this Message-ID are; compared here, not by the server."""
    wanted = message_id.strip().strip("<>")
    found = []
    async with connected(accounts_in(session, Scope()), connect_reader) as readers:
        for ref in session.configuration.rules.mailboxes:
            reader = readers[ref.account]
            directory = await read_directory(session.configuration, reader)
            try:
                await reader.open(directory.server_name(ref.mailbox))
            except CommandRefused as refused:
                get_logger().warning("mailbox.refused", account=ref.account, mailbox=ref.mailbox, error=str(refused))
                continue
            facts = await reader.fetch(FactRequest(header_fields=("message-id",)))
            found += [
                (ref, one.uid) for one in facts if isinstance(one.header, bytes) and wanted.encode() in one.header
            ]
    return tuple(found)


async def carry_out(
    session: Session,
    plan: Plan,
    stores: Mapping[str, MailStore],
    *,
    kind: RunKind,
    recoveries: tuple[RecoveryReport, ...] = (),
    left_out: tuple[str, ...] = (),
    known: Mapping[str, Mapping[str, MailboxStatus]] | None = None,
) -> RunReport:
    """Journal the run and execute its complete part; a plan without steps makes no run. ``known`` as in ``execute``."""
    report = RunReport(plan=plan, kind=kind, recoveries=recoveries, left_out=left_out)
    runnable = replace(plan, mailboxes=tuple(one for one in plan.mailboxes if one.complete))
    senders = [one for mailbox in runnable.mailboxes for one in mailbox.senders]
    await session.journal.remember_senders(senders, now=session.now())
    remembered = [one for mailbox in runnable.mailboxes for one in mailbox.remembered]
    await session.journal.renew_ledger(remembered, now=session.now())
    if runnable.is_empty:
        for one in (mailbox for mailbox in runnable.mailboxes if mailbox.moves_position):
            await session.journal.advance_position(
                one.account,
                one.mailbox,
                uidvalidity=one.uidvalidity,
                final=one.final_uids,
                pending=one.pending_uids,
                findings=one.findings,
            )
        return report
    started = session.now()
    run = await session.journal.begin_run(kind=kind, started=started, plan=runnable)
    session.plugins.run_started(
        RunStarted(run=run, kind=kind, started=started, planned_messages=runnable.message_count)
    )
    outcome = RunOutcome.FAILED
    execution: ExecutionReport | None = None
    try:
        accounts = {step.account for _, _, step in runnable.steps() if step.account}
        async with also_connected(session, stores, accounts, connect_store) as reached:
            execution = await execute(
                runnable,
                run=run,
                stores=reached,
                journal=session.journal,
                effects=session.plugins.effects(),
                outbox=outbox_of(session),
                now=session.now,
                progress=session.progress,
                known=known,
                guards=await guards_of(session, reached),
            )
        outcome = execution.outcome
    except asyncio.CancelledError:
        outcome = RunOutcome.INTERRUPTED
        raise
    finally:
        await session.journal.finish_run(run, ended=session.now(), outcome=outcome)
        _tell_finished(session, run, kind=kind, started=started, outcome=outcome, execution=execution)
    return replace(report, run=run, execution=execution)


def _tell_finished(
    session: Session,
    run: RunId,
    *,
    kind: RunKind,
    started: datetime,
    outcome: RunOutcome,
    execution: ExecutionReport | None,
) -> None:
    ended = session.now()
    applied = dict(execution.applied) if execution else {}
    not_applied = sum(one.count for one in execution.shortfalls) if execution else 0
    get_logger().info(
        "run.finished",
        run=run,
        kind=str(kind),
        outcome=str(outcome),
        seconds=round((ended - started).total_seconds(), 3),
        applied={str(step): count for step, count in applied.items()},
        not_applied=not_applied,
    )
    if kind is RunKind.DAEMON and execution is not None:
        # Whoever starts a run himself reads them in its report.
        for warning in execution.warnings:
            get_logger().warning("run.warned", run=run, reason=warning)
    session.plugins.run_finished(
        RunFinished(
            run=run,
            kind=kind,
            started=started,
            ended=ended,
            outcome=outcome,
            applied=applied,
            not_applied=not_applied,
        )
    )


async def guards_of(session: Session, accounts: Iterable[str]) -> dict[str, Callable[[], Awaitable[None]]]:
    """What has to be looked at before each batch on these accounts: their leases, which are taken now."""
    if session.leases is None:
        return {}
    known = session.configuration.accounts
    return await session.leases.guards([known[name] for name in accounts if name in known])


async def recover_open_steps(session: Session, stores: Mapping[str, MailStore]) -> tuple[RecoveryReport, ...]:
    """Give the open steps of these accounts their verdicts, before anything new is judged there."""
    # What goes out has rows of its own to judge it by, and is tried before its messages are judged anew.
    tried = await work_outbox(session)
    guards = await guards_of(session, stores)
    open_steps = [one for name in stores for one in await session.journal.open_steps(name)]
    reached = {one.intent.command.target_place[0] for one in open_steps} & session.configuration.accounts.keys()
    async with also_connected(session, stores, reached, connect_store) as others:
        report = await recover(
            session.journal, stores, now=session.now, wait=session.wait, others=others, guards=guards
        )
    if report.settled:
        get_logger().info("recovery.finished", settled={str(state): n for state, n in report.settled.items()})
    for alarm in report.alarms:
        get_logger().warning("recovery.undecided", reason=alarm)
    report = replace(report, alarms=(*report.alarms, *alarms_of(tried)))
    return (report,) if report.settled or report.alarms else ()
