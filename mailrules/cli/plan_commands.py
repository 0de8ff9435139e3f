"""The verb ``dry-run``: a plan looked at, and saved."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.mail_files import files_as_mail, mail_file_options
from mailrules.cli.output import cell
from mailrules.cli.plan_view import SHOWN_MESSAGES
from mailrules.cli.session import local_now, open_reading_session, run_until_done, scope_of, time_since
from mailrules.session import dialled_to_read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mailrules.plan.plan import Plan

    Preview = Callable[..., Awaitable[Plan]]


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
            async with dialled_to_read(session, scope) as connecting:
                # On a thread: the servers are answered meanwhile.
                preview = await asyncio.to_thread(_load_preview, draws=not as_json)
                plan = await preview(connecting, scope=scope)
        from mailrules.cli.plan_outcome import keep_plan  # noqa: PLC0415 -- is there by now

        await keep_plan(invocation, plan, save=save)
        return plan

    with invocation.output.activity("Reading mail"):
        plan = run_until_done(plan_files() if mails or mboxes else plan_now())
    from mailrules.cli.plan_outcome import show_outcome  # noqa: PLC0415 -- as above

    show_outcome(invocation.output, plan, as_json=as_json, show_all=show_all)
    if save:
        command = shlex.join(["mailrules", "apply", str(save)])
        invocation.output.note(cell(f"Saved to {save}. Carry it out with: {command}", "dim"))
    if not plan.complete or plan.left_out:
        return ExitStatus.PARTLY_DONE
    return ExitStatus.SOMETHING_TO_DO if detailed_exitcode and not plan.is_empty else ExitStatus.DONE


def _load_preview(*, draws: bool) -> Preview:
    """What comes after connecting takes longer to load than a server takes to answer."""
    from mailrules.cli import plan_outcome  # noqa: F401, PLC0415 -- see above
    from mailrules.engine import preview  # noqa: PLC0415 -- see above

    if draws:
        from mailrules.cli import terminal  # noqa: F401, PLC0415 -- see above

    return preview
