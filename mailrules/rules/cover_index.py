"""Which earlier rules may be true wherever a later one is: the few worth a proof, out of thousands.

A rule is kept under marks of one claim that it makes, and found by the marks of the claims that could imply it: the
same address, its domain, a text within the text. What is not found this way is not looked at, and nothing is proved.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Generic, TypeVar

from mailrules.rules.address_tests import AddressPart, AddressTest, AnyAddressMatch, PartMatch, SubdomainMatch
from mailrules.rules.formula import Claim, Every, Some, conjuncts
from mailrules.rules.impossible import addresses_of
from mailrules.rules.spans import spans_of
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, LabelTest

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from mailrules.rules.address_tests import AddressMatch
    from mailrules.rules.formula import Formula

T = TypeVar("T")

MAX_OF_A_MARK = 100
MAX_TEXT = 200
"""Longer texts are found by themselves only, not by what they contain."""


class CoverIndex(Generic[T]):
    """Things with their formulas, by what would have to be true for the formula to be implied."""

    def __init__(self) -> None:
        self._by_mark: dict[Hashable, list[T]] = defaultdict(list)
        self._lengths: dict[Hashable, set[int]] = defaultdict(set)

    def add(self, thing: T, formula: Formula) -> None:
        for claim in _one_needed_claim(formula):
            for mark in _marks(claim):
                self._by_mark[mark].append(thing)
                match mark:
                    case (*place, TextOperator() as operator, str() as value):
                        self._lengths[*place, operator].add(len(value))

    def candidates(self, formula: Formula) -> Iterator[T]:
        """Things whose formula this one may imply; one may come more than once, of many alike the first come."""
        for claim in _claims_at_hand(formula):
            for mark in self._marks_of_what_follows(claim):
                yield from self._by_mark.get(mark, ())[:MAX_OF_A_MARK]

    def _marks_of_what_follows(self, claim: Claim) -> Iterator[Hashable]:
        yield from _same(claim)
        yield from _axes(claim)
        if not claim.holds:
            if isinstance(claim.test, FlagTest):
                yield from (("no flag", flag.lower()) for flag in claim.test.flags)
            return
        match claim.test:
            case AddressTest(fields=fields, matches=matches):
                yield ("presence", fields)
                for match in matches:
                    yield from self._address_follows(fields, match)
            case TextTest() | BodyTest() | AnywhereTest():
                source = _source(claim.test)
                yield ("presence", source)
                for text in claim.test.matches:
                    for value in text.wanted[:1]:
                        yield from self._text_follows((source,), text.operator, value)
            case FlagTest(flags=flags):
                yield from (("flag", flag.lower()) for flag in flags[:1])
            case LabelTest(labels=labels):
                yield from (("label", label) for label in sorted(labels)[:1])
            case _:
                return

    def _address_follows(self, fields: tuple[str, ...], match: AddressMatch) -> Iterator[Hashable]:
        match match:
            case AnyAddressMatch():
                for first in match.alternatives[:1]:
                    yield from self._address_follows(fields, first)
            case SubdomainMatch():
                yield from _parents(fields, min(match.domains, default=""))
            case PartMatch(part=part, match=text):
                for value in text.wanted[:1]:
                    yield from self._text_follows((fields, part), text.operator, value)
                for address in (addresses_of(match) or ())[:1]:
                    yield from _parents(fields, address.domain)
                    for other in (AddressPart.DOMAIN, AddressPart.LOCAL, AddressPart.DETAIL):
                        yield from self._text_follows((fields, other), TextOperator.EQUALS, getattr(address, other))

    def _text_follows(
        self, place: tuple[Hashable, ...], operator: TextOperator, value: str
    ) -> Iterator[tuple[Hashable, ...]]:
        yield (*place, operator, value)
        if operator in (TextOperator.REGEX, TextOperator.GLOB) or len(value) > MAX_TEXT:
            return
        for length in self._lengths.get((*place, TextOperator.CONTAINS), ()):
            for start in range(len(value) - length + 1):
                yield (*place, TextOperator.CONTAINS, value[start : start + length])
        if operator in (TextOperator.EQUALS, TextOperator.STARTS_WITH):
            for length in self._lengths.get((*place, TextOperator.STARTS_WITH), ()):
                yield (*place, TextOperator.STARTS_WITH, value[:length])
        if operator in (TextOperator.EQUALS, TextOperator.ENDS_WITH):
            for length in self._lengths.get((*place, TextOperator.ENDS_WITH), ()):
                yield (*place, TextOperator.ENDS_WITH, value[-length:])


def _one_needed_claim(formula: Formula) -> Iterator[Claim]:
    """A claim without which the formula is not true; for alternatives one of each."""
    claims, choices = conjuncts(formula)
    if claims:
        # One about texts or addresses is shared by fewer rules than a bound.
        yield min(claims, key=lambda claim: (next(spans_of(claim), None) is not None, not claim.holds))
    elif choices:
        for part in choices[0].parts:
            yield from _one_needed_claim(part)


def _claims_at_hand(formula: Formula) -> Iterable[Claim]:
    """Claims, one of which has to imply whatever the formula implies."""
    match formula:
        case Claim():
            return (formula,)
        case Every(parts=parts):
            return [claim for part in parts for claim in _claims_at_hand(part)]
        case Some(parts=parts):
            return _claims_at_hand(parts[0]) if parts else ()


def _marks(claim: Claim) -> Iterator[Hashable]:
    test = claim.test
    if not claim.holds:
        if isinstance(test, FlagTest):
            yield ("no flag", test.flags[0].lower())
        else:
            yield from _axes(claim) if next(spans_of(claim), None) else _same(claim)
        return
    match test:
        case AddressTest(fields=fields, matches=(first, *_)):
            yield from _address_marks(fields, first)
        case AddressTest(fields=fields):
            yield ("presence", fields)
        case TextTest(matches=(text, *_)) | BodyTest(matches=(text, *_)) | AnywhereTest(matches=(text, *_)):
            yield from _text_marks((_source(test),), text)
        case TextTest() | BodyTest():
            yield ("presence", _source(test))
        case FlagTest(flags=flags):
            yield from (("flag", flag.lower()) for flag in flags)
        case LabelTest(labels=labels):
            yield from (("label", label) for label in labels)
        case _:
            yield from _axes(claim) if next(spans_of(claim), None) else _same(claim)


def _address_marks(fields: tuple[str, ...], match: AddressMatch) -> Iterator[Hashable]:
    match match:
        case AnyAddressMatch(alternatives=alternatives):
            for one in alternatives:
                yield from _address_marks(fields, one)
        case SubdomainMatch(domains=domains):
            yield from (("below", fields, domain) for domain in domains)
        case PartMatch(part=part, match=text):
            yield from _text_marks((fields, part), text)


def _text_marks(place: tuple[Hashable, ...], match: TextMatch) -> Iterator[tuple[Hashable, ...]]:
    yield from ((*place, match.operator, value) for value in match.wanted)


def _parents(fields: tuple[str, ...], domain: str) -> Iterator[Hashable]:
    labels = domain.split(".")
    yield from (("below", fields, ".".join(labels[start:])) for start in range(len(labels)))


def _same(claim: Claim) -> Iterator[Hashable]:
    try:
        yield ("same", type(claim.test).__name__, claim.holds, hash(claim.test))
    except TypeError:  # a plugin's test that has no hash
        return


def _axes(claim: Claim) -> Iterator[Hashable]:
    yield from (("axis", axis) for axis, _ in spans_of(claim))


def _source(test: TextTest | BodyTest | AnywhereTest) -> str:
    return f"header {test.field}" if isinstance(test, TextTest) else type(test).__name__
