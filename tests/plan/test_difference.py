"""Two rule sets are judged over one reading of a mailbox, and their plans compared message by message."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from mailrules.plan.difference import Described, MailboxDifference, difference
from mailrules.plan.directory import directory_of
from mailrules.plan.history import History
from mailrules.plan.plan import MailboxStep, Plan, StepKind
from mailrules.plan.planner import DISPLAY_FIELDS
from mailrules.rules.conditions import Environment
from mailrules.survey import Selection, Side, Surroundings, survey_mailbox, survey_twice
from mailrules.testing.builders import message
from mailrules.testing.memory_reader import MemoryReader
from tests.plan.planned import NOW, load, mail, steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.mailbox.message import UID, FactRequest, MessageFacts
    from mailrules.plan.plan import MailboxPlan
    from mailrules.rules.rule import Rule
    from mailrules.testing.mail_state import MailAccount

MESSAGES = [
    message(subject=f"Bill {number}", from_=f"shop{number % 3}@shop.example", message_id=f"<{number}@shop.example>")
    for number in range(60)
]
RULE_SETS = {
    "headers": "rules: [{name: a, if: {subject: bill 1}, do: [{flag: seen}]}]\n",
    "other headers": "rules: [{name: a, if: {from: shop1}, do: [{move: A}]}, {name: b, if: always, do: [keep]}]\n",
    "body": "rules: [{name: c, if: {body: hello, size: {over: 1}}, do: [{keyword: Hi}]}]\n",
    "relations": "rules: [{name: d, if: {first_seen: true}, do: [{flag: flagged}]}]\n",
    "parts": "rules: [{name: e, if: {any: [{attachment: true}, {subject: bill 2}]}, do: [{move: B}]}]\n",
    "nothing": "rules: []\n",
}


class CountingReader(MemoryReader):
    """Counts how often each header field, and what else there is, was asked of each message."""

    def __init__(self, account: MailAccount) -> None:
        super().__init__(account, account="home")
        self.asked: dict[tuple[int, str], int] = {}

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        found = await super().fetch(request, uids)
        names = [*request.header_fields, *(["text"] if request.text else []), *(["size"] if request.size else [])]
        for one in found:
            for name in names:
                self.asked[one.uid, name] = self.asked.get((one.uid, name), 0) + 1
        return found


@cache
def rules_in(text: str) -> tuple[Rule, ...]:
    return load(text).rules.rules


async def sides_of(reader: MemoryReader, *texts: str) -> list[Side]:
    directory = directory_of(await reader.list_mailboxes(), account="home", user="me@example.org")
    surroundings = Surroundings(
        directory=directory, environment=Environment(now=NOW), history=History(), describe_fields=DISPLAY_FIELDS
    )
    return [Side(rules=rules_in(text), surroundings=surroundings) for text in texts]


@pytest.mark.parametrize("new", RULE_SETS)
@pytest.mark.parametrize("old", RULE_SETS)
@pytest.mark.parametrize("newest", [None, 7])
async def test_both_plans_are_those_of_a_reading_of_their_own_and_nothing_is_fetched_twice(
    old: str, new: str, newest: int | None
) -> None:
    account = mail(*MESSAGES, mailboxes=["A", "B"])
    reader = CountingReader(account)
    sides = await sides_of(reader, RULE_SETS[old], RULE_SETS[new])
    selection = Selection(newest=newest)

    planners, _ = await survey_twice(reader, await reader.open("INBOX"), (sides[0], sides[1]), selection=selection)
    together = [planner.finish() for planner in planners]
    alone = []
    for side in sides:
        own = MemoryReader(account, account="home")
        planner = await survey_mailbox(
            own, await own.open("INBOX"), side.rules, surroundings=side.surroundings, selection=selection
        )
        alone.append(planner.finish())

    assert [steps_of(one) for one in together] == [steps_of(one) for one in alone]
    assert [one.findings for one in together] == [one.findings for one in alone]
    described = {*DISPLAY_FIELDS, "received", "date", "size"}
    assert max((count for (_, name), count in reader.asked.items() if name not in described), default=1) == 1


async def plans(old: str, new: str, *messages: bytes) -> tuple[MailboxPlan, MailboxPlan]:
    reader = MemoryReader(mail(*messages, mailboxes=["A", "B"]), account="home")
    sides = await sides_of(reader, old, new)
    planners, _ = await survey_twice(reader, await reader.open("INBOX"), (sides[0], sides[1]))
    return planners[0].finish(), planners[1].finish()


def compared(old: MailboxPlan, new: MailboxPlan, *, rule: str = "") -> MailboxDifference:
    whole = [Plan(created=NOW, rules_hash="", mailboxes=(one,)) for one in (old, new)]
    made = difference(whole[0], whole[1], describe=lambda *_: Described("", "", "", None), rule=rule)
    return made.mailboxes[0]


async def test_the_same_treatment_by_another_rule_is_no_difference() -> None:
    old, new = await plans(
        "rules: [{name: a, if: {subject: x}, do: [{move: A}]}]\n",
        "rules: [{name: z, if: {from: '@b.example'}, do: [{move: A}]}]\n",
        message(subject="x", from_="a@b.example"),
        message(subject="y", from_="a@b.example"),
    )

    made = compared(old, new)

    assert [one.uid for one in made.messages] == [2]
    assert made.messages[0].rules == ((), ("z",))


async def test_what_neither_can_know_is_no_difference_and_yet_told() -> None:
    old, new = await plans(
        "rules: [{name: a, if: {sent: {older_than: 1d}}, do: [{move: A}]}]\n",
        "rules: [{name: a, if: {sent: {older_than: 2d}}, do: [{move: A}]}]\n",
        message(date="never"),
    )

    made = compared(old, new)

    assert made.messages == ()
    assert [(one.uid, one.rule, one.reason) for one in made.unknowable] == [
        (1, "a", "sent: the Date field is no date: 'never'")
    ]
    assert compared(old, new, rule="b").unknowable == ()


async def test_what_is_held_or_cannot_be_known_is_a_treatment_of_its_own() -> None:
    old, new = await plans(
        "rules: [{name: a, if: {subject: nothing}, do: [{move: A}]}]\n",
        "rules: [{name: a, if: {sent: {older_than: 1d}}, do: [{move: A}]},"
        " {name: b, if: {subject: x}, do: [{move: Q}]}]\n",
        message(subject="z", date="never"),
        message(subject="x", from_="a@b.example", date="Sun, 22 Nov 2026 11:59:00 +0000"),
    )

    made = compared(old, new)

    assert [(one.uid, one.new.findings[0].kind) for one in made.messages] == [(1, "unknowable"), (2, "held")]
    assert [names for names, _ in made.groups()] == [((), ("a",)), ((), ("b",))]
    assert [one.uid for one in compared(old, new, rule="b").messages] == [2]


def test_changes_of_mailboxes_are_compared_by_what_they_change() -> None:
    step = MailboxStep(account="home", mailbox="A", kind=StepKind.CREATE, rule="a")
    other = MailboxStep(account="home", mailbox="A", kind=StepKind.CREATE, rule="b")
    more = MailboxStep(account="home", mailbox="B", kind=StepKind.CREATE, rule="b")
    old = Plan(created=NOW, rules_hash="1", mailboxes=(), mailbox_steps=(step,))
    new = Plan(created=NOW, rules_hash="2", mailboxes=(), mailbox_steps=(other, more))

    made = difference(old, new, describe=lambda *_: Described("", "", "", None))

    assert (made.old_only, made.new_only, made.is_empty) == ((), (more,), False)
    assert difference(old, old, describe=lambda *_: Described("", "", "", None)).is_empty
