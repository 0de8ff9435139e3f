"""How a plan becomes changes on servers, each journalled before it is sent and judged before the next decision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.errors import ConnectionLost, ReadOnlyMode, RemoteProtocolError
from mailrules.execution.mailbox_reading import SUBSCRIPTIONS
from mailrules.execution.mailbox_run import MailboxRun
from mailrules.execution.mailbox_steps import create_mailboxes, run_mailbox_steps
from mailrules.execution.report import Tally
from mailrules.execution.session import Session
from mailrules.journal.records import Operation, StepState
from mailrules.mailbox.message import UID
from mailrules.plan.plan import FAILED, Finding, MailboxStep, StepKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mailrules.execution.effects import EffectHandler, OutboxHandler
    from mailrules.execution.outbox import Outbox
    from mailrules.execution.report import ExecutionReport, Progress
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunId
    from mailrules.mailbox.store import MailboxStatus, MailStore
    from mailrules.plan.plan import MailboxPlan, Plan


async def execute(
    plan: Plan,
    *,
    run: RunId,
    stores: Mapping[str, MailStore],
    journal: Journal,
    effects: Mapping[str, EffectHandler | OutboxHandler],
    now: Callable[[], datetime],
    outbox: Outbox | None = None,
    progress: Callable[[Progress], None] | None = None,
    known: Mapping[str, Mapping[str, MailboxStatus]] | None = None,
    guards: Mapping[str, Callable[[], Awaitable[None]]] | None = None,
) -> ExecutionReport:
    """Carry out a plan: mailbox steps, then each mailbox's messages (an undo: mailbox steps last).

    ``outbox`` is where effects with an ``OutboxHandler`` go out; without one they are left out.
    ``guards`` are looked at before each batch on an account: one raises LeaseLost to end it.
    ``known`` spares a round trip where the caller has just read the status of targets: by account and name.

    Also moves the positions on. Does not begin or finish the run: the caller does, by the report's
    ``outcome``. A lost connection, and the kill switch, end the account's part: a shortfall. Raises JournalError,
    after which nothing more was sent.
    """
    tally = Tally(total_steps=len(plan.mailbox_steps) + sum(1 for _ in plan.steps()), progress=progress)
    for account in _accounts(plan):
        part = _AccountPart(plan, account)
        if account not in stores:
            part.leave_out(tally, f"account {account!r} is not connected")
            continue
        session = Session(
            run=run,
            store=stores[account],
            journal=journal,
            now=now,
            guard=(guards or {}).get(account),
            others=stores,
            outbox=outbox,
        )
        try:
            await _run_account(part, session, effects=effects, tally=tally, known=(known or {}).get(account, {}))
        except (ConnectionLost, RemoteProtocolError) as error:
            part.leave_out(tally, f"the connection was lost: {error}")
        except ReadOnlyMode as stopped:
            part.leave_out(tally, str(stopped))
    return tally.report()


class _AccountPart:
    """The part of a plan that concerns one account, as a queue: what is taken out has been begun."""

    def __init__(self, plan: Plan, account: str) -> None:
        self.account = account
        self.is_undo = bool(plan.undo_of)
        mailbox_steps = [step for step in plan.mailbox_steps if step.account == account]
        # A mailbox is made before anything else is done to it, and removed last.
        self.first = [step for step in mailbox_steps if step.kind is StepKind.CREATE]
        self.last = [step for step in mailbox_steps if step.kind is StepKind.DELETE_MAILBOX]
        others = [step for step in mailbox_steps if step not in self.first and step not in self.last]
        if plan.undo_of:
            # Subscriptions are under the old names, which there are again only once everything else is taken back.
            names = [step for step in others if step.kind in SUBSCRIPTIONS]
            self.last = [step for step in others if step not in names] + names + self.last
        else:
            self.first += others
        self.mailboxes = [one for one in plan.mailboxes if one.account == account]

    def leave_out(self, tally: Tally, reason: str) -> None:
        """Count all that was not begun."""
        for step in (*self.first, *self.last):
            tally.count_missed(self.account, step.mailbox, (step.kind,), state=None, reason=reason)
        for mailbox in self.mailboxes:
            _leave_out(tally, mailbox, reason)


async def _run_account(
    part: _AccountPart,
    session: Session,
    *,
    effects: Mapping[str, EffectHandler | OutboxHandler],
    tally: Tally,
    known: Mapping[str, MailboxStatus],
) -> None:
    # What reading could not decide is not done again either: a person has to say what became of it.
    undecided = [
        one
        for one in await session.journal.given_up()
        if one.state is StepState.AMBIGUOUS
        and one.intent.command.account == part.account
        and one.intent.command.operation in {Operation.COPY, Operation.MOVE, Operation.APPEND}
    ]
    unsettled = {
        (one.intent.command.mailbox, one.intent.command.uidvalidity, one.intent.uid)
        for one in (*await session.journal.open_steps(part.account), *undecided)
    }
    creations = tuple(_creations(part.mailboxes, part.first))
    await create_mailboxes(session, [one for one in creations if one.account == part.account], tally=tally)
    for name in dict.fromkeys(one.account for one in creations if one.account in session.others):
        if name != part.account:
            there = replace(session, store=session.others[name])
            await create_mailboxes(there, [one for one in creations if one.account == name], tally=tally)
    made = frozenset(one.mailbox for one in (*creations, *part.first) if one.kind is StepKind.CREATE)
    await run_mailbox_steps(session, part.first, tally=tally, is_undo=part.is_undo, made=made)
    while part.mailboxes:
        mailbox = part.mailboxes.pop(0)
        if not mailbox.complete:
            _leave_out(tally, mailbox, f"its plan is incomplete: {mailbox.incomplete_reason}")
            continue
        held_back = frozenset(
            uid for name, validity, uid in unsettled if (name, validity) == (mailbox.mailbox, mailbox.uidvalidity)
        )
        failed = (
            dict[UID, str]()
            if not mailbox.messages
            else await MailboxRun(mailbox, session=session, effects=effects, tally=tally, known=known).run(
                unsettled=held_back
            )
        )
        if failed is not None and not part.is_undo and mailbox.moves_position:
            await _advance_position(mailbox, session, failed=failed)
    await run_mailbox_steps(session, part.last, tally=tally, is_undo=part.is_undo, made=made)


async def _advance_position(mailbox: MailboxPlan, session: Session, *, failed: Mapping[UID, str]) -> None:
    judged = frozenset(mailbox.final_uids)
    findings = [
        Finding(uid=one.uid, rule="", kind=FAILED, reason=failed[one.uid], names=one.lasting_names)
        for one in mailbox.messages
        if one.uid in failed
    ]
    await session.journal.advance_position(
        mailbox.account,
        mailbox.mailbox,
        uidvalidity=mailbox.uidvalidity,
        final=judged - failed.keys(),
        pending=(judged & failed.keys()).union(mailbox.pending_uids),
        # A rule's reason is the one that a person can do something about.
        findings=[*findings, *mailbox.findings],
    )


def _accounts(plan: Plan) -> tuple[str, ...]:
    named = [one.account for one in plan.mailboxes] + [one.account for one in plan.mailbox_steps]
    return tuple(dict.fromkeys(named))


def _creations(mailboxes: Sequence[MailboxPlan], steps: Sequence[MailboxStep]) -> Iterator[MailboxStep]:
    """The mailboxes that message steps need and may make, each once."""
    seen = {step.mailbox for step in steps if step.kind is StepKind.CREATE}
    for mailbox in mailboxes:
        for message in mailbox.messages:
            for step in message.steps:
                if step.create and step.to not in seen:
                    seen.add(step.to)
                    account = step.account or mailbox.account
                    name = step.to.removeprefix(step.account + "/") if step.account else step.to
                    yield MailboxStep(account=account, mailbox=name, kind=StepKind.CREATE, rule=step.rule)


def _leave_out(tally: Tally, mailbox: MailboxPlan, reason: str) -> None:
    for message in mailbox.messages:
        kinds = [step.kind for step in message.steps]
        tally.count_missed(mailbox.account, mailbox.mailbox, kinds, state=None, reason=reason, uid=message.uid)
