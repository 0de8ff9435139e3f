"""How many messages a rule may change in a while (rule-language, meaning 11), and what may be deleted at most."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.plan.plan import Finding, StepKind, approval_of, held_finding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mailrules.mailbox.message import UID
    from mailrules.plan.history import History
    from mailrules.plan.plan import MailboxPlan, MessagePlan
    from mailrules.rules.rule import Rule
    from mailrules.settings import DeletionLimits

FEW_MESSAGES = 50
"""A mailbox with at most so many may be emptied by a rule without a word."""


def hold_excess(plan: MailboxPlan, rules: Sequence[Rule], history: History) -> MailboxPlan:
    """Take out the messages beyond what each rule's guard allows; they are held, never dropped.

    Messages pass in UID order. A rule that a person approved is exempt.
    """
    allowance = {rule.name: rule.guard.max_messages - history.changed.get(rule.name, 0) for rule in rules}
    used: Counter[str] = Counter()
    passed, findings, held = [], list(plan.findings), set()
    for message in plan.messages:
        over = [rule for rule in message.rules if rule not in history.approved and used[rule] >= allowance.get(rule, 0)]
        if over:
            reason = f"the guard of rule {over[0]!r} is used up; wait, or run: {approval_of(over[0])}"
            findings.append(held_finding(message, over[0], reason))
            held.add(message.uid)
            continue
        used.update(message.rules)
        passed.append(message)
    if not held:
        return plan
    return replace(
        plan,
        messages=tuple(passed),
        findings=tuple(findings),
        final_uids=tuple(uid for uid in plan.final_uids if uid not in held),
    )


def hold_whole_mailbox(plan: MailboxPlan, history: History) -> MailboxPlan:
    """Hold the deletion of every message of a mailbox until a person has said yes to it (rule-language, meaning 11)."""
    deletions = [message for message in plan.messages if _deletes(message)]
    if len(deletions) <= FEW_MESSAGES or len(deletions) < plan.judged:
        return plan
    rules = {step.rule for message in deletions for step in message.steps if step.kind is StepKind.DELETE}
    unasked = sorted(rules - history.approved)
    if not unasked:
        return plan
    reason = f"all {plan.judged} messages of the mailbox would be deleted for ever; if so: {approval_of(unasked[0])}"
    held = {message.uid for message in deletions}
    return replace(
        plan,
        messages=tuple(message for message in plan.messages if message.uid not in held),
        findings=(*plan.findings, *(held_finding(one, unasked[0], reason) for one in deletions)),
        final_uids=tuple(uid for uid in plan.final_uids if uid not in held),
    )


def hold_deletions(plans: Sequence[MailboxPlan], limits: DeletionLimits, *, now: datetime) -> tuple[MailboxPlan, ...]:
    """Take out messages that would be deleted for ever too young, or beyond what one run may delete; they are held.

    Nobody can confirm these away: what is deleted does not come back (failure-model, the row of delete).
    """
    if not any(_deletes(message) for plan in plans for message in plan.messages):
        return tuple(plans)
    left = limits.max_messages
    limited = []
    for plan in plans:
        passed: list[MessagePlan] = []
        findings: list[Finding] = []
        held: set[UID] = set()
        for message in plan.messages:
            rule = next((step.rule for step in message.steps if step.kind is StepKind.DELETE), None)
            reason = "" if rule is None else _why_not_deleted(message, limits, left=left, now=now)
            if rule is None or not reason:
                left -= rule is not None
                passed.append(message)
                continue
            findings.append(held_finding(message, rule, reason))
            held.add(message.uid)
        limited.append(
            replace(
                plan,
                messages=tuple(passed),
                findings=(*plan.findings, *findings),
                final_uids=tuple(uid for uid in plan.final_uids if uid not in held),
            )
            if held
            else plan
        )
    return tuple(limited)


def _deletes(message: MessagePlan) -> bool:
    return any(step.kind is StepKind.DELETE for step in message.steps)


def _why_not_deleted(message: MessagePlan, limits: DeletionLimits, *, left: int, now: datetime) -> str:
    if message.received is None:
        return "it is not deleted, since the server does not say since when it has it"
    if now - message.received < limits.min_age:
        return (
            f"it is not deleted before the server has had it for {limits.min_age / timedelta(hours=1):g} hours"
            " (deletion.min_age in the main file)"
        )
    if left <= 0:
        return (
            f"{limits.max_messages} messages are deleted in one run, the others in the next ones"
            " (deletion.max_messages in the main file)"
        )
    return ""
