"""Tests of the daemon's pure parts: schedules, waits between attempts, assignments of connections."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailrules.client.backoff import LONGEST_SECONDS, Backoff
from mailrules.daemon.assignments import assignments
from mailrules.daemon.schedule import Schedule
from mailrules.diagnostics import Location
from mailrules.rules.conditions import Always
from mailrules.rules.loader import LoadedConfiguration
from mailrules.rules.rule import Event, MailboxRef, Rule, RuleSet
from mailrules.settings import AccountSettings

BERLIN = ZoneInfo("Europe/Berlin")


def rule(name: str, *events: Event, mailboxes: tuple[str, ...] = ("INBOX",)) -> Rule:
    references = tuple(MailboxRef(account="home", mailbox=mailbox) for mailbox in mailboxes)
    where = Location(file="rules.yaml")
    return Rule(name=name, where=where, mailboxes=references, condition=Always(), branches=(), events=events)


def daily(at: str) -> Event:
    return Event(kind="at", at=at)


def names(rules: tuple[Rule, ...]) -> list[str]:
    return [one.name for one in rules]


def moment(text: str) -> datetime:
    """An instant as Berlin's clocks show it, with the offset of that instant, as the program reads the time."""
    return datetime.fromisoformat(text)


def test_a_daily_rule_is_due_once_when_its_time_has_come() -> None:
    schedule = Schedule([rule("tidy", daily("03:20"))], now=moment("2026-11-23T01:00+01:00"))

    assert schedule.seconds_until_due(moment("2026-11-23T03:00+01:00")) == 20 * 60
    assert names(schedule.take_due(moment("2026-11-23T03:19+01:00"))) == []
    assert names(schedule.take_due(moment("2026-11-23T03:20+01:00"))) == ["tidy"]
    assert names(schedule.take_due(moment("2026-11-23T09:00+01:00"))) == []
    assert names(schedule.take_due(moment("2026-11-24T03:20+01:00"))) == ["tidy"]


def test_what_came_due_before_the_start_is_not_made_up_for() -> None:
    schedule = Schedule([rule("tidy", daily("03:20"))], now=moment("2026-11-23T04:00+01:00"))

    assert names(schedule.take_due(moment("2026-11-23T04:00+01:00"))) == []
    assert (
        schedule.seconds_until_due(moment("2026-11-23T04:00+01:00")) == timedelta(hours=23, minutes=20).total_seconds()
    )


def test_a_night_with_an_hour_twice_reaches_a_time_in_it_once() -> None:
    schedule = Schedule([rule("tidy", daily("02:30"))], now=moment("2026-10-24T12:00+02:00"))

    assert names(schedule.take_due(moment("2026-10-25T02:30+02:00"))) == ["tidy"]
    assert names(schedule.take_due(moment("2026-10-25T02:30+01:00"))) == []


def test_a_night_that_lacks_an_hour_reaches_a_time_in_it_still() -> None:
    schedule = Schedule([rule("tidy", daily("02:30"))], now=moment("2026-03-28T12:00+01:00"))

    assert names(schedule.take_due(moment("2026-03-29T01:59+01:00"))) == []
    assert names(schedule.take_due(moment("2026-03-29T03:00+02:00"))) == ["tidy"]


def test_a_rule_is_due_every_so_often() -> None:
    every = Event(kind="every", every=timedelta(hours=6))
    schedule = Schedule([rule("sweep", every)], now=moment("2026-11-23T00:00+01:00"))

    assert names(schedule.take_due(moment("2026-11-23T05:59+01:00"))) == []
    assert names(schedule.take_due(moment("2026-11-23T06:01+01:00"))) == ["sweep"]
    assert schedule.seconds_until_due(moment("2026-11-23T06:01+01:00")) == 6 * 3600


def test_a_rule_with_two_times_that_have_both_come_is_judged_once() -> None:
    schedule = Schedule([rule("tidy", daily("03:00"), daily("04:00"))], now=moment("2026-11-23T01:00+01:00"))

    assert names(schedule.take_due(moment("2026-11-23T05:00+01:00"))) == ["tidy"]


def test_an_event_keeps_its_time_when_other_rules_change() -> None:
    every = Event(kind="every", every=timedelta(hours=6))
    schedule = Schedule([rule("sweep", every)], now=moment("2026-11-23T00:00+01:00"))

    schedule.update([rule("sweep", every), rule("new", daily("12:00"))], now=moment("2026-11-23T05:00+01:00"))

    assert names(schedule.take_due(moment("2026-11-23T06:00+01:00"))) == ["sweep"]


def test_rules_for_new_mail_have_no_schedule() -> None:
    schedule = Schedule([rule("lists", Event(kind="new"))], now=moment("2026-11-23T00:00+01:00"))

    assert schedule.seconds_until_due(moment("2026-11-23T00:00+01:00")) is None


def test_waits_double_up_to_five_minutes_and_begin_again_after_a_success() -> None:
    backoff = Backoff(lambda: 0.5)

    waits = [backoff.next_seconds() for _ in range(12)]
    backoff.reset()

    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == LONGEST_SECONDS
    assert backoff.next_seconds() == 1


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 0.5), (1.0, 1.5)])
def test_chance_keeps_clients_apart(drawn: float, seconds: float) -> None:
    assert Backoff(lambda: drawn).next_seconds() == seconds


def configuration(*rules: Rule, connections: int) -> LoadedConfiguration:
    account = AccountSettings(name="home", user="ann", secret=None, connections=connections)
    return LoadedConfiguration(accounts={"home": account}, rules=RuleSet(rules=rules, hash="h"))


@pytest.mark.parametrize(
    ("mailboxes", "connections", "expected"),
    [
        ("A", 3, ["A"]),
        ("ABC", 3, ["A", "B", "C"]),
        ("ABCD", 3, ["A", "B", "CD"]),
        ("ABC", 1, ["ABC"]),
    ],
)
def test_each_mailbox_has_a_connection_while_there_are_any(
    mailboxes: str, connections: int, expected: list[str]
) -> None:
    new_mail = rule("r", Event(kind="new"), mailboxes=tuple(mailboxes))

    found = assignments(configuration(new_mail, connections=connections))

    assert ["".join(ref.mailbox for ref in one.mailboxes) for one in found] == expected


def test_mailboxes_with_scheduled_rules_only_share_the_last_connection() -> None:
    new_mail, tidy = rule("r", Event(kind="new"), mailboxes=("A", "B")), rule("t", daily("03:00"), mailboxes=("Z", "A"))

    found = assignments(configuration(new_mail, tidy, connections=3))

    assert ["".join(ref.mailbox for ref in one.mailboxes) for one in found] == ["A", "B", "Z"]
