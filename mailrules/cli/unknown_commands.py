"""The noun ``unknown``: steps whose outcome nobody knows, and how a person settles them."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import click

from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.history_commands import step_document, step_words
from mailrules.cli.invocation import Invocation, Noun, pass_invocation
from mailrules.cli.output import Column, Output, cell, local, plural
from mailrules.cli.questions import may_go_on
from mailrules.cli.session import local_now, open_journal, read_journal, run_until_done
from mailrules.errors import PlanRefused
from mailrules.journal.lock import lock_holder
from mailrules.journal.records import StepState
from mailrules.journal.resolutions import needs_the_lock
from mailrules.journal.standing import FOR_A_PERSON, Concern, concern_of, runs_under_way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.journal.reader import JournalReader
    from mailrules.journal.records import StepRecord

    Doubt = tuple[StepRecord, Concern]

_KNOWN = {
    Concern.UNDER_WAY: "a run is at it now",
    Concern.OPEN: "the next run settles it by reading the mailboxes",
    Concern.IN_DOUBT: "it may have happened; it is not repeated",
    Concern.GIVEN_UP: "nothing more is done about it by itself",
}
_LOOKS = {Concern.UNDER_WAY: "dim", Concern.OPEN: "warn"}
_BECOMES = {"applied": StepState.APPLIED, "not-applied": StepState.NOT_APPLIED}


@click.group(cls=Noun, name="unknown", invoke_without_command=True)
@click.option("--account", default="", metavar="NAME", help="Only this account.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@click.pass_context
def unknown(context: click.Context, *, account: str, as_json: bool) -> None:
    """List steps whose outcome is unknown, and settle them by hand.

    What reading the mailboxes can settle, the next run settles by itself; the rest waits for
    `mailrules unknown resolve`.
    """
    invocation = context.ensure_object(Invocation)
    if context.invoked_subcommand is not None:
        if account or as_json:
            raise click.UsageError("options of the list go without a further command")
        return
    invocation.start_logging()
    doubts = run_until_done(_read(invocation, account=account))
    if as_json:
        steps = [step_document(step) | {"concern": concern} for step, concern in doubts]
        invocation.output.json({"version": 1, "steps": steps})
    else:
        _show(invocation.output, doubts)


@unknown.command(name="resolve")
@click.argument("steps", metavar="[STEP]...", nargs=-1, type=click.IntRange(min=1))
@click.option(
    "--as", "became", type=click.Choice(list(_BECOMES)), required=True, help="Whether it happened, as you have seen."
)
@click.option("--all", "take_all", is_flag=True, help="Every step that waits for a person, within the filters.")
@click.option("--account", default="", metavar="NAME", help="With --all: only this account.")
@click.option("--run", default="", metavar="RUN", help="With --all: only this run.")
@click.option("--rule", default="", metavar="NAME", help="With --all: only what this rule did.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_invocation
def resolve(
    invocation: Invocation,
    *,
    steps: tuple[int, ...],
    became: str,
    take_all: bool,
    account: str,
    run: str,
    rule: str,
    yes: bool,
) -> ExitStatus:
    """Settle steps by hand: say whether they happened.

    STEP is the number in `mailrules unknown`. Look first: at the mailbox, at the sent mail, at the receiver. The
    message of a step that did not happen is judged again; one that happened is never repeated. Who said so, and when,
    is in the history.
    """
    invocation.start_logging()
    if bool(steps) == take_all:
        raise click.UsageError("name the steps, or give --all")
    if (account or run or rule) and not take_all:
        raise click.UsageError("--account, --run and --rule go with --all")

    async def settle() -> bool:
        doubts = await _read(invocation, account=account)
        if take_all:
            chosen = [
                step
                for step, concern in doubts
                if concern in FOR_A_PERSON and step.run.startswith(run) and rule in {"", step.intent.rule}
            ]
        else:
            chosen = _named(doubts, steps)
        if not chosen:
            invocation.output.line("Nothing waits for a person.")
            return True
        question = f"Note that {plural(len(chosen), 'step')} {'happened' if became == 'applied' else 'did not happen'}?"
        with invocation.output.activity("Reading the journal") as activity:
            if not await may_go_on(invocation, question, activity=activity, yes=yes, reason="", always=True):
                return False
        # What recovery is about to settle by itself must not be settled twice.
        locked_for = "unknown" if any(needs_the_lock(step) for step in chosen) else ""
        async with open_journal(invocation, locked_for=locked_for) as journal:
            await journal.resolve([one.id for one in chosen], became=_BECOMES[became], who=_who(), now=local_now())
        words = "happened" if became == "applied" else "did not happen; what is still wanted is judged again"
        invocation.output.line(cell("noted: ", "good"), cell(f"{plural(len(chosen), 'step')} {words}"))
        return True

    return ExitStatus.DONE if run_until_done(settle()) else ExitStatus.FAILED


async def _read(invocation: Invocation, *, account: str) -> list[Doubt]:
    async with read_journal(invocation) as journal:
        return [one for one in await _doubts(invocation, journal) if account in {"", one[0].intent.command.account}]


async def _doubts(invocation: Invocation, journal: JournalReader) -> list[Doubt]:
    under_way = runs_under_way(await journal.unfinished_runs(), lock_holder(invocation.state_path.path))
    return [(step, concern_of(step, under_way=under_way)) for step in await journal.in_doubt()]


def _named(doubts: Sequence[Doubt], steps: tuple[int, ...]) -> list[StepRecord]:
    found = {int(step.id): (step, concern) for step, concern in doubts}
    for number in steps:
        if number not in found:
            raise PlanRefused(f"step {number} is not in doubt; look again with: mailrules unknown")
        if found[number][1] is Concern.UNDER_WAY:
            raise PlanRefused(f"a run is at step {number} now; look again when it has ended")
    return [found[number][0] for number in dict.fromkeys(steps)]


def _who() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def _known(step: StepRecord, concern: Concern) -> str:
    """The reason, and what comes of it, where the reason does not say that itself."""
    is_said = concern is Concern.IN_DOUBT and step.detail.startswith("it may have happened")
    return step.detail if is_said else "; ".join(part for part in (step.detail, _KNOWN[concern]) if part)


def _show(output: Output, doubts: Sequence[Doubt]) -> None:
    if not doubts:
        output.line("The outcome of every step is known.")
        return
    columns = (
        Column(title="Step", is_number=True),
        Column(title="Mailbox"),
        Column(title="UID", is_number=True),
        Column(title="Message", share=3, is_short=True),
        Column(title="What", share=3),
        Column(title="Since", is_short=True),
        Column(title="What is known", share=4),
    )
    rows = [
        (
            str(step.id),
            cell(f"{step.intent.command.account}/{step.intent.command.mailbox}"),
            str(step.intent.uid or ""),
            cell(step.intent.subject or step.intent.message_id),
            cell(step_words(step)),
            cell(local(step.intended), "dim"),
            cell(_known(step, concern), _LOOKS.get(concern, "bad")),
        )
        for step, concern in doubts
    ]
    output.table(columns, rows)
    if any(concern in FOR_A_PERSON for _, concern in doubts):
        output.line(cell("Look what happened, then: mailrules unknown resolve STEP --as applied|not-applied", "dim"))
