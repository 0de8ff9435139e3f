"""Which Sieve test holds for exactly the messages for which a condition does?

Only what both languages say alike is written (RFC 5228 section 5, RFC 5233); for everything else ``NotExact`` names
the place. Both read a header field decoded, unfolded and trimmed, and compare ASCII letters without their case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailrules.exchange.exported import NotExact
from mailrules.exchange.letter_cases import spellings
from mailrules.exchange.sieve_writing import (
    all_of,
    any_of,
    glob_escaped,
    is_writable,
    negation,
    quoted,
    string_list,
)
from mailrules.mailbox.text import compose
from mailrules.rules.address_tests import AddressPart, AddressTest, AnyAddressMatch, PartMatch, SubdomainMatch
from mailrules.rules.conditions import All, Always, AnyOf, Leaf, Named, Not
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import TextTest
from mailrules.rules.value_tests import SizeTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.diagnostics import Location
    from mailrules.rules.address_tests import AddressMatch
    from mailrules.rules.conditions import Node
    from mailrules.rules.value_tests import NumberBounds

MAX_NESTING: Final = 15
"""Tests within tests that every server understands (RFC 5228 section 2.10.5)."""
_MAX_SPELLINGS: Final = 16
_MAX_NUMBER: Final = (1 << 31) - 1
_PARTS: Final = {
    AddressPart.ADDRESS: ":all",
    AddressPart.LOCAL: ":localpart",
    AddressPart.DOMAIN: ":domain",
    AddressPart.DETAIL: ":detail",
}
_WHY_NOT: Final = {
    "received": "when a message is filed and when it was received differ by what the server does in between",
    "sent": "a message without a date that can be read is unknowable here, and a script would go on",
    "saved": "a script runs before the message is in a mailbox",
    "flag": "a script runs before anybody could set a flag",
    "keyword": "a script runs before anybody could set a keyword",
    "label": "a script does not see Gmail's labels",
    "body": "`body` is the text that a reader sees, and servers extract it in their own ways",
    "text": "`text` is what a reader sees, and servers extract it in their own ways",
    "attachment": "servers take parts of a message for attachments in their own ways",
    "mime": "servers take messages apart in their own ways",
    "spam_score": "a script compares whole numbers of one field only",
    "duplicate": "a script knows what was delivered before, not what lies in the mailbox",
    "auth": "a script does not know which Authentication-Results are believed",
    "now": "a script reads the server's clock and zone",
}
_NOWHERE: Final = "only mailrules knows that"
_PLAIN_LOCAL: Final = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;\\,\"]*")
_FIELD_NAME: Final = re.compile(r"[!-9;-~]+")


class TestWriter:
    """Writes tests, and gathers the extensions that they need in ``extensions``."""

    __test__ = False

    def __init__(self) -> None:
        self.extensions: set[str] = set()

    def write(self, node: Node, *, where: Location, depth: int = 1) -> str:
        """The test for a condition. Raises NotExact; ``where`` is the rule's place."""
        if depth > MAX_NESTING:
            raise NotExact(f"a condition nested over {MAX_NESTING} deep is more than servers have to take", where=where)
        match node:
            case Always():
                return "true"
            case All(parts=parts):
                return all_of([self.write(part, where=where, depth=depth + 1) for part in parts])
            case AnyOf(parts=parts):
                return any_of([self.write(part, where=where, depth=depth + 1) for part in parts])
            case Not(part=part):
                return negation(self.write(part, where=where, depth=depth + 1))
            case Named(part=part):
                return self.write(part, where=where, depth=depth)
            case Leaf():
                return self._leaf(node)

    def _leaf(self, leaf: Leaf) -> str:
        match leaf.test:
            case TextTest() as test:
                return self._text(test, leaf.where)
            case AddressTest() as test:
                return self._addresses(test, leaf.where)
            case SizeTest(bounds=bounds):
                return _size(bounds, leaf.where)
            case _:
                why = _WHY_NOT.get(leaf.name, _NOWHERE)
                raise NotExact(f"`{leaf.name}` has no exact counterpart: {why}", where=leaf.where)

    def _text(self, test: TextTest, where: Location) -> str:
        name = _field_name(test.field, where)
        tests = []
        if len(test.matches) > 1:
            raise NotExact("several operators hold for one occurrence of a field, and Sieve's for any", where=where)
        for match in test.matches:
            match_type, keys, comparator = _keys(match, where)
            tests.append(f"header {match_type}{comparator} {quoted(name)} {string_list(keys)}")
        if test.exists is not None:
            tests.append(f"exists {quoted(name)}" if test.exists else f"not exists {quoted(name)}")
        if test.empty is not None:
            filled = f'header :matches {quoted(name)} "?*"'
            tests.append(negation(filled) if test.empty else filled)
        return all_of(tests)

    def _addresses(self, test: AddressTest, where: Location) -> str:
        names = [_field_name(field, where) for field in test.fields]
        if len(test.matches) > 1:
            raise NotExact("several operators hold for one address, and Sieve's for any", where=where)
        tests = [self._address(match, names, where) for match in test.matches]
        if test.exists is not None:
            present = any_of([f"exists {quoted(name)}" for name in names])
            tests.append(present if test.exists else negation(present))
        if test.empty is not None:
            raise NotExact("whether a field names nobody (`empty`) is not asked in Sieve", where=where)
        return all_of(tests)

    def _address(self, match: AddressMatch, names: Sequence[str], where: Location) -> str:
        match match:
            case AnyAddressMatch(alternatives=alternatives):
                return any_of([self._address(one, names, where) for one in alternatives])
            case SubdomainMatch(domains=domains):
                keys = [key for domain in sorted(domains) for one in _domains(domain) for key in (one, f"*.{one}")]
                self._check(keys, where)
                return f"address :domain :matches {string_list(names)} {string_list(keys)}"
            case PartMatch(part=part, match=matching):
                return self._part(part, matching, names, where)

    def _part(self, part: AddressPart, match: TextMatch, names: Sequence[str], where: Location) -> str:
        if part in {AddressPart.ANY, AddressPart.NAME}:
            cure = "write `address`, `domain` or `local`"
            raise NotExact(f"Sieve compares addresses without their display names; {cure}", where=where)
        if match.match_case and part in {AddressPart.ADDRESS, AddressPart.DOMAIN}:
            raise NotExact("domains have no case; leave `case: match` out", where=where)
        match_type, keys, comparator = _keys(match, where)
        if match.operator is TextOperator.EQUALS and part is AddressPart.DOMAIN:
            keys = [one for key in keys for one in _domains(key)]
        elif match.operator is TextOperator.EQUALS and part is AddressPart.ADDRESS:
            keys = [one for key in keys for one in _addresses(key)]
        elif not all(key.isascii() for key in keys) and part in {AddressPart.ADDRESS, AddressPart.DOMAIN}:
            raise NotExact("servers compare domains beyond ASCII as they are written, often in Punycode", where=where)
        if not all(keys) or (part is AddressPart.DETAIL and not all(key.strip("*") for key in keys)):
            raise NotExact(f"an address without a {part} fits in our language, and not in Sieve's", where=where)
        self._check(keys, where)
        if part is AddressPart.DETAIL:
            self.extensions.add("subaddress")
        return f"address {_PARTS[part]} {match_type}{comparator} {string_list(names)} {string_list(keys)}"

    @staticmethod
    def _check(keys: Sequence[str], where: Location) -> None:
        for key in keys:
            if not _PLAIN_LOCAL.fullmatch(re.sub(r"\\([*?\\])", r"\1", key)):
                raise NotExact(f"{key!r} needs quotes within an address, which servers treat differently", where=where)


def _keys(match: TextMatch, where: Location) -> tuple[str, list[str], str]:
    """The match type, its keys, and the comparator where it is not the usual one."""
    compared = [compose(re.sub(r"\s+", " ", value)) for value in match.values]
    match match.operator:
        case TextOperator.EQUALS:
            match_type, keys = ":is", [value.strip() for value in compared]
        case TextOperator.CONTAINS:
            match_type, keys = ":contains", compared
        case TextOperator.STARTS_WITH:
            match_type, keys = ":matches", [f"{glob_escaped(value)}*" for value in compared]
        case TextOperator.ENDS_WITH:
            match_type, keys = ":matches", [f"*{glob_escaped(value)}" for value in compared]
        case TextOperator.GLOB:
            match_type, keys = ":matches", [_pattern(value, where) for value in compared]
        case _:
            raise NotExact("regular expressions are RE2's, and servers know others or none", where=where)
    comparator = ' :comparator "i;octet"' if match.match_case else ""
    if not match.match_case:
        keys = [one for key in keys for one in _spelled(key, where)]
    for key in keys:
        if not is_writable(key):
            raise NotExact(f"{key!r} has characters that no Sieve string holds", where=where)
    return match_type, list(dict.fromkeys(keys)), comparator


def _spelled(key: str, where: Location) -> list[str]:
    """Servers ignore the case of ASCII letters only (i;ascii-casemap), so others are written in each."""
    if key.isascii():
        return [key]
    found = spellings(key, at_most=_MAX_SPELLINGS)
    if found is None:
        cure = "shorten the text, or compare with `case: match`"
        raise NotExact(
            f"{key!r} has too many letters beyond ASCII whose case Sieve does not ignore; {cure}", where=where
        )
    return found


def _pattern(glob: str, where: Location) -> str:
    """A glob as a ``:matches`` pattern: the stars and the text; ``[x]`` of one character means it."""
    pieces, index = [], 0
    while index < len(glob):
        character = glob[index]
        closing = glob.find("]", index + 2) if character == "[" else -1
        if character == "?":
            raise NotExact("`?` is one letter here, and one byte of it on some servers", where=where)
        if closing > 0:
            content = glob[index + 1 : closing]
            if len(content) != 1:
                raise NotExact(f"Sieve has no choice of characters such as [{content}]", where=where)
            pieces.append(glob_escaped(content))
            index = closing
        else:
            pieces.append("*" if character == "*" else glob_escaped(character))
        index += 1
    return "".join(pieces)


def _size(bounds: NumberBounds, where: Location) -> str:
    tests = []
    for number, sign, is_negated in (
        (bounds.over, ":over", False),
        (bounds.under, ":under", False),
        (bounds.at_least, ":under", True),
        (bounds.at_most, ":over", True),
        (bounds.equals, ":over", True),
        (bounds.equals, ":under", True),
    ):
        if number is None:
            continue
        if number != int(number) or number > _MAX_NUMBER:
            raise NotExact(f"servers need not know numbers over {_MAX_NUMBER:,}", where=where)
        test = f"size {sign} {int(number)}"
        tests.append(negation(test) if is_negated else test)
    return all_of(tests)


def _field_name(name: str, where: Location) -> str:
    if not _FIELD_NAME.fullmatch(name):
        raise NotExact(f"{name!r} is no name of a header field", where=where)
    return "-".join(word.capitalize() for word in name.split("-"))


def _domains(domain: str) -> list[str]:
    """A domain, and the way in which it is written in ASCII where it is beyond."""
    if domain.isascii():
        return [domain]
    labels = (one if one.isascii() else "xn--" + one.encode("punycode").decode("ascii") for one in domain.split("."))
    return [domain, ".".join(labels)]


def _addresses(address: str) -> list[str]:
    local, at, domain = address.rpartition("@")
    return [f"{local}{at}{one}" for one in _domains(domain)] if at else [address]
