"""The words on authentication, duplicates, threads and first mail: what they mean, and each mistake."""

from __future__ import annotations

import pytest

from mailrules.rules.auth_tests import AuthTest
from mailrules.rules.conditions import Leaf, LeafTest
from mailrules.rules.related_tests import DuplicateTest, FirstSeenTest, ThreadTest
from mailrules.rules.value_tests import NumberBounds
from tests.rules.loading import mistakes_of, rules_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{auth: {dmarc: pass}}", AuthTest(wanted=(("dmarc", frozenset({"pass"})),))),
        (
            "{auth: {spf: [fail, SoftFail], dkim: none}}",
            AuthTest(wanted=(("spf", frozenset({"fail", "softfail"})), ("dkim", frozenset({"none"})))),
        ),
        ("{duplicate: true}", DuplicateTest(wanted=True)),
        ("{first_seen: false}", FirstSeenTest(wanted=False)),
        ("{thread: {flag: [flagged, seen]}}", ThreadTest(flags=("\\Flagged", "\\Seen"))),
        ("{thread: {keyword: $Muted, count: 2}}", ThreadTest(flags=("$Muted",), count=NumberBounds(equals=2))),
        ("{thread: {participated: false}}", ThreadTest(participated=False)),
    ],
)
def test_a_condition_means(text: str, expected: LeafTest) -> None:
    (rule,) = rules_of(f"rules: [{{name: r, if: {text}, do: [keep]}}]\n").rules.rules

    assert isinstance(rule.condition, Leaf)
    assert rule.condition.test == expected


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{auth: pass}", "auth takes spf, dkim and dmarc, not text; write auth: {dmarc: pass}"),
        ("{auth: {arc: pass}}", 'unknown operator "arc" under auth; did you mean "dmarc"?'),
        ("{auth: {spf: passed}}", 'unknown result "passed"; did you mean "pass"?'),
        ("{duplicate: 1}", "duplicate takes true or false, not a number; write duplicate: true"),
        ("{first_seen: {newer_than: 1d}}", "first_seen takes true or false, not a mapping; write first_seen: true"),
        ("{thread: true}", "thread takes operators, not true; write thread: {flag: flagged}, or "),
        ("{thread: {subject: x}}", 'unknown operator "subject" under thread; known here: count, flag, keyword, par'),
        ("{thread: {flag: red}}", 'unknown flag "red"; '),
        ("{thread: {flag: seen, keyword: a}}", "thread takes flag or keyword; write all: [{thread: {flag: flagged}}, "),
        ("{thread: {count: many}}", '"many" is not a whole number; write digits only: 2'),
    ],
)
def test_a_mistake_is_told(text: str, mistake: str) -> None:
    (told,) = mistakes_of(f"rules: [{{name: r, if: {text}, do: [keep]}}]\n")[:1]

    assert told.startswith(mistake)
