"""Which part of a plan is looked at or run when a person asks for less than all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailrules.plan.plan import MailboxPlan


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
        final_uids=(),
    )
