"""The verb ``history``: what was done, and why."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import Column, Output, cell, local, number, plural
from mailrules.cli.plan_view import flag_word
from mailrules.cli.session import read_journal, run_until_done
from mailrules.cli.shadow_view import noted_document, show_noted, show_tallies, tally_document
from mailrules.journal.lock import lock_holder
from mailrules.journal.records import StepState
from mailrules.journal.standing import runs_under_way
from mailrules.plan.plan import StepKind
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.journal.deliveries import Delivery
    from mailrules.journal.lock import Holder
    from mailrules.journal.records import Resolution, RunRecord, StepRecord
    from mailrules.journal.shadow_effects import ShadowNote, ShadowTally

SHOWN_STEPS = 50

_OUTCOME_LOOKS = {"done": "good", "partly_done": "warn", "failed": "bad", "interrupted": "warn"}
_STATE_LOOKS = {
    "applied": "good",
    "refused": "warn",
    "unknown": "bad",
    "ambiguous": "bad",
    "waiting": "warn",
    "given_up": "bad",
}


@click.command(cls=Verb, name="history")
@click.argument("run", required=False, default="")
@click.option("--message", default="", metavar="MESSAGE-ID", help="What was done with one message, in all runs.")
@click.option("--shadow", "of_shadow", is_flag=True, help="What rules in shadow would have done, by rule and mailbox.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs are listed."
)
@click.option("--all", "show_all", is_flag=True, help="List every step, not only 50.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; with RUN or --message, the steps.")
@pass_invocation
def history(
    invocation: Invocation, *, run: str, message: str, of_shadow: bool, limit: int, show_all: bool, as_json: bool
) -> None:
    """Show what was done, and why.

    Lists the newest runs; with RUN (its name or how that begins) every step of one run and its reason.
    """
    invocation.start_logging()
    output = invocation.output
    if of_shadow and (run or message):
        raise click.UsageError("--shadow goes without RUN and --message")

    async def read() -> _Told:
        async with read_journal(invocation) as journal:
            if of_shadow:
                return _Told(tallies=await journal.shadow_tallies())
            if message:
                shadow = await journal.shadow_of_message(message)
                steps = await journal.steps_for_message(message)
                return _Told(steps=steps, said=await journal.resolutions(), shadow=shadow)
            if run:
                found = await journal.run(run)
                if found is None:
                    raise click.UsageError(f"no run begins with {run!r}; see: mailrules history")
                said = await journal.resolutions(found.id)
                return _Told(one=found, steps=await journal.steps_of(found.id), said=said)
            listed = await journal.runs(limit=limit)
            names = {record.id for record in listed}
            unsettled = [step for step in await journal.in_doubt() if step.run in names]
            waiting = [one for one in await journal.waiting_deliveries() if one.step.run in names]
            return _Told(runs=listed, steps=unsettled, waiting=waiting)

    told = run_until_done(read())
    one, runs, steps = told.one, told.runs, told.steps
    holder = lock_holder(invocation.state_path.path)
    resolved = {said.step: said for said in told.said}
    if of_shadow:
        if as_json:
            output.json({"version": 1, "shadow": [tally_document(one) for one in told.tallies]})
        else:
            show_tallies(output, told.tallies)
        return
    if as_json:
        documents = [step_document(step, resolved.get(step.id)) for step in steps]
        document: dict[str, object] = {"version": 1}
        if one or message:
            document |= {"run": run_document(one) if one else None, "steps": documents}
            if message:
                document["shadow"] = [noted_document(noted) for noted in told.shadow]
        else:
            document |= {"runs": [run_document(record) for record in runs], "unsettled": documents}
        output.json(document)
    elif one or message:
        if one:
            shown_runs(output, [one], holder=holder)
        _show_steps(output, steps, limit=None if show_all else SHOWN_STEPS)
        show_noted(output, told.shadow)
    elif runs:
        shown_runs(output, runs, holder=holder)
        _show_waiting(output, told.waiting)
        _show_unsettled(output, steps)
    else:
        output.line("Nothing has been done yet.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What the journal says: one run, or several, and steps with what persons said of them."""

    one: RunRecord | None = None
    runs: Sequence[RunRecord] = ()
    steps: Sequence[StepRecord] = ()
    waiting: Sequence[Delivery] = ()
    said: Sequence[Resolution] = ()
    shadow: Sequence[ShadowNote] = ()
    tallies: Sequence[ShadowTally] = ()


def shown_runs(output: Output, runs: Sequence[RunRecord], *, holder: Holder | None) -> None:
    """A table of runs; ``holder`` is who is at work now."""
    under_way = runs_under_way([run for run in runs if run.outcome is None], holder)
    columns = (
        Column(title="Run", is_short=True),
        Column(title="Kind"),
        Column(title="Started", is_short=True),
        Column(title="Outcome"),
        Column(title="Messages", is_number=True),
        Column(title="Steps", share=1),
    )
    rows = [
        (
            cell(run.id, "heading"),
            cell(f"{run.kind} of {run.undo_of}" if run.undo_of else str(run.kind)),
            cell(local(run.started), "dim"),
            cell(
                _words(run.outcome or ("running" if run.id in under_way else "was killed")),
                _OUTCOME_LOOKS.get(run.outcome or "", "warn"),
            ),
            number(run.planned_messages),
            cell(", ".join(f"{number(count)} {_words(state)}" for state, count in sorted(run.counts.items())), "dim"),
        )
        for run in runs
    ]
    output.table(columns, rows)


def _show_waiting(output: Output, deliveries: Sequence[Delivery]) -> None:
    """Which effects of these runs are tried again, why, and when the first of equal ones is due."""
    groups: dict[tuple[str, ...], list[Delivery]] = {}
    for one in deliveries:
        command = one.step.intent.command
        key = (one.step.run, command.account, command.mailbox, step_words(one.step), one.step.detail)
        groups.setdefault(key, []).append(one)
    for (run, account, mailbox, what, detail), several in groups.items():
        times = f"{number(len(several))} x " if len(several) > 1 else ""
        due = local(min(one.due for one in several))
        why = f"{detail}; " if detail else ""
        words = f"{times}{what} in {account}/{mailbox} (run {run}): {why}the daemon or a run tries again after {due}"
        output.line(cell("waiting: ", "warn"), cell(words))


def _show_unsettled(output: Output, steps: Sequence[StepRecord]) -> None:
    """What of these runs has no final verdict, and why, equal ones together."""
    groups = Counter(
        (step.run, step.state, step.intent.command.account, step.intent.command.mailbox, step_words(step), step.detail)
        for step in steps
    )
    for (run, state, account, mailbox, what, detail), count in groups.items():
        times = f"{number(count)} x " if count > 1 else ""
        why = f": {detail}" if detail else ""
        output.line(
            cell(f"{_words(state)}: ", _STATE_LOOKS.get(state, "warn")),
            cell(f"{times}{what} in {account}/{mailbox} (run {run}){why}"),
        )
    if groups:
        output.line(cell("What can be done about these: mailrules unknown", "dim"))


def _show_steps(output: Output, steps: Sequence[StepRecord], *, limit: int | None) -> None:
    if not steps:
        output.line("No steps.")
        return
    shown = steps
    if limit is not None and len(steps) > limit:
        # What did not go as meant is never cut off by what did.
        shown = sorted(steps, key=lambda step: step.state is StepState.APPLIED)[:limit]
    columns = (
        Column(title="Mailbox"),
        Column(title="UID", is_number=True),
        Column(title="Subject", share=3, is_short=True),
        Column(title="Step", share=3),
        Column(title="State"),
        Column(title="Rule and reason", share=3),
    )
    rows = [
        (
            cell(f"{step.intent.command.account}/{step.intent.command.mailbox}"),
            str(step.intent.uid or ""),
            cell(step.intent.subject or step.intent.message_id),
            cell(step_words(step)),
            cell(_words(step.state), _STATE_LOOKS.get(step.state, "dim")),
            cell(": ".join(part for part in (step.intent.rule, step.detail or step.intent.reason) if part), "dim"),
        )
        for step in shown
    ]
    output.line()
    output.table(columns, rows)
    more = f", {number(len(steps) - len(rows))} of them not listed (--all)" if len(rows) < len(steps) else ""
    output.line("  ", cell(f"{plural(len(steps), 'step')}{more}", "dim"))


def step_words(step: StepRecord) -> str:
    """What was meant, in a few words."""
    command = step.intent.command
    kind = _words(command.kind)
    if command.kind in {StepKind.ADD_FLAGS, StepKind.REMOVE_FLAGS}:
        sign = "+" if command.kind is StepKind.ADD_FLAGS else "-"
        return " ".join(sign + flag_word(flag) for flag in step.intent.flags)
    if command.kind is StepKind.SETACL:
        return f"rights of {command.identifier}: {command.prior_rights or 'none'} becomes {command.rights or 'none'}"
    if command.kind in {StepKind.SETMETADATA, StepKind.SETQUOTA}:
        return f"{command.identifier}: {command.prior_rights or 'nothing'} becomes {command.rights or 'nothing'}"
    if command.kind is StepKind.EFFECT:
        return f"{command.effect} to {command.target}" if command.target else command.effect
    return f"{kind} to {command.target}" if command.target else kind


def _words(value: str) -> str:
    return str(value).replace("_", " ")


def run_document(run: RunRecord) -> dict[str, object]:
    """A run in JSON values, as `history --json` prints it."""
    return {
        "id": run.id,
        "kind": run.kind,
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat() if run.ended else None,
        "outcome": run.outcome,
        "undo_of": run.undo_of or None,
        "rules_hash": run.rules_hash,
        "planned_messages": run.planned_messages,
        "steps_by_state": {str(state): count for state, count in run.counts.items()},
    }


def step_document(step: StepRecord, resolution: Resolution | None = None) -> dict[str, object]:
    """A step in JSON values, as `history RUN --json` and `unknown --json` print it."""
    intent, command = step.intent, step.intent.command
    return {
        "id": step.id,
        "run": step.run,
        "account": command.account,
        "mailbox": command.mailbox,
        "uidvalidity": command.uidvalidity,
        "uid": intent.uid,
        "message_id": intent.message_id,
        "subject": intent.subject,
        "rule": intent.rule,
        "reason": intent.reason,
        "kind": command.kind,
        "operation": command.operation,
        "to": command.target or None,
        "flags": list(intent.flags),
        "identifier": command.identifier or None,
        "rights": command.rights or None,
        "effect": command.effect or None,
        "state": step.state,
        "detail": step.detail,
        "intended": step.intended.isoformat(),
        "judged": step.judged.isoformat() if step.judged else None,
        "target_uid": step.target_uid or None,
        "resolved": {"who": resolution.who, "when": resolution.resolved.isoformat(), "was": resolution.was}
        if resolution
        else None,
    }
