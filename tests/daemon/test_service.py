"""Tests of the daemon against a server: arrivals, lost connections, changed rules, a clean end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.testing.builders import message
from mailrules.testing.capabilities import without
from mailrules.testing.server_faults import AtCommand, Refuse
from tests.daemon.conftest import RULES

if TYPE_CHECKING:
    from tests.daemon.conftest import Daemon

OTHER_RULES = RULES.replace("Work", "Office")


def from_boss(number: int = 1) -> bytes:
    return message(from_="boss@work.example", subject=f"Task {number}", message_id=f"<task-{number}@work.example>")


async def test_mail_that_arrives_is_judged_and_moved(daemon: Daemon) -> None:
    async with daemon.running():
        daemon.mail.add("INBOX", from_boss())
        await daemon.moved("Work")

    assert not daemon.mail["INBOX"].messages


async def test_mail_from_before_the_first_start_is_left_alone(daemon: Daemon) -> None:
    daemon.mail.add("INBOX", from_boss(1))

    async with daemon.running():
        daemon.mail.add("INBOX", from_boss(2))
        await daemon.moved("Work")

    assert len(daemon.mail["INBOX"].messages) == 1


async def test_older_mail_is_judged_with_backlog(daemon: Daemon) -> None:
    daemon.mail.add("INBOX", from_boss(1))

    async with daemon.running(backlog=True):
        await daemon.moved("Work")

    assert not daemon.mail["INBOX"].messages


async def test_mail_that_came_while_the_daemon_was_down_is_judged_at_its_start(daemon: Daemon) -> None:
    async with daemon.running():
        pass
    daemon.control.stop.clear()
    daemon.mail.add("INBOX", from_boss())

    async with daemon.running(watchers=2):
        await daemon.moved("Work")

    assert not daemon.mail["INBOX"].messages


async def test_a_server_without_idle_is_polled(daemon: Daemon) -> None:
    daemon.server.capabilities = frozenset(without("IDLE"))
    daemon.mail.add("INBOX", from_boss())

    async with daemon.running(backlog=True):
        await daemon.moved("Work")

    assert "IDLE" not in daemon.server.commands_seen


async def test_a_lost_connection_is_made_anew_after_a_while(daemon: Daemon) -> None:
    async with daemon.running():
        daemon.server.drop_connections()
        await daemon.log.saw("mailbox.watched", times=2)
        daemon.mail.add("INBOX", from_boss())
        await daemon.moved("Work")

    assert daemon.log.count("connection.lost") == 1
    assert daemon.clock.waits == [1.0]


async def test_an_account_that_refuses_the_login_is_said_and_tried_again(daemon: Daemon) -> None:
    daemon.mail.password = "changed"

    async with daemon.running(watchers=0):
        failed = await daemon.log.saw("account.failed", times=3)
        daemon.mail.password = "pass"
        await daemon.log.saw("mailbox.watched")

    assert failed["level"] == "error"
    assert "pass" not in str(failed["error"]).split()
    assert daemon.clock.waits[:3] == [1.0, 2.0, 4.0]


async def test_a_server_that_wants_to_be_left_alone_is_not_asked_before(daemon: Daemon) -> None:
    daemon.server.faults.append(AtCommand(command="AUTHENTICATE", nth=2, reaction=Refuse(code="LIMIT")))
    async with daemon.running():
        daemon.server.drop_connections()
        await daemon.log.saw("mailbox.watched", times=2)

    assert daemon.clock.waits == [1.0, 60.0]


async def test_changed_rules_are_put_in_force_on_the_same_connection(daemon: Daemon) -> None:
    async with daemon.running():
        daemon.write(OTHER_RULES)
        daemon.control.reload.set()
        await daemon.log.saw("mailbox.watched", times=2)
        daemon.mail.add("INBOX", from_boss())
        await daemon.moved("Office")

    assert daemon.log.count("connection.opened") == 1


async def test_a_rule_file_that_changes_on_disk_is_noticed(daemon: Daemon) -> None:
    async with daemon.running():
        await daemon.log.saw("rules.watched")
        daemon.write(OTHER_RULES)
        await daemon.log.saw("rules.reloaded")
        await daemon.log.saw("mailbox.watched", times=2)  # until then mail that comes in goes by the old ones

        daemon.mail.add("INBOX", from_boss())
        await daemon.moved("Office")


async def test_a_broken_rule_file_keeps_the_old_rules_and_says_so(daemon: Daemon) -> None:
    async with daemon.running():
        daemon.write("rules: [{name: boss, iff: {}}]\n")
        daemon.control.reload.set()
        rejected = await daemon.log.saw("rules.rejected")
        daemon.mail.add("INBOX", from_boss())
        await daemon.moved("Work")

    assert f"{daemon.config}:5:22: error: " in str(rejected["mistakes"])


async def test_mailboxes_that_rules_no_longer_name_are_no_longer_watched(daemon: Daemon) -> None:
    async with daemon.running():
        daemon.write(RULES, mailboxes="home/Junk")
        daemon.control.reload.set()
        await daemon.log.saw("mailbox.watched", times=2)
        daemon.mail.add("Junk", from_boss(1))
        daemon.mail.add("INBOX", from_boss(2))
        await daemon.moved("Work")

    assert len(daemon.mail["INBOX"].messages) == 1


async def test_mailboxes_beyond_the_limit_of_connections_share_one(daemon: Daemon) -> None:
    daemon.write(RULES, mailboxes="home/INBOX, home/Junk, home/Archive", connections=2)
    for mailbox in ("INBOX", "Junk", "Archive"):
        daemon.mail.add(mailbox, message(from_="boss@work.example", message_id=f"<{mailbox}@work.example>"))

    async with daemon.running(backlog=True, watchers=3):
        await daemon.moved("Work", count=3)

    assert daemon.log.count("connection.opened") == 2


async def test_a_mailbox_that_does_not_exist_does_not_keep_others_from_being_watched(daemon: Daemon) -> None:
    daemon.write(RULES, mailboxes="home/Gone, home/INBOX", connections=1)
    daemon.mail.add("INBOX", from_boss())

    async with daemon.running(backlog=True):
        await daemon.moved("Work")

    assert (await daemon.log.saw("mailbox.refused"))["mailbox"] == "Gone"


async def test_a_scheduled_rule_is_judged_on_all_mail_when_it_comes_due(daemon: Daemon) -> None:
    daemon.write(RULES.replace("    if:", "    events: [{at: '12:30'}]\n    if:"))
    daemon.mail.add("INBOX", from_boss())

    async with daemon.running():
        assert len(daemon.mail["INBOX"].messages) == 1
        daemon.clock.now += timedelta(hours=1)
        daemon.control.reload.set()
        reached = await daemon.log.saw("schedule.reached")
        await daemon.moved("Work")

    assert reached["rules"] == ["boss"]


async def test_the_end_logs_out(daemon: Daemon) -> None:
    async with daemon.running():
        pass

    assert daemon.server.commands_seen[-1] == "LOGOUT"
    assert daemon.log.lines[-1]["event"] == "daemon.stopped"
