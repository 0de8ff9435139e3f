"""What a plugin's condition says of the searches that may stand for it, and of other messages that it looks at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from mailrules.contained_plugins import contained_condition
from mailrules.diagnostics import Location
from mailrules.imap.search_keys import EmailId, HasFlag, LastResult
from mailrules.mailbox.message import FLAGS, Fact
from mailrules.mailbox.store import MailboxInfo, MailboxStatus
from mailrules.plan.facts import facts_related
from mailrules.rules.bounds import UNBOUNDED, BoundedTest, Bounds, Place, exact
from mailrules.rules.conditions import Environment
from mailrules.rules.per_message_test import PerMessageTest
from mailrules.rules.registry import CompileContext, ConditionSpec, SourceValue
from mailrules.rules.truth import Truth
from tests.judging.conditions import leaf
from tests.plan.planned import NOW, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import LeafTest

PLACE = Place(
    environment=Environment(now=NOW),
    account="home",
    info=MailboxInfo(name="INBOX", delimiter="/"),
    status=MailboxStatus(mailbox="INBOX", uidvalidity=1, messages=9),
)
SEEN = exact(HasFlag("\\Seen"))


@dataclass(frozen=True)
class Neighbourly:
    """A condition that looks at the flags of all messages."""

    needs: tuple[Fact, ...] = (FLAGS,)
    related: tuple[Fact, ...] = (FLAGS,)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        return Truth(rows, rows)

    def seen(self, snapshot: Snapshot, row: int) -> str:  # noqa: ARG002 -- LeafTest
        return ""


def _contained(test: LeafTest) -> LeafTest:
    spec = ConditionSpec(name="odd", compile=lambda _source, _context: test, summary="An odd one.")
    context = CompileContext(lists={}, allow=frozenset(), report=lambda _: None)
    source = SourceValue(value="x", at=Location(file="rules.yaml"), text="x")
    compiled = contained_condition(spec, plugin="odd").compile(source, context)
    assert compiled is not None
    return compiled


def _test(bounds: Callable[[Place], Bounds] | None) -> PerMessageTest:
    return PerMessageTest(needs=(FLAGS,), holds=lambda _message, _environment: True, bounds=bounds)


def _fails(_: Place) -> Bounds:
    raise RuntimeError("broken")


@pytest.mark.parametrize(
    ("test", "bounds"),
    [
        (_test(lambda _: SEEN), SEEN),
        (_test(None), UNBOUNDED),
        (_test(_fails), UNBOUNDED),
        (_test(lambda _: exact(LastResult())), UNBOUNDED),
        (_test(lambda _: exact(EmailId("M1"))), exact(EmailId("M1"))),
        (Neighbourly(), UNBOUNDED),
    ],
    ids=["bounded", "silent", "failing", "unwritable", "of an extension", "without a word of it"],
)
def test_a_plugin_s_bounds_hold_where_they_can_be_asked(test: LeafTest, bounds: Bounds) -> None:
    contained = _contained(test)

    assert isinstance(contained, BoundedTest)
    assert contained.search_bounds(PLACE) == bounds


def test_a_plugin_s_test_that_looks_at_other_messages_has_them_read() -> None:
    (rule,) = load("rules: [{name: r, if: {flag: seen}, do: [keep]}]").rules.rules
    neighbourly, lonely = (
        replace(rule, condition=leaf(_contained(test))) for test in (Neighbourly(), _test(lambda _: SEEN))
    )

    assert facts_related([neighbourly]) == {FLAGS}
    assert facts_related([lonely]) == frozenset()
