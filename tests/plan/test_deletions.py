"""What is deleted for ever at most: old enough, and not too much at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mailrules.mailbox.message import UID
from mailrules.plan.guards import hold_deletions
from mailrules.plan.plan import MailboxPlan, MessagePlan, Step, StepKind
from mailrules.settings import DeletionLimits

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LIMITS = DeletionLimits(min_age=timedelta(days=7), max_messages=3)
DELETE = Step(kind=StepKind.DELETE, rule="purge", reversible=False)
MARK = Step(kind=StepKind.ADD_FLAGS, rule="mark", flags=("\\Seen",))


def message(uid: int, *steps: Step, age: timedelta | None = timedelta(days=30)) -> MessagePlan:
    received = None if age is None else NOW - age
    return MessagePlan(uid=UID(uid), rules=("purge",), steps=steps or (DELETE,), received=received)


def plan(*messages: MessagePlan) -> MailboxPlan:
    uids = tuple(one.uid for one in messages)
    return MailboxPlan(
        account="home", mailbox="INBOX", uidvalidity=7, messages=messages, judged=len(messages), final_uids=uids
    )


def passed(plans: tuple[MailboxPlan, ...]) -> list[list[int]]:
    return [[one.uid for one in each.messages] for each in plans]


@pytest.mark.parametrize(
    ("age", "is_deleted"),
    [
        (timedelta(days=7), True),
        (timedelta(days=7, seconds=1), True),
        (timedelta(days=7) - timedelta(seconds=1), False),
        (-timedelta(days=1), False),
        (None, False),
    ],
)
def test_only_what_is_old_enough_is_deleted(age: timedelta | None, *, is_deleted: bool) -> None:
    (held,) = hold_deletions([plan(message(1, MARK, DELETE, age=age))], LIMITS, now=NOW)

    assert passed((held,)) == [[1] if is_deleted else []]
    assert held.final_uids == ((1,) if is_deleted else ())
    assert [one.kind for one in held.findings] == ([] if is_deleted else ["held"])
    assert held.pending_uids == (() if is_deleted else (1,))


@pytest.mark.parametrize(("count", "deleted"), [(2, 2), (3, 3), (4, 3)])
def test_only_so_many_are_deleted_in_one_run(count: int, deleted: int) -> None:
    (held,) = hold_deletions([plan(*(message(uid) for uid in range(1, count + 1)))], LIMITS, now=NOW)

    assert len(held.messages) == deleted
    assert len(held.findings) == count - deleted
    assert all("3 messages are deleted in one run" in one.reason for one in held.findings)


def test_the_count_is_over_all_mailboxes_and_other_steps_do_not_count() -> None:
    first = plan(message(1), message(2, MARK), message(3))
    second = plan(message(1), message(2), message(3, MARK))

    assert passed(hold_deletions([first, second], LIMITS, now=NOW)) == [[1, 2, 3], [1, 3]]


def test_a_plan_without_deletions_stays_as_it_is() -> None:
    plans = (plan(message(1, MARK)),)

    assert hold_deletions(plans, LIMITS, now=NOW) == plans
