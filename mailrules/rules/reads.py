"""What a condition looks at: its leaves, the flags and times it names, the captures it can give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.rules.address_tests import AddressTest, PartMatch
from mailrules.rules.conditions import All, AnyOf, CapturingTest, Leaf, Named, Not
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.rules.conditions import LeafTest, Node
    from mailrules.rules.text_match import TextMatch


def leaves_of(node: Node, *, positive: bool = True) -> Iterator[tuple[Leaf, bool]]:
    """All leaves, in file order, each with whether its holding speaks for the whole condition."""
    match node:
        case Leaf():
            yield node, positive
        case All(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from leaves_of(part, positive=positive)
        case Not(part=part):
            yield from leaves_of(part, positive=not positive)
        case Named(part=part):
            yield from leaves_of(part, positive=positive)
        case _:
            return


def flags_read(node: Node) -> frozenset[str]:
    """The flags and keywords that a condition names, lower case, in IMAP spelling."""
    tests = (leaf.test for leaf, _ in leaves_of(node))
    return frozenset(flag.lower() for test in tests if isinstance(test, FlagTest) for flag in test.flags)


def captures_of(node: Node) -> frozenset[str] | None:
    """The named groups of all regexes that can hold positively; None where a plugin's test may have others."""
    names: set[str] = set()
    for leaf, positive in leaves_of(node):
        matches = _text_matches(leaf.test)
        if matches is None and isinstance(leaf.test, CapturingTest):
            return None
        if positive:
            names.update(name for match in matches or () for regex in match.patterns for name in regex.group_names)
    return frozenset(names)


def _text_matches(test: LeafTest) -> tuple[TextMatch, ...] | None:
    match test:
        case TextTest(matches=matches) | BodyTest(matches=matches) | AnywhereTest(matches=matches):
            return matches
        case AddressTest(matches=address_matches):
            return tuple(one.match for one in address_matches if isinstance(one, PartMatch))
        case _:
            return None
