"""Tests of `mailrules run` as a process: signals, the lock, and what it logs."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mailrules.testing.builders import message
from tests.cli.conftest import RULES
from tests.jobs.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program


FAILING = "tests:\n  - {name: it is wrong, given: {from: x@y.example}, expect: {matched: [boss]}}\n"


@contextmanager
def daemon(served: Program, *options: str) -> Iterator[Process]:
    """A running daemon, killed at the end if the test has not ended it."""
    with Process("-c", str(served.config), "--state-dir", str(served.state), "run", "-vv", *options) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(process: Process, event: str) -> list[dict[str, object]]:
    """Read the log up to a line with this event."""
    lines: list[dict[str, object]] = []
    for text in process.stderr:
        lines.append(json.loads(text))
        if lines[-1]["event"] == event:
            return lines
    raise AssertionError(f"the daemon ended before {event}: {lines}")


def test_sigterm_ends_the_daemon_cleanly(served: Program) -> None:
    with daemon(served) as process:
        lines_until(process, "mailbox.watched")
        process.send_signal(signal.SIGTERM)
        lines_until(process, "daemon.stopped")

        assert process.wait(timeout=60) == 0
        assert process.stdout.read() == ""


def test_sighup_puts_changed_rules_in_force_and_says_what_is_broken(served: Program) -> None:
    with daemon(served) as process:
        lines_until(process, "mailbox.watched")
        served.config.write_text(served.config.read_text().replace(RULES, RULES.replace("flagged", "flaged")))
        process.send_signal(signal.SIGHUP)
        rejected = lines_until(process, "rules.rejected")[-1]
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=60) == 0
        assert "flaged" in str(rejected["mistakes"])


def test_changed_rules_whose_example_fails_are_not_taken_up_unless_it_is_named(served: Program) -> None:
    rejected_by: dict[str, list[object]] = {}
    text = served.config.read_text()
    for name in ("another", "it is wrong"):
        served.config.write_text(text)
        with daemon(served, "--allow-failing", name) as process:
            lines_until(process, "mailbox.watched")
            served.config.write_text(text + FAILING)
            process.send_signal(signal.SIGHUP)
            heard = lines_until(process, "rules.rejected" if name == "another" else "rules.reloaded")
            process.send_signal(signal.SIGINT)

            assert process.wait(timeout=60) == 0
            rejected_by[name] = [one.get("mistakes") for one in heard if one["event"] == "rules.rejected"]

    assert "--allow-failing" in str(rejected_by["another"])
    assert rejected_by["it is wrong"] == []


def test_a_guard_that_is_used_up_is_told_of_the_rule_by_explain(served: Program, mail: MailAccount) -> None:
    guard = "guard: {max_messages: 1, per: 2h}, first_run: act"
    rules = f"rules: [{{name: bosses, if: {{from: boss}}, do: [{{flag: flagged}}], {guard}}}]\n"
    served.config.write_text(served.config.read_text().replace(RULES, rules))
    with daemon(served) as process:
        lines_until(process, "mailbox.watched")
        mail.add("INBOX", message(from_="boss@work.example", subject="first"))
        lines_until(process, "run.finished")
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    mail.add("INBOX", message(from_="boss@work.example", subject="second"))

    told = served.run("explain", "home/INBOX:7").stdout

    words = "the daemon holds it for now: the rule has changed 1 messages in 2h; wait, or: mailrules approve bosses"
    assert f"  ! {words}\n" in told


def test_no_second_run_acts_beside_the_daemon(served: Program) -> None:
    with daemon(served) as process:
        lines_until(process, "mailbox.watched")

        result = served.run("run", "--once")

        assert result.exit_code == 1
        assert f"process {process.pid}" in result.stderr
        assert served.run("dry-run").exit_code == 0
