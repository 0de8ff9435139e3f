"""The verb ``apply``: a saved plan, carried out as it stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.plan_view import steps_summary
from mailrules.cli.questions import may_go_on, why_yes_is_needed
from mailrules.cli.run_view import finish
from mailrules.cli.session import allow_failing_option, open_session, run_until_done
from mailrules.engine import RunReport, apply_plan
from mailrules.errors import PlanRefused
from mailrules.plan.document import plan_from_json

if TYPE_CHECKING:
    from mailrules.cli.exit_status import ExitStatus
    from mailrules.execution.report import Progress


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

    return finish(invocation.output, run_until_done(carry_out()), as_json=as_json)


def _read(plan_file: Path) -> str:
    try:
        return plan_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanRefused(f"cannot read the plan {plan_file}: {error}") from error
