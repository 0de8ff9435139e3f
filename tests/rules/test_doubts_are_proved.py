"""What ``check`` calls impossible, certain, covered or unreachable is so for every message of a varied mailbox."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from mailrules.mailbox.message import UID, FactRequest, MessageFacts, Part, Unreadable
from mailrules.plan.verdicts import decide
from mailrules.rules.address_tests import AddressPart, AddressTest, bare_match, part_match, subdomains_of
from mailrules.rules.ambiguity_tests import AmbiguousTest
from mailrules.rules.auth_tests import AuthTest
from mailrules.rules.compiler import Judge
from mailrules.rules.conditions import All, Always, AnyOf, Cause, LeafTest, Node, Not
from mailrules.rules.coverage import implies
from mailrules.rules.formula import formula_of
from mailrules.rules.proofs import always, never
from mailrules.rules.score_tests import SpamScoreTest
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.surrounding_tests import AccountTest, EventTest, NowTest
from mailrules.rules.text_match import TextOperator
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, LabelTest, MailboxTest, NumberBounds, SizeTest, TimeSource, TimeTest
from tests.judging.conditions import NOW, leaf, text_match
from tests.mailbox.samples import empty_snapshot
from tests.rules.loading import HEAD, load

if TYPE_CHECKING:
    from mailrules.mailbox.snapshot import Snapshot

T = TypeVar("T")

MESSAGES = 400
FIELDS = ("subject", "from", "to", "date", "authentication-results", "x-spam-score", "x-other")


def _mailbox() -> Snapshot:
    """Every combination of what the generated conditions ask for is likely to be among these."""
    chance = random.Random(7)
    subjects = ["a", "ab", "abc", "A", "b", "ba", "", "a b", "\u017fa", "sa", "*", "aab"]
    people = [
        "ann@x.org",
        "Ann <ANN@X.ORG>",
        "bob+d@sub.x.org",
        '"ann@x.org"@',
        "ann@x.org, bob@y.org",
        "x@\u017f.org",
        "x@s.org",
        "",
        "ab <c@y.org>",
        "y.org <c@z.org>",
    ]
    pdf = Part(number="2", type="application", subtype="pdf", file_name="a.pdf", size_bytes=3)
    text = Part(number="1", type="text", subtype="plain")
    snapshot = empty_snapshot(MESSAGES)
    facts = []
    for number in range(1, MESSAGES + 1):
        lines = [f"Subject: {chance.choice(subjects)}" for _ in range(chance.choice([0, 1, 1, 1, 2]))]
        lines += [f"From: {chance.choice(people)}" for _ in range(chance.choice([0, 1, 1, 1, 2]))]
        lines += [f"To: {chance.choice(people)}"] * chance.randrange(2)
        lines += [f"Date: {chance.choice(['never', '1 May 2026 12:00:00 +0000', '1 Jun 2026 12:00:00 +0000'])}"]
        lines += [f"X-Spam-Score: {chance.choice(['1', '2', '3', 'x'])}"] * chance.randrange(2)
        lines += [f"Authentication-Results: mx; spf={chance.choice(['pass', 'fail'])}"] * chance.randrange(2)
        facts.append(
            MessageFacts(
                uid=UID(number),
                flags=frozenset(chance.sample(["\\Seen", "\\Flagged", "$a"], k=chance.randrange(4))),
                size_bytes=chance.randrange(7),
                received=chance.choice(
                    [NOW.now - timedelta(days=chance.randrange(6), hours=chance.randrange(24)), Unreadable(reason="?")]
                ),
                labels=chance.choice([frozenset(), frozenset({"a"}), frozenset({"a", "b"}), Unreadable(reason="?")]),
                structure=chance.choice([(), (text,), (text, pdf), (pdf, pdf)]),
                texts=((text, chance.choice([b"ab", b"a", b""])),),
                header="\n".join(lines).encode(),
            )
        )
    everything = FactRequest(
        flags=True, size=True, received=True, labels=True, structure=True, text=True, header_fields=FIELDS
    )
    snapshot.add(everything, facts)
    return snapshot


MAILBOX = _mailbox()
ENVIRONMENT = NOW


def _one_or_two(elements: st.SearchStrategy[T]) -> st.SearchStrategy[list[T]]:
    """Lists that are not empty and short."""
    return st.one_of(elements.map(lambda one: [one]), st.tuples(elements, elements).map(list))


NUMBERS = st.integers(0, 6).map(float)
BOUNDS = st.builds(
    NumberBounds, **dict.fromkeys(("at_least", "at_most", "over", "under", "equals"), st.none() | NUMBERS)
)
DAYS = st.integers(0, 5)
AGES = st.none() | st.none() | DAYS.map(lambda days: timedelta(days=days))
MOMENTS = st.none() | DAYS.flatmap(
    lambda days: st.sampled_from([NOW.now - timedelta(days=days), (NOW.now - timedelta(days=days)).date()])
)
WORDS = _one_or_two(st.sampled_from(["a", "ab", "abc", "b", "A", "*", "a*", "sa", "x.org", "ann@x.org"]))
TEXTS = st.builds(
    lambda operator, words, case: text_match(operator, *words, match_case=case),
    st.sampled_from(["equals", "contains", "starts_with", "ends_with", "glob"]),
    WORDS,
    st.booleans(),
) | st.builds(lambda words: text_match("regex", *words), _one_or_two(st.sampled_from(["a", "^a", "b$"])))
MATCHES = st.lists(TEXTS, max_size=2).map(tuple)
TRUTHS = st.none() | st.none() | st.booleans()
ADDRESS_MATCHES = (
    st.builds(
        lambda part, match: part_match(part, match.operator, match.values, match_case=match.match_case),
        st.sampled_from(AddressPart),
        TEXTS,
    )
    | _one_or_two(st.sampled_from(["ann@x.org", "bob@y.org", "@x.org", "@s.org", "ann", "y.org"])).map(bare_match)
    | _one_or_two(st.sampled_from(["x.org", "sub.x.org", "org", "s.org"])).map(subdomains_of)
    | st.builds(
        lambda part, values: part_match(part, TextOperator.EQUALS, values),
        st.sampled_from([AddressPart.ADDRESS, AddressPart.DOMAIN]),
        _one_or_two(st.sampled_from(["ann@x.org", "bob+d@sub.x.org", "x.org", "s.org"])),
    )
)
LEAF_TESTS: st.SearchStrategy[LeafTest] = st.one_of(
    st.builds(SizeTest, bounds=BOUNDS),
    st.builds(SpamScoreTest, bounds=BOUNDS),
    st.builds(
        TimeTest,
        source=st.sampled_from([TimeSource.RECEIVED, TimeSource.SENT]),
        older_than=AGES,
        newer_than=AGES,
        before=MOMENTS,
        after=MOMENTS,
        on=st.none() | DAYS.map(lambda days: (NOW.now - timedelta(days=days)).date()),
    ),
    _one_or_two(st.sampled_from(["\\Seen", "\\Flagged", "$a"])).map(lambda flags: FlagTest(flags=tuple(flags))),
    _one_or_two(st.sampled_from(["a", "b"])).map(lambda labels: LabelTest(labels=frozenset(labels))),
    st.builds(TextTest, field=st.sampled_from(["subject", "x-other"]), matches=MATCHES, exists=TRUTHS, empty=TRUTHS),
    st.builds(BodyTest, matches=MATCHES, exists=TRUTHS, empty=TRUTHS),
    st.builds(AnywhereTest, matches=_one_or_two(TEXTS).map(tuple)),
    st.builds(
        AddressTest,
        fields=st.sampled_from([("from",), ("from", "to")]),
        matches=st.lists(ADDRESS_MATCHES, max_size=2).map(tuple),
        exists=TRUTHS,
        empty=TRUTHS,
    ),
    st.builds(
        AttachmentTest,
        type=st.none() | st.just(text_match("equals", "application/pdf")),
        size=st.none() | BOUNDS,
        count=st.none() | BOUNDS,
        exists=st.booleans(),
    ),
    st.builds(AmbiguousTest, wanted=st.booleans()),
    _one_or_two(st.sampled_from(["pass", "fail", "none"])).map(
        lambda results: AuthTest(wanted=(("spf", frozenset(results)),))
    ),
    _one_or_two(st.sampled_from(Cause)).map(lambda causes: EventTest(causes=frozenset(causes))),
    _one_or_two(st.integers(0, 6)).map(lambda days: NowTest(weekdays=frozenset(days))),
    st.sampled_from(["home", "work"]).map(lambda name: AccountTest(match=text_match("equals", name))),
    st.sampled_from(["INBOX", "other"]).map(lambda name: MailboxTest(match=text_match("equals", name))),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    LEAF_TESTS.map(leaf) | st.just(Always()),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: All(parts=tuple(parts)))
        | st.lists(inner, max_size=3).map(lambda parts: AnyOf(parts=tuple(parts)))
        | inner.map(lambda part: Not(part=part))
    ),
    max_leaves=6,
)


def _true(node: Node) -> int:
    rows = MAILBOX.all_rows
    return Judge(MAILBOX, ENVIRONMENT, [node]).judge(node, rows).true & rows


@settings(max_examples=200, deadline=None)
@given(NODES)
def test_what_can_never_hold_never_does_and_what_always_holds_always_does(node: Node) -> None:
    if never(formula_of(node)) is not None:
        assert _true(node) == 0
    if always(formula_of(node, holds=False)):
        assert _true(node) == MAILBOX.all_rows


@settings(max_examples=300, deadline=None)
@given(NODES, NODES)
def test_a_condition_that_is_implied_is_true_wherever_the_other_is(one: Node, other: Node) -> None:
    if implies(formula_of(one), formula_of(other)):
        assert _true(one) & ~_true(other) == 0


@settings(max_examples=300, deadline=None)
@given(LEAF_TESTS, LEAF_TESTS, st.booleans(), st.booleans())
def test_so_it_is_for_single_tests_and_their_contraries(
    one: LeafTest, other: LeafTest, one_holds: bool, other_holds: bool
) -> None:
    nodes = [leaf(test) if holds else Not(part=leaf(test)) for test, holds in ((one, one_holds), (other, other_holds))]

    if implies(formula_of(nodes[0]), formula_of(nodes[1])):
        assert _true(nodes[0]) & ~_true(nodes[1]) == 0
    if never(formula_of(All(parts=tuple(nodes)))) is not None:
        assert _true(All(parts=tuple(nodes))) == 0


CONDITIONS = st.sampled_from(
    [
        "always",
        "{subject: a}",
        "{subject: ab}",
        "{subject: {equals: abc}}",
        "{from: ann@x.org}",
        "{from: '@x.org'}",
        "{from: {subdomain_of: x.org}}",
        "{size: {over: 3}}",
        "{size: {over: 4}, flag: seen}",
        "{flag: [seen, flagged]}",
        "{not: {flag: seen}}",
        "{any: [{subject: ab}, {from: ann@x.org}]}",
        "{received: {older_than: 2d}}",
        "{received: {older_than: 3d, newer_than: 2d}}",
        "{none: [{flag: seen}, {size: {at_most: 2}}]}",
    ]
)
ACTIONS = st.sampled_from(["{move: A}", "{flag: answered}", "{move: 'A/{from.domain}'}", "keep"])
RULES = st.lists(st.tuples(CONDITIONS, ACTIONS, st.sampled_from(["auto", "true", "false"])), min_size=2, max_size=5)


@settings(max_examples=25, deadline=None)
@given(RULES)
def test_a_rule_that_is_reported_as_unreachable_acts_on_nothing(rules: list[tuple[str, str, str]]) -> None:
    lines = "".join(
        f"  - {{name: r{number}, if: {condition}, do: [{action}], stop: {stop}}}\n"
        for number, (condition, action, stop) in enumerate(rules)
    )
    loaded = load(f"{HEAD}rules:\n{lines}")
    reported = {
        one.where.line - HEAD.count("\n") - 2
        for one in loaded.warnings
        if "no message reaches" in one.message or "can never match" in one.message
    }

    nodes = [rule.condition for rule in loaded.rules.rules]
    verdicts = decide(
        loaded.rules.rules,
        judge=Judge(MAILBOX, ENVIRONMENT, nodes),
        snapshot=MAILBOX,
        missing_values=lambda _rule, _branch, rows: {
            row: "x" for row in range(MESSAGES) if rows >> row & 1 and row % 3
        },
        rows=MAILBOX.all_rows,
    )

    assert reported.isdisjoint(int(acting.rule.name[1:]) for acting in verdicts.acting if acting.rows)
