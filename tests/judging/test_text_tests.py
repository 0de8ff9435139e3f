"""Text conditions hold for one occurrence of a field, decoded, whatever its case."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.message import TEXT, UID, FactRequest, MessageFacts, Part, Unreadable, header_fact
from mailrules.mailbox.text import clean_text
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import BodyTest, TextTest, first_captures
from mailrules.rules.truth import Truth
from tests.judging.conditions import bits, judged, text_match
from tests.mailbox.samples import empty_snapshot, header_snapshot

SUBJECTS = header_snapshot(
    "Subject: Invoice 2026\n",
    "Subject: =?utf-8?q?STRASSE_nach_K=C3=B6ln?=\n",
    "Subject:\n",
    "X: no subject\n",
    "Subject: one\nSubject: Invoice for you\n",
    fields=["subject"],
)


@pytest.mark.parametrize(
    ("match", "rows"),
    [
        (text_match("equals", " invoice  2026 "), "10000"),
        (text_match("equals", "invoice 2026", match_case=True), "00000"),
        (text_match("equals", "Invoice 2026", match_case=True), "10000"),
        (text_match("equals", ""), "00100"),
        (text_match("contains", "invoice", "Köln"), "11001"),
        (text_match("contains", "INVOICE", match_case=True), "00000"),
        (text_match("contains", "Ko\u0308ln", match_case=True), "01000"),
        (text_match("contains", "straße"), "01000"),
        (text_match("contains", "n"), "11001"),
        (text_match("starts_with", "IN", "o"), "10001"),
        (text_match("ends_with", "you", "26"), "10001"),
        (text_match("glob", "INVOICE *"), "10001"),
        (text_match("glob", "invoice*", match_case=True), "00000"),
        (text_match("glob", "*"), "11101"),
        (text_match("regex", r"invoice \d+$"), "10000"),
        (text_match("regex", r"invoice", match_case=True), "00000"),
        (text_match("regex", r"^(one|in).*"), "10001"),
        (text_match("regex", "nothing", "köln"), "01000"),
    ],
)
def test_operators_look_at_decoded_values(match: TextMatch, rows: str) -> None:
    truth = judged(TextTest(field="Subject", matches=(match,)), SUBJECTS)

    assert bits(truth.true, SUBJECTS) == rows
    assert (truth.known, truth.unknowable) == (0b11111, 0)


def test_all_operators_hold_for_one_occurrence() -> None:
    both = TextTest(field="subject", matches=(text_match("contains", "one"), text_match("contains", "invoice")))
    one = TextTest(field="subject", matches=(text_match("starts_with", "in"), text_match("contains", "you")))

    assert bits(judged(both, SUBJECTS).true, SUBJECTS) == "00000"
    assert bits(judged(one, SUBJECTS).true, SUBJECTS) == "00001"


@pytest.mark.parametrize(
    ("exists", "empty", "rows"),
    [
        (True, None, "11101"),
        (False, None, "00010"),
        (None, True, "00110"),
        (None, False, "11001"),
        (True, True, "00100"),
    ],
)
def test_presence_and_content(exists: bool | None, empty: bool | None, rows: str) -> None:
    truth = judged(TextTest(field="subject", exists=exists, empty=empty), SUBJECTS)

    assert bits(truth.true, SUBJECTS) == rows


def test_what_is_unreadable_is_unknowable_even_for_absence() -> None:
    snapshot = header_snapshot("Subject: " + "=?utf-8?q?a?= " * 1_001, "X: y", fields=["subject"])
    test = TextTest(field="subject", exists=False)

    assert judged(test, snapshot) == Truth(0b10, 0b10, 0b01)
    assert "over 1,000 encoded words" in test.why_unknowable(snapshot, 0)
    assert test.why_unknowable(snapshot, 1) == ""


def test_a_test_tells_what_it_read_saw_and_captured() -> None:
    test = TextTest(
        field="subject", matches=(text_match("contains", "invoice"), text_match("regex", "for", "(?P<who>Y[a-z]+)"))
    )

    assert test.needs == (header_fact("subject"),)
    assert test.seen(SUBJECTS, 4) == "one | Invoice for you"
    assert test.captures(SUBJECTS, 4) == {"who": "you"}
    assert test.captures(SUBJECTS, 0) is None


def test_the_body_is_read_as_text() -> None:
    plain, html = (Part(number="1", type="text", subtype=subtype) for subtype in ("plain", "html"))
    snapshot = empty_snapshot(4)
    texts = [
        ((plain, b"Your code:\r\n  1234"),),
        ((html, b"<p>code <b>77</b>"),),
        Unreadable(reason="too complex: x"),
        (),
    ]
    facts = [MessageFacts(uid=UID(number), texts=text) for number, text in enumerate(texts, 1)]
    snapshot.add(FactRequest(text=True), facts)
    test = BodyTest(matches=(text_match("regex", r"Code:? (?P<code>\d+)"),))

    assert judged(test, snapshot) == Truth(0b1011, 0b0011, 0b0100)
    assert judged(BodyTest(empty=True), snapshot).true == 0b1000
    assert test.needs == (TEXT,)
    assert (test.captures(snapshot, 1), test.seen(snapshot, 0)) == ({"code": "77"}, "Your code: 1234")
    assert (test.why_unknowable(snapshot, 2), test.seen(snapshot, 2)) == ("too complex: x", "")


VALUES = st.text(alphabet="aAbBßẞéİıſkK. *", min_size=1, max_size=4)
MATCHES = st.builds(
    lambda operator, values, match_case: TextMatch(operator=operator, values=tuple(values), match_case=match_case),
    st.sampled_from([one for one in TextOperator if one != TextOperator.REGEX]),
    st.lists(VALUES, min_size=1, max_size=3),
    st.booleans(),
) | st.builds(
    lambda values, match_case: TextMatch(operator=TextOperator.REGEX, values=tuple(values), match_case=match_case),
    st.lists(st.sampled_from(["a", "aa.", "^b", "[aé]$", "ß", "aaa|bbb", r"\bab", "abab"]), min_size=1, max_size=2),
    st.booleans(),
)


@given(
    st.lists(st.lists(st.text(alphabet="aAbBßẞéİıſkK. ", max_size=8), max_size=2), min_size=1, max_size=8),
    st.lists(MATCHES, min_size=1, max_size=3),
    st.booleans(),
)
def test_whole_columns_judge_as_one_value_after_the_other(
    messages: list[list[str]], matches: list[TextMatch], is_large: bool
) -> None:
    filler = [f"Subject: {number}" for number in range(120 if is_large else 0)]
    headers = ["\n".join(f"Subject: {text}" for text in texts) for texts in messages]
    snapshot = header_snapshot(*headers, *filler, fields=["subject"])

    truth = judged(TextTest(field="subject", matches=tuple(matches)), snapshot)

    expected = [any(all(match.holds(clean_text(text)) for match in matches) for text in texts) for texts in messages]
    assert [bool(truth.true >> row & 1) for row in range(len(messages))] == expected


def test_captures_of_a_body_do_not_keep_the_body_in_memory():
    text = "".join(["number 17 ", "x" * 100])
    references = sys.getrefcount(text)

    assert first_captures((text_match("regex", "number (?P<number>[0-9]+)"),), (text,)) == {"number": "17"}

    assert sys.getrefcount(text) == references
