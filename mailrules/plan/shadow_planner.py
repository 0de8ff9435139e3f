"""What would the rules in shadow do with the messages of one mailbox, each by itself beside the rules that act?

It is driven as the planner of the rules that act is, after that one has finished: what a rule in shadow asks for, or
cannot read, comes too late to change anything of its plan.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mailrules.mailbox.rows import rows_of
from mailrules.plan.actions import AppendNote, CopyTo, Effect
from mailrules.plan.message_steps import destroys
from mailrules.plan.planner import DISPLAY_FIELDS, MailboxPlanner
from mailrules.plan.shadow import ShadowEffect
from mailrules.plan.verdicts import decide, merge
from mailrules.rules.ambiguity_tests import ambiguity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mailrules.mailbox.message import UID
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.plan.directory import Directory
    from mailrules.plan.history import History
    from mailrules.plan.message_steps import StepBuilder
    from mailrules.plan.verdicts import Acting, Verdicts
    from mailrules.rules.conditions import Environment
    from mailrules.rules.rule import Rule


class ShadowPlanner(MailboxPlanner):
    """Judges all rules of a mailbox; those named by ``shadow`` are the ones whose actions it tells."""

    def __init__(
        self,
        rules: Sequence[Rule],
        snapshot: Snapshot,
        *,
        shadow: Collection[str],
        directory: Directory,
        environment: Environment,
        history: History,
        describe_fields: Sequence[str],
        judged: Collection[UID] | None = None,
    ) -> None:
        self._shadow = frozenset(shadow)
        self._order = {rule.name: place for place, rule in enumerate(rules)}
        self._others: tuple[Acting, ...] = ()
        super().__init__(
            rules,
            snapshot,
            directory=directory,
            environment=environment,
            history=history,
            describe_fields=describe_fields,
            judged=judged,
        )

    def effects(self) -> tuple[ShadowEffect, ...]:
        """By UID, then in rule order. Call when ``next_need`` is None."""
        builder = self._builder()
        others: dict[int, list[Acting]] = defaultdict(list)
        for acting in self._others:
            for row in rows_of(acting.rows & ~self._gone):
                others[row].append(acting)
        found = [*self._unknowable()]
        for acting in self.acting:
            reason = self._judge.reasons(self._whole_condition(acting), acting.rows)
            found += [
                self._effect(builder, acting, row, reason=reason(row), others=others[row])
                for row in rows_of(acting.rows & ~self._gone)
            ]
        told = (one for one in found if one.steps or one.reason or one.displaces)
        return tuple(sorted(told, key=lambda one: (one.uid, self._order[one.rule])))

    def _effect(
        self, builder: StepBuilder, acting: Acting, row: int, *, reason: str, others: Sequence[Acting]
    ) -> ShadowEffect:
        rule, branch = acting.rule, acting.branch
        ends = branch.disposes if rule.stop is None else rule.stop
        later = [one for one in others if self._order[one.rule.name] > self._order[rule.name]]
        together = sorted(
            [(one, "") for one in others if not (ends and one in later)] + [(acting, reason)],
            key=lambda one: self._order[one[0].rule.name],
        )
        draft = self._draft(
            row,
            ambiguity=ambiguity(self._snapshot, row) if any(destroys(use.value) for use in branch.actions) else "",
            is_kept_in_mind=any(isinstance(use.value, CopyTo | Effect | AppendNote) for use in branch.actions),
        )
        builder.build(draft, together)
        held = [f"{one.kind}: {one.reason}" for one in draft.findings if one.rule == rule.name]
        message_id, subject, from_ = (self._snapshot.header_value(name, row) for name in DISPLAY_FIELDS)
        return ShadowEffect(
            uid=draft.uid,
            rule=rule.name,
            steps=tuple(step for step in draft.steps if step.rule == rule.name),
            reason="; ".join(held),
            displaces=tuple(dict.fromkeys(one.rule.name for one in later)) if ends else (),
            message_id=message_id,
            subject=subject,
            from_=from_,
            received=draft.received,
        )

    def _unknowable(self) -> Iterator[ShadowEffect]:
        for finding in self._verdicts.findings:
            yield ShadowEffect(uid=finding.uid, rule=finding.rule, reason=f"{finding.kind}: {finding.reason}")

    def _decide(self) -> Verdicts:
        verdicts = decide(
            self._rules,
            judge=self._judge,
            snapshot=self._snapshot,
            missing_values=self._renderer.missing_values,
            rows=self._rows & ~self._gone,
            shadow=self._shadow,
        )
        self._others = tuple(verdicts.acting)
        beside = verdicts.beside
        assert beside is not None  # noqa: S101 -- decide was told of rules in shadow
        beside.open |= verdicts.open
        merge(beside.wanted, verdicts.wanted, rows=self._rows)
        merge(beside.ahead, verdicts.ahead, rows=self._rows)
        return beside
