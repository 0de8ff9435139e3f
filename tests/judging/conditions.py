"""Short ways to write condition trees and their tests."""

from datetime import UTC, datetime

from mailrules.diagnostics import Location
from mailrules.mailbox.snapshot import Snapshot
from mailrules.rules.conditions import Environment, Leaf, LeafTest
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import TextTest
from mailrules.rules.truth import Truth

NOW = Environment(
    now=datetime(2026, 6, 1, 12, tzinfo=UTC),
    authserv_ids=frozenset({"mx"}),
    own_addresses=frozenset({"me@example.org"}),
)


def leaf(test: LeafTest, *, name: str = "subject") -> Leaf:
    return Leaf(name=name, text=f"{name}: ...", where=Location(file="rules.yaml"), test=test)


def text_match(operator: str, *values: str, match_case: bool = False) -> TextMatch:
    return TextMatch(operator=TextOperator(operator), values=values, match_case=match_case)


def subject(operator: str, *values: str, match_case: bool = False) -> Leaf:
    return leaf(TextTest(field="subject", matches=(text_match(operator, *values, match_case=match_case),)))


def judged(test: LeafTest, snapshot: Snapshot) -> Truth:
    return test.judge(snapshot, snapshot.all_rows, NOW)


def bits(mask: int, snapshot: Snapshot) -> str:
    """A mask as one digit a row, row 0 first."""
    return "".join(str(mask >> row & 1) for row in range(len(snapshot.uids)))
