"""Tests of what a person is told of effects that did not happen, may have happened, or were not to happen."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from mailrules.testing.builders import message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program


def give(served: Program, action: str, *, more: str = "") -> None:
    """One rule with this action, on one message."""
    accounts = served.config.read_text().partition("rules:")[0]
    rule = f"rules:\n  - {{name: boss, if: {{from: boss@work.example}}, do: [{action}]}}\n"
    served.config.write_text(f"{accounts}allow: [pipe, forward]\n{more}{rule}")


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else gets."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


def test_an_effect_in_doubt_is_for_a_person_and_not_for_the_next_run(served: Program) -> None:
    give(served, "{pipe: [/bin/sh, -c, 'kill -9 $$']}")

    told = served.run("run", "--once").stdout
    doubts = " ".join(served.run("unknown").stdout.split())

    assert "unknown: 1 effect in home/INBOX UID 4: it may have happened" in told
    assert "only a person can find out" in told
    assert "Run it again" not in told
    assert "so it is not repeated: " in doubts
    assert "; it may have happened" not in doubts


def test_an_effect_that_is_given_up_is_for_a_person(served: Program) -> None:
    give(served, "{pipe: [/bin/false]}")

    told = served.run("run", "--once").stdout

    assert "given up: 1 effect in home/INBOX UID 4" in told
    assert "mailrules unknown" in told


def test_no_undo_is_offered_for_effects_alone(served: Program) -> None:
    give(served, "{pipe: [/bin/true]}")

    assert "undo" not in served.run("run", "--once").stdout


def test_an_undo_is_offered_for_what_was_done_besides(served: Program) -> None:
    give(served, "{pipe: [/bin/true]}, {flag: seen}")

    assert "Take it back with: mailrules undo" in served.run("run", "--once").stdout


def test_an_effect_of_which_nothing_went_out_does_not_count_as_done(
    served: Program, mail: MailAccount, closed_port: int
) -> None:
    smtp = f"smtp: {{host: 127.0.0.1, port: {closed_port}, security: none, from: me@example.org}}\n"
    give(served, "{forward: bo@example.org}", more=smtp)
    mail["INBOX"].remove(4)
    mail.add("INBOX", message(from_="boss@work.example", message_id="<null@x>", headers={"Return-Path": "<>"}))

    told = served.run("run", "--once")
    (run,) = json.loads(served.run("history", "--json").stdout)["runs"]

    assert told.exit_code == 0
    assert f"done: nothing (run {run['id']})" in told.stdout
    assert f"nothing was sent: 1 effect; mailrules history {run['id']} tells why" in told.stdout
    assert "its sender is null" in " ".join(served.run("history", run["id"]).stdout.split())


def test_history_tells_why_an_effect_waits_and_until_when(served: Program, closed_port: int) -> None:
    smtp = f"smtp: {{host: 127.0.0.1, port: {closed_port}, security: none, from: me@example.org}}\n"
    give(served, "{forward: bo@example.org}", more=smtp)
    served.run("run", "--once")

    told = served.run("history").stdout

    (line,) = [one for one in told.splitlines() if one.startswith("waiting: ")]
    assert line.startswith("waiting: forward to bo@example.org in home/INBOX (run ")
    assert str(closed_port) in line
    assert "; the daemon or a run tries again after 20" in line


def test_status_tells_why_an_effect_was_held_back(served: Program, mail: MailAccount) -> None:
    give(served, "{pipe: [/bin/true]}, {move: Archive}", more="outbox: {per_rule: 1, per: 1h}\n")
    mail.add("INBOX", message(from_="boss@work.example", subject="Tuesday", message_id="<tuesday@work.example>"))

    served.run("run", "--once")

    told = " ".join(served.run("status").stdout.split())
    assert "1 message failed: in INBOX: an earlier step was left out: 1 effects of rule 'boss' went out" in told
    assert "outbox.per_rule is 1" in told
