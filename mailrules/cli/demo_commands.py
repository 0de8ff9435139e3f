"""The verb ``demo``: the whole job on a mail server in memory."""

from __future__ import annotations

import asyncio
import shlex
import tempfile
import threading
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailrules.cli.demo_sample import RULES, configuration_text, sample_mail
from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import Column, Output, cell, number, plural
from mailrules.cli.plan_view import show_plan, steps_summary
from mailrules.cli.run_view import show_report
from mailrules.cli.session import open_session
from mailrules.engine import preview, run_once
from mailrules.engine import undo as take_back
from mailrules.journal.records import RunId
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.threaded_server import serve_in_thread

if TYPE_CHECKING:
    from mailrules.plan.plan import Plan

MailboxStates = dict[str, tuple[tuple[bytes, frozenset[str]], ...]]
"""Each mailbox's messages with their flags, in an order that does not depend on UIDs."""


@click.command(cls=Verb, name="demo")
@click.option("--keep", is_flag=True, help="Leave the server running at the end, to try other commands on it.")
@pass_invocation
def demo(invocation: Invocation, *, keep: bool) -> ExitStatus:
    """Show the whole job on a mail server in memory: no account, no network.

    Rules, dry run, run, before and after, undo. Touches none of your files.
    """
    invocation.start_logging()
    output = invocation.output
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailrules-demo-")))
        account = MailAccount()
        account.fill("INBOX", sample_mail())
        server = stack.enter_context(serve_in_thread(ImapServer(account)))
        config = _write_configuration(folder, server)
        theirs = replace(invocation, config=str(config), state_dir=str(folder / "state"))

        before = _states(account)
        _part(output, "The mailboxes before")
        _show_mailboxes(output, account)
        _part(output, "The rules")
        output.text("\n".join(f"  {line}".rstrip() for line in RULES.partition("\ntests:")[0].splitlines()))
        is_same = asyncio.run(_whole_job(theirs, account, before))
        if keep:
            _keep(output, config, folder)
    return ExitStatus.DONE if is_same else ExitStatus.FAILED


async def _whole_job(invocation: Invocation, account: MailAccount, before: MailboxStates) -> bool:
    output = invocation.output
    async with open_session(invocation, locked_for="demo") as session:
        _part(output, "The dry run: what these rules would do")
        plan = await preview(session)
        show_plan(output, plan)
        output.line(f"{steps_summary(plan).capitalize()}.")
        same = _states(account) == before
        output.line("The mailboxes are as they were." if same else cell("The dry run changed something!", "bad"))

        _part(output, "Carrying it out")
        report = await run_once(session, confirm=_yes)
        show_report(output, report)
        output.line()
        _show_mailboxes(output, account)

        _part(output, "A second run")
        again = await run_once(session, confirm=_yes)
        output.line(f"{steps_summary(again.plan).capitalize()}.")

        _part(output, "Taking it back")
        show_report(output, await take_back(session, RunId(report.run), confirm=_yes_to_undo))
        output.line()
        _show_mailboxes(output, account)
    is_restored = _states(account) == before
    output.line()
    if is_restored:
        output.line(cell("The same as before: ", "good"), "every message, flag and mailbox is back.")
    else:
        output.line(cell("This is not as before; please report it.", "bad"))
    return same and is_restored


async def _yes(_plan: Plan) -> bool:
    return True


async def _yes_to_undo(_plan: Plan, _cannot: tuple[str, ...]) -> bool:
    return True


def _write_configuration(folder: Path, server: ImapServer) -> Path:
    password, config = folder / "password", folder / "mailrules.yaml"
    password.touch(mode=0o600)
    password.write_text(server.mail.password, encoding="utf-8")
    config.write_text(configuration_text(port=server.port, password=password), encoding="utf-8")
    return config


def _states(account: MailAccount) -> MailboxStates:
    return {
        name: tuple(
            sorted(
                ((stored.content, stored.flags) for stored in mailbox.messages.values()),
                key=lambda one: (one[0], sorted(one[1])),
            )
        )
        for name, mailbox in account.mailboxes.items()
    }


def _show_mailboxes(output: Output, account: MailAccount) -> None:
    rows = []
    for name, mailbox in sorted(account.mailboxes.items(), key=lambda item: (item[0] != "INBOX", item[0])):
        messages = mailbox.messages.values()
        unseen = sum("\\Seen" not in stored.flags for stored in messages)
        flagged = sum("\\Flagged" in stored.flags for stored in messages)
        look = "" if messages else "dim"
        rows.append((cell(name, look), *(cell(number(count), look) for count in (len(messages), unseen, flagged))))
    columns = [Column(title="Mailbox"), *(Column(title=one, is_number=True) for one in ("Messages", "New", "Flagged"))]
    output.table(columns, rows)


def _part(output: Output, title: str) -> None:
    output.line()
    output.heading(title)
    output.line()


def _keep(output: Output, config: Path, folder: Path) -> None:
    """Wait for Ctrl-C, which is how this ends; the server and the folder go with it."""
    output.line()
    output.line(f"The server goes on with {plural(len(sample_mail()), 'message')}; in another terminal, try:")
    output.line()
    places = shlex.join(["-c", str(config), "--state-dir", str(folder / "state")])
    for verb in ("dry-run", "run --once", "history", "undo", "explain demo/INBOX:7"):
        output.line("  ", cell(f"mailrules {places} {verb}"))
    output.line()
    output.line(cell("Ctrl-C ends it.", "dim"))
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
