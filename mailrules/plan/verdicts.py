"""Which rule acts on which messages: stop, choose and unknowable as mask arithmetic.

One pass over the rules in file order (rule-language, meanings 2 to 6). Rows whose facts are
missing stop at the first rule that is open for them; the pass reports what they need.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field, replace
from typing import TYPE_CHECKING

from mailrules.mailbox.rows import rows_of
from mailrules.plan.plan import Finding
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mailrules.mailbox.message import Fact
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.compiler import Judge
    from mailrules.rules.rule import Branch, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """One branch of one rule, the rows it acts on, and those of them where it may not dispose."""

    rule: Rule
    branch: Branch
    rows: int
    barred: int


@dataclass(slots=True, kw_only=True)
class Verdicts:
    """The outcome of one pass.

    ``open`` rows are undecided; ``wanted`` names the facts that would decide the rule they stand
    at, ``ahead`` those that later rules would ask of the same rows. ``unsettled`` rows are decided
    but not finally: a rule was unknowable for them.
    """

    acting: list[Acting] = field(default_factory=list)
    open: int = 0
    wanted: dict[Fact, int] = field(default_factory=lambda: defaultdict(int))
    ahead: dict[Fact, int] = field(default_factory=lambda: defaultdict(int))
    findings: list[Finding] = field(default_factory=list)
    unsettled: int = 0
    too_complex: int = 0
    """Rows beyond a limit: decided and final, and no rule acts on them."""
    beside: Verdicts | None = None
    """The same of the rules in shadow, where there are any: nothing of theirs is among what stands above."""


def decide(
    rules: Sequence[Rule],
    *,
    judge: Judge,
    snapshot: Snapshot,
    missing_values: Callable[[Rule, Branch, int], dict[int, str]],
    rows: int,
    shadow: frozenset[str] = frozenset(),
) -> Verdicts:
    """Judge ``rows`` by all rules, as far as the snapshot's facts reach.

    ``missing_values`` tells for which of some rows a template of the branch lacks a value, and which. The rules named
    by ``shadow`` are asked at their place like others, and end, bar and hold nothing for anybody.
    """
    verdicts = Verdicts()
    beside = verdicts.beside = Verdicts() if shadow else None
    deleted = snapshot.columns.flag_rows("\\Deleted")
    live, barred = rows, 0
    for rule in rules:
        here = live if rule.sees_deleted else live & ~deleted
        if not here:
            continue
        sweep = _RuleSweep(rule, judge=judge, snapshot=snapshot, rows=here, decided=~verdicts.open)
        sweep.run(missing_values)
        if beside is not None and rule.name in shadow:
            _put_beside(beside, sweep, decided=~verdicts.open, barred=barred)
            continue
        verdicts.acting += _acting(sweep, decided=~verdicts.open, barred=barred)
        merge(verdicts.wanted, sweep.missing, rows=~verdicts.open)
        merge(verdicts.ahead, sweep.missing, rows=verdicts.open | sweep.open)
        merge(verdicts.ahead, sweep.missing_later, rows=verdicts.open | sweep.open)
        unknowable = sweep.unknowable & ~(verdicts.open | sweep.open)
        complex_ = unknowable & snapshot.mask_of(snapshot.too_complex)
        verdicts.findings += sweep.findings(unknowable)
        if not rule.skip_if_unknowable:
            barred |= unknowable
            verdicts.unsettled |= unknowable
            verdicts.too_complex |= complex_
        verdicts.open |= sweep.open
        live &= ~sweep.stopped
    if verdicts.too_complex:
        _leave_alone(verdicts, verdicts.too_complex)
        if beside is not None:
            _leave_alone(beside, verdicts.too_complex)
    return verdicts


def _acting(sweep: _RuleSweep, *, decided: int, barred: int) -> list[Acting]:
    return [
        Acting(rule=sweep.rule, branch=branch, rows=chosen & decided, barred=barred)
        for branch, chosen in sweep.chosen
        if chosen & decided
    ]


def _put_beside(beside: Verdicts, sweep: _RuleSweep, *, decided: int, barred: int) -> None:
    """What a rule in shadow would act on, lacks and cannot know, of the rows that are decided when it is asked."""
    beside.acting += _acting(sweep, decided=decided, barred=barred)
    merge(beside.wanted, sweep.missing, rows=decided)
    merge(beside.ahead, sweep.missing_later, rows=decided & sweep.open)
    beside.findings += sweep.findings(sweep.unknowable & decided & ~sweep.open)
    beside.open |= sweep.open


def _leave_alone(verdicts: Verdicts, rows: int) -> None:
    """No rule acts on these rows, not even one that stands before the rule that found them; they are settled."""
    kept = (replace(acting, rows=acting.rows & ~rows) for acting in verdicts.acting)
    verdicts.acting = [acting for acting in kept if acting.rows]
    verdicts.unsettled &= ~rows


class _RuleSweep:
    """One rule over many rows: its condition, then its branches."""

    def __init__(self, rule: Rule, *, judge: Judge, snapshot: Snapshot, rows: int, decided: int) -> None:
        self.rule = rule
        self.judge, self.snapshot, self.rows, self.decided = judge, snapshot, rows, decided
        self.chosen: list[tuple[Branch, int]] = []
        self.open = 0
        self.unknowable = 0
        self.stopped = 0
        self.missing: dict[Fact, int] = defaultdict(int)
        self.missing_later: dict[Fact, int] = defaultdict(int)
        self._reasons: dict[int, str] = {}

    def run(self, missing_values: Callable[[Rule, Branch, int], dict[int, str]]) -> None:
        truth = self.judge.judge(self.rule.condition, self.rows)
        self.open = truth.open(self.rows)
        self.unknowable = truth.unknowable & self.rows
        merge(self.missing, self.judge.missing(self.rule.condition, self.open), rows=self.open)
        remaining = truth.true & self.rows
        for branch in self.rule.branches:
            merge(self.missing_later, self.judge.missing(branch.condition, self.open), rows=self.open)
            remaining = self._run_branch(branch, remaining, missing_values)

    def _run_branch(
        self, branch: Branch, rows: int, missing_values: Callable[[Rule, Branch, int], dict[int, str]]
    ) -> int:
        """Take the rows that this branch chooses; return those left for the next branch."""
        if not rows:
            return 0
        truth = self.judge.judge(branch.condition, rows)
        undecided = truth.open(rows)
        self.open |= undecided
        merge(self.missing, self.judge.missing(branch.condition, undecided), rows=undecided)
        self.unknowable |= truth.unknowable & rows
        chosen = truth.true & rows
        lacking = 0
        for fact in branch_needs(branch):
            without_fact = chosen & ~self.snapshot.known(fact)
            if without_fact:
                self.missing[fact] |= without_fact
                lacking |= without_fact
        complete = chosen & ~lacking
        complete &= ~self._without_values(branch, complete & self.decided, missing_values)
        self.chosen.append((branch, complete))
        self.open |= lacking
        stops = branch.disposes if self.rule.stop is None else self.rule.stop
        if stops:
            self.stopped |= complete | lacking
        return truth.false & rows

    def _without_values(
        self, branch: Branch, rows: int, missing_values: Callable[[Rule, Branch, int], dict[int, str]]
    ) -> int:
        lacking = missing_values(self.rule, branch, rows)
        self._reasons |= {row: f"no value for {{{name}}}" for row, name in lacking.items()}
        mask = self.snapshot.mask_of(lacking)
        self.unknowable |= mask
        return mask

    def findings(self, unknowable: int) -> Iterator[Finding]:
        """What cannot be known of these rows, or is beyond a limit, and why."""
        too_complex = unknowable & self.snapshot.mask_of(self.snapshot.too_complex)
        for row in rows_of(unknowable):
            kind = "too_complex" if too_complex >> row & 1 else "unknowable"
            yield Finding(uid=self.snapshot.uids[row], rule=self.rule.name, kind=kind, reason=self._why_unknowable(row))

    def _why_unknowable(self, row: int) -> str:
        if row in self._reasons:
            return self._reasons[row]
        conditions = (self.rule.condition, *(branch.condition for branch in self.rule.branches))
        reasons = (self.judge.unknowable_reason(condition, row) for condition in conditions)
        return next((reason for reason in reasons if reason), "a fact could not be read")


def branch_needs(branch: Branch) -> tuple[Fact, ...]:
    """The facts that a branch's actions read of a message they act on."""
    return tuple(dict.fromkeys(fact for use in branch.actions for fact in use.value.needs))


def merge(into: dict[Fact, int], facts: Mapping[Fact, int], *, rows: int) -> None:
    """Add what is lacking of these rows."""
    for fact, mask in facts.items():
        if mask & rows:
            into[fact] |= mask & rows
