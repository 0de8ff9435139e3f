"""The verb ``run``: as a daemon, or once."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import click

from mailrules.cli.configuration import load_to_act
from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.session import allow_failing_option, open_session, run_until_done, scope_of
from mailrules.session import dialled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mailrules.engine import RunReport
    from mailrules.execution.report import Progress

    ActOnce = Callable[..., Awaitable[RunReport]]


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

            def show(progress: Progress) -> None:
                activity.show("Acting", progress.done_steps, progress.total_steps)

            async with open_session(invocation, locked_for="run", progress=show, may_fail=allow_failing) as session:
                scope = scope_of(
                    session.configuration, account=account, mailbox=mailbox, rule=rule, newest=None, only_new=only_new
                )
                async with dialled(session, scope) as connecting:
                    # On a thread: the servers are answered meanwhile.
                    act_once = await asyncio.to_thread(_load_act_once)
                    return await act_once(invocation, connecting, scope=scope, activity=activity, yes=yes)

    report = run_until_done(act())
    from mailrules.cli.run_view import finish  # noqa: PLC0415 -- not before the connections are underway

    return finish(invocation.output, report, as_json=as_json)


def _load_act_once() -> ActOnce:
    """What comes after connecting takes longer to load than a server takes to answer."""
    from mailrules.cli.single_run import act_once  # noqa: PLC0415 -- see above

    return act_once


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
