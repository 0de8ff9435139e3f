"""Whether one test alone can never be true: its operators hold together for one value, and exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.mailbox.address import Address
from mailrules.rules.address_tests import AddressPart, AddressTest, AnyAddressMatch, PartMatch, SubdomainMatch
from mailrules.rules.related_tests import ThreadTest
from mailrules.rules.score_tests import SpamScoreTest
from mailrules.rules.server_tests import QuotaTest
from mailrules.rules.spans import Axis, Span, number_span, time_spans
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.text_match import TextOperator
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import SizeTest, TimeTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.address_tests import AddressMatch
    from mailrules.rules.conditions import LeafTest
    from mailrules.rules.text_match import TextMatch


def is_impossible(test: LeafTest) -> bool:
    """Whether no message can make it true, as far as that is certain."""
    match test:
        case SizeTest(bounds=bounds):
            return number_span(bounds, whole=True).is_empty
        case SpamScoreTest(bounds=bounds):
            return number_span(bounds).is_empty
        case TimeTest():
            return _has_empty_time(test)
        case TextTest(matches=matches) | BodyTest(matches=matches) | AnywhereTest(matches=matches):
            return _no_text_fits(matches)
        case AddressTest(matches=matches):
            return _no_address_fits(matches)
        case AttachmentTest():
            return _no_part_fits(test)
        case ThreadTest(count=bounds) | QuotaTest(percent=bounds) if bounds is not None:
            return number_span(bounds, whole=isinstance(test, ThreadTest)).is_empty
        case _:
            return False


def says_something(match: TextMatch) -> bool:
    """Whether only a text that is not empty can fulfil the operator."""
    return match.operator in _NEVER_EMPTY


def fits(match: TextMatch, value: str) -> bool:
    """Whether the operator holds for a text whose compared form is ``value``; no regex."""
    match match.operator:
        case TextOperator.EQUALS:
            return value in match.wanted_set
        case TextOperator.CONTAINS:
            return any(wanted in value for wanted in match.wanted)
        case TextOperator.STARTS_WITH:
            return value.startswith(match.wanted)
        case TextOperator.ENDS_WITH:
            return value.endswith(match.wanted)
        case _:
            return any(pattern.matches(value) for pattern in match.patterns)


def is_comparable(match: TextMatch, *, match_case: bool) -> bool:
    """Whether ``fits`` can tell of a text that is known in the form of an operator with this ``match_case``."""
    return match.operator is not TextOperator.REGEX and match.match_case == match_case


def addresses_of(match: PartMatch) -> tuple[Address, ...] | None:
    """What is certain of the local part and domain of an address that equals one of these; None where nothing is."""
    equals = match.match
    if equals.operator is not TextOperator.EQUALS or equals.match_case:
        return None
    if match.part is AddressPart.DOMAIN:
        return tuple(Address(domain=value) for value in equals.wanted)
    if match.part is AddressPart.ADDRESS and all(value.count("@") == 1 for value in equals.wanted):
        pairs = (value.split("@") for value in equals.wanted)
        return tuple(Address(local=local, domain=domain) for local, domain in pairs)
    return None


def address_fits(match: AddressMatch, address: Address, *, known: AddressPart) -> bool | None:
    """Whether the operator holds for an address in compared form, of which ``known`` is certain; None: cannot tell."""
    match match:
        case SubdomainMatch():
            return match.holds(address)
        case PartMatch(part=part, match=text):
            parts = _TOLD_BY.get(known, frozenset())
            if part not in parts or not is_comparable(text, match_case=False):
                return None
            return fits(text, getattr(address, part))
        case _:
            answers = [address_fits(one, address, known=known) for one in match.alternatives]
            return True if True in answers else None if None in answers else False


_NEVER_EMPTY = (TextOperator.EQUALS, TextOperator.CONTAINS, TextOperator.STARTS_WITH, TextOperator.ENDS_WITH)
_TOLD_BY = {
    AddressPart.DOMAIN: frozenset({AddressPart.DOMAIN}),
    AddressPart.ADDRESS: frozenset({AddressPart.ADDRESS, AddressPart.DOMAIN, AddressPart.LOCAL, AddressPart.DETAIL}),
}
"""The parts of an address that are known where a part is."""


def _has_empty_time(test: TimeTest) -> bool:
    spans: dict[Axis, Span] = {}
    for axis, span in time_spans(test):
        spans[axis] = span.both(spans.get(axis, span))
    return any(span.is_empty for span in spans.values())


def _no_text_fits(matches: Sequence[TextMatch]) -> bool:
    """All operators hold together for one text, so that one of the texts that it has to equal fits all others."""
    for equals in matches:
        if equals.operator is TextOperator.EQUALS:
            others = [one for one in matches if is_comparable(one, match_case=equals.match_case)]
            if not any(all(fits(one, value) for one in others) for value in equals.wanted):
                return True
    return False


def _no_address_fits(matches: Sequence[AddressMatch]) -> bool:
    if any(isinstance(one, AnyAddressMatch) and not one.alternatives for one in matches):
        return True
    parts = [one for one in matches if isinstance(one, PartMatch)]
    for part in {one.part for one in parts} - {AddressPart.ANY}:
        if _no_text_fits([one.match for one in parts if one.part is part]):
            return True
    for equals in parts:
        for_certain = addresses_of(equals)
        if for_certain is not None and not any(
            all(address_fits(one, address, known=equals.part) is not False for one in matches)
            for address in for_certain
        ):
            return True
    return False


def _no_part_fits(test: AttachmentTest) -> bool:
    """No number of parts is as many as wanted, or no part is like that and at least one is wanted."""
    count = number_span(test.count, whole=True) if test.count else None
    if not test.exists:
        return False
    if count is not None and count.is_empty:
        return True
    needs_one = count is None or count.low > 0
    has_no_size = test.size is not None and number_span(test.size, whole=True).is_empty
    return needs_one and has_no_size
