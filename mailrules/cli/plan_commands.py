"""The verbs ``dry-run`` and ``apply``: a plan looked at, saved, and carried out as it stands."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.mail_files import files_as_mail, mail_file_options
from mailrules.cli.output import cell
from mailrules.cli.plan_view import SHOWN_MESSAGES, show_plan, steps_summary
from mailrules.cli.questions import may_go_on, why_yes_is_needed
from mailrules.cli.run_view import report_document, report_status, show_report
from mailrules.cli.session import (
    allow_failing_option,
    local_now,
    open_journal,
    open_reading_session,
    open_session,
    run_until_done,
    scope_of,
    time_since,
)
from mailrules.cli.shadow_view import SHOWN_MESSAGES as SHOWN_IN_SHADOW
from mailrules.cli.shadow_view import show_shadow
from mailrules.engine import RunReport, apply_plan, preview
from mailrules.errors import PlanRefused
from mailrules.plan.document import plan_digest, plan_from_json, plan_to_document, plan_to_json

if TYPE_CHECKING:
    from mailrules.execution.report import Progress
    from mailrules.plan.plan import Plan


@click.command(cls=Verb, name="dry-run")
@click.option("--account", default="", metavar="NAME", help="Only this account.")
@click.option("--mailbox", default="", metavar="NAME", help="Only this mailbox: INBOX, or home/INBOX.")
@click.option("--rule", default="", metavar="NAME", help="Only the steps of this rule.")
@click.option("--since", default="", metavar="TIME", help="Only mail since then: a date, an instant, or an age (30d).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N messages of each mailbox.")
@mail_file_options
@click.option("--new", "only_new", is_flag=True, help="Only mail that has not been judged yet.")
@click.option("--all", "show_all", is_flag=True, help=f"List every message, not only {SHOWN_MESSAGES} a mailbox.")
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save the plan for `apply`."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan document (docs/reference/plan.md).")
@click.option("--detailed-exitcode", is_flag=True, help="End with 10 if there is something to do.")
@pass_invocation
def dry_run(
    invocation: Invocation,
    *,
    account: str,
    mailbox: str,
    rule: str,
    since: str,
    limit: int | None,
    mails: tuple[Path, ...],
    mboxes: tuple[Path, ...],
    only_new: bool,
    show_all: bool,
    save: Path | None,
    as_json: bool,
    detailed_exitcode: bool,
) -> ExitStatus:
    """Show what a run would do now; changes nothing.

    Mailboxes are opened read-only. `--save` keeps the plan, for `mailrules apply`. With `--eml` and `--mbox` mail on
    disk is judged instead, and no server is asked.
    """
    invocation.start_logging()
    start = time_since(since) if since else None
    if mails or mboxes:
        not_for_files = {"--account": account, "--new": only_new, "--save": save}
        misplaced = [name for name, given in not_for_files.items() if given]
        if misplaced:
            raise click.UsageError(f"{misplaced[0]} does not go with mail in files")

    async def plan_files() -> Plan:
        from mailrules.offline import preview_files  # noqa: PLC0415 -- hardly ever asked for

        files = files_as_mail(invocation, mails=mails, mboxes=mboxes, mailbox=mailbox)
        loaded = files.loaded
        scope = scope_of(
            loaded.configuration, account="", mailbox="", rule=rule, newest=limit, only_new=False, since=start
        )
        return await preview_files(
            loaded.configuration, loaded.plugins, files.reader, ref=files.ref, scope=scope, now=local_now()
        )

    async def plan_now() -> Plan:
        async with open_reading_session(invocation) as session:
            scope = scope_of(
                session.configuration,
                account=account,
                mailbox=mailbox,
                rule=rule,
                newest=limit,
                only_new=only_new,
                since=start,
            )
            plan = await preview(session, scope=scope)
        # A large plan as text takes as long as making it, so only where somebody wants it.
        document = plan_to_json(plan) if save else ""
        if save:
            _write_private(save, document)
        if save or plan.untruths:
            async with open_journal(invocation) as journal:
                await journal.remember_untruths(plan.untruths)
                if save:
                    await journal.remember_plan(plan_digest(document), created=plan.created)
        return plan

    with invocation.output.activity("Reading mail"):
        plan = run_until_done(plan_files() if mails or mboxes else plan_now())
    if as_json:
        invocation.output.json(plan_to_document(plan))
    else:
        show_plan(invocation.output, plan, limit=None if show_all else SHOWN_MESSAGES)
        show_shadow(invocation.output, plan, limit=None if show_all else SHOWN_IN_SHADOW)
        invocation.output.line(f"{steps_summary(plan).capitalize()}. Nothing has been changed.")
    if save:
        invocation.output.note(cell(f"Saved to {save}. Carry it out with: mailrules apply {save}", "dim"))
    if not plan.complete or plan.left_out:
        return ExitStatus.PARTLY_DONE
    return ExitStatus.SOMETHING_TO_DO if detailed_exitcode and not plan.is_empty else ExitStatus.DONE


@click.command(cls=Verb, name="apply")
@click.argument("plan_file", metavar="PLAN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@allow_failing_option
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON document.")
@pass_invocation
def apply(
    invocation: Invocation, *, plan_file: Path, yes: bool, allow_failing: tuple[str, ...], as_json: bool
) -> ExitStatus:
    """Carry out a saved plan, after checking each message again.

    PLAN is what `dry-run --save` wrote. What has moved on since is left out and named. A plan that this journal
    did not make, or that was edited, is refused.
    """
    invocation.start_logging(acts=True)

    async def carry_out() -> RunReport:
        document = _read(plan_file)
        plan = plan_from_json(document)
        question = f"{steps_summary(plan).capitalize()}. Carry this out?"
        reason = why_yes_is_needed(plan)
        with invocation.output.activity("Checking the plan") as activity:
            if not await may_go_on(invocation, question, activity=activity, yes=yes, reason=reason, always=True):
                return RunReport(plan=plan, confirmed=False)

            def show(progress: Progress) -> None:
                activity.show("Applying", progress.done_steps, progress.total_steps)

            async with open_session(invocation, locked_for="apply", progress=show, may_fail=allow_failing) as session:
                return await apply_plan(session, document)

    report = run_until_done(carry_out())
    if as_json:
        invocation.output.json(report_document(report))
        return report_status(report)
    return show_report(invocation.output, report)


def _read(plan_file: Path) -> str:
    try:
        return plan_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanRefused(f"cannot read the plan {plan_file}: {error}") from error


def _write_private(target: Path, document: str) -> None:
    """Write the file whole or not at all, readable by its owner only: it names people's mail."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 -- a handle
            file.write(document)
        draft.replace(target)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise click.UsageError(f"cannot save the plan to {target}: {error.strerror}") from error
