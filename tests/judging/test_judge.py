"""Conditions over a whole mailbox: what holds, what is still missing, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from mailrules.mailbox.message import FLAGS, SIZE, UID, Fact, FactRequest, MessageFacts, header_fact
from mailrules.mailbox.snapshot import Snapshot
from mailrules.rules.address_tests import AddressTest, bare_match
from mailrules.rules.compiler import Judge
from mailrules.rules.conditions import All, Always, AnyOf, Environment, Leaf, Named, Node, Not, leaves
from mailrules.rules.literal_scan import scan_for_literals
from mailrules.rules.per_message_test import MessageView, PerMessageTest
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import TextTest
from mailrules.rules.truth import Truth
from mailrules.rules.value_tests import FlagTest, NumberBounds, SizeTest, TimeSource, TimeTest
from tests.judging.conditions import NOW, leaf, subject
from tests.mailbox.samples import empty_snapshot, header_snapshot

SEEN = leaf(FlagTest(flags=("\\Seen",)), name="flag")
LARGE = leaf(SizeTest(bounds=NumberBounds(over=10)), name="size")
SENT = leaf(TimeTest(source=TimeSource.SENT, on=NOW.now.date()), name="sent")
SUBJECT = header_fact("subject")


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingTest:
    """True for the rows of ``answers`` that it is asked for; remembers what it was asked."""

    needs: tuple[Fact, ...] = (SIZE,)
    answers: int = -1
    asked: list[int] = field(default_factory=list)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        self.asked.append(rows)
        return Truth(rows & self.answers, rows & self.answers)

    def seen(self, snapshot: Snapshot, row: int) -> str:  # noqa: ARG002 -- LeafTest
        return "counted"


def judge_of(snapshot: Snapshot, *nodes: Node) -> Judge:
    return Judge(snapshot, NOW, nodes)


def add_sizes(snapshot: Snapshot, sizes: Sequence[int | None]) -> None:
    snapshot.add(FactRequest(size=True), [MessageFacts(uid=UID(n), size_bytes=size) for n, size in enumerate(sizes, 1)])


def test_missing_facts_leave_rows_open_until_they_come() -> None:
    snapshot = empty_snapshot(2)
    judge = judge_of(snapshot, LARGE)

    before = judge.judge(LARGE, 0b11)
    add_sizes(snapshot, [None, 20])
    judge.refresh()

    assert before.open(0b11) == 0b11
    assert judge.judge(LARGE, 0b11) == Truth(0b10, 0b10)
    assert judge.missing(LARGE, 0b11) == {SIZE: 0b01}


def test_only_facts_that_can_still_matter_are_missing() -> None:
    snapshot = empty_snapshot(3)
    add_sizes(snapshot, [5, 20, None])
    both, either = All(parts=(LARGE, SEEN)), AnyOf(parts=(LARGE, SEEN))
    judge = judge_of(snapshot, both, either)

    assert judge.missing(both, 0b111) == {FLAGS: 0b110, SIZE: 0b100}
    assert judge.missing(either, 0b111) == {FLAGS: 0b101, SIZE: 0b100}
    assert judge.missing(Not(part=Named(name="x", part=both)), 0b011) == {FLAGS: 0b010}
    assert judge.missing(All(parts=(either, Always())), 0b010) == {}


def test_a_leaf_is_asked_once_for_each_row_and_only_where_it_matters() -> None:
    snapshot = empty_snapshot(4)
    add_sizes(snapshot, [5, 20, 30, None])
    counting = CountingTest()
    both = All(parts=(LARGE, leaf(counting)))
    judge = judge_of(snapshot, both)

    judge.judge(both, 0b0011)
    judge.judge(both, 0b1111)
    judge.judge(both, 0b1111)

    assert counting.asked == [0b0010, 0b0100]


def test_a_row_that_gets_no_answer_is_unknowable() -> None:
    snapshot = empty_snapshot(2)
    add_sizes(snapshot, [1, None])
    silent = leaf(CountingTest(answers=0), name="silent")
    judge = judge_of(snapshot, silent)

    assert judge.judge(silent, 0b11) == Truth(0, 0, 0b01)
    assert judge.unknowable_reason(silent, 0) == "silent: cannot be evaluated"


def test_reasons_name_the_leaves_that_decided() -> None:
    snapshot = header_snapshot("Subject: invoice " + "x" * 100, "Subject: other", fields=["subject"])
    add_sizes(snapshot, [20, 5])
    node = All(
        parts=(Named(name="bills", part=AnyOf(parts=(LARGE, subject("contains", "invoice")))), Not(part=SENT), Always())
    )
    judge = judge_of(snapshot, node)

    assert judge.reason(node.parts[0], 0) == f"size matched 20 bytes and subject matched invoice {'x' * 71}…"
    assert judge.reason(Always(), 0) == ""


def test_reasons_of_the_unknowable_come_from_the_leaf_that_is() -> None:
    snapshot = header_snapshot("Date: never", "Date: 1 May 2026 12:00 +0000", fields=["date"])
    add_sizes(snapshot, [20, 20])
    node = All(parts=(Always(), LARGE, Not(part=Named(name="today", part=SENT))))
    judge = judge_of(snapshot, node)

    assert judge.judge(node, 0b11) == Truth(0b10, 0b10, 0b01)
    assert judge.unknowable_reason(node, 0) == "sent: the Date field is no date: 'never'"
    assert judge.unknowable_reason(node, 1) == ""


def test_captures_come_from_the_first_regex_with_groups_that_holds_positively() -> None:
    snapshot = header_snapshot("Subject: alpha beta\nX: gamma", fields=["subject", "x"])
    negative = Not(part=subject("regex", "(?P<a>nothing)"))
    plain, first, second = (subject("regex", text) for text in ("alpha", "(?P<a>b.t)", "(?P<a>alpha)"))
    sender = leaf(AddressTest(fields=("from",), matches=(bare_match(["x"]),)), name="from")
    judge = judge_of(snapshot)

    assert judge.captures(All(parts=(negative, plain, Named(name="n", part=first), second)), 0) == {"a": "bet"}
    assert judge.captures(AnyOf(parts=(sender, subject("regex", "(?P<a>zeta)"), second)), 0) == {"a": "alpha"}
    assert judge.captures(All(parts=(plain, LARGE)), 0) == {}


def test_leaves_come_in_file_order() -> None:
    node = All(parts=(SEEN, Not(part=AnyOf(parts=(LARGE, Always()))), Named(name="n", part=SENT)))

    assert [one.name for one in leaves(node)] == ["flag", "size", "sent"]


def test_a_failing_function_makes_its_message_unknowable_and_no_other() -> None:
    def starts_upper(view: MessageView, environment: Environment) -> bool | None:
        value = view.header_values("subject")[0]
        return None if value == "?" else value[0].isupper()

    snapshot = header_snapshot("Subject: Yes", "Subject: no", "Subject: ?", "X: y", fields=["subject"])
    test = PerMessageTest(needs=(SUBJECT,), holds=starts_upper, show=lambda view: view.header_values("subject")[0])
    node = leaf(test, name="upper")
    judge = judge_of(snapshot, node)

    assert judge.judge(node, 0b1111) == Truth(0b0011, 0b0001, 0b1100)
    assert judge.unknowable_reason(node, 2) == "upper: no answer"
    assert judge.unknowable_reason(node, 3) == "upper: IndexError: tuple index out of range"
    assert judge.reason(node, 0) == "upper matched Yes"
    assert PerMessageTest(needs=(), holds=starts_upper).seen(snapshot, 0) == ""


def test_a_message_view_shows_the_facts_decoded() -> None:
    snapshot = header_snapshot("From: A <a@x.org>\nDate: 1 Jan 2026 00:00 +0000", fields=["from", "date"])
    add_sizes(snapshot, [7])
    view = MessageView(snapshot, 0)

    assert (view.uid, view.mailbox, view.size_bytes, view.flags) == (1, "INBOX", 7, frozenset())
    assert (view.received, view.structure, view.body, view.enriched("x")) == (None, None, None, None)
    assert view.sent == snapshot.sent(0)
    assert view.addresses("from") == snapshot.addresses("from", 0)
    snapshot.add_enriched("x", {UID(1): "fact"})
    assert view.enriched("x") == "fact"


@pytest.mark.parametrize("operator", [TextOperator.CONTAINS, TextOperator.STARTS_WITH, TextOperator.REGEX])
def test_thousands_of_literals_found_in_one_pass_are_those_found_one_by_one(operator: TextOperator) -> None:
    texts = [f"alpha{number % 37} beta{number} ü{number % 11}gamma" for number in range(1_000)]
    words = [f"{word}{number}" for number in range(300) for word in ("alpha", "beta", "ta", "ü", "a1 be", "absent")]
    nodes: list[Leaf] = [subject(operator.value, word) for word in words]
    together = header_snapshot(*(f"Subject: {text}" for text in texts), fields=["subject"])
    alone = header_snapshot(*(f"Subject: {text}" for text in texts), fields=["subject"])
    judge = judge_of(together, *nodes)

    for node in nodes:
        assert judge.judge(node, together.all_rows) == node.test.judge(alone, alone.all_rows, NOW)


def test_one_pass_answers_what_it_was_asked_beforehand() -> None:
    lines = [f"Subject: word{number}" for number in range(2_000)]
    column = header_snapshot(*lines, fields=["subject"]).columns.header("subject")
    literals = [f"word{number}" for number in range(500)]

    scan_for_literals(column.joined, literals)

    assert set(column.joined.hits) == set(literals)
    assert list(column.joined.hits["word199"]) == [199, *range(1990, 2000)]


def test_a_large_list_is_judged_by_dictionaries() -> None:
    people = tuple(f"person{number}@example.org" for number in range(10_000))
    snapshot = header_snapshot("From: Person9999@example.org", "From: nobody@example.org", fields=["from"])
    node = leaf(AddressTest(fields=("from",), matches=(bare_match(people),)))
    same_as_header = leaf(TextTest(field="from", matches=(TextMatch(operator=TextOperator.EQUALS, values=people),)))
    judge = judge_of(snapshot, node, same_as_header)

    assert judge.judge(node, 0b11).true == judge.judge(same_as_header, 0b11).true == 0b01
