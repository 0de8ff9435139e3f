"""How the outcome of a run looks to a person, and which exit status it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.output import Output, cell, plural
from mailrules.cli.plan_view import kinds_text
from mailrules.cli.shadow_view import shadow_document, show_shadow
from mailrules.journal.records import RunKind, RunOutcome, StepState
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.engine import RunReport
    from mailrules.execution.report import ExecutionReport

_STATUS = {
    RunOutcome.DONE: ExitStatus.DONE,
    RunOutcome.PARTLY_DONE: ExitStatus.PARTLY_DONE,
    RunOutcome.FAILED: ExitStatus.FAILED,
    RunOutcome.INTERRUPTED: ExitStatus.INTERRUPTED,
}
_WHAT_NEXT = {
    RunKind.ONCE: "Run it again: it first settles what is unknown, then judges anew what is there.",
    RunKind.DAEMON: "The daemon settles what is unknown when it is connected again, then judges anew what is there.",
    RunKind.APPLY: "Apply it again: it first settles what is unknown, then does what nothing has changed about since.",
    RunKind.UNDO: "Undo it again: it first settles what is unknown, then takes back what is left.",
}
"""An interrupted run is not continued from its plan: time has passed, and others may have changed things."""
_ASK_A_PERSON = "What became of an effect only a person can find out; it is not repeated by itself: mailrules unknown"
_FOR_A_PERSON = frozenset({StepState.UNKNOWN, StepState.GIVEN_UP})
_FOR_EVER = frozenset({StepKind.EFFECT, StepKind.DELETE})
_SHOWN_UIDS = 5
_SHOWN_SENTENCES = 10


def show_report(output: Output, report: RunReport) -> ExitStatus:
    """Say what was done, what was not and why, and how to take it back."""
    if not report.confirmed:
        output.line(cell("Nothing was done.", "warn"))
        return ExitStatus.FAILED
    for recovery in report.recoveries:
        settled = sum(recovery.settled.values())
        if settled:
            output.line(f"Settled {plural(settled, 'step')} that an earlier run left open.")
        for alarm in recovery.alarms:
            output.line(cell("attention: ", "bad"), cell(alarm))
    if report.execution is None:
        output.line("Nothing to do.")
    else:
        applied = _applied_text(report, report.execution)
        output.line(cell("done: ", "good"), cell(f"{applied} (run {report.run})"))
        if declined := report.execution.declined:
            what = kinds_text({StepKind.EFFECT: declined})
            output.line(cell("nothing was sent: ", "warn"), cell(f"{what}; mailrules history {report.run} tells why"))
        for shortfall in report.execution.shortfalls:
            uids = tuple(dict.fromkeys(shortfall.uids))
            shown = ", ".join(str(uid) for uid in uids[:_SHOWN_UIDS])
            more = ", …" if len(uids) > _SHOWN_UIDS else ""
            state = str(shortfall.state).replace("_", " ") if shortfall.state else "left out"
            what = kinds_text({shortfall.kind: shortfall.count}, is_undo=bool(report.plan.undo_of))
            place = f"{shortfall.account}/{shortfall.mailbox}" + (f" UID {shown}{more}" if shown else "")
            output.line(cell(f"{state}: ", "warn"), cell(f"{what} in {place}: {shortfall.reason}"))
        for warning in report.execution.warnings:
            output.line(cell("warning: ", "warn"), cell(warning))
    left_out = (*report.left_out, *report.plan.left_out)
    for sentence in left_out[:_SHOWN_SENTENCES]:
        output.line(cell("left out: ", "warn"), cell(sentence))
    if len(left_out) > _SHOWN_SENTENCES:
        output.line(cell(f"… and {plural(len(left_out) - _SHOWN_SENTENCES, 'more part')} (--json)", "dim"))
    for mailbox in report.plan.mailboxes:
        if not mailbox.complete:
            output.line(
                cell("left out: ", "warn"), cell(f"{mailbox.account}/{mailbox.mailbox}: {mailbox.incomplete_reason}")
            )
    if report.kind is RunKind.ONCE:
        show_shadow(output, report.plan)
    if report.execution is not None:
        for sentence in _what_next(report, report.execution):
            output.line(sentence)
        if not report.plan.undo_of and _can_be_taken_back(report.execution):
            output.line(cell(f"Take it back with: mailrules undo {report.run}", "dim"))
    return report_status(report)


def _what_next(report: RunReport, execution: ExecutionReport) -> Iterator[str]:
    """What a run leaves to the next one, and what to a person: of effects no server tells whether they happened."""
    if any(one.state is StepState.UNKNOWN and one.kind is not StepKind.EFFECT for one in execution.shortfalls):
        yield _WHAT_NEXT[report.kind]
    if any(one.state in _FOR_A_PERSON and one.kind is StepKind.EFFECT for one in execution.shortfalls):
        yield _ASK_A_PERSON


def _can_be_taken_back(execution: ExecutionReport) -> bool:
    """Whether anything was done, or may have been, that has an inverse."""
    touched = {*execution.applied, *(one.kind for one in execution.shortfalls if one.state is StepState.UNKNOWN)}
    return bool(touched - _FOR_EVER or execution.made_mailboxes)


def finish(output: Output, report: RunReport, *, as_json: bool) -> ExitStatus:
    """Tell the outcome, for a person or as a document."""
    if as_json:
        output.json(report_document(report))
        return report_status(report)
    return show_report(output, report)


def _applied_text(report: RunReport, execution: ExecutionReport) -> str:
    """What was done; mailboxes that were made for mail are told where no mail got there."""
    applied = kinds_text(execution.applied, is_undo=bool(report.plan.undo_of))
    if not applied and execution.made_mailboxes:
        return kinds_text({StepKind.CREATE: execution.made_mailboxes})
    return applied or "nothing"


def report_status(report: RunReport) -> ExitStatus:
    """The exit status of a run; one that was not confirmed has failed."""
    return _STATUS[report.outcome] if report.confirmed else ExitStatus.FAILED


def report_document(report: RunReport) -> dict[str, object]:
    """The outcome of a run in JSON values, version 1 (docs/reference/commands.md)."""
    execution = report.execution
    return {
        "version": 1,
        "run": report.run or None,
        "confirmed": report.confirmed,
        "outcome": report.outcome if report.confirmed else None,
        "planned_messages": report.plan.message_count,
        "made_mailboxes": execution.made_mailboxes if execution else 0,
        "applied": {str(kind): count for kind, count in execution.applied.items()} if execution else {},
        "declined": execution.declined if execution else 0,
        "not_applied": [
            {
                "account": one.account,
                "mailbox": one.mailbox,
                "kind": one.kind,
                "state": one.state,
                "reason": one.reason,
                "uids": list(one.uids),
            }
            for one in (execution.shortfalls if execution else ())
        ],
        "left_out": [*report.left_out, *report.plan.left_out],
        "incomplete_mailboxes": [
            {"account": one.account, "mailbox": one.mailbox, "reason": one.incomplete_reason}
            for one in report.plan.mailboxes
            if not one.complete
        ],
        "settled_earlier_steps": sum(sum(one.settled.values()) for one in report.recoveries),
        "alarms": [alarm for one in report.recoveries for alarm in one.alarms],
        "warnings": [*report.plan.warnings, *(execution.warnings if execution else ())],
        "shadow": shadow_document(report.plan) if report.kind is RunKind.ONCE else [],
    }
