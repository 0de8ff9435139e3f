"""Labels are copies at Gmail and keywords elsewhere; what is set already is not set again."""

from __future__ import annotations

import pytest

from mailrules.plan.actions import SetLabels
from mailrules.plan.directory import directory_of
from mailrules.plan.history import History
from mailrules.rules.conditions import Environment
from mailrules.survey import Surroundings, survey_mailbox
from mailrules.testing.builders import message
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.memory_reader import MemoryReader
from tests.plan.planned import NOW, load, mail, plan, steps_of
from tests.rules.loading import mistakes_of, rules_of

RULE = "rules: [{name: r, if: always, do: [%s]}]\n"


async def _at_gmail(action: str) -> tuple[dict[int, list[str]], list[str]]:
    account = mail(message(), message(), mailboxes=["Work"])
    inbox, work = account["INBOX"], account["Work"]
    account.copy(inbox, 1, work)
    reader = MemoryReader(account, account="home", capabilities={*EVERY_CAPABILITY, "X-GM-EXT-1"})
    directory = directory_of(await reader.list_mailboxes(), account="home", user="me@example.org")
    surroundings = Surroundings(directory=directory, environment=Environment(now=NOW), history=History())
    status = await reader.open("INBOX")
    planner = await survey_mailbox(reader, status, load(RULE % action).rules.rules, surroundings=surroundings)
    made = planner.finish()
    return steps_of(made), [f"{one.uid}: {one.reason}" for one in made.findings]


async def test_a_label_at_gmail_is_a_copy_that_is_made_once() -> None:
    steps, findings = await _at_gmail("{label: [work, Work/Travel]}")

    assert steps == {1: ["copy Work/Travel"], 2: ["copy Work", "copy Work/Travel"]}
    assert findings == []


async def test_a_label_at_gmail_is_not_taken_away() -> None:
    steps, findings = await _at_gmail("{unlabel: Work}, {flag: seen}")

    assert steps == {1: ["+\\Seen"], 2: ["+\\Seen"]}
    assert findings == ["1: Gmail's label 'Work' cannot be taken away by a rule; take it away there"]


async def test_a_label_elsewhere_is_a_keyword() -> None:
    account = mail(message(), message())
    account["INBOX"].set_flags(1, frozenset({"work", "Old"}))

    made = await plan(RULE % "{label: [Work, New]}, {unlabel: Old}", account)

    assert steps_of(made) == {1: ["+New", "-Old"], 2: ["+New,Work"]}


async def test_a_label_that_no_keyword_can_be_called_holds_the_message() -> None:
    made = await plan(RULE % "{label: [My Work, Todo]}, archive", mail(message()))

    assert steps_of(made) == {1: ["+Todo"]}
    assert [(one.kind, one.reason) for one in made.findings] == [
        ("held", "this server has no labels, and no keyword can be called 'My Work'")
    ]


def test_labels_mean_what_they_say() -> None:
    (rule,) = rules_of(RULE % "{label: [A, B, A]}, {unlabel: C}").rules.rules

    assert [use.value for use in rule.branches[0].actions] == [
        SetLabels(labels=("A", "B")),
        SetLabels(labels=("C",), are_added=False),
    ]


@pytest.mark.parametrize("label", ["'\\Starred'", "/Work", "'a" + "b" * 225 + "'", '"a\\u0007"'])
def test_what_is_no_label_is_told(label: str) -> None:
    (told,) = mistakes_of(RULE % f"{{label: {label}}}")

    assert "is no label that a rule sets" in told
