"""The verb ``undo``: a run, or a part of one, taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailrules import engine
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import cell
from mailrules.cli.plan_view import steps_summary
from mailrules.cli.questions import may_go_on, why_yes_is_needed
from mailrules.cli.run_view import finish
from mailrules.cli.session import local_now, open_session, run_until_done
from mailrules.execution.undo import plan_undo
from mailrules.journal.records import RunKind

if TYPE_CHECKING:
    from mailrules.cli.exit_status import ExitStatus
    from mailrules.engine import RunReport
    from mailrules.execution.report import Progress
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunRecord
    from mailrules.plan.plan import Plan


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

    RUN is its name or how that begins; without it, the newest run of which something (of that rule or message, where
    one is given) is left to take back. What cannot be taken back is listed first. Undoing is a run too: it is
    journalled, and guarded against what has changed since.
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
                record = await _run_to_undo(session.journal, run, rule=rule, message=message)
                return await engine.undo(session, record.id, confirm=confirm, rule=rule, message_id=message)

    return finish(invocation.output, run_until_done(act()), as_json=as_json)


async def _run_to_undo(journal: Journal, name: str, *, rule: str | None, message: str | None) -> RunRecord:
    part = " ".join(
        f"of the {noun} {wanted!r}" for noun, wanted in (("rule", rule), ("message", message)) if wanted is not None
    )
    if name:
        record = await journal.run(name)
        if record is None:
            raise click.UsageError(f"no run begins with {name!r}; see: mailrules history")
        intents = [one.intent for one in await journal.steps_of(record.id)]
        if part and not any(rule in {None, one.rule} and message in {None, one.message_id} for one in intents):
            raise click.UsageError(f"run {record.id} did nothing {part}; see: mailrules history {record.id}")
        return record
    runs = await journal.runs(limit=1000)
    taken_back = {run.undo_of for run in runs if run.undo_of}
    for record in runs:
        if record.kind is RunKind.UNDO:
            continue
        way_back = await plan_undo(journal, record.id, now=local_now(), rule=rule, message_id=message)
        # What cannot be taken back is told once, instead of an older run being taken back in its place.
        if not way_back.plan.is_empty or (way_back.cannot and record.id not in taken_back):
            return record
    raise click.UsageError(f"there is {f'nothing {part}' if part else 'no run'} to take back; see: mailrules history")
