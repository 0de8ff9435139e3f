"""What ``explain`` tells of one message is what the masks say of the whole mailbox."""

from datetime import timedelta
from importlib import import_module
from pkgutil import iter_modules

from hypothesis import given
from hypothesis import strategies as st

from mailrules import rules
from mailrules.mailbox.ambiguity import ONCE_FIELDS
from mailrules.mailbox.message import FLAGS, UID, FactRequest, MessageFacts, Part, Unreadable
from mailrules.mailbox.spam_score import SCORE_FIELDS
from mailrules.rules.address_tests import AddressTest, bare_match, subdomains_of
from mailrules.rules.ambiguity_tests import AmbiguousTest
from mailrules.rules.auth_tests import AuthTest
from mailrules.rules.compiler import Judge
from mailrules.rules.conditions import All, Always, AnyOf, Cause, LeafTest, Named, Node, Not
from mailrules.rules.explain import NodeTruth, explain_node, first_failing
from mailrules.rules.per_message_test import PerMessageTest
from mailrules.rules.related_tests import DuplicateTest, FirstSeenTest, ThreadTest
from mailrules.rules.score_tests import SpamScoreTest
from mailrules.rules.server_tests import QUOTA, QuotaTest, QuotaUse, SearchTest
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.surrounding_tests import AccountTest, EventTest, NowTest, SnoozeOverTest, SpecialUseTest
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import (
    FlagTest,
    LabelTest,
    MailboxTest,
    NumberBounds,
    SizeTest,
    TimeSource,
    TimeTest,
)
from tests.judging.conditions import NOW, leaf, subject, text_match
from tests.mailbox.samples import empty_snapshot

LEAVES = [
    subject("contains", "invoice"),
    subject("regex", r"^\w+ \d+$"),
    subject("equals", "invoice 7", "hello"),
    leaf(TextTest(field="subject", exists=False)),
    leaf(AddressTest(fields=("from",), matches=(bare_match(["ann", "@example.org"]),)), name="from"),
    leaf(AddressTest(fields=("from", "to"), matches=(subdomains_of(["example.org"]),)), name="participants"),
    leaf(SizeTest(bounds=NumberBounds(at_least=100)), name="size"),
    leaf(FlagTest(flags=("\\Seen",)), name="flag"),
    leaf(TimeTest(source=TimeSource.SENT, before=NOW.now), name="sent"),
    leaf(TimeTest(source=TimeSource.RECEIVED, before=NOW.now), name="received"),
    leaf(AttachmentTest(type=text_match("equals", "application/pdf")), name="attachment"),
    leaf(BodyTest(matches=(text_match("contains", "code"),)), name="body"),
    leaf(AnywhereTest(matches=(text_match("contains", "ann"),)), name="text"),
    leaf(AttachmentTest(type=text_match("glob", "text/*"), every_part=True), name="mime"),
    leaf(SpamScoreTest(bounds=NumberBounds(at_least=5)), name="spam_score"),
    leaf(AccountTest(match=text_match("equals", "home")), name="account"),
    leaf(SpecialUseTest(uses=frozenset({"junk"})), name="special_use"),
    leaf(NowTest(weekdays=frozenset({0})), name="now"),
    leaf(EventTest(causes=frozenset({Cause.NEW})), name="event"),
    leaf(AuthTest(wanted=(("spf", frozenset({"pass"})),)), name="auth"),
    leaf(AuthTest(wanted=(("dmarc", frozenset({"none", "fail"})),)), name="auth"),
    leaf(DuplicateTest(), name="duplicate"),
    leaf(FirstSeenTest(wanted=False), name="first_seen"),
    leaf(ThreadTest(flags=("\\Seen",), participated=False, count=NumberBounds(under=3)), name="thread"),
    leaf(AmbiguousTest(wanted=True), name="ambiguous"),
    leaf(TimeTest(source=TimeSource.SAVED, before=NOW.now), name="saved"),
    leaf(LabelTest(labels=frozenset({"work", "important"})), name="label"),
    leaf(MailboxTest(match=text_match("glob", "IN*")), name="mailbox"),
    leaf(SearchTest(query="UNSEEN"), name="search"),
    leaf(SearchTest(query="has:attachment", is_gmail=True), name="gmail"),
    leaf(QuotaTest(percent=NumberBounds(at_least=90), free=NumberBounds(over=10)), name="quota"),
    leaf(SnoozeOverTest(rule="later"), name="snooze_over"),
    leaf(PerMessageTest(needs=(FLAGS,), holds=lambda one, _: None if one.uid == 2 else bool(one.flags)), name="plugin"),
]
ENRICHED = (*LEAVES[-5].test.needs, *LEAVES[-4].test.needs, QUOTA)
NODES: st.SearchStrategy[Node] = st.recursive(
    st.sampled_from(LEAVES) | st.just(Always()),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: All(parts=tuple(parts)))
        | st.lists(inner, max_size=3).map(lambda parts: AnyOf(parts=tuple(parts)))
        | inner.map(lambda part: Not(part=part))
        | inner.map(lambda part: Named(name="named", part=part))
    ),
    max_leaves=8,
)

PDF = Part(number="2", type="application", subtype="pdf", file_name="a.pdf")
TEXT_PART = Part(number="1", type="text", subtype="plain")
BROKEN = Unreadable(reason="broken")
HEADERS = st.sampled_from(
    [
        b"Subject: Invoice 7\nFrom: Ann <ann@example.org>\nDate: 1 May 2026 12:00:00 +0000",
        b"Subject: hello\nFrom: x@mail.example.org\nTo: y@z\nDate: never",
        b"Subject: spam\nX-Spam-Score: 7\nX-Spam-Level: ***",
        b"Authentication-Results: mx; spf=pass; dmarc=fail\nMessage-ID: <1@a>\nFrom: a@b",
        b"Authentication-Results: " + b"a" * 40_000 + b"\nMessage-ID: <2@a>\nReferences: <0@a> <1@a>\nFrom: a@b",
        b"Subject: \nX-Spam-Score: much\nSubject: invoice\nFrom: " + b"a@b," * 2_001,
        b"",
        BROKEN,
        None,
    ]
)
MESSAGES = st.builds(
    MessageFacts,
    uid=st.just(UID(1)),
    flags=st.sampled_from([None, frozenset(), frozenset({"\\Seen"})]),
    size_bytes=st.sampled_from([None, 99, 100]),
    received=st.sampled_from([None, NOW.now, BROKEN]),
    header=HEADERS,
    saved=st.sampled_from([None, NOW.now, NOW.now - timedelta(days=1), BROKEN]),
    labels=st.sampled_from([None, frozenset(), frozenset({"Work", "\\Important"}), BROKEN]),
    structure=st.sampled_from([None, (), (TEXT_PART, PDF), BROKEN]),
    texts=st.sampled_from([None, (), ((TEXT_PART, b"the Code"),), BROKEN]),
)
REQUESTS = st.builds(
    FactRequest,
    flags=st.booleans(),
    size=st.booleans(),
    received=st.booleans(),
    saved=st.booleans(),
    labels=st.booleans(),
    structure=st.booleans(),
    text=st.booleans(),
    header_fields=st.sampled_from(
        [
            (),
            ("subject", "from"),
            ("from", "to", "date"),
            ("subject", "from", "to", "cc", "date"),
            ("subject", "from", *SCORE_FIELDS),
            ("authentication-results", "from", "message-id", "date", "received"),
            ("from", "message-id", "references", "in-reply-to"),
            ONCE_FIELDS,
        ]
    ),
)
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        ENRICHED[0].name: st.sampled_from([True, False, BROKEN]),
        ENRICHED[1].name: st.sampled_from([True, False, BROKEN]),
        QUOTA.name: st.sampled_from([QuotaUse(), QuotaUse(percent=95, free_bytes=11), BROKEN]),
    },
)
"""What the server told beside facts."""


def truth_of(judge: Judge, node: Node, row: int, rows: int) -> NodeTruth:
    truth = judge.judge(node, rows)
    if truth.unknowable >> row & 1:
        return NodeTruth.UNKNOWABLE
    if not truth.known >> row & 1:
        return NodeTruth.OPEN
    return NodeTruth.TRUE if truth.true >> row & 1 else NodeTruth.FALSE


@given(
    st.lists(st.tuples(MESSAGES, REQUESTS, REQUESTS, ANSWERS), min_size=1, max_size=6),
    st.lists(NODES, min_size=1, max_size=4),
    st.integers(min_value=0, max_value=63),
)
def test_the_masks_and_the_walk_for_one_message_agree(
    messages: list[tuple[MessageFacts, FactRequest, FactRequest, dict[str, object]]], nodes: list[Node], some_rows: int
) -> None:
    snapshot = empty_snapshot(len(messages))
    judge = Judge(snapshot, NOW, nodes)
    rows = some_rows & snapshot.all_rows

    for turn in (0, 1):
        for number, (facts, *requests, answers) in enumerate(messages, 1):
            facts.uid = UID(number)
            snapshot.add(requests[turn], [facts])
            for name, answer in answers.items() if turn else ():
                snapshot.add_enriched(name, {facts.uid: answer})
        judge.refresh()
        for node in nodes:
            for row in range(len(messages)):
                explained = explain_node(node, snapshot, row, NOW).truth
                if rows >> row & 1:
                    assert truth_of(judge, node, row, rows) == explained
                assert truth_of(judge, node, row, snapshot.all_rows) == explained
                assert (judge.unknowable_reason(node, row) != "") == (explained == NodeTruth.UNKNOWABLE)
                assert bool(judge.missing(node, 1 << row)) == (explained == NodeTruth.OPEN)


def test_an_explanation_shows_values_reasons_and_what_was_not_needed() -> None:
    snapshot = empty_snapshot(1)
    snapshot.add(
        FactRequest(size=True, header_fields=("date", "subject")),
        [MessageFacts(uid=UID(1), size_bytes=7, header=b"Subject: hi\nDate: never")],
    )
    size, sent, flag, text = LEAVES[6], LEAVES[8], LEAVES[7], subject("contains", "hi")
    node = All(parts=(size, Not(part=flag), sent, Named(name="greeting", part=text), Always()))

    explained = explain_node(node, snapshot, 0, NOW)

    assert (explained.text, explained.truth) == ("all", NodeTruth.FALSE)
    shown = [(part.text, part.truth.value, part.seen, part.reason) for part in explained.parts]
    assert shown == [
        ("size: ...", "false", "7 bytes", ""),
        ("not", "not needed", "", ""),
        ("sent: ...", "unknowable", "", "the Date field is no date: 'never'"),
        ("greeting", "true", "", ""),
        ("always", "true", "", ""),
    ]
    assert explained.parts[1].parts[0].truth == NodeTruth.NOT_NEEDED
    assert explain_node(AnyOf(parts=(flag, sent)), snapshot, 0, NOW).truth == NodeTruth.OPEN


def test_the_first_failing_node_is_the_one_to_look_at() -> None:
    snapshot = empty_snapshot(1)
    snapshot.add(
        FactRequest(flags=True, size=True, header_fields=("date", "subject")),
        [MessageFacts(uid=UID(1), flags=frozenset(), size_bytes=7, header=b"Subject: hi\nDate: never")],
    )
    size, flag, sent, text = LEAVES[6], LEAVES[7], LEAVES[8], subject("contains", "hi")
    cases = {
        text: None,
        size: (),
        Not(part=text): (),
        All(parts=(text, sent, size)): (2,),
        All(parts=(text, sent)): (1,),
        All(parts=(text, Named(name="small", part=All(parts=(size,))))): (1, 0, 0),
        All(parts=(text, AnyOf(parts=(size, flag)))): (1,),
        AnyOf(parts=(flag,)): (0,),
        AnyOf(parts=()): (),
    }

    found = {node: first_failing(explain_node(node, snapshot, 0, NOW)) for node in cases}

    assert found == cases


def test_every_kind_of_test_is_among_the_leaves() -> None:
    modules = [import_module(f"mailrules.rules.{one.name}") for one in iter_modules(rules.__path__)]
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and hasattr(kind, "judge") and hasattr(kind, "seen")
    }

    assert kinds - {LeafTest} == {type(one.test) for one in LEAVES}
