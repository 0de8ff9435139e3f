"""The verb ``diff``: which messages two rule files treat differently, on the real mailboxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailrules.cli.configuration import load_beside
from mailrules.cli.diff_view import SAMPLES, difference_document, show_difference
from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import plural
from mailrules.cli.session import local_now, read_journal, run_until_done, scope_of, time_since
from mailrules.comparing import compare
from mailrules.session import ReadingSession

if TYPE_CHECKING:
    from mailrules.cli.configuration import Loaded
    from mailrules.plan.difference import Difference
    from mailrules.session import Scope

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=Verb, name="diff")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option("--account", default="", metavar="NAME", help="Only this account.")
@click.option("--mailbox", default="", metavar="NAME", help="Only this mailbox: INBOX, or home/INBOX.")
@click.option("--rule", default="", metavar="NAME", help="Only what this rule has a part in.")
@click.option("--since", default="", metavar="TIME", help="Only mail since then: a date, an instant, or an age (30d).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N messages of each mailbox.")
@click.option("--new", "only_new", is_flag=True, help="Only mail that has not been judged yet.")
@click.option("--all", "show_all", is_flag=True, help=f"List every message, not only {SAMPLES} of a group.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@click.option("--detailed-exitcode", is_flag=True, help="End with 10 if there is a difference.")
@pass_invocation
def diff(
    invocation: Invocation,
    *,
    old: Path,
    new: Path,
    account: str,
    mailbox: str,
    rule: str,
    since: str,
    limit: int | None,
    only_new: bool,
    show_all: bool,
    as_json: bool,
    detailed_exitcode: bool,
) -> ExitStatus:
    """Show which messages two rule files treat differently; changes nothing.

    OLD and NEW are configurations, or rule files without accounts, which are then those of the configuration in use.
    Mailboxes are opened read-only, and each is read once for both.
    """
    invocation.start_logging()
    start = time_since(since) if since else None
    loaded = [load_beside(invocation.config_path, file) for file in (old, new)]

    async def read() -> Difference:
        scope = _scope(loaded, account=account, mailbox=mailbox, rule=rule)
        scope = replace(scope, newest=limit, only_new=only_new, since=start)
        async with read_journal(invocation) as journal:
            now = local_now()  # the same instant for both
            sessions = [
                ReadingSession(configuration=one.configuration, plugins=one.plugins, journal=journal, now=lambda: now)
                for one in loaded
            ]
            return await compare(sessions[0], sessions[1], scope=scope)

    with invocation.output.activity("Reading mail"):
        found = run_until_done(read())
    if as_json:
        invocation.output.json(difference_document(found, old=str(old), new=str(new)))
    else:
        show_difference(invocation.output, found, samples=None if show_all else SAMPLES)
        changed = f"{plural(found.changed, 'message')} of {found.judged} would be treated differently"
        invocation.output.line(f"{changed if not found.is_empty else 'No difference'}. Nothing has been changed.")
    if not found.complete:
        return ExitStatus.PARTLY_DONE
    return ExitStatus.SOMETHING_TO_DO if detailed_exitcode and not found.is_empty else ExitStatus.DONE


def _scope(loaded: list[Loaded], *, account: str, mailbox: str, rule: str) -> Scope:
    """By the names of the new file, or by those of the old one, where only that has them."""
    old, new = (one.configuration for one in loaded)
    try:
        return scope_of(new, account=account, mailbox=mailbox, rule=rule, newest=None, only_new=False)
    except click.UsageError:
        return scope_of(old, account=account, mailbox=mailbox, rule=rule, newest=None, only_new=False)
