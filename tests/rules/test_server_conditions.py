"""The words that the server answers: what they mean, and each mistake."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailrules.plan.example_runner import run_examples
from mailrules.rules.conditions import Leaf, LeafTest
from mailrules.rules.server_tests import QuotaTest, SearchTest
from mailrules.rules.value_tests import FlagTest, LabelTest, NumberBounds, TimeSource, TimeTest
from tests.rules.loading import mistakes_of, rules_of

LISTS = "lists: {tags: [Work, $Todo]}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{search: 'OR FROM ann UNSEEN'}", SearchTest(query="OR FROM ann UNSEEN")),
        ("{gmail: 'has:attachment larger:5M'}", SearchTest(query="has:attachment larger:5M", is_gmail=True)),
        ("{quota: {percent: {over: 90}}}", QuotaTest(percent=NumberBounds(over=90))),
        ("{quota: {free: {under: 10MiB}}}", QuotaTest(free=NumberBounds(under=10 * 2**20))),
        ("{keyword: {in: tags}}", FlagTest(flags=("Work", "$Todo"))),
        ("{keyword: {in: [a, b]}}", FlagTest(flags=("a", "b"))),
        ("{label: Work}", LabelTest(labels=frozenset({"work"}))),
        ("{label: ['\\Important', Todo]}", LabelTest(labels=frozenset({"important", "todo"}))),
        ("{label: {in: tags}}", LabelTest(labels=frozenset({"work", "$todo"}))),
        ("{saved: {older_than: 30d}}", TimeTest(source=TimeSource.SAVED, older_than=timedelta(days=30))),
    ],
)
def test_a_condition_means(text: str, expected: LeafTest) -> None:
    (rule,) = rules_of(f"{LISTS}rules: [{{name: r, if: {text}, do: [keep]}}]\n").rules.rules

    assert isinstance(rule.condition, Leaf)
    assert rule.condition.test == expected


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{search: [SEEN]}", "search takes a search as text, not a list; write search: 'OR FROM ann UNSEEN'"),
        ("{search: 'SEEN FROM'}", "this search cannot be read: the search ends where what FROM looks for is expected"),
        ('{search: "ALL\\r\\nA1 LOGOUT"}', "this search cannot be read: a search is one line"),
        ("{gmail: 3}", "gmail takes a search as text, not a number; write gmail: 'has:attachment larger:5M'"),
        ('{gmail: "a\\r\\nb"}', "this search is too long or has control characters; "),
        ("{quota: 90}", "quota takes percent and free, not a number; write quota: {percent: {at_least: 90}}"),
        ("{quota: {used: 3}}", 'unknown operator "used" under quota; known here: free, percent'),
        ("{quota: {percent: 90}}", "percent needs an operator; write percent: {over: 90}"),
        ("{keyword: {in: ['a b']}}", 'no server can store the keyword "a b"; '),
        ("{keyword: {equals: a}}", 'unknown operator "equals" under keyword; known here: in'),
        ("{label: {equals: a}}", 'unknown operator "equals" under label; known here: in'),
        ("{label: {in: nolist}}", 'there is no list "nolist"; '),
    ],
)
def test_a_mistake_is_told(text: str, mistake: str) -> None:
    (told,) = mistakes_of(f"rules: [{{name: r, if: {text}, do: [keep]}}]\n")[:1]

    assert told.startswith(mistake)


def test_an_example_says_what_the_server_would() -> None:
    text = """
rules:
  - {name: found, if: {search: UNSEEN}, do: [{flag: seen}]}
  - {name: by gmail, if: {gmail: "category:promotions"}, do: [{flag: flagged}]}
  - {name: labelled, if: {label: Work}, do: [{keyword: $Work}]}
  - {name: old here, if: {saved: {older_than: 7d}}, do: [{keyword: $Old}]}
  - {name: full, if: {quota: {percent: {over: 90}}}, do: [{keyword: $Full}]}
tests:
  - name: all of it but the quota
    given: {found_by: [UNSEEN, "category:promotions"], labels: Work, saved: 8d}
    expect: {matched: [found, by gmail, labelled, old here], not_matched: full}
  - name: nothing of it
    given: {saved: 1d}
    expect: {not_matched: [found, by gmail, labelled, old here, full]}
"""

    configuration = rules_of(text)

    assert [one.failures for one in run_examples(configuration)] == [(), ()]
