"""What every rule made of one message, node by node: the planner's verdicts, walked for a reader."""

from __future__ import annotations

from dataclasses import field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.imap.search_text import search_text
from mailrules.plan.why_not import Standing, why_nothing_happens
from mailrules.rules.bounds import EVERYTHING, sweep_search
from mailrules.rules.explain import NodeExplanation, NodeTruth, explain_node, first_failing
from mailrules.rules.remedies import Remedy, remedy_for
from mailrules.rules.situation import Situation
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.mailbox.message import UID
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.plan.plan import MailboxPlan
    from mailrules.plan.shadow import ShadowRule
    from mailrules.plan.verdicts import Acting
    from mailrules.rules.bounds import SearchedPlace
    from mailrules.rules.conditions import Environment
    from mailrules.rules.rule import Rule


class Verdict(StrEnum):
    """``MATCHES``: it holds, and nothing of what it says happens. ``IN_SHADOW``: it would act, and only reports now.
    ``NOT_ASKED``: an earlier rule ended the evaluation, or the rule does not see the message."""

    ACTS = "acts"
    MATCHES = "matches"
    DOES_NOT_MATCH = "does not match"
    UNKNOWABLE = "unknowable"
    IN_SHADOW = "in shadow"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleExplanation:
    """``branches`` explains the arms of ``choose``; a plain rule has none.

    ``fails_at`` is the path in ``condition`` to the first node that fails, None where the condition holds.
    ``notes`` say, a sentence each, why the rule is not asked, is unknowable, or does less than it says. ``remedy``
    is what would make a rule match that does not.
    """

    rule: str
    verdict: Verdict
    condition: NodeExplanation
    branches: tuple[NodeExplanation, ...]
    fails_at: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()
    remedy: Remedy = field(default_factory=Remedy)
    search: str = ""
    """What the server may be asked instead of reading old mail for this rule; "" where all has to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageExplanation:
    """Every rule of the mailbox in file order, and the plan for this one message."""

    plan: MailboxPlan
    rules: tuple[RuleExplanation, ...]
    sender: str = ""
    subject: str = ""


def explain_message(
    rules: Sequence[Rule],
    snapshot: Snapshot,
    *,
    uid: UID,
    environment: Environment,
    acting: Sequence[Acting],
    plan: MailboxPlan,
    standing: Standing | None = None,
    remedies_for: str = "",
    searched: SearchedPlace | None = None,
    shadow: Sequence[ShadowRule] = (),
) -> MessageExplanation:
    """Explain a message of ``snapshot``, which holds every fact of it that the rules name; ``plan`` is its alone.

    Of the rules in ``shadow`` ``acting`` has what they would do, beside what the others do.

    With ``remedies_for`` only of that rule it is looked for what would make it match. ``searched`` is where and how a
    server may be searched in sweeps, None where there is none.
    """
    situation = Situation(snapshot=snapshot, row=snapshot.row_of(uid), environment=environment)
    explaining = _Explaining(situation, acting=acting, plan=plan, standing=standing or Standing())
    explaining.remedies_for = remedies_for
    explaining.shadow = {one.rule: one for one in shadow}
    return MessageExplanation(
        plan=plan,
        rules=tuple(replace(explaining.rule(rule), search=_search_of(rule, searched)) for rule in rules),
        sender=snapshot.header_value("from", situation.row),
        subject=snapshot.header_value("subject", situation.row),
    )


def _search_of(rule: Rule, searched: SearchedPlace | None) -> str:
    if searched is None:
        return ""
    key = sweep_search([rule], searched.place, refused=searched.refused)
    return "" if key == EVERYTHING else search_text(key)


class _Explaining:
    """One message, rule after rule in file order."""

    def __init__(
        self, situation: Situation, *, acting: Sequence[Acting], plan: MailboxPlan, standing: Standing
    ) -> None:
        self._situation, self._plan, self._standing = situation, plan, standing
        self._branches = {one.rule.name: one.branch for one in acting}
        self._flags = situation.snapshot.flags[situation.row] or frozenset()
        self._ended_by = ""
        self.remedies_for = ""
        self.shadow: Mapping[str, ShadowRule] = {}

    def rule(self, rule: Rule) -> RuleExplanation:
        snapshot, row, environment = self._situation.snapshot, self._situation.row, self._situation.environment
        condition = explain_node(rule.condition, snapshot, row, environment)
        branches = tuple(explain_node(branch.condition, snapshot, row, environment) for branch in rule.branches)
        holds = condition.truth is NodeTruth.TRUE and any(one.truth is NodeTruth.TRUE for one in branches)
        verdict, notes = self._verdict(rule, holds=holds)
        return RuleExplanation(
            rule=rule.name,
            verdict=verdict,
            condition=condition,
            branches=branches if len(branches) > 1 else (),
            fails_at=first_failing(condition),
            notes=notes,
            remedy=self._remedy(rule) if self._has_remedy(rule) else Remedy(),
        )

    def _verdict(self, rule: Rule, *, holds: bool) -> tuple[Verdict, tuple[str, ...]]:
        would = "; it would match" if holds else ""
        if self._ended_by:
            return Verdict.NOT_ASKED, (f"the rule {self._ended_by!r} ends what is asked of this message{would}",)
        if not rule.sees_deleted and any(flag.lower() == "\\deleted" for flag in self._flags):
            return Verdict.NOT_ASKED, (f"it does not see messages that are marked as deleted{would}",)
        branch = self._branches.get(rule.name)
        if rule.name in self.shadow:
            return self._verdict_in_shadow(rule, self.shadow[rule.name], holds=branch is not None)
        if branch is None:
            reasons = [one.reason for one in self._plan.findings if one.rule == rule.name]
            unknowable = any(
                one.kind in {"unknowable", "too_complex"} for one in self._plan.findings if one.rule == rule.name
            )
            return (Verdict.UNKNOWABLE, tuple(reasons)) if unknowable else (Verdict.DOES_NOT_MATCH, ())
        if branch.disposes if rule.stop is None else rule.stop:
            self._ended_by = rule.name
        notes = why_nothing_happens(rule, branch, self._plan, flags=self._flags, standing=self._standing)
        acts = any(step.rule == rule.name for message in self._plan.messages for step in message.steps)
        return Verdict.ACTS if acts or not notes else Verdict.MATCHES, notes

    def _verdict_in_shadow(self, rule: Rule, shadow: ShadowRule, *, holds: bool) -> tuple[Verdict, tuple[str, ...]]:
        """It ends nothing for later rules, whatever it would do."""
        effects = [one for one in self._plan.shadow if one.rule == rule.name]
        until = f"{shadow.until:%Y-%m-%d %H:%M %Z}".rstrip()
        notes = [f"it only reports until {until} (`shadow`)"]
        notes += [one.reason for one in effects if one.reason]
        notes += [f"then {other!r} would not be asked any more" for one in effects for other in one.displaces]
        if holds:
            return Verdict.IN_SHADOW, tuple(notes)
        return (Verdict.UNKNOWABLE if effects else Verdict.DOES_NOT_MATCH), tuple(notes)

    def _has_remedy(self, rule: Rule) -> bool:
        return rule.name not in self._branches and self.remedies_for in {"", rule.name}

    def _remedy(self, rule: Rule) -> Remedy:
        captures = frozenset(
            name
            for branch in rule.branches
            for use in branch.actions
            for target in use.value.targets
            for name in target.captures
        )
        nodes = [branch.condition for branch in rule.branches]
        return remedy_for(rule.condition, nodes, self._situation, captures=captures)
