"""How rules in shadow look to a person: until when each only reports, and what it would do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mailrules.cli.output import Column, Output, Styled, cell, local, number, plural
from mailrules.cli.plan_view import flag_word, kinds_text, mailbox_step_text, step_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.journal.shadow_effects import NotedStep, ShadowNote, ShadowTally
    from mailrules.plan.plan import MailboxPlan, Plan
    from mailrules.plan.shadow import ShadowEffect, ShadowRule

SHOWN_MESSAGES = 5
"""How many messages of a rule are listed unless all are asked for."""

_COLUMNS = (
    Column(title="Received", is_short=True),
    Column(title="From", share=3, is_short=True),
    Column(title="Subject", share=4, is_short=True),
    Column(title="Would do", share=4),
    Column(title="Mailbox", share=2),
)


def show_shadow(output: Output, plan: Plan, *, limit: int | None = 0) -> None:
    """Every rule in shadow; ``limit`` is how many of its messages are listed (None: all)."""
    if not plan.shadow_rules:
        return
    output.heading("In shadow", "reported, not done")
    for shadow in plan.shadow_rules:
        _show_rule(output, plan, shadow, limit=limit)
    for mailbox in plan.mailboxes:
        if mailbox.shadow_left_out:
            place = f"{mailbox.account}/{mailbox.mailbox}"
            told = f"not all is known of what they would do in {place}: {mailbox.shadow_left_out}"
            output.line("  ", cell(told, "warn"))
    output.line()


def _show_rule(output: Output, plan: Plan, shadow: ShadowRule, *, limit: int | None) -> None:
    own = [(mailbox, one) for mailbox in plan.mailboxes for one in mailbox.shadow if one.rule == shadow.rule]
    would = [(mailbox, one) for mailbox, one in own if one.steps]
    kinds = Counter(step.kind for _, one in would for step in one.steps)
    told = f"{plural(len(would), 'message')}: {kinds_text(kinds)}" if would else "no message"
    until = f"until {local(shadow.until)}"
    output.line("  ", cell(shadow.rule, "heading"), cell(f"  {until}  ", "dim"), cell(f"would touch {told}"))
    for step in plan.shadow_mailbox_steps:
        if step.rule == shadow.rule:
            output.line("    ", cell("would "), mailbox_step_text(step))
    for other, count in sorted(Counter(name for _, one in own for name in one.displaces).items()):
        output.line("    ", cell(f"{plural(count, 'message')} of these would no longer come to {other}", "warn"))
    for reason, count in sorted(Counter(one.reason for _, one in own if one.reason).items()):
        output.line("    ", cell(f"{reason} ({plural(count, 'message')})", "dim"))
    shown = would[:limit]
    if shown:
        output.table(_COLUMNS, [_row(mailbox, one) for mailbox, one in shown])
    if shown and len(shown) < len(would):
        output.line("    ", cell(f"… and {number(len(would) - len(shown))} more (--all)", "dim"))


def show_tallies(output: Output, tallies: Sequence[ShadowTally]) -> None:
    """What rules in shadow would have done so far; one whose time is over is among them for a while."""
    if not tallies:
        output.line("No rule in shadow would have done anything yet.")
        return
    columns = (
        Column(title="Rule"),
        Column(title="Mailbox"),
        Column(title="Messages", is_number=True),
        Column(title="Would have done", share=1),
        Column(title="Last", is_short=True),
    )
    output.table(columns, [_tally_row(one) for one in tallies])


def _tally_row(tally: ShadowTally) -> Sequence[Styled | str]:
    held = f"; less than it says with {number(tally.held)}" if tally.held else ""
    return (
        cell(tally.rule, "heading"),
        cell(f"{tally.account}/{tally.mailbox}"),
        f"{number(tally.messages)}{'+' if tally.is_cut else ''}",
        cell((kinds_text(tally.kinds) or "nothing") + held),
        cell(local(tally.last), "dim"),
    )


def show_noted(output: Output, notes: Sequence[ShadowNote]) -> None:
    """What rules in shadow would have done with one message."""
    for one in notes:
        words = ", ".join(_note_words(step) for step in one.steps) or "nothing"
        why = f" ({one.reason})" if one.reason else ""
        output.line(
            "  ",
            cell(f"{local(one.noted)}  ", "dim"),
            cell(f"{one.account}/{one.mailbox} UID {one.uid}: in shadow, {one.rule} would have done: {words}{why}"),
        )


def _note_words(step: NotedStep) -> str:
    kind = step.effect or str(step.kind).replace("_", " ")
    flags = " ".join(flag_word(flag) for flag in step.flags)
    return f"{kind} {flags}" if flags else f"{kind} to {step.to}" if step.to else kind


def tally_document(tally: ShadowTally) -> dict[str, object]:
    """A tally in JSON values."""
    return {
        "rule": tally.rule,
        "account": tally.account,
        "mailbox": tally.mailbox,
        "messages": tally.messages,
        "is_cut": tally.is_cut,
        "by_kind": {str(kind): count for kind, count in tally.kinds.items()},
        "held": tally.held,
        "last": tally.last.isoformat(),
    }


def noted_document(note: ShadowNote) -> dict[str, object]:
    """What a rule in shadow would have done with one message, in JSON values."""
    return {
        "rule": note.rule,
        "account": note.account,
        "mailbox": note.mailbox,
        "uid": note.uid,
        "noted": note.noted.isoformat(),
        "steps": [
            {"kind": str(step.kind), "to": step.to, "flags": list(step.flags), "effect": step.effect}
            for step in note.steps
        ],
        "reason": note.reason,
    }


def _row(mailbox: MailboxPlan, effect: ShadowEffect) -> Sequence[Styled | str]:
    return (
        cell(f"{effect.received:%Y-%m-%d}" if effect.received else "", "dim"),
        cell(effect.from_),
        cell(effect.subject),
        Styled.of(*map(step_text, effect.steps), between=", "),
        cell(f"{mailbox.account}/{mailbox.mailbox}", "dim"),
    )


def shadow_document(plan: Plan) -> list[dict[str, object]]:
    """The same in JSON values, by rule, as far as numbers go."""
    found = []
    for shadow in plan.shadow_rules:
        own = [one for mailbox in plan.mailboxes for one in mailbox.shadow if one.rule == shadow.rule and one.steps]
        kinds = Counter(str(step.kind) for one in own for step in one.steps)
        until = shadow.until.isoformat()
        found.append({"rule": shadow.rule, "until": until, "messages": len(own), "by_kind": dict(kinds)})
    return found
