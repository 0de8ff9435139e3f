"""Snoozing, holding, expiring and reporting spam, as plans."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone

import pytest

from mailrules.mailbox.message import UID
from mailrules.rules.conditions import Environment, Origin
from mailrules.rules.surrounding_tests import SnoozeOverTest
from mailrules.rules.truth import Truth
from mailrules.testing.builders import message
from tests.judging.conditions import NOW as JUDGED_AT
from tests.mailbox.samples import empty_snapshot
from tests.plan.planned import HEAD, NOW, mail, plan, steps_of, survey

RULE = "rules: [{name: r, if: always, do: [%s]%s}]\n"


async def test_a_snooze_is_a_move_to_a_mailbox_that_may_be_made() -> None:
    made = await plan(RULE % ("{snooze: 3d}", ""), mail(message()))

    assert steps_of(made) == {1: ["move Snoozed"]}
    assert made.messages[0].steps[0].create


async def test_what_is_held_stays_and_is_judged_again() -> None:
    made = await plan(RULE % ("{flag: flagged}, {hold: sign it}", ""), mail(message()))

    assert steps_of(made) == {1: ["+\\Flagged"]}
    assert [(one.kind, one.reason) for one in made.findings] == [("held", "sign it")]
    assert (made.final_uids, made.pending_uids) == ((), (1,))


@pytest.mark.parametrize(("age", "steps"), [(timedelta(days=30), {}), (timedelta(days=30, seconds=1), {1: ["delete"]})])
async def test_a_message_expires_when_it_is_older_than_that(age: timedelta, steps: dict[int, list[str]]) -> None:
    account = mail(message())
    stored = account["INBOX"].messages[UID(1)]
    account["INBOX"].messages[UID(1)] = replace(stored, received=NOW - age)

    made = await plan(RULE % ("{expire: 30d}", ", events: {every: 1d}"), account, head="allow: delete" + HEAD)

    assert steps_of(made) == steps
    assert made.final_uids == (1,)


async def test_spam_is_marked_and_goes_to_the_mailbox_for_it() -> None:
    account = mail(message())
    account["INBOX"].set_flags(1, frozenset({"$NotJunk"}))

    made = await plan(RULE % ("report_spam", ""), account)

    assert steps_of(made) == {1: ["+$Junk", "-$NotJunk", "move Junk"]}


async def test_spam_without_a_mailbox_for_it_is_held() -> None:
    account = mail(message())
    account.delete("Junk")

    made = await plan(RULE % ("report_spam", ""), account)

    assert [one.reason for one in made.findings] == ["no junk mailbox found; name it under accounts.home.junk"]


async def test_a_subscription_ends_where_there_is_one() -> None:
    account = mail(message(), mailboxes=["Old", "Other"])
    account.subscriptions.add("Old")

    planner, _ = await survey(RULE % ("{unsubscribe_mailbox: Old}, {unsubscribe_mailbox: Other}", ""), account)

    assert [(str(step.kind), step.mailbox) for step in planner.mailbox_steps()] == [("unsubscribe", "Old")]


TOKYO = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("test", "moved", "ends"),
    [
        (SnoozeOverTest(rule="r", delay=timedelta(hours=3)), datetime(2026, 1, 1, 8), datetime(2026, 1, 1, 11)),
        (SnoozeOverTest(rule="r", until=time(8)), datetime(2026, 1, 1, 7, 59), datetime(2026, 1, 1, 8)),
        (SnoozeOverTest(rule="r", until=time(8)), datetime(2026, 1, 1, 8), datetime(2026, 1, 2, 8)),
    ],
)
def test_a_snooze_ends(test: SnoozeOverTest, moved: datetime, ends: datetime) -> None:
    assert test.ends(moved.replace(tzinfo=TOKYO)) == ends.replace(tzinfo=TOKYO)


def test_only_what_the_rule_put_away_comes_back() -> None:
    now = JUDGED_AT.now
    late, early = now - timedelta(days=1), now - timedelta(days=1, seconds=-1)
    origins = {UID(1): Origin("INBOX", "r", late), UID(2): Origin("INBOX", "r", early), UID(3): Origin("A", "s", late)}
    environment = Environment(now=now, origins={("home", "INBOX", 1): origins})
    test = SnoozeOverTest(rule="r", delay=timedelta(days=1))

    assert test.judge(empty_snapshot(4), 0b1111, environment) == Truth(0b1111, 0b0001)
    assert test.seen(empty_snapshot(4), 0) == "put away by r"


def test_the_time_of_day_is_that_of_the_user() -> None:
    moved = datetime(2026, 1, 1, 22, tzinfo=UTC)  # 7 in Tokyo on the next day
    origins = {("home", "INBOX", 1): {UID(1): Origin("INBOX", "r", moved)}}
    test = SnoozeOverTest(rule="r", until=time(8))

    for minutes, over in ((59, 0), (60, 1)):
        now = (moved + timedelta(minutes=minutes)).astimezone(TOKYO)
        assert test.judge(empty_snapshot(1), 1, Environment(now=now, origins=origins)).true == over
