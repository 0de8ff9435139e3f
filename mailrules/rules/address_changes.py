"""How would a condition on addresses have to read to hold for one that a message names, or for none of them?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.rules.address_tests import (
    AddressPart,
    AddressTest,
    AnyAddressMatch,
    PartMatch,
    SubdomainMatch,
    part_match,
    part_texts,
)
from mailrules.rules.near_text import ALIKE, MAX_VALUES, distance_within, nearer_match, with_another, without_holding
from mailrules.rules.text_match import TextOperator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.mailbox.address import Address
    from mailrules.rules.address_tests import AddressMatch

SEEN = 2
"""The cost of writing down what was seen."""
_LOOKED_AT = 20
_MISSPELT = 2


def address_changes(
    test: AddressTest, addresses: Sequence[Address], *, wanted: bool
) -> Iterator[tuple[AddressTest, int]]:
    """Tests that may give the other answer, each with its cost; nothing of it is confirmed."""
    if not wanted:
        yield from _without(test, addresses)
        return
    nearest = sorted(addresses[:_LOOKED_AT], key=lambda one: sum(not match.holds(one) for match in test.matches))
    for address in nearest[:3]:
        options = [[(match, 0)] if match.holds(address) else list(_nearer(match, address)) for match in test.matches]
        if all(options) and options:
            for place in range(max(map(len, options))):
                chosen = [of_match[min(place, len(of_match) - 1)] for of_match in options]
                yield replace(test, matches=tuple(match for match, _ in chosen)), sum(cost for _, cost in chosen)


def is_long(match: AddressMatch) -> bool:
    """Whether it has more values than a person writes on a line."""
    match match:
        case PartMatch(match=text):
            return len(text.values) > MAX_VALUES
        case SubdomainMatch(domains=domains):
            return len(domains) > MAX_VALUES
        case AnyAddressMatch():
            return True  # it has no spelling but a list


def _nearer(match: AddressMatch, address: Address) -> Iterator[tuple[AddressMatch, int]]:
    match match:
        case PartMatch(part=AddressPart.DOMAIN, match=text) if text.operator is TextOperator.EQUALS:
            parents = [value for value in text.values if address.domain.endswith(f".{value}")]
            if parents:
                yield SubdomainMatch(domains=frozenset(parents)), ALIKE
            if address.domain:
                values = (address.domain,) if is_long(match) else with_another(text.values, address.domain)
                yield part_match(AddressPart.DOMAIN, TextOperator.EQUALS, values), SEEN
        case PartMatch(part=AddressPart.ADDRESS, match=text) if text.operator is TextOperator.EQUALS:
            if address.address:
                values = (address.address,) if is_long(match) else with_another(text.values, address.address)
                alike = any(_is_misspelt(value, address.address) for value in text.values[:MAX_VALUES])
                yield part_match(AddressPart.ADDRESS, TextOperator.EQUALS, values), ALIKE if alike else SEEN
        case PartMatch(part=part, match=text):
            for seen in part_texts(part, address):
                nearer = nearer_match(text, seen)
                if nearer is not None:
                    yield PartMatch(part=part, match=nearer.match), nearer.cost
            if part is AddressPart.ANY and address.address:
                yield part_match(AddressPart.ADDRESS, TextOperator.EQUALS, (address.address,)), SEEN
        case SubdomainMatch(domains=domains):
            if address.domain:
                kept = () if is_long(match) or len(domains) == 1 else domains
                yield SubdomainMatch(domains=frozenset({*kept, address.domain})), SEEN
        case AnyAddressMatch():
            if address.address:
                yield part_match(AddressPart.ADDRESS, TextOperator.EQUALS, (address.address,)), SEEN


def _without(test: AddressTest, addresses: Sequence[Address]) -> Iterator[tuple[AddressTest, int]]:
    for place, match in enumerate(test.matches):
        fewer: AddressMatch | None = None
        match match:
            case PartMatch(part=part, match=text) if not is_long(match):
                texts = [seen for address in addresses for seen in part_texts(part, address)]
                left = without_holding(text, texts)
                fewer = None if left is None else PartMatch(part=part, match=left)
            case SubdomainMatch(domains=domains) if not is_long(match):
                left_domains = frozenset(
                    one
                    for one in domains
                    if not any(SubdomainMatch(domains=frozenset({one})).holds(address) for address in addresses)
                )
                fewer = SubdomainMatch(domains=left_domains) if left_domains else None
            case _:
                pass
        if fewer is not None:
            yield replace(test, matches=(*test.matches[:place], fewer, *test.matches[place + 1 :])), ALIKE


def _is_misspelt(one: str, other: str) -> bool:
    return distance_within(one.lower(), other.lower(), limit=_MISSPELT) is not None
