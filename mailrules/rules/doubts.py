"""What is hardly meant in rules that are valid: rules that can never act, that say nothing new, that expect too much.

Every finding is proved: what is called unreachable or impossible never matches a message. The rest is not told.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mailrules.rules.conditions import Always
from mailrules.rules.cover_index import CoverIndex
from mailrules.rules.coverage import implies
from mailrules.rules.formula import Claim, Every, conjuncts, formula_of
from mailrules.rules.offers import offers
from mailrules.rules.proofs import always, is_certain, never
from mailrules.rules.reads import flags_read
from mailrules.rules.surrounding_tests import AccountTest
from mailrules.rules.text_match import TextMatch, TextOperator

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence

    from mailrules.diagnostics import Location
    from mailrules.rules.formula import Formula
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.rule import MailboxRef, Rule
    from mailrules.rules.source import SourceValue

MAX_COMPARISONS = 100_000
"""So many pairs of rules are compared at most."""
MAX_TOLD = 20
"""So many rules are named that read one flag which others write."""


@runtime_checkable
class _WritesFlags(Protocol):
    """An action on flags, in IMAP spelling (``plan.actions.AddFlags``)."""

    @property
    def flags(self) -> tuple[str, ...]: ...


def find_doubts(
    rules: Sequence[Rule],
    files: Iterable[SourceValue],
    *,
    lists: Collection[str],
    conditions: Collection[str],
    reporter: Reporter,
) -> None:
    """Report warnings and notices for what is likely not meant; ``lists`` and ``conditions`` are those in use."""
    formulas = [formula_of(rule.condition) for rule in rules]
    for rule, formula in zip(rules, formulas, strict=True):
        _check_condition(rule, formula, reporter)
    _check_reach(rules, formulas, reporter)
    _check_reading_what_others_write(rules, reporter)
    _tell_unused(files, lists=lists, conditions=conditions, reporter=reporter)


def _tell_unused(
    files: Iterable[SourceValue], *, lists: Collection[str], conditions: Collection[str], reporter: Reporter
) -> None:
    """Report lists and named conditions of these files that are not among those used; a broken rule may use them."""
    if reporter.has_errors:
        return
    for file in files:
        for key, noun, used in (("lists", "list", lists), ("conditions", "condition", conditions)):
            holder = file.mapping.get(key)
            for name in holder.mapping if holder else ():
                if name not in used:
                    where = holder.key_at(name) if holder else file.at
                    reporter.notice(
                        where, f'nothing uses the {noun} "{name}"', cure="leave it out, or name it in a rule"
                    )


def _check_condition(rule: Rule, formula: Formula, reporter: Reporter) -> None:
    """Whether the condition and those of the branches can hold."""
    given = _given_by_mailboxes(rule)
    if (why := never(formula, given=given)) is not None:
        _report_never(rule.where, f'the rule "{rule.name}" can never match', why, reporter)
        return
    _check_alternatives(formula, given, reporter)
    if not isinstance(rule.condition, Always) and always(formula_of(rule.condition, holds=False)):
        message = f'the condition of "{rule.name}" holds for every message'
        reporter.notice(rule.where, message, cure="write if: always, or correct it")
    if len(rule.branches) > 1:
        _check_branches(rule, formula, given, reporter)


def _check_alternatives(formula: Formula, given: tuple[Claim, ...], reporter: Reporter) -> None:
    """Alternatives that cannot hold where what stands beside them does."""
    claims, choices = conjuncts(formula)
    known = (*given, *claims)
    for choice in choices:
        for part in choice.parts:
            if why := never(part, given=known):
                _report_never(_place_of(why), "this alternative can never hold", why, reporter)
            else:
                _check_alternatives(part, known, reporter)


def _check_branches(rule: Rule, formula: Formula, given: tuple[Claim, ...], reporter: Reporter) -> None:
    """A branch is taken where its condition is true and those of all branches before it are false."""
    before: list[Formula] = [formula]
    earlier: list[tuple[Formula, Location]] = []
    for branch in rule.branches:
        own = formula_of(branch.condition)
        covering = next((place for one, place in earlier if implies(own, one)), None)
        if covering is not None:
            message = f"no message reaches this branch: the one at {covering} holds wherever it does"
            reporter.warning(branch.where, message, cure="move this branch up, or leave it out")
        elif (why := never(Every((*before, own)), given=given)) is not None:
            _report_never(branch.where, "this branch can never be taken", why, reporter)
        before.append(formula_of(branch.condition, holds=False))
        earlier.append((own, branch.where))


def _report_never(where: Location, what: str, why: tuple[Claim, ...], reporter: Reporter) -> None:
    named = [claim for claim in why if claim.leaf is not None]
    if not why:
        message, cure = f"{what}: nothing is left of it but the contrary of always", "correct it"
    elif len(named) == 1 and len(why) == 1:
        message = f"{what}: nothing fulfils {named[0]}"
        cure = "correct its values; what stands under one word holds together"
    elif len(named) < len(why):
        message, cure = f"{what}: {named[-1]} does not fit the rule's mailboxes", "correct it, or `in`"
    else:
        told = dict.fromkeys(f"{claim} ({_line(claim)})" for claim in named)
        message = f"{what}: {' and '.join(told)} exclude each other"
        cure = "write any: [...] if one of them is enough, or correct one of them"
    reporter.warning(where, message, cure=cure)


def _line(claim: Claim) -> str:
    return f"line {claim.leaf.where.line}" if claim.leaf else ""


def _place_of(why: tuple[Claim, ...]) -> Location:
    return next(claim.leaf.where for claim in reversed(why) if claim.leaf is not None)


def _given_by_mailboxes(rule: Rule) -> tuple[Claim, ...]:
    names = tuple(dict.fromkeys(ref.account for ref in rule.mailboxes))
    return (Claim(AccountTest(match=TextMatch(operator=TextOperator.EQUALS, values=names)), holds=True),)


def _check_reach(rules: Sequence[Rule], formulas: Sequence[Formula], reporter: Reporter) -> None:
    """Rules behind others that end the judging of all their messages, and rules that repeat others."""
    ended: dict[MailboxRef, Rule] = {}
    index: CoverIndex[int] = CoverIndex()
    said: dict[Hashable, Rule] = {}
    comparisons_left = MAX_COMPARISONS
    for number, (rule, formula) in enumerate(zip(rules, formulas, strict=True)):
        hiding = [ended.get(ref) for ref in rule.mailboxes]
        if hiding and all(one is not None and _is_due_with(one, rule) for one in hiding) and hiding[0] is not None:
            message = f'no message reaches this rule: "{hiding[0].name}" ends with every one before it'
            reporter.warning(rule.where, message, cure="move this rule up")
            continue
        candidates = sorted(set(index.candidates(formula))) if comparisons_left > 0 else []
        comparisons_left -= len(candidates)
        covering = next(
            (
                rules[one]
                for one in candidates
                if _is_due_with(rules[one], rule)
                and set(rule.mailboxes) <= set(rules[one].mailboxes)
                and implies(formula, formulas[one])
            ),
            None,
        )
        if covering is not None:
            message = (
                f'no message reaches this rule: "{covering.name}" ({covering.where}) matches whatever it matches, '
                "and ends the judging"
            )
            reporter.warning(rule.where, message, cure="move this rule up, or leave it out")
            continue
        if (same := _repeated(rule, formula, said)) is not None:
            message = f'this rule says the same as "{same.name}" ({same.where})'
            reporter.notice(rule.where, message, cure="leave one of them out")
        if _ends_with_what_it_matches(rule):
            if formula == Every(()):
                for ref in rule.mailboxes:
                    ended.setdefault(ref, rule)
            else:
                index.add(number, formula)


def _is_due_with(earlier: Rule, later: Rule) -> bool:
    """Whether the earlier rule sees every message that the later one is judged on, at the same time."""
    # Two periods of the same length may have begun at different times.
    is_due = all(event in earlier.events and event.kind != "every" for event in later.events)
    return is_due and (earlier.sees_deleted or not later.sees_deleted)


def _ends_with_what_it_matches(rule: Rule) -> bool:
    """Whether judging ends with every message that the rule's condition is true of.

    A value that a mailbox name lacks, or a branch that is unknowable, would let it go on.
    """
    branches = rule.branches
    ends = rule.stop is True or (rule.stop is None and all(branch.disposes for branch in branches))
    return (
        ends
        and isinstance(branches[-1].condition, Always)
        and all(is_certain(formula_of(branch.condition)) for branch in branches[:-1])
        and all(target.is_literal for branch in branches for use in branch.actions for target in use.value.targets)
    )


def _repeated(rule: Rule, formula: Formula, said: dict[Hashable, Rule]) -> Rule | None:
    """An earlier rule that says the same in the same mailboxes."""
    branches = tuple(
        (formula_of(branch.condition), tuple((use.name, use.value) for use in branch.actions))
        for branch in rule.branches
    )
    key = (frozenset(rule.mailboxes), rule.events, rule.stop, formula, branches)
    try:
        first = said.setdefault(key, rule)
    except TypeError:  # a plugin's options that have no hash
        return None
    return None if first is rule else first


def _check_reading_what_others_write(rules: Sequence[Rule], reporter: Reporter) -> None:
    """Conditions read the message as it was (meaning 3), so this works one run later, if at all."""
    written: dict[MailboxRef, dict[str, Rule]] = {}
    told: Counter[str] = Counter()
    for rule in rules:
        read = flags_read(rule.condition).union(*(flags_read(branch.condition) for branch in rule.branches))
        writers = {
            written[ref][flag].name: flag
            for flag in sorted(read)
            for ref in rule.mailboxes
            if flag in written.get(ref, {})
        }
        for name, flag in writers.items():
            told[flag] += 1
            if told[flag] > MAX_TOLD:
                continue
            others = "; further rules that do the same are not listed" if told[flag] == MAX_TOLD else ""
            message = (
                f'this rule reads {flag}, which the rule "{name}" changes; it sees the flag as it was before the run'
                f"{others}"
            )
            reporter.warning(rule.where, message, cure="repeat that rule's condition here if its result is meant")
        for flag in _flags_written(rule):
            for ref in rule.mailboxes:
                written.setdefault(ref, {})[flag] = rule


def _flags_written(rule: Rule) -> Iterator[str]:
    for branch in rule.branches:
        for use in branch.actions:
            value = use.value
            if offers(value, _WritesFlags):
                yield from (flag.lower() for flag in value.flags)
