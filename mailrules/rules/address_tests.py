"""Whether the addresses of a message hold for address and text operators, for a whole mailbox at once.

All operators under one field hold together for one address (rule-language, meaning).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.mailbox.address import domain_text
from mailrules.mailbox.message import Fact, header_fact
from mailrules.mailbox.text import fold
from mailrules.rules.bounds import UNBOUNDED, Bounds, both, either
from mailrules.rules.text_bounds import in_field, matches_over, values_over
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import (
    confirmed,
    proposed_by_dictionary,
    proposed_by_literals,
    proposed_by_patterns,
    smallest,
)
from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mailrules.imap.search_keys import SearchKey
    from mailrules.mailbox.address import Address
    from mailrules.mailbox.columns import AddressColumn, JoinedText
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.bounds import Place
    from mailrules.rules.conditions import Environment

ADDRESS_FIELDS: Mapping[str, tuple[str, ...]] = {
    "from": ("from",),
    "to": ("to",),
    "cc": ("cc",),
    "bcc": ("bcc",),
    "reply_to": ("reply-to",),
    "sender": ("sender",),
    "any_recipient": ("to", "cc", "bcc"),
    "participants": ("from", "sender", "reply-to", "to", "cc", "bcc"),
}
"""The header fields that each address condition reads."""


class AddressPart(StrEnum):
    """What of an address an operator looks at; ``any`` means the name or the address."""

    ANY = "any"
    ADDRESS = "address"
    LOCAL = "local"
    DOMAIN = "domain"
    DETAIL = "detail"
    NAME = "name"


_DICTIONARIES = frozenset({AddressPart.ADDRESS, AddressPart.DOMAIN})
"""The parts that a column has a dictionary of."""
_LINES = frozenset({AddressPart.ANY, AddressPart.ADDRESS, AddressPart.NAME})
"""The parts that are whole lines of a column's joined texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartMatch:
    """A text operator on one part of an address: ``name: {contains: y}``, ``domain: x``."""

    part: AddressPart
    match: TextMatch

    def holds(self, address: Address) -> bool:
        return any(self.match.holds(text) for text in part_texts(self.part, address))

    def proposed(self, column: AddressColumn) -> Sequence[int] | None:
        if self.match.operator == TextOperator.EQUALS and self.part in _DICTIONARIES:
            by_part = column.by_address if self.part == AddressPart.ADDRESS else column.by_domain
            return proposed_by_dictionary(self.match, by_part)
        proposed = proposed_by_literals(self.match, column.joined)
        if proposed is None and self.part in _LINES:
            return proposed_by_patterns(self.match, column)
        return proposed

    @property
    def literals(self) -> list[str]:
        """What ``proposed`` looks for in the column's joined texts."""
        by_dictionary = self.match.operator == TextOperator.EQUALS and self.part in _DICTIONARIES
        return [] if by_dictionary else list(self.match.probes or ())

    def search_over(self, search: Callable[[str], SearchKey]) -> SearchKey:
        """What finds the fields with such an address, where a search for text is trusted."""
        return matches_over([self.match], search)

    def captures(self, address: Address) -> dict[str, str] | None:
        for text in part_texts(self.part, address):
            if (found := self.match.captures(text)) is not None:
                return found
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubdomainMatch:
    """``subdomain_of``: the domain itself, or any domain under it; folded, so that it agrees with ``domain``."""

    domains: frozenset[str]

    def holds(self, address: Address) -> bool:
        labels = fold(address.domain).split(".")
        return any(".".join(labels[start:]) in self.domains for start in range(len(labels)))

    def proposed(self, column: AddressColumn) -> Sequence[int] | None:
        parents = column.by_parent_domain
        return [index for domain in parents.keys() & self.domains for index in parents[domain]]

    def search_over(self, search: Callable[[str], SearchKey]) -> SearchKey:
        return values_over(sorted(self.domains), search)

    @property
    def literals(self) -> list[str]:
        return []

    def captures(self, address: Address) -> dict[str, str] | None:  # noqa: ARG002 -- AddressMatch
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyAddressMatch:
    """Bare values, as in a list of people: one of the alternatives holds."""

    alternatives: tuple[AddressMatch, ...]

    def holds(self, address: Address) -> bool:
        return any(match.holds(address) for match in self.alternatives)

    def proposed(self, column: AddressColumn) -> Sequence[int] | None:
        proposals = [match.proposed(column) for match in self.alternatives]
        found: set[int] = set()
        for proposal in proposals:
            if proposal is None:
                return None
            found.update(proposal)
        return tuple(found)

    def search_over(self, search: Callable[[str], SearchKey]) -> SearchKey:
        return either(match.search_over(search) for match in self.alternatives)

    @property
    def literals(self) -> list[str]:
        return [literal for match in self.alternatives for literal in match.literals]

    def captures(self, address: Address) -> dict[str, str] | None:  # noqa: ARG002 -- AddressMatch
        return None


AddressMatch = PartMatch | SubdomainMatch | AnyAddressMatch


def part_match(
    part: AddressPart, operator: TextOperator, values: Iterable[str], *, match_case: bool = False
) -> PartMatch:
    """An operator on one part, with values as a person writes them: domains may be in Punycode."""
    if operator == TextOperator.EQUALS and part == AddressPart.DOMAIN:
        values = (domain_text(value.removeprefix("@")) for value in values)
    elif operator == TextOperator.EQUALS and part == AddressPart.ADDRESS:
        values = (_as_compared(value) for value in values)
    return PartMatch(part=part, match=TextMatch(operator=operator, values=tuple(values), match_case=match_case))


def part_presence(part: AddressPart, *, is_there: bool) -> PartMatch:
    """Whether an address has this part at all, as a name or a detail: one that is not there reads as an empty text."""
    operator, value = (TextOperator.GLOB, "?*") if is_there else (TextOperator.EQUALS, "")
    return PartMatch(part=part, match=TextMatch(operator=operator, values=(value,)))


def bare_match(values: Iterable[str]) -> AddressMatch:
    """What bare values mean: with ``@`` an address, starting with ``@`` a domain, else contained text."""
    values = tuple(values)
    domains = [value for value in values if value.startswith("@")]
    addresses = [value for value in values if "@" in value[1:] and not value.startswith("@")]
    texts = [value for value in values if "@" not in value]
    alternatives: list[AddressMatch] = []
    if addresses:
        alternatives.append(part_match(AddressPart.ADDRESS, TextOperator.EQUALS, addresses))
    if domains:
        alternatives.append(part_match(AddressPart.DOMAIN, TextOperator.EQUALS, domains))
    if texts:
        alternatives.append(part_match(AddressPart.ANY, TextOperator.CONTAINS, texts))
    return alternatives[0] if len(alternatives) == 1 else AnyAddressMatch(alternatives=tuple(alternatives))


def subdomains_of(domains: Iterable[str]) -> SubdomainMatch:
    """``subdomain_of`` with domains as a person writes them."""
    return SubdomainMatch(domains=frozenset(fold(domain_text(domain.lstrip("@"))) for domain in domains))


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressTest:
    """An address condition over the header fields ``fields`` (see ``ADDRESS_FIELDS``).

    ``exists`` asks whether the message has one of the fields; ``empty`` whether they name nobody.
    """

    fields: tuple[str, ...]
    matches: tuple[AddressMatch, ...] = ()
    exists: bool | None = None
    empty: bool | None = None

    @property
    def needs(self) -> tuple[Fact, ...]:
        return tuple(header_fact(field) for field in self.fields)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        columns = [snapshot.columns.addresses(field) for field in self.fields]
        known = snapshot.all_rows
        matched = present = naming = unreadable = 0
        for fact, column in zip(self.needs, columns, strict=True):
            known &= snapshot.known(fact)
            unreadable |= column.unreadable_mask
            present |= column.field_present
            if self.empty is not None:
                naming |= column.present
            if self.matches:
                holding, undecided = self._matching(column)
                matched |= column.rows_with(holding)
                unreadable |= column.rows_with(undecided)
        readable = known & ~unreadable
        true = matched & readable if self.matches else readable
        if self.exists is not None:
            true &= present if self.exists else ~present
        if self.empty is not None:
            true &= ~naming if self.empty else naming
        return Truth(readable, true, known & unreadable)

    def search_bounds(self, place: Place) -> Bounds:
        if not place.trusts_text or not self.matches:
            return UNBOUNDED
        searches = map(in_field, self.fields)
        return Bounds(over=either(both(one.search_over(search) for one in self.matches) for search in searches))

    def scanned(self, snapshot: Snapshot, fact: Fact) -> tuple[JoinedText, Sequence[str]]:
        literals = [literal for match in self.matches for literal in match.literals]
        return snapshot.columns.addresses(fact.name).joined, literals

    def seen(self, snapshot: Snapshot, row: int) -> str:
        return ", ".join(str(address) for address in self.addresses(snapshot, row))

    def captures(self, snapshot: Snapshot, row: int) -> dict[str, str] | None:
        for address in self.addresses(snapshot, row):
            if all(match.holds(address) for match in self.matches):
                for match in self.matches:
                    if (found := match.captures(address)) is not None:
                        return found
        return None

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        reasons = (snapshot.columns.addresses(field).unreadable.get(row, "") for field in self.fields)
        return next((reason for reason in reasons if reason), "")

    def addresses(self, snapshot: Snapshot, row: int) -> list[Address]:
        """The addresses of one row that the condition looks at."""
        return [address for field in self.fields for address in snapshot.addresses(field, row)]

    def _matching(self, column: AddressColumn) -> tuple[list[int], list[int]]:
        """Indexes of the addresses that all operators hold for, and of those that cannot be told."""
        values = column.values
        candidates = smallest((match.proposed(column) for match in self.matches), otherwise=range(len(values)))
        return confirmed(candidates, lambda index: all(match.holds(values[index]) for match in self.matches))


def _as_compared(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return f"{local}@{domain_text(domain)}" if at else address


def part_texts(part: AddressPart, address: Address) -> tuple[str, ...]:
    """The texts of an address that an operator on this part looks at."""
    match part:
        case AddressPart.ANY:
            return (address.name, address.address)
        case AddressPart.ADDRESS:
            return (address.address,)
        case AddressPart.LOCAL:
            return (address.local,)
        case AddressPart.DOMAIN:
            return (address.domain,)
        case AddressPart.DETAIL:
            return (address.detail,)
        case AddressPart.NAME:
            return (address.name,)
