"""How much may a plan change before somebody has to say yes, and what has nobody seen at work yet?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.plan.plan import approval_of, held_finding
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mailrules.plan.plan import MailboxPlan, MessagePlan
    from mailrules.rules.rule import Rule

MANY_MESSAGES = 500
LARGE_SHARE = 0.1
SMALL_CHANGE = 50
"""A tenth of a mailbox counts as large only above this many messages."""
SMALL_CHANGE_BY_CHANGED_RULES = 10
"""The same where the rule files have changed since these rules last acted there."""


def is_large(count: int, *, of: int, by_changed_rules: bool) -> bool:
    """Whether so many messages, out of a mailbox with ``of``, need a yes."""
    small = SMALL_CHANGE_BY_CHANGED_RULES if by_changed_rules else SMALL_CHANGE
    return count > MANY_MESSAGES or (count > small and count > of * LARGE_SHARE)


def changed_rules(rules: Sequence[Rule], seen: Mapping[str, str], *, rules_hash: str) -> frozenset[str]:
    """Those that have not acted here as the files stand now; ``seen`` has their hash of when each rule did."""
    return frozenset(rule.name for rule in rules if seen.get(rule.name) != rules_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What is left of a plan that the daemon may carry out, and the rules that are known from now on."""

    plan: MailboxPlan
    known: tuple[str, ...] = ()
    held_rules: frozenset[str] = frozenset()


def hold_untried(
    plan: MailboxPlan, rules: Sequence[Rule], seen: Mapping[str, str], *, rules_hash: str, mailbox_messages: int
) -> Tried:
    """Hold what a new rule would do, and what changed rules would do to a large part of the mailbox.

    A new rule's first run is a preview, unless the rule says otherwise. Both are released by ``mailrules approve``,
    and by a run that a person has confirmed.
    """
    changed = changed_rules(rules, seen, rules_hash=rules_hash)
    if not changed:
        return Tried(plan=plan)
    new = frozenset(rule.name for rule in rules if rule.name not in seen and not rule.first_run_acts)
    held_rules = new.intersection(name for one in plan.messages for name in one.rules)
    plan = _without(plan, new, _is_new)
    affected = [one for one in plan.messages if not changed.isdisjoint(one.rules)]
    if is_large(len(affected), of=mailbox_messages, by_changed_rules=True):

        def is_changed(rule: str) -> str:
            return (
                f"the rule files have changed, and {len(affected)} of {mailbox_messages} messages would be touched; "
                f"look at it with dry-run, then run: {approval_of(rule)}"
            )

        held_rules |= changed.intersection(name for one in affected for name in one.rules)
        return Tried(plan=_without(plan, changed, is_changed), held_rules=held_rules)
    return Tried(plan=plan, known=tuple(sorted(changed - new)), held_rules=held_rules)


def _is_new(rule: str) -> str:
    return (
        f"the rule {rule!r} is new, and its first run is a preview; "
        f"look at it with dry-run, then run: {approval_of(rule)}"
    )


def _without(plan: MailboxPlan, rules: Collection[str], reason: Callable[[str], str]) -> MailboxPlan:
    """The plan without the messages that these rules touch; those are held, each with the reason for its first rule."""
    found = [(one, rule) for one in plan.messages if (rule := _first(one, rules))]
    held = {one.uid for one, _ in found}
    if not held:
        return plan
    findings = [held_finding(one, rule, reason(rule)) for one, rule in found]
    return replace(
        plan,
        messages=tuple(one for one in plan.messages if one.uid not in held),
        findings=(*plan.findings, *findings),
        final_uids=tuple(uid for uid in plan.final_uids if uid not in held),
    )


def _first(message: MessagePlan, rules: Collection[str]) -> str:
    return next((rule for rule in message.rules if rule in rules), "")
