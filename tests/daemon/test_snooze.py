"""The daemon brings snoozed mail back by itself, and tells rules why they are judged."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.testing.builders import message

if TYPE_CHECKING:
    from tests.daemon.conftest import Daemon

SNOOZE = """
rules:
  - {name: later, if: {event: new}, do: [{snooze: 1h}]}
  - {name: marked, in: home/INBOX, events: {every: 30m}, if: {event: schedule}, do: [{keyword: $Seen}]}
"""


async def test_a_snoozed_message_comes_back_when_its_time_is_over(daemon: Daemon) -> None:
    daemon.write(SNOOZE)
    async with daemon.running():
        daemon.mail.add("INBOX", message())
        await daemon.moved("Snoozed")
        assert daemon.mail["INBOX"].messages == {}

        daemon.clock.now += timedelta(hours=1)
        daemon.control.reload.set()
        await daemon.moved("INBOX")

    assert daemon.mail["Snoozed"].messages == {}
    assert "mailbox.refused" not in [line["event"] for line in daemon.log.lines if line["level"] != "debug"]


async def test_a_rule_is_told_that_its_schedule_is_the_cause(daemon: Daemon) -> None:
    daemon.write(SNOOZE)
    daemon.mail.add("INBOX", message())
    async with daemon.running():
        daemon.clock.now += timedelta(minutes=30)
        daemon.control.reload.set()
        await daemon.log.saw("run.finished")

    (stored,) = daemon.mail["INBOX"].messages.values()
    assert stored.flags == {"$Seen"}
