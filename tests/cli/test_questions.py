"""Tests of when a plan waits for a person's yes, and of how a person at a terminal is asked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mailrules.cli.questions import why_yes_is_needed
from mailrules.mailbox.message import UID
from mailrules.plan.blast_radius import LARGE_SHARE, MANY_MESSAGES, SMALL_CHANGE
from mailrules.plan.plan import MailboxPlan, MessagePlan, Plan, Step, StepKind
from tests.daemon.conftest import NOW

if TYPE_CHECKING:
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program


def plan(*, changed: int, judged: int, kind: StepKind = StepKind.ADD_FLAGS, undo_of: str = "") -> Plan:
    step = Step(kind=kind, rule="r")
    messages = tuple(MessagePlan(uid=UID(uid), rules=("r",), steps=(step,)) for uid in range(1, changed + 1))
    mailbox = MailboxPlan(account="home", mailbox="INBOX", uidvalidity=1, messages=messages, judged=judged)
    return Plan(created=NOW, rules_hash="h", mailboxes=(mailbox,), undo_of=undo_of)


@pytest.mark.parametrize(
    ("changed", "judged"),
    [
        (0, 0),
        (SMALL_CHANGE, SMALL_CHANGE),
        (SMALL_CHANGE + 1, int((SMALL_CHANGE + 1) / LARGE_SHARE)),
        (MANY_MESSAGES, MANY_MESSAGES * 10),
    ],
)
def test_a_small_plan_just_runs(changed: int, judged: int) -> None:
    assert why_yes_is_needed(plan(changed=changed, judged=judged)) == ""


@pytest.mark.parametrize(
    ("changed", "judged", "reason"),
    [
        (SMALL_CHANGE + 1, SMALL_CHANGE + 1, "51 of 51 messages in home/INBOX"),
        (SMALL_CHANGE + 1, int(SMALL_CHANGE / LARGE_SHARE), "51 of 500 messages"),
        (MANY_MESSAGES + 1, 1_000_000, "changes 501 messages"),
    ],
)
def test_a_large_plan_waits_for_a_yes(changed: int, judged: int, reason: str) -> None:
    assert reason in why_yes_is_needed(plan(changed=changed, judged=judged))


def test_a_plan_that_deletes_waits_for_a_yes_however_small() -> None:
    assert "deletes 1 messages for ever" in why_yes_is_needed(plan(changed=1, judged=1000, kind=StepKind.DELETE))


def test_the_deletions_of_an_undo_are_of_our_own_copies() -> None:
    undo = plan(changed=1, judged=1000, kind=StepKind.DELETE, undo_of="20261123-120000")

    assert why_yes_is_needed(undo) == ""


def test_the_command_that_carries_a_saved_plan_out_can_be_pasted_into_a_shell(served: Program) -> None:
    saved = served.folder / "my plan.json"

    said = served.run("dry-run", "--save", str(saved)).stderr

    assert f"mailrules apply '{saved}'" in said


@pytest.mark.parametrize(("answer", "status", "is_flagged"), [("y\n", 0, True), ("n\n", 1, False), ("\n", 1, False)])
def test_a_person_at_a_terminal_is_asked(
    served: Program, mail: MailAccount, answer: str, status: int, is_flagged: bool
) -> None:
    saved = served.folder / "plan.json"
    served.run("dry-run", "--save", str(saved))
    command = [sys.executable, "-m", "mailrules", "-c", str(served.config), "--state-dir", str(served.state)]

    ours, theirs = pty.openpty()
    with subprocess.Popen([*command, "apply", str(saved)], stdin=theirs, stderr=subprocess.PIPE, text=True) as process:
        os.write(ours, answer.encode())
        assert process.stderr is not None
        question = process.stderr.readline()
        process.wait(timeout=60)
    os.close(ours)
    os.close(theirs)

    assert question.startswith("4 messages: 1 flag change, 3 moves. Carry this out? [y/N] ")
    assert process.returncode == status
    assert any("\\Flagged" in one.flags for one in mail["INBOX"].messages.values()) is is_flagged
