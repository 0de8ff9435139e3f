"""What every rule made of one message, node by node: the planner's verdicts, walked for a reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailrules.rules.explain import NodeExplanation, explain_node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.mailbox.message import UID
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.plan.plan import MailboxPlan
    from mailrules.plan.verdicts import Acting
    from mailrules.rules.conditions import Environment
    from mailrules.rules.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleExplanation:
    """``verdict`` is "acts", "does not match", "unknowable", or "not asked" after an earlier stop.

    ``branches`` explains the arms of ``choose``; a plain rule has none.
    """

    rule: str
    verdict: str
    condition: NodeExplanation
    branches: tuple[NodeExplanation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageExplanation:
    """Every rule of the mailbox in file order, and the plan for this one message."""

    plan: MailboxPlan
    rules: tuple[RuleExplanation, ...]


def explain_message(
    rules: Sequence[Rule],
    snapshot: Snapshot,
    *,
    uid: UID,
    environment: Environment,
    acting: Sequence[Acting],
    plan: MailboxPlan,
) -> MessageExplanation:
    """Explain a message of ``snapshot``, which holds every fact of it that the rules name; ``plan`` is its alone."""
    row = snapshot.row_of(uid)
    acts = {one.rule.name for one in acting}
    unknowable = {one.rule for one in plan.findings if one.kind == "unknowable"}
    explained, has_ended = [], False
    for rule in rules:
        if has_ended:
            verdict = "not asked"
        elif rule.name in acts:
            verdict = "acts"
        else:
            verdict = "unknowable" if rule.name in unknowable else "does not match"
        branches = rule.branches if len(rule.branches) > 1 else ()
        explained.append(
            RuleExplanation(
                rule=rule.name,
                verdict=verdict,
                condition=explain_node(rule.condition, snapshot, row, environment),
                branches=tuple(explain_node(branch.condition, snapshot, row, environment) for branch in branches),
            )
        )
        branch = next((one.branch for one in acting if one.rule.name == rule.name), None)
        if branch is not None:
            has_ended = branch.disposes if rule.stop is None else rule.stop
    return MessageExplanation(plan=plan, rules=tuple(explained))
