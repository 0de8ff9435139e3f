"""How a plan looks to a person: a table a mailbox, totals a rule, then what to know of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import groupby
from typing import TYPE_CHECKING

from mailrules.cli.output import Column, Output, Styled, cell, number, plural
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailrules.plan.plan import Finding, MailboxPlan, MailboxStep, MessagePlan, Plan, Step

SHOWN_MESSAGES = 20
"""How many messages of a mailbox are listed unless all are asked for."""

_MESSAGE_COLUMNS = (
    Column(title="Received", is_short=True),
    Column(title="From", share=3, is_short=True),
    Column(title="Subject", share=4, is_short=True),
    Column(title="Steps", share=4),
    Column(title="Rule", share=2),
)
_COUNTED = {
    StepKind.ADD_FLAGS: ("flag change", ""),
    StepKind.REMOVE_FLAGS: ("flag removal", ""),
    StepKind.COPY: ("copy", "copies"),
    StepKind.MOVE: ("move", ""),
    StepKind.DELETE: ("deletion for ever", "deletions for ever"),
    StepKind.APPEND: ("note", ""),
    StepKind.EFFECT: ("effect", ""),
    StepKind.CREATE: ("new mailbox", "new mailboxes"),
    StepKind.RENAME: ("renamed mailbox", "renamed mailboxes"),
    StepKind.DELETE_MAILBOX: ("mailbox removal", ""),
    StepKind.SUBSCRIBE: ("subscription", ""),
    StepKind.UNSUBSCRIBE: ("end of a subscription", "ends of subscriptions"),
    StepKind.SETACL: ("change of rights", "changes of rights"),
    StepKind.SETMETADATA: ("change of metadata", "changes of metadata"),
    StepKind.SETQUOTA: ("change of a quota", "changes of quotas"),
}
_COUNTED_IN_UNDO = {StepKind.DELETE: ("removal of a copy", "removals of copies")}
_FINDING_LOOKS = {
    "unknowable": "warn",
    "too_complex": "bad",
    "shadowed": "dim",
    "held": "warn",
    "moved_back": "warn",
    "declined": "warn",
}


def show_plan(output: Output, plan: Plan, *, limit: int | None = SHOWN_MESSAGES) -> None:
    """The whole plan; ``limit`` is how many messages of each mailbox are listed (None: all)."""
    for mailbox in plan.mailboxes:
        _show_mailbox(output, mailbox, limit=limit)
    if plan.mailbox_steps:
        output.heading("Mailboxes")
        for step in plan.mailbox_steps:
            output.line("  ", mailbox_step_text(step), cell(f"  {step.rule}", "dim"))
        output.line()
    rows = [
        (cell(rule), number(messages), cell(kinds_text(kinds)))
        for rule, (messages, kinds) in _by_rule(plan.mailboxes).items()
    ]
    if rows:
        columns = (Column(title="Rule"), Column(title="Messages", is_number=True), Column(title="Steps"))
        output.table(columns, rows)
        output.line()
    for sentence in plan.left_out:
        output.line(cell("left out: ", "warn"), cell(sentence))
    for warning in plan.warnings:
        output.line(cell("warning: ", "warn"), cell(warning))


def step_text(step: Step) -> Styled:
    """One step in a few characters: ``+seen``, ``copy → Shared/Bills``, ``→ Lists/a (new)``."""
    match step.kind:
        case StepKind.ADD_FLAGS:
            return cell(" ".join("+" + flag_word(flag) for flag in step.flags))
        case StepKind.REMOVE_FLAGS:
            return cell(" ".join("-" + flag_word(flag) for flag in step.flags))
        case StepKind.COPY | StepKind.MOVE:
            new = cell(" (new)" if step.create else "", "dim")
            return Styled.of(cell(f"{'copy ' if step.kind is StepKind.COPY else ''}→ {step.to}"), new)
        case StepKind.APPEND:
            return Styled.of(cell(f"note → {step.to}"), cell(" (new)" if step.create else "", "dim"))
        case StepKind.DELETE:
            return cell("delete for ever", "bad")
        case StepKind.EFFECT:
            words = f"{step.effect} → {step.to}" if step.to else step.effect
            return Styled.of(cell(words), cell("" if step.reversible else " (no undo)", "dim"))
        case _:
            return cell(str(step.kind))


def mailbox_step_text(step: MailboxStep) -> Styled:
    """One change of a mailbox in words."""
    name = f"{step.account}/{step.mailbox}"
    if step.kind is StepKind.SETACL:
        was = step.was or "none"
        return cell(f"rights of {step.identifier} on {name}: {was} becomes {step.rights or 'none'}")
    if step.kind in {StepKind.SETMETADATA, StepKind.SETQUOTA}:
        return cell(f"{step.identifier} of {name}: {step.was or 'nothing'} becomes {step.rights or 'nothing'}")
    if step.kind is StepKind.RENAME:
        return cell(f"rename {name} to {step.to}")
    if step.kind is StepKind.CREATE and step.identifier:
        return cell(f"create {name} as {step.identifier}")
    verb = str(step.kind).replace("_mailbox", "")
    return cell(f"{verb} {name}")


def flag_word(flag: str) -> str:
    """A flag as rules write it: ``seen`` for ``\\Seen``, keywords as they are."""
    return flag[1:].lower() if flag.startswith("\\") else flag


def steps_summary(plan: Plan) -> str:
    """``976 messages: 950 moves, 26 copies``, or that there is nothing to do."""
    if plan.is_empty:
        return "nothing to do"
    parts = []
    if plan.message_count:
        kinds = Counter(step.kind for _, _, step in plan.steps())
        parts.append(f"{plural(plan.message_count, 'message')}: {kinds_text(kinds, is_undo=bool(plan.undo_of))}")
    if plan.mailbox_steps:
        parts.append(plural(len(plan.mailbox_steps), "change of a mailbox", "changes of mailboxes"))
    return "; ".join(parts)


def kinds_text(kinds: Mapping[StepKind, int], *, is_undo: bool = False) -> str:
    """``950 moves, 26 copies``; "" for nothing. What an undo deletes are copies, and it can make them again."""
    words = _COUNTED | _COUNTED_IN_UNDO if is_undo else _COUNTED
    return ", ".join(plural(count, *words[kind]) for kind, count in sorted(kinds.items()))


def _show_mailbox(output: Output, mailbox: MailboxPlan, *, limit: int | None) -> None:
    changed = f"{number(len(mailbox.messages))} to change" if mailbox.messages else "nothing to change"
    output.heading(f"{mailbox.account}/{mailbox.mailbox}", f"{plural(mailbox.judged, 'message')} judged, {changed}")
    if not mailbox.complete:
        output.line("  ", cell(f"incomplete, so never run: {mailbox.incomplete_reason}", "bad"))
    if mailbox.search:
        left_out = f"{number(mailbox.left_out)} of them not read, since they lie outside SEARCH {mailbox.search}"
        output.line("  ", cell(left_out, "dim"))
    shown = mailbox.messages[:limit]
    if shown:
        output.table(_MESSAGE_COLUMNS, [_message_row(message) for message in shown])
    if len(shown) < len(mailbox.messages):
        output.line("  ", cell(f"… and {plural(len(mailbox.messages) - len(shown), 'more message')} (--all)", "dim"))
    show_findings(output, mailbox.findings)
    output.line()


def _message_row(message: MessagePlan) -> Sequence[Styled | str]:
    return (
        cell(f"{message.received:%Y-%m-%d}" if message.received else "", "dim"),
        cell(message.from_),
        cell(message.subject),
        Styled.of(*map(step_text, message.steps), between=", "),
        cell(", ".join(message.rules), "dim"),
    )


def show_findings(output: Output, findings: Iterable[Finding]) -> None:
    """Each reason once, with how many messages it holds for and the first of them."""
    ordered = sorted(findings, key=lambda one: (one.kind, one.rule, one.reason))
    for (kind, rule, reason), group in groupby(ordered, key=lambda one: (one.kind, one.rule, one.reason)):
        uids = [one.uid for one in group]
        example = f"UID {uids[0]}" if len(uids) == 1 else f"{plural(len(uids), 'message')}, first UID {uids[0]}"
        output.line(
            "  ",
            cell(f"{kind}: ", _FINDING_LOOKS.get(kind, "warn")),
            cell(f"{rule}: {reason} ({example})" if rule else f"{reason} ({example})"),
        )


def _by_rule(mailboxes: Iterable[MailboxPlan]) -> dict[str, tuple[int, Counter[StepKind]]]:
    messages: Counter[str] = Counter()
    kinds: defaultdict[str, Counter[StepKind]] = defaultdict(Counter)
    for mailbox in mailboxes:
        for message in mailbox.messages:
            messages.update(message.rules)
            for step in message.steps:
                kinds[step.rule][step.kind] += 1
    return {rule: (count, kinds[rule]) for rule, count in messages.items()}
