"""The verb ``status``: what is going on, what is open, and what a person can do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailrules.cli.history_commands import run_document, shown_runs
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import Column, Output, cell, number, plural
from mailrules.cli.session import read_journal, run_until_done
from mailrules.cli.shadow_status import InShadow, in_shadow_document, shadows, show_in_shadow
from mailrules.journal.records import RunKind
from mailrules.journal.standing import Concern, Standing, standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.journal.records import RunRecord
    from mailrules.journal.standing import AccountStanding, PendingGroup

_CURES = {
    Concern.UNDER_WAY: "nothing to do: a run is at it now",
    Concern.OPEN: "the next run settles it: mailrules run --once",
    Concern.WAITING: "it is tried again by itself; see: mailrules history",
    Concern.IN_DOUBT: "only a person can say whether it happened: mailrules unknown",
    Concern.GIVEN_UP: "nothing more is done by itself: mailrules unknown",
}
_LOOKS = {Concern.UNDER_WAY: "dim", Concern.OPEN: "warn", Concern.WAITING: "warn"}
_PENDING_CURES = {
    "held": "it is judged again at every run, and every five minutes by the daemon",
    "unknowable": "correct the rule, or write `if_unknowable: skip` in it",
    "failed": "it is judged again at the next run; see: mailrules history",
}


@click.command(cls=Verb, name="status")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_invocation
def status(invocation: Invocation, *, as_json: bool) -> None:
    """Show what is going on, what is open or held, and what to do about it.

    Asks no server and holds nobody up.
    """
    invocation.start_logging()

    async def read() -> tuple[Standing, tuple[InShadow, ...]]:
        async with read_journal(invocation) as journal:
            return await standing(journal, invocation.state_path.path), await shadows(invocation, journal)

    found, in_shadow = run_until_done(read())
    if as_json:
        invocation.output.json(status_document(found) | {"shadow": [in_shadow_document(one) for one in in_shadow]})
    else:
        _show(invocation.output, found)
        show_in_shadow(invocation.output, in_shadow)


def _show(output: Output, found: Standing) -> None:
    if found.holder is None:
        output.line("Nothing is at work.")
    else:
        output.line(cell("at work: ", "good"), cell(f"{found.holder.purpose}, process {found.holder.process}"))
    if found.read_only:
        output.line(cell("kill switch: ", "warn"), cell(f"nothing is changed: {found.read_only}"))
    if found.last_run is None:
        output.line("Nothing has been done yet.")
    else:
        output.line("Last run:")
        shown_runs(output, [found.last_run], holder=found.holder)
    for run in found.killed:
        cure = "the next run settles what it left open" if run.id in found.left_open else _rest_of(run)
        words = f"run {run.id} ended without saying how" + (f"; {cure}" if found.holder is None else "")
        output.line(cell("was killed: ", "warn"), cell(words))
    for account in found.accounts:
        output.heading(account.account)
        _show_account(output, account)


def _rest_of(run: RunRecord) -> str:
    """How what a killed run had not begun yet gets done."""
    if run.undo_of:
        return f"for the rest of it: mailrules undo {run.undo_of}"
    return "for the rest, apply the plan again" if run.kind is RunKind.APPLY else "the next run does the rest"


def _show_account(output: Output, account: AccountStanding) -> None:
    for concern in Concern:
        if count := account.steps.get(concern, 0):
            words = f"{plural(count, 'step')} {concern.replace('_', ' ')}"
            output.line("  ", cell(f"{words}: ", _LOOKS.get(concern, "bad")), cell(_CURES[concern]))
    for group in account.pending:
        output.line("  ", cell(f"{plural(group.messages, 'message')} {group.kind}: ", "warn"), cell(_why(group)))
    if account.positions:
        columns = (Column(title="Mailbox"), Column(title="Judged up to UID", is_number=True), Column(title="Again"))
        rows = [
            (cell(one.mailbox), number(one.last_uid), number(len(one.pending)) if one.pending else "")
            for one in account.positions
        ]
        output.table(columns, rows)


def _why(group: PendingGroup) -> str:
    rule = f"by rule {group.rule}" if group.rule else ""
    where = " ".join(part for part in (f"in {group.mailbox}", rule) if part)
    return f"{where}: {group.reason or _PENDING_CURES[group.kind]}"


def status_document(found: Standing) -> dict[str, object]:
    """How things stand in JSON values, version 1 (docs/reference/commands.md)."""
    return {
        "version": 1,
        "at_work": {"purpose": found.holder.purpose, "process": found.holder.process} if found.holder else None,
        "read_only": found.read_only or None,
        "last_run": run_document(found.last_run) if found.last_run else None,
        "killed_runs": [run.id for run in found.killed],
        "accounts": [
            {
                "account": one.account,
                "steps": {str(concern): one.steps.get(concern, 0) for concern in Concern},
                "pending": [
                    {
                        "mailbox": group.mailbox,
                        "kind": group.kind,
                        "rule": group.rule or None,
                        "reason": group.reason or None,
                        "messages": group.messages,
                    }
                    for group in one.pending
                ],
                "positions": [
                    {
                        "mailbox": position.mailbox,
                        "uidvalidity": position.uidvalidity,
                        "last_uid": position.last_uid,
                        "pending": len(position.pending),
                    }
                    for position in one.positions
                ],
                "to_do": list(_to_do(one)),
            }
            for one in found.accounts
        ],
    }


def _to_do(account: AccountStanding) -> Iterator[dict[str, object]]:
    """What a person can do, for each thing that is not as it should be."""
    for concern in Concern:
        if count := account.steps.get(concern, 0):
            yield {"what": str(concern), "count": count, "cure": _CURES[concern]}
    for group in account.pending:
        yield {"what": group.kind, "count": group.messages, "cure": _why(group)}
