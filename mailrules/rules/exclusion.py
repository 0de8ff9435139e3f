"""Whether conditions exclude each other, so that no message can fulfil all of them one after another.

What is proved is certain; where nothing is proved the conditions may still exclude each other. Only what stays as
it is when a message is moved counts, so the time, the occasion and the other mail of a mailbox do not.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from mailrules.mailbox.flags import fold_flag
from mailrules.rules.address_tests import AddressTest
from mailrules.rules.auth_tests import AuthTest
from mailrules.rules.proofs import contradiction
from mailrules.rules.score_tests import SpamScoreTest
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, SizeTest, TimeTest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mailrules.rules.conditions import LeafTest
    from mailrules.rules.formula import Claim

_LASTING = (TextTest, BodyTest, AnywhereTest, AddressTest, SizeTest, FlagTest, AttachmentTest, SpamScoreTest, AuthTest)


def exclude_each_other(claims: Iterable[Claim], *, changing_flags: Collection[str]) -> bool:
    """Whether no message can fulfil all of these claims; ``changing_flags`` (folded) do not stay as they are."""
    claims = list(claims)
    ages = [one for one in claims if isinstance(one.test, TimeTest)]
    return bool(contradiction(one for one in claims if _is_lasting(one.test, changing_flags))) or any(
        _cannot_return(one, other) for one, other in combinations(ages, 2)
    )


def _is_lasting(test: LeafTest, changing_flags: Collection[str]) -> bool:
    if isinstance(test, FlagTest):
        return not any(fold_flag(flag) in changing_flags for flag in test.flags)
    return isinstance(test, _LASTING)


def _cannot_return(one: Claim, other: Claim) -> bool:
    """Young and old: a message that has grown too old for one condition never becomes young again."""
    young, old = one.test, other.test
    if one.holds != other.holds:
        return young == old
    if not one.holds or not isinstance(young, TimeTest) or not isinstance(old, TimeTest) or young.source != old.source:
        return False
    pairs = ((young.newer_than, old.older_than), (old.newer_than, young.older_than))
    return any(newer is not None and older is not None and newer <= older for newer, older in pairs)
