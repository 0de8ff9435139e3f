"""The words on account, use, time, occasion, score, parts and earlier rules: what they mean, and each mistake."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo

import pytest

from mailrules.plan.example_runner import run_examples
from mailrules.rules.conditions import Cause, Leaf, LeafTest, Named
from mailrules.rules.reads import captures_of
from mailrules.rules.score_tests import SpamScoreTest
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.surrounding_tests import AccountTest, EventTest, NowTest, SpecialUseTest
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import AnywhereTest
from mailrules.rules.value_tests import NumberBounds
from tests.rules.loading import mistakes_of, rules_of

EQUALS, CONTAINS, GLOB = TextOperator.EQUALS, TextOperator.CONTAINS, TextOperator.GLOB


def _match(operator: TextOperator, *values: str) -> TextMatch:
    return TextMatch(operator=operator, values=values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{account: home}", AccountTest(match=_match(EQUALS, "home"))),
        ("{account: {in: [home, work]}}", AccountTest(match=_match(EQUALS, "home", "work"))),
        ("{special_use: junk}", SpecialUseTest(uses=frozenset({"junk"}))),
        ("{special_use: [Junk, trash]}", SpecialUseTest(uses=frozenset({"junk", "trash"}))),
        ("{spam_score: {over: 5}}", SpamScoreTest(bounds=NumberBounds(over=5))),
        ("{spam_score: {at_least: -1.5, under: 3}}", SpamScoreTest(bounds=NumberBounds(at_least=-1.5, under=3))),
        ("{now: {weekday: mon}}", NowTest(weekdays=frozenset({0}))),
        (
            "{now: {weekday: [sat, Sun], between: ['22:00', '06:30'], zone: Europe/Berlin}}",
            NowTest(weekdays=frozenset({5, 6}), start=time(22), end=time(6, 30), zone=ZoneInfo("Europe/Berlin")),
        ),
        ("{event: new}", EventTest(causes=frozenset({Cause.NEW}))),
        (
            "{event: {cause: [schedule, run], from_mailbox: {starts_with: Lists}}}",
            EventTest(
                causes=frozenset({Cause.SCHEDULE, Cause.RUN}),
                from_mailbox=TextMatch(operator=TextOperator.STARTS_WITH, values=("Lists",)),
            ),
        ),
        ("{mime: text/calendar}", AttachmentTest(type=_match(GLOB, "text/calendar"), every_part=True)),
        (
            "{mime: {charset: koi8-r, count: 2}}",
            AttachmentTest(charset=_match(EQUALS, "koi8-r"), count=NumberBounds(equals=2), every_part=True),
        ),
        ("{text: invoice}", AnywhereTest(matches=(_match(CONTAINS, "invoice"),))),
    ],
)
def test_a_condition_means(text: str, expected: LeafTest) -> None:
    (rule,) = rules_of(f"rules: [{{name: r, if: {text}, do: [keep]}}]\n").rules.rules

    assert isinstance(rule.condition, Leaf)
    assert rule.condition.test == expected


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{account: {exists: true}}", "account takes one operator; write account: {glob: 'a*'}"),
        ("{special_use: spam}", 'unknown special use "spam"; known here: '),
        ("{spam_score: 5}", "spam_score needs an operator; write spam_score: {over: 5}"),
        ("{spam_score: {over: much}}", '"much" is not a number; write digits, with a point for fractions: 5.5'),
        ("{now: night}", "now takes weekday and between, not text; write now: {weekday: [sat, sun], "),
        ("{now: {weekday: someday}}", 'unknown weekday "someday"; known here: fri, mon, sat, sun, thu, tue, wed'),
        ("{now: {between: '08:00'}}", "between takes two times of day; write between: ['08:00', '20:00']"),
        ("{now: {between: ['8', '9']}}", '"8" is not a time of day; write hours and minutes in quotes: "03:20"'),
        ("{now: {between: ['08:00', '08:00']}}", "this span is empty; leave between out to mean the whole day"),
        ("{now: {weekday: mon, zone: Mars/Base}}", 'there is no time zone "Mars/Base"; write a name such as Europe/B'),
        ("{now: {weekday: mon, zone: ../etc}}", 'there is no time zone "../etc"; '),
        ("{now: {zone: Europe/Berlin}}", "a zone alone asks nothing; add weekday or between"),
        ("{event: later}", 'unknown cause "later"; known here: new, run, schedule'),
        ("{event: {mailbox: A}}", 'unknown operator "mailbox" under event; did you mean "from_mailbox"?'),
        ("{mime: {charset: {exists: true}}}", "charset takes one operator; "),
        ("{text: {exists: true}}", "text looks at several places, so exists and empty say nothing; ask for the place "),
        ("{matched_by: nobody}", 'there is no earlier rule "nobody"; matched_by names a rule that stands further up'),
    ],
)
def test_a_mistake_is_told(text: str, mistake: str) -> None:
    (told,) = mistakes_of(f"rules: [{{name: r, if: {text}, do: [keep]}}]\n")[:1]

    assert told.startswith(mistake)


CHOOSING = """
rules:
  - name: lists
    if: {subject: {regex: '^.(?P<list>[a-z]+)'}}
    choose:
      - {if: {flag: flagged}, do: [{flag: seen}]}
      - {if: {flag: answered}, do: [{flag: seen}]}
  - {name: later, if: {matched_by: lists}, do: [{keyword: $Later}, {copy: "Copies/{list}"}]}
tests:
  - name: a branch that is taken counts
    given: {subject: "[ab] x", flags: answered}
    expect: {matched: [lists, later], copies: Copies/ab}
  - name: a rule that took no branch matched nothing
    given: {subject: "[ab] x"}
    expect: {not_matched: later}
"""


def test_an_earlier_rule_stands_for_its_condition_and_one_of_its_branches() -> None:
    configuration = rules_of(CHOOSING)
    condition = configuration.rules.rules[1].condition

    assert isinstance(condition, Named)
    assert condition.name == "matched_by: lists"
    assert captures_of(condition) == {"list"}
    assert [one.failures for one in run_examples(configuration)] == [(), ()]


def test_an_earlier_rule_watches_the_same_mailboxes() -> None:
    text = """
rules:
  - {name: first, in: [home/A], if: {subject: x}, do: [{flag: seen}]}
  - {name: second, in: [home/A, home/B], if: {matched_by: first}, do: [{flag: flagged}]}
"""

    message = 'the rule "first" does not watch home/B, so it matches nothing there; give both rules the same mailboxes'
    assert mistakes_of(text) == [message]


def test_a_named_condition_knows_no_earlier_rules() -> None:
    text = """
conditions: {it: {matched_by: first}}
rules: [{name: first, if: {subject: x}, do: [{flag: seen}]}]
"""

    told = "a named condition does not know which rules come before it; write matched_by in the rules themselves"
    assert mistakes_of(text) == [told]


def test_rules_that_are_matched_by_rules_are_not_nested_for_ever() -> None:
    chain = "".join(
        f"  - {{name: r{number}, if: {{matched_by: r{number - 1}}}, do: [{{flag: seen}}]}}\n" for number in range(1, 18)
    )
    text = "rules:\n  - {name: r0, if: {subject: x}, do: [{flag: seen}]}\n" + chain

    assert mistakes_of(text) == ["rules are matched by rules over more than 16 levels; name the first of them directly"]


def test_an_example_says_when_and_why_it_is_judged() -> None:
    text = """
rules:
  - {name: junk, if: {special_use: junk, event: {cause: schedule, from_mailbox: INBOX}}, do: [{flag: seen}]}
  - {name: sunday, if: {now: {weekday: sun}}, do: [{flag: flagged}]}
tests:
  - name: all of it
    given: {special_use: [junk], cause: schedule, from_mailbox: INBOX, now: "2026-02-01T08:00:00+01:00"}
    expect: {matched: [junk, sunday]}
  - name: none of it
    given: {now: "2026-02-02T08:00:00+01:00"}
    expect: {not_matched: [junk, sunday]}
"""

    configuration = rules_of(text)

    assert [one.failures for one in run_examples(configuration)] == [(), ()]


def test_the_time_of_an_example_is_an_instant() -> None:
    text = "rules: []\ntests: [{name: t, given: {now: 2026-01-01}, expect: {flags: seen}}]\n"

    assert mistakes_of(text) == ['"2026-01-01" is not an instant; write it with its zone: 2026-01-31T08:00:00+01:00']
