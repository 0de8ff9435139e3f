"""How the difference between two rule sets looks, to a person and as a document."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from mailrules.cli.output import Column, Styled, cell, number, plural
from mailrules.cli.plan_view import mailbox_step_text, show_findings, step_text
from mailrules.plan.document import mailbox_step_to_document, step_to_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.cli.output import Output
    from mailrules.plan.difference import Difference, MailboxDifference, MessageDifference, Treatment

VERSION = 1
SAMPLES = 5
"""How many messages of a group are shown unless all are asked for."""

_COLUMNS = (
    Column(title="Received", is_short=True),
    Column(title="From", share=3, is_short=True),
    Column(title="Subject", share=4, is_short=True),
    Column(title="Old", share=4),
    Column(title="New", share=4),
)


def show_difference(output: Output, found: Difference, *, samples: int | None = SAMPLES) -> None:
    """What would be otherwise; ``samples`` is how many messages of each group are listed (None: all)."""
    for mailbox in found.mailboxes:
        _show_mailbox(output, mailbox, samples=samples)
    if found.old_only or found.new_only:
        output.heading("Mailboxes")
        for word, look, steps in (("no longer: ", "warn", found.old_only), ("newly: ", "good", found.new_only)):
            for step in steps:
                output.line("  ", cell(word, look), mailbox_step_text(step), cell(f"  {step.rule}", "dim"))
        output.line()
    if found.by_rule:
        columns = (Column(title="Rule"), Column(title="Old", is_number=True), Column(title="New", is_number=True))
        output.table(columns, [(cell(rule), number(old), number(new)) for rule, old, new in found.by_rule])
        output.line()
    for warning in found.warnings:
        output.line(cell("warning: ", "warn"), cell(warning))


def difference_document(found: Difference, *, old: str, new: str) -> dict[str, object]:
    """The same for ``--json``, version 1; documented in docs/reference/commands.md."""
    return {
        "version": VERSION,
        "created": found.created.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "old": {"file": old, "rules_hash": found.old_rules_hash},
        "new": {"file": new, "rules_hash": found.new_rules_hash},
        "mailboxes": [_mailbox_document(one) for one in found.mailboxes],
        "mailbox_steps": {
            "old_only": [mailbox_step_to_document(one) for one in found.old_only],
            "new_only": [mailbox_step_to_document(one) for one in found.new_only],
        },
        "totals": {
            "judged": found.judged,
            "changed": found.changed,
            "by_rule": {rule: {"old": before, "new": after} for rule, before, after in found.by_rule},
        },
        "warnings": list(found.warnings),
    }


def _show_mailbox(output: Output, mailbox: MailboxDifference, *, samples: int | None) -> None:
    changed = f"{number(len(mailbox.messages))} treated differently" if mailbox.messages else "no difference"
    output.heading(f"{mailbox.account}/{mailbox.mailbox}", f"{plural(mailbox.judged, 'message')} judged, {changed}")
    if mailbox.incomplete_reason:
        output.line("  ", cell(f"not compared completely: {mailbox.incomplete_reason}", "bad"))
    for (old, new), messages in mailbox.groups():
        output.line(
            "  ",
            cell(_names(old), "heading"),
            cell(" becomes ", "dim"),
            cell(_names(new), "heading"),
            cell(f"  {plural(len(messages), 'message')}", "dim"),
        )
        shown = messages[:samples]
        output.table(_COLUMNS, [_row(one) for one in shown])
        if len(shown) < len(messages):
            output.line("  ", cell(f"… and {plural(len(messages) - len(shown), 'more message')} (--all)", "dim"))
    show_findings(output, mailbox.unknowable)
    output.line()


def _names(rules: Sequence[str]) -> str:
    return ", ".join(rules) or "no rule"


def _row(one: MessageDifference) -> Sequence[Styled | str]:
    received = one.described.received
    return (
        cell(f"{received:%Y-%m-%d}" if received else "", "dim"),
        cell(one.described.sender),
        cell(one.described.subject),
        _treatment(one.old),
        _treatment(one.new),
    )


def _treatment(treatment: Treatment) -> Styled:
    parts = [step_text(step) for step in treatment.steps]
    parts += [cell(f"{one.kind}: {one.reason}", "warn") for one in treatment.findings]
    return Styled.of(*parts, between=", ") if parts else cell("nothing", "dim")


def _mailbox_document(mailbox: MailboxDifference) -> dict[str, object]:
    return {
        "account": mailbox.account,
        "mailbox": mailbox.mailbox,
        "uidvalidity": mailbox.uidvalidity,
        "complete": not mailbox.incomplete_reason,
        "incomplete_reason": mailbox.incomplete_reason,
        "judged": mailbox.judged,
        "groups": [
            {"old_rules": list(old), "new_rules": list(new), "messages": len(messages)}
            for (old, new), messages in mailbox.groups()
        ],
        "messages": [_message_document(one) for one in mailbox.messages],
        "unknowable": [{"uid": one.uid, "rule": one.rule, "reason": one.reason} for one in mailbox.unknowable],
    }


def _message_document(one: MessageDifference) -> dict[str, object]:
    received = one.described.received
    return {
        "uid": one.uid,
        "message_id": one.described.message_id,
        "subject": one.described.subject,
        "from": one.described.sender,
        "received": received.isoformat() if received else None,
        "old": _treatment_document(one.old),
        "new": _treatment_document(one.new),
    }


def _treatment_document(treatment: Treatment) -> dict[str, object]:
    return {
        "rules": list(treatment.rules),
        "steps": [step_to_document(step) for step in treatment.steps],
        "findings": [{"rule": one.rule, "kind": one.kind, "reason": one.reason} for one in treatment.findings],
    }
