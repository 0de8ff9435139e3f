"""When a person's yes is needed before a plan is carried out, and how it is asked for."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from mailrules.errors import PlanRefused
from mailrules.plan.blast_radius import MANY_MESSAGES, is_large
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from mailrules.cli.invocation import Invocation
    from mailrules.cli.output import Activity
    from mailrules.plan.plan import Plan


def why_yes_is_needed(plan: Plan) -> str:
    """The reason why nobody but a person may start this plan, "" where it may just run.

    The deletions of an undo are of copies that the run itself made.
    """
    deletions = sum(step.kind is StepKind.DELETE for _, _, step in plan.steps())
    if deletions and not plan.undo_of:
        return f"it deletes {deletions} messages for ever"
    if plan.message_count > MANY_MESSAGES:
        return f"it changes {plan.message_count} messages"
    for mailbox in plan.mailboxes:
        count = len(mailbox.messages)
        changed = [one for one in mailbox.messages if not set(plan.changed_rules).isdisjoint(one.rules)]
        if is_large(count, of=mailbox.judged, by_changed_rules=False):
            return f"it changes {count} of {mailbox.judged} messages in {mailbox.account}/{mailbox.mailbox}"
        if is_large(len(changed), of=mailbox.judged, by_changed_rules=True):
            return (
                f"rules that are new or have changed would touch {len(changed)} of {mailbox.judged} messages in "
                f"{mailbox.account}/{mailbox.mailbox}"
            )
    return ""


async def may_go_on(
    invocation: Invocation, question: str, *, activity: Activity, yes: bool, reason: str, always: bool = False
) -> bool:
    """Whether to act: ``yes`` was given, nothing calls for asking, or the person at the terminal agrees.

    ``always`` asks a terminal even without a ``reason``. Raises PlanRefused where there is a reason
    and nobody can be asked.
    """
    if yes or not (reason or always):
        return True
    if invocation.may_ask:
        with activity.set_aside():
            click.echo(f"{question} [y/N] ", nl=False, err=True)
            return (await _line_from_terminal()).strip().lower() in {"y", "yes"}
    if reason:
        raise PlanRefused(f"this needs a yes, since {reason}; look at it with dry-run, then repeat with --yes")
    return True


async def _line_from_terminal() -> str:
    """One line of stdin, leaving the event loop free, so that Ctrl-C and the connections are heard."""
    loop = asyncio.get_running_loop()
    line: asyncio.Future[bytes] = loop.create_future()
    handle = sys.stdin.fileno()

    def read() -> None:
        loop.remove_reader(handle)
        line.set_result(os.read(handle, 4096))

    loop.add_reader(handle, read)
    try:
        return (await line).decode(errors="replace")
    finally:
        loop.remove_reader(handle)
