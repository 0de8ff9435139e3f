"""Whether conditions exclude each other, so that no message can fulfil all of them one after another.

What is proved is certain; where nothing is proved the conditions may still exclude each other. Only what stays as
it is when a message is moved counts, so the time, the occasion and the other mail of a mailbox do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from mailrules.mailbox.flags import fold_flag
from mailrules.rules.address_tests import AddressTest
from mailrules.rules.auth_tests import AuthTest
from mailrules.rules.conditions import All, AnyOf, Leaf, Named, Not
from mailrules.rules.score_tests import SpamScoreTest
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, SizeTest, TimeTest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from mailrules.rules.conditions import LeafTest, Node
    from mailrules.rules.value_tests import NumberBounds

_LASTING = (
    TextTest,
    BodyTest,
    AnywhereTest,
    AddressTest,
    SizeTest,
    TimeTest,
    FlagTest,
    AttachmentTest,
    SpamScoreTest,
    AuthTest,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A test that has to hold, or not to hold, for a condition to."""

    test: LeafTest
    holds: bool


def claims_of(node: Node, *, holds: bool = True) -> Iterator[Claim]:
    """The claims that are certain wherever the condition holds (or, with ``holds`` False, does not)."""
    match node:
        case Leaf():
            yield Claim(node.test, holds)
        case Not():
            yield from claims_of(node.part, holds=not holds)
        case Named():
            yield from claims_of(node.part, holds=holds)
        case All() | AnyOf():
            if isinstance(node, All) is holds or len(node.parts) == 1:
                for part in node.parts:
                    yield from claims_of(part, holds=holds)
        case _:
            return


def exclude_each_other(claims: Iterable[Claim], *, changing_flags: Collection[str]) -> bool:
    """Whether no message can fulfil all of these claims; ``changing_flags`` (folded) do not stay as they are."""
    lasting = [one for one in claims if _is_lasting(one.test, changing_flags)]
    return any(_contradict(one, other) for one, other in combinations(lasting, 2))


def _is_lasting(test: LeafTest, changing_flags: Collection[str]) -> bool:
    if isinstance(test, FlagTest):
        return not any(fold_flag(flag) in changing_flags for flag in test.flags)
    return isinstance(test, _LASTING)


def _contradict(one: Claim, other: Claim) -> bool:
    if one.holds != other.holds and one.test == other.test:
        return True
    match one.test, other.test:
        case FlagTest(), FlagTest():
            return _flags_contradict(one, other)
        case SizeTest(bounds=bounds), SizeTest(bounds=others):
            return one.holds and other.holds and _apart(bounds, others)
        case SpamScoreTest(bounds=bounds), SpamScoreTest(bounds=others):
            return one.holds and other.holds and _apart(bounds, others)
        case TimeTest(), TimeTest():
            return _times_contradict(one.test, other.test) if one.holds and other.holds else False
        case AttachmentTest(), AttachmentTest():
            opposite = replace(other.test, exists=not other.test.exists)
            return one.holds and other.holds and one.test == opposite
        case _:
            return False


def _flags_contradict(one: Claim, other: Claim) -> bool:
    """One asks for any of some flags, the other for none of these and perhaps of others."""
    if one.holds == other.holds or not isinstance(one.test, FlagTest) or not isinstance(other.test, FlagTest):
        return False
    wanted, refused = (one.test, other.test) if one.holds else (other.test, one.test)
    return set(map(fold_flag, wanted.flags)) <= set(map(fold_flag, refused.flags))


def _times_contradict(one: TimeTest, other: TimeTest) -> bool:
    """Young and old: a message that has grown too old for one condition never becomes young again."""
    if one.source != other.source:
        return False
    pairs = ((one.newer_than, other.older_than), (other.newer_than, one.older_than))
    return any(newer is not None and older is not None and newer <= older for newer, older in pairs)


def _apart(one: NumberBounds, other: NumberBounds) -> bool:
    return _ends_before(one, other) or _ends_before(other, one)


def _ends_before(low: NumberBounds, high: NumberBounds) -> bool:
    """Whether every number within ``low`` is below every number within ``high``."""
    tops = [(bound, is_inside) for bound, is_inside in ((low.at_most, True), (low.under, False), (low.equals, True))]
    bottoms = [(high.at_least, True), (high.over, False), (high.equals, True)]
    return any(
        top is not None and bottom is not None and (top < bottom or (top == bottom and not (top_in and bottom_in)))
        for top, top_in in tops
        for bottom, bottom_in in bottoms
    )
