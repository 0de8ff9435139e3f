"""A rule in shadow only writes to the daemon's log, until its time is over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.journal.migrations import all_migrations
from mailrules.testing.builders import message

if TYPE_CHECKING:
    from tests.daemon.conftest import Daemon

RULES = """
rules:
  - name: boss
    shadow: 7d
    if: {from: boss@work.example}
    do: [{move: {to: Work, create: true}}]
  - name: all
    if: always
    do: [{flag: flagged}]
"""


def from_boss(number: int) -> bytes:
    return message(from_="boss@work.example", subject=f"Task {number}", message_id=f"<task-{number}@work.example>")


async def test_it_reports_and_acts_on_what_comes_when_its_time_is_over(daemon: Daemon) -> None:
    daemon.write(RULES)
    began = daemon.clock.now
    async with daemon.running():
        daemon.mail.add("INBOX", from_boss(1))
        noted = await daemon.log.saw("shadow.noted")
        (one,) = daemon.mail["INBOX"].messages.values()
        flags_of_the_first = one.flags

        daemon.clock.now = began + timedelta(days=7)
        daemon.mail.add("INBOX", from_boss(2))
        await daemon.moved("Work")

    assert (noted["rule"], noted["messages"]) == ("boss", 1)
    assert noted["until"] == (began + timedelta(days=7)).isoformat(timespec="minutes")
    assert "\\Flagged" in flags_of_the_first
    assert [one.content for one in daemon.mail["Work"].messages.values()] == [from_boss(2)]
    assert [one.content for one in daemon.mail["INBOX"].messages.values()] == [from_boss(1)]


async def test_an_edited_rule_begins_anew_with_the_reload(daemon: Daemon) -> None:
    daemon.write(RULES)
    began = daemon.clock.now
    async with daemon.running():
        daemon.clock.now = began + timedelta(days=6)
        daemon.write(RULES.replace("to: Work", "to: Office"))
        await daemon.log.saw("mailbox.watched", times=2)
        daemon.clock.now = began + timedelta(days=8)
        daemon.mail.add("INBOX", from_boss(1))
        noted = await daemon.log.saw("shadow.noted")

    assert noted["until"] == (began + timedelta(days=13)).isoformat(timespec="minutes")
    assert "Office" not in daemon.mail


async def test_a_moved_and_commented_rule_does_not_begin_anew(daemon: Daemon) -> None:
    head, first, second = RULES.split("  - name: ")
    daemon.write(RULES)
    began = daemon.clock.now
    async with daemon.running():
        daemon.clock.now = began + timedelta(days=6)
        daemon.write(f"{head}  - name: {second}  # moved down\n  - name: {first}")
        await daemon.log.saw("mailbox.watched", times=2)
        daemon.clock.now = began + timedelta(days=7)
        daemon.mail.add("INBOX", from_boss(1))
        await daemon.moved("Work")


async def test_a_rule_that_loses_its_shadow_acts_at_once(daemon: Daemon) -> None:
    daemon.write(RULES)
    async with daemon.running():
        daemon.write(RULES.replace("    shadow: 7d\n", ""))
        await daemon.log.saw("mailbox.watched", times=2)
        daemon.mail.add("INBOX", from_boss(1))
        await daemon.moved("Work")

    assert await daemon.journal.sights() == {}


async def test_a_clock_that_goes_back_lets_it_do_nothing(daemon: Daemon) -> None:
    daemon.write(RULES)
    began = daemon.clock.now
    async with daemon.running():
        daemon.clock.now = began - timedelta(days=3_000)
        daemon.mail.add("INBOX", from_boss(1))
        noted = await daemon.log.saw("shadow.noted")

    assert noted["until"] == (began + timedelta(days=7)).isoformat(timespec="minutes")
    assert "Work" not in daemon.mail


async def test_a_reload_that_cannot_be_written_down_lets_it_do_nothing(daemon: Daemon) -> None:
    daemon.write(RULES)
    async with daemon.running():
        daemon.mail.add("INBOX", from_boss(1))
        await daemon.log.saw("shadow.noted")  # then nothing is written until the rules are renewed
        before = await daemon.journal.sights()
        set_schema(daemon, 1_000)
        daemon.write(RULES.replace("to: Work", "to: Office"))
        await daemon.log.saw("task.failed")
        set_schema(daemon, all_migrations()[-1].version)

        daemon.mail.add("INBOX", from_boss(2))
        await daemon.log.saw("shadow.noted", times=2)

    assert await daemon.journal.sights() == before
    assert [one.content for one in daemon.mail["INBOX"].messages.values()] == [from_boss(1), from_boss(2)]


def set_schema(daemon: Daemon, version: int) -> None:
    """A journal of a newer version is not written to."""
    with closing(sqlite3.connect(daemon.folder / "journal.sqlite3")) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


async def test_what_a_guard_held_is_judged_again_and_then_acted_on(daemon: Daemon) -> None:
    daemon.write(RULES.replace("do: [{flag: flagged}]", "do: [{flag: flagged}]\n    guard: {max_messages: 1, per: 1h}"))
    began = daemon.clock.now
    async with daemon.running():
        daemon.mail.add("INBOX", message(subject="uses the guard up", message_id="<0@example.org>"))
        await daemon.log.saw("run.finished")
        daemon.mail.add("INBOX", from_boss(1))
        await daemon.log.saw("shadow.noted")

        daemon.clock.now = began + timedelta(days=7)
        daemon.mail.add("INBOX", message(subject="brings the daemon back", message_id="<2@example.org>"))
        await daemon.moved("Work")

    assert [one.content for one in daemon.mail["Work"].messages.values()] == [from_boss(1)]
