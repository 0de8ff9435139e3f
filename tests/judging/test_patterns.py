"""Regexes and globs run in linear time, say what is wrong with them, and promise only sure literals."""

import re
import subprocess
import sys
from time import process_time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mailrules.mailbox.columns import JoinedText
from mailrules.mailbox.text import fold
from mailrules.rules.patterns import (
    LINEAR_TIME,
    MAX_PATTERN_CHARACTERS,
    PatternError,
    compile_glob,
    compile_pattern,
    find_literals,
    required_literal,
)

PIECES = st.sampled_from(
    [
        "a",
        "B",
        "ab",
        "é",
        "k",
        ".",
        r"\.",
        r"\w",
        r"\d{2}",
        "[ab]",
        "[^a]",
        "[]b]",
        "(a|b)",
        "(?:ab)?",
        "(?i)",
        "x*",
        "y+",
        "z?",
        "^",
        "$",
        r"\b",
        "a{2}",
        "|",
        r"\s",
        "(?s:.)",
        "{",
        r"\x61",
        r"\pL",
        r"\A",
        r"\z",
        "ca[[:alpha:]]b",
        r"\Qa.b\E",
        "(?-i:a)",
    ]
)


def test_re2_is_in_use() -> None:
    assert LINEAR_TIME


def test_case_is_ignored_where_asked_and_captures_keep_it() -> None:
    pattern = compile_pattern(r"<(?P<list>[a-z]+)\.(?P<rest>x)?", ignore_case=True)

    assert pattern.group_names == ("list", "rest")
    assert pattern.captures("Id <News.example>") == {"list": "News"}
    assert pattern.captures("none") is None
    assert not compile_pattern("news", ignore_case=False).matches("News")


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("a(b", None, "missing )"),
        ("ab[c", 2, "missing ]"),
        ("a**", 1, "bad repetition operator"),
        ("x(?=y)", 1, "look-around is not supported"),
        ("(?<!x)y", 0, "look-around is not supported"),
        (r"(a)\1", 3, "invalid escape sequence"),
        ("a" * (MAX_PATTERN_CHARACTERS + 1), None, "over 10,000"),
    ],
)
def test_a_bad_pattern_tells_what_and_where(text: str, position: int | None, words: str) -> None:
    with pytest.raises(PatternError, match=re.escape(words)) as caught:
        compile_pattern(text, ignore_case=True)

    assert caught.value.position == position


def test_evil_patterns_take_linear_time() -> None:
    pattern = compile_pattern("(a+)+$", ignore_case=False)
    start = process_time()

    assert not pattern.matches("a" * 100_000 + "b")

    assert process_time() - start < 1


def test_lone_surrogates_are_no_error() -> None:
    assert compile_pattern("a.b", ignore_case=False).matches("a\ud800b")


@pytest.mark.parametrize(
    ("glob", "text", "matches"),
    [
        ("*.pdf", "a.pdf", True),
        ("*.pdf", "a.pdfx", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[]]", "]", True),
        ("[", "[", True),
        ("a.b+(c)", "a.b+(c)", True),
        ("a*", "a\nb", True),
        (r"[\]", "\\", True),
    ],
)
def test_globs_match_whole_values(glob: str, text: str, matches: bool) -> None:
    assert compile_glob(glob, ignore_case=False).matches(text) is matches


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        (r"<(?P<list>[a-z]+)\.example\.", ".example."),
        ("^Invoice (no|number)? 2026", "Invoice "),
        ("colou?r", "colo"),
        ("abcd*", "abc"),
        (r"\d{3}abc", "abc"),
        ("abc|def", ""),
        ("(abc)", ""),
        (r"\x61bc", ""),
        ("übc", "bc"),
        ("a[bc]def", "def"),
        ("[^]a]bcd", "bcd"),
        ("", ""),
    ],
)
def test_the_required_literal_is_read_off_the_top_level(text: str, literal: str) -> None:
    assert required_literal(text) == literal


@given(st.lists(PIECES, min_size=1, max_size=6), st.text(alphabet="aAbBkKxyzé \u212a12", max_size=12), st.booleans())
def test_whatever_matches_contains_the_required_literal(pieces: list[str], text: str, ignore_case: bool) -> None:
    expression = "".join(pieces)
    try:
        pattern = compile_pattern(expression, ignore_case=ignore_case)
    except PatternError:
        assume(False)

    if pattern.matches(text):
        assert fold(required_literal(expression)) in fold(text)


@given(
    st.lists(PIECES, min_size=1, max_size=5),
    st.lists(st.text(alphabet="abBkxyzé 12", max_size=5), min_size=1, max_size=12),
    st.booleans(),
)
def test_one_pass_over_all_texts_finds_what_each_alone_matches(
    pieces: list[str], texts: list[str], ignore_case: bool
) -> None:
    try:
        pattern = compile_pattern("".join(pieces), ignore_case=ignore_case)
    except PatternError:
        assume(False)

    found = pattern.lines_matched(JoinedText(texts))

    assert found is None or found == [index for index, text in enumerate(texts) if pattern.matches(text)]


@given(
    st.text(alphabet="abü\n", max_size=60),
    st.lists(st.text(alphabet="abü", min_size=1, max_size=4), min_size=1, max_size=8, unique=True),
)
def test_every_occurrence_of_a_literal_starts_inside_a_found_span(text: str, literals: list[str]) -> None:
    data = text.encode()
    spans = list(find_literals(data, [literal.encode() for literal in literals]))

    starts = {
        match.start() for literal in literals for match in re.finditer(f"(?={re.escape(literal)})".encode(), data)
    }

    assert all(any(start <= position < end for start, end in spans) for position in starts)


def test_without_re2_the_fallback_gives_up_in_time_and_says_so() -> None:
    program = """
import sys
sys.modules["re2"] = None
from mailrules.rules.patterns import *
from mailrules.mailbox.columns import JoinedText
assert not LINEAR_TIME
pattern = compile_pattern("(?P<x>a+)+$", ignore_case=True)
assert pattern.captures("bAA") == {"x": "AA"} and pattern.lines_matched(JoinedText(["a"])) is None
assert list(find_literals(b"abcab", [b"ab"])) == [(0, 2), (3, 5)]
try:
    compile_pattern("ab[c", ignore_case=True)
except PatternError as error:
    assert error.position is not None
from mailrules.rules.text_match import *
from mailrules.rules.text_tests import TextTest
from tests.judging.conditions import judged
from tests.mailbox.samples import header_snapshot
evil = TextMatch(operator=TextOperator.REGEX, values=("(a|a)*(a|a)*(a|a)*$",))
snapshot = header_snapshot("Subject: " + "a" * 5000 + "b", "Subject: aa", fields=["subject"])
truth = judged(TextTest(field="subject", matches=(evil,)), snapshot)
assert (truth.unknowable, truth.true) == (1, 2), truth
"""
    subprocess.run([sys.executable, "-c", program], check=True)
