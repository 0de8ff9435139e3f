"""Which part of a plan is looked at or run when a person asks for less than all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.plan.message_steps import ledger_key
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.plan.history import LedgerKey
    from mailrules.plan.plan import MailboxPlan, MessagePlan

_REMEMBERED = frozenset({StepKind.COPY, StepKind.EFFECT})


def only_rule(plan: MailboxPlan, rule: str) -> MailboxPlan:
    """Keep the steps and findings of one rule. What others would have settled is then not final."""
    messages = []
    for message in plan.messages:
        steps = tuple(step for step in message.steps if step.rule == rule)
        if steps:
            messages.append(replace(message, steps=steps, rules=(rule,)))
    return replace(
        plan,
        messages=tuple(messages),
        findings=tuple(one for one in plan.findings if one.rule == rule),
        shadow=tuple(one for one in plan.shadow if one.rule == rule),
        final_uids=(),
        moves_position=False,
    )


def only_once(plans: Sequence[MailboxPlan]) -> tuple[MailboxPlan, ...]:
    """The plans without copies and effects that a message planned earlier has already, by content key.

    The ledger knows only what was done before (rule-language, meaning 9); the same mail can be in several
    mailboxes, or twice in one.
    """
    planned: set[LedgerKey] = set()
    return tuple(replace(plan, messages=tuple(_once(plan, planned))) for plan in plans)


def _once(plan: MailboxPlan, planned: set[LedgerKey]) -> Iterator[MessagePlan]:
    for message in plan.messages:
        if not message.content_key:
            yield message
            continue
        steps = []
        for step in message.steps:
            key = ledger_key(message.content_key, step)
            if step.kind not in _REMEMBERED or key not in planned:
                steps.append(step)
                planned.add(key)
        if len(steps) == len(message.steps):
            yield message
        elif steps:
            yield replace(message, steps=tuple(steps), rules=tuple(dict.fromkeys(step.rule for step in steps)))
