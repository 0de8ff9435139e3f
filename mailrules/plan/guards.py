"""How many messages a rule may change in a while (rule-language, meaning 11)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.plan.plan import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.plan.history import History
    from mailrules.plan.plan import MailboxPlan
    from mailrules.rules.rule import Rule


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
            reason = f"the guard of rule {over[0]!r} is used up; wait, or run: mailrules approve {over[0]}"
            findings.append(Finding(uid=message.uid, rule=over[0], kind="held", reason=reason))
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
