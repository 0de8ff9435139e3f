"""The verbs that act by rules: ``run``, ``approve`` and ``undo``."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import click

from mailrules.cli.configuration import load, load_to_act
from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.held_mail import held_document, held_mail, show_held
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import cell, local
from mailrules.cli.plan_view import steps_summary
from mailrules.cli.questions import may_go_on, why_yes_is_needed
from mailrules.cli.run_view import report_document, report_status, show_report
from mailrules.cli.session import allow_failing_option, local_now, open_journal, open_session, run_until_done, scope_of
from mailrules.engine import RunReport, run_once
from mailrules.engine import undo as take_back
from mailrules.execution.undo import plan_undo
from mailrules.journal.records import RunKind, RunRecord
from mailrules.plan.shadow import rules_in_shadow

if TYPE_CHECKING:
    from mailrules.execution.report import Progress
    from mailrules.journal.journal import Journal
    from mailrules.plan.plan import Plan
    from mailrules.plan.shadow import ShadowRule


@click.command(cls=Verb, name="run")
@click.option("--once", is_flag=True, help="Judge all mail in the rules' mailboxes, act, and end.")
@click.option("--new", "only_new", is_flag=True, help="With --once: only mail that has not been judged yet.")
@click.option("--backlog", is_flag=True, help="As the daemon: judge mail from before its first start too.")
@click.option("--yes", is_flag=True, help="With --once: do not ask, however large the plan.")
@click.option("--account", default="", metavar="NAME", help="With --once: only this account.")
@click.option("--mailbox", default="", metavar="NAME", help="With --once: only this mailbox.")
@click.option("--rule", default="", metavar="NAME", help="With --once: only the steps of this rule.")
@allow_failing_option
@click.option("--json", "as_json", is_flag=True, help="With --once: print the outcome as one JSON document.")
@pass_invocation
def run(
    invocation: Invocation,
    *,
    once: bool,
    only_new: bool,
    backlog: bool,
    yes: bool,
    account: str,
    mailbox: str,
    rule: str,
    allow_failing: tuple[str, ...],
    as_json: bool,
) -> ExitStatus:
    """Watch the mailboxes and act on new mail, or with --once judge all mail and end.

    SIGTERM and SIGINT end the daemon after what is under way; SIGHUP, and any change of the rule files, puts new
    rules in force. A plan of --once that is large or deletes mail waits for a yes.
    """
    once_only = {"--new": only_new, "--yes": yes, "--account": account, "--mailbox": mailbox, "--rule": rule}
    misplaced = [name for name, given in (once_only | {"--json": as_json}).items() if given and not once]
    if misplaced:
        raise click.UsageError(f"{misplaced[0]} goes with --once")
    if once and backlog:
        raise click.UsageError("--backlog is for the daemon; --once judges older mail anyway")
    invocation.start_logging(acts=True, watched=once)
    if not once:
        asyncio.run(_watch(invocation, backlog=backlog, allow_failing=allow_failing))
        return ExitStatus.DONE

    async def act() -> RunReport:
        with invocation.output.activity("Reading mail") as activity:

            async def confirm(plan: Plan) -> bool:
                question = f"{steps_summary(plan).capitalize()}. Go on?"
                reason = why_yes_is_needed(plan)
                return await may_go_on(invocation, question, activity=activity, yes=yes, reason=reason)

            def show(progress: Progress) -> None:
                activity.show("Acting", progress.done_steps, progress.total_steps)

            async with open_session(invocation, locked_for="run", progress=show, may_fail=allow_failing) as session:
                scope = scope_of(
                    session.configuration, account=account, mailbox=mailbox, rule=rule, newest=None, only_new=only_new
                )
                return await run_once(session, confirm=confirm, scope=scope)

    return _finish(invocation, run_until_done(act()), as_json=as_json)


async def _watch(invocation: Invocation, *, backlog: bool, allow_failing: tuple[str, ...]) -> None:
    from mailrules.daemon.service import Control, Service, heed_signals  # noqa: PLC0415 -- only the daemon needs it

    control = Control()
    with heed_signals(control):
        async with open_session(invocation, locked_for="daemon", may_fail=allow_failing) as session:
            service = Service(
                session,
                load=lambda: load_to_act(invocation.config_path, may_fail=allow_failing),
                random=random.random,
                backlog=backlog,
            )
            await service.run(control)


@click.command(cls=Verb, name="approve")
@click.argument("rule", required=False, default="")
@click.option("--all", "release_all", is_flag=True, help="Release what every rule's guard holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as one JSON document.")
@pass_invocation
def approve(invocation: Invocation, *, rule: str, release_all: bool, as_json: bool) -> None:
    """Release what a rule's guard holds.

    Without RULE and --all, it lists what is held, and releases nothing. A rule that is new or has changed, and
    waits for a yes, may act from now on. The daemon acts on it within five minutes; `mailrules run --once --new`
    at once.
    """
    invocation.start_logging()
    configuration, _ = load(invocation.config_path)
    if (rule and release_all) or (as_json and (rule or release_all)):
        raise click.UsageError("RULE, --all and --json exclude each other")
    scope_of(configuration, account="", mailbox="", rule=rule, newest=None, only_new=False)
    if not rule and not release_all:
        held = run_until_done(held_mail(invocation, configuration))
        if as_json:
            invocation.output.json(held_document(held))
        else:
            show_held(invocation.output, held)
        return
    rules = configuration.rules

    async def release() -> tuple[ShadowRule, ...]:
        async with open_journal(invocation) as journal:
            await journal.approve(rule or None, now=local_now())
            shadow = rules_in_shadow(rules.rules, await journal.sights(), now=local_now())
            # What has not acted yet is not known by a yes to something else.
            unknown = {one.rule for one in shadow}
            names = {
                ref: [one.name for one in rules.for_mailbox(ref) if rule in {"", one.name} and one.name not in unknown]
                for ref in rules.mailboxes
            }
            await journal.know_rules(names, rules_hash=rules.hash)
            return tuple(one for one in shadow if rule in {"", one.rule})

    in_shadow = asyncio.run(release())
    whose = f"rule {rule}" if rule else "every rule"
    invocation.output.line(cell(f"What the guard of {whose} holds is released for one window of the guard."))
    for one in in_shadow:
        told = f"{one.rule} only reports until {local(one.until)}; to let it act before, remove its `shadow`"
        invocation.output.line(cell("in shadow: ", "warn"), cell(told))


@click.command(cls=Verb, name="undo")
@click.argument("run", required=False, default="")
@click.option("--rule", default=None, metavar="NAME", help="Only what this rule did.")
@click.option("--message", default=None, metavar="MESSAGE-ID", help="Only what was done with this message.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON document.")
@pass_invocation
def undo(
    invocation: Invocation, *, run: str, rule: str | None, message: str | None, yes: bool, as_json: bool
) -> ExitStatus:
    """Take back a run, or one rule's or one message's part in it.

    RUN is its name or how that begins; without it, the newest run of which something is left to take back. What cannot
    be taken back is listed first. Undoing is a run too: it is journalled, and guarded against what
    has changed since.
    """
    invocation.start_logging(acts=True)

    async def act() -> RunReport:
        with invocation.output.activity("Reading the journal") as activity:

            async def confirm(plan: Plan, cannot: tuple[str, ...]) -> bool:
                for sentence in cannot:
                    invocation.output.note(cell("cannot be taken back: ", "warn"), cell(sentence))
                question = f"Take back run {plan.undo_of}: {steps_summary(plan)}. Go on?"
                reason = why_yes_is_needed(plan)
                return await may_go_on(invocation, question, activity=activity, yes=yes, reason=reason, always=True)

            def show(progress: Progress) -> None:
                activity.show("Undoing", progress.done_steps, progress.total_steps)

            async with open_session(invocation, locked_for="undo", progress=show, may_fail=None) as session:
                record = await _run_to_undo(session.journal, run)
                return await take_back(session, record.id, confirm=confirm, rule=rule, message_id=message)

    return _finish(invocation, run_until_done(act()), as_json=as_json)


async def _run_to_undo(journal: Journal, name: str) -> RunRecord:
    if name:
        record = await journal.run(name)
        if record is None:
            raise click.UsageError(f"no run begins with {name!r}; see: mailrules history")
        return record
    runs = await journal.runs(limit=1000)
    taken_back = {run.undo_of for run in runs if run.undo_of}
    for record in runs:
        if record.kind is RunKind.UNDO:
            continue
        way_back = await plan_undo(journal, record.id, now=local_now())
        # What cannot be taken back is told once, instead of an older run being taken back in its place.
        if not way_back.plan.is_empty or (way_back.cannot and record.id not in taken_back):
            return record
    raise click.UsageError("there is no run to take back; see: mailrules history")


def _finish(invocation: Invocation, report: RunReport, *, as_json: bool) -> ExitStatus:
    if as_json:
        invocation.output.json(report_document(report))
        return report_status(report)
    return show_report(invocation.output, report)
