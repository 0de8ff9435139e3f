"""Whether one condition is true wherever another one is, as far as that can be proved.

"True" and "false" are told apart from unknowable: where the proof needs that something is not unknowable, it only
takes tests that read the same thing, and so are unknowable for the same messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.rules.address_tests import AddressTest, AnyAddressMatch, PartMatch, SubdomainMatch
from mailrules.rules.formula import Claim, Every, Some
from mailrules.rules.impossible import address_fits, addresses_of, fits, is_comparable, says_something
from mailrules.rules.proofs import contradiction
from mailrules.rules.spans import Span, is_told_by_spans, spans_of
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, LabelTest, SizeTest, TimeTest

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from mailrules.rules.address_tests import AddressMatch
    from mailrules.rules.conditions import LeafTest
    from mailrules.rules.formula import Formula
    from mailrules.rules.spans import Axis

MAX_STEPS = 2_000
"""So many pairs of claims are compared for two conditions; beyond that nothing is proved."""


def implies(one: Formula, other: Formula) -> bool:
    """Whether ``other`` is true of every message that ``one`` is true of."""
    return _Proof().implies(one, other)


class _Proof:
    def __init__(self) -> None:
        self._left = MAX_STEPS

    def implies(self, one: Formula, other: Formula) -> bool:
        self._left -= 1
        if self._left < 0:
            return False
        if isinstance(other, Every):
            return all(self.implies(one, part) for part in other.parts)
        if isinstance(one, Some):
            return all(self.implies(part, other) for part in one.parts)
        if isinstance(other, Some) and any(self.implies(one, part) for part in other.parts):
            return True
        if isinstance(one, Every):
            return any(self.implies(part, other) for part in one.parts) or _together(one, other)
        return isinstance(other, Claim) and claim_implies(one, other)


def claim_implies(one: Claim, other: Claim) -> bool:
    """Whether the second claim is met wherever the first one is."""
    if one.holds == other.holds and _is_same(one.test, other.test):
        return True
    if one.holds and other.holds and _test_implies(one.test, other.test):
        return True
    if is_told_by_spans(one) and is_told_by_spans(other):
        return _spans_imply(_merged([one]), other)
    if not (other.holds or _source(one.test) is None or _source(one.test) != _source(other.test)):
        if one.holds:
            return bool(contradiction((one, Claim(other.test, holds=True))))
        return _test_implies(other.test, one.test)
    return False


def _together(one: Every, other: Formula) -> bool:
    """Whether several bounds of the same thing, taken together, lie within another."""
    if not isinstance(other, Claim) or not is_told_by_spans(other):
        return False
    claims = [part for part in one.parts if isinstance(part, Claim) and is_told_by_spans(part)]
    return len(claims) > 1 and _spans_imply(_merged(claims), other)


def _merged(claims: Sequence[Claim]) -> dict[Axis, Span]:
    spans: dict[Axis, Span] = {}
    for claim in claims:
        for axis, span in spans_of(claim):
            spans[axis] = span.both(spans[axis]) if axis in spans else span
    return spans


def _spans_imply(spans: dict[Axis, Span], other: Claim) -> bool:
    return all(axis in spans and spans[axis].lies_in(span) for axis, span in _merged([other]).items())


def _is_same(one: LeafTest, other: LeafTest) -> bool:
    return one is other or (type(one) is type(other) and one == other)


def _source(test: LeafTest) -> Hashable:
    """What it reads, where it is unknowable exactly for those messages whose source cannot be read; else None."""
    match test:
        case SizeTest() | FlagTest():
            return type(test).__name__
        case LabelTest():
            return "label"
        case TimeTest():
            return test.source
        case TextTest(matches=matches) | BodyTest(matches=matches) if _runs_no_pattern(matches):
            return (test.field,) if isinstance(test, TextTest) else "body"
        case _:
            return None


def _runs_no_pattern(matches: Sequence[TextMatch]) -> bool:
    """Whether no engine can give up on a text."""
    return all(not match.patterns for match in matches)


def _test_implies(one: LeafTest, other: LeafTest) -> bool:
    """Whether the second test is true wherever the first one is."""
    match one, other:
        case FlagTest(), FlagTest():
            return {flag.lower() for flag in one.flags} <= {flag.lower() for flag in other.flags}
        case LabelTest(), LabelTest():
            return one.labels <= other.labels
        case AddressTest(), AddressTest() if one.fields == other.fields:
            return _presence_implies(one, other) and all(
                any(_address_implies(mine, theirs) for mine in one.matches) for theirs in other.matches
            )
        case TextTest(), TextTest() if one.field == other.field:
            return _presence_implies(one, other) and _texts_imply(one.matches, other.matches)
        case BodyTest(), BodyTest():
            return _presence_implies(one, other) and _texts_imply(one.matches, other.matches)
        case AnywhereTest(), AnywhereTest():
            return _texts_imply(one.matches, other.matches)
        case _:
            return False


def _presence_implies(one: TextTest | BodyTest | AddressTest, other: TextTest | BodyTest | AddressTest) -> bool:
    """Whether what the second asks of the field's being there follows from the first."""
    is_filled = one.empty is False or _is_filled_by_match(one)
    is_present = one.exists is True or bool(one.matches) or is_filled
    exists = {True: is_present, False: one.exists is False, None: True}[other.exists]
    empty = {True: one.empty is True or one.exists is False, False: is_filled, None: True}[other.empty]
    return exists and empty


def _is_filled_by_match(test: TextTest | BodyTest | AddressTest) -> bool:
    if isinstance(test, AddressTest):
        return bool(test.matches)
    return any(says_something(match) for match in test.matches)


def _texts_imply(mine: Sequence[TextMatch], theirs: Sequence[TextMatch]) -> bool:
    """All operators hold for one and the same text, so each of theirs has to follow from one of mine."""
    return all(any(text_implies(match, wanted) for match in mine) for wanted in theirs)


def text_implies(one: TextMatch, other: TextMatch) -> bool:
    """Whether a text that the first operator holds for is one that the second holds for."""
    if one.operator is other.operator and one.match_case == other.match_case:
        if one.operator is TextOperator.REGEX:
            return one.values == other.values
        if one.wanted_set <= other.wanted_set:
            return True
    if other.operator is TextOperator.REGEX or one.operator in (TextOperator.REGEX, TextOperator.GLOB):
        return False
    if not is_comparable(other, match_case=one.match_case):
        return False
    match one.operator, other.operator:
        case TextOperator.EQUALS, _:
            return all(fits(other, value) for value in one.wanted)
        case _, TextOperator.CONTAINS:
            return all(fits(other, value) for value in one.wanted)
        case TextOperator.STARTS_WITH, TextOperator.STARTS_WITH:
            return all(fits(other, value) for value in one.wanted)
        case TextOperator.ENDS_WITH, TextOperator.ENDS_WITH:
            return all(fits(other, value) for value in one.wanted)
        case _:
            return False


def _address_implies(one: AddressMatch, other: AddressMatch) -> bool:
    """Whether an address that the first operator holds for is one that the second holds for."""
    if isinstance(one, AnyAddressMatch):
        return all(_address_implies(part, other) for part in one.alternatives)
    if isinstance(other, AnyAddressMatch):
        return any(_address_implies(one, part) for part in other.alternatives) or _each_address_fits(one, other)
    if isinstance(one, SubdomainMatch):
        return isinstance(other, SubdomainMatch) and all(_is_below(domain, other) for domain in one.domains)
    if isinstance(other, PartMatch) and one.part is other.part:
        return text_implies(one.match, other.match)
    return _each_address_fits(one, other)


def _is_below(domain: str, match: SubdomainMatch) -> bool:
    """Whether a domain, and so what is below it, is one of the match's or below one."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in match.domains for start in range(len(labels)))


def _each_address_fits(one: AddressMatch, other: AddressMatch) -> bool:
    if not isinstance(one, PartMatch):
        return False
    addresses = addresses_of(one)
    return addresses is not None and all(address_fits(other, address, known=one.part) is True for address in addresses)
