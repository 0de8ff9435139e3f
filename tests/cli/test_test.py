"""The verb ``test``: examples, messages on disk, and what refuses to act while an example fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.hostile_mail.corpus import MAILS
from tests.hostile_mail.judging import RULES as HOSTILE_RULES
from tests.hostile_mail.screens import unclean

if TYPE_CHECKING:
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program

RULES = """
version: 1
accounts: {home: {host: imap.example.org, user: ann, secret: {env: PASSWORD}}}
defaults: {in: [home/INBOX]}
rules:
  - {name: old bills, if: {subject: bill, received: {older_than: 30d}}, do: [{flag: seen}]}
  - {name: bills, if: {subject: bill}, do: [{keyword: Bill}, {move: Bills}]}
  - {name: never, in: [home/Other], if: always, do: [{flag: flagged}]}
"""
MAIL = b"Date: Tue, 4 Mar 2025 09:30:00 +0000\nFrom: Shop <s@shop.example>\nSubject: A bill\n\nPay.\n"
SHOWN = """\
{file}  Shop <s@shop.example>  A bill
  in home/INBOX at 2025-03-04 09:30:00+00:00
  matches bills
  +Bill  bills: subject matched A bill
  → Bills  bills: subject matched A bill

"""


def test_a_message_on_disk_is_shown_with_what_the_rules_do(program: Program) -> None:
    program.write(RULES)
    file = program.folder / "bill.eml"
    file.write_bytes(MAIL)

    shown = program.run("test", str(file))
    told = json.loads(program.run("test", str(file), "--now", "2026-01-01T00:00:00+00:00", "--json").stdout)
    elsewhere = json.loads(program.run("test", str(file), "--mailbox", "home/Other", "--json").stdout)

    assert (shown.exit_code, shown.stdout) == (0, SHOWN.format(file=file))
    assert told["examples"] == []
    assert told["files"][0]["matched"] == ["old bills", "bills"]
    assert told["files"][0]["now"] == "2026-01-01T00:00:00+00:00"
    assert elsewhere["files"][0]["mailbox"] == "Other"
    assert elsewhere["files"][0]["matched"] == ["never"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--now", "2026-01-01"), "is a day; write an instant"),
        (("--now", "soon"), '"soon" is not a date'),
        (("--mailbox", "Nowhere"), "no rule looks at the mailbox 'Nowhere'"),
    ],
)
def test_a_wrong_option_is_a_usage_error(program: Program, arguments: tuple[str, ...], words: str) -> None:
    program.write(RULES)
    file = program.folder / "bill.eml"
    file.write_bytes(MAIL)

    with_file, without = program.run("test", str(file), *arguments), program.run("test", "--mailbox", "home/Other")

    assert (with_file.exit_code, without.exit_code) == (2, 2)
    assert words in " ".join(with_file.stderr.split())
    assert "--mailbox and --now go with files" in without.stderr


def test_hostile_mail_on_disk_is_shown_clean(program: Program) -> None:
    program.write(
        "version: 1\naccounts: {home: {host: imap.example.org, user: ann, secret: {env: PASSWORD}}}\n"
        f"defaults: {{in: [home/INBOX]}}\n{HOSTILE_RULES}"
    )
    files = []
    for number, make in enumerate(MAILS.values()):
        content = make()
        if len(content) < 100_000:
            files.append(program.folder / f"{number}.eml")
            files[-1].write_bytes(content)

    shown = program.run("test", *map(str, files))

    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("home/INBOX") >= len(files)
    assert unclean(shown.stdout) == []
    assert unclean(shown.stderr) == []


@pytest.fixture
def failing(served: Program) -> Program:
    with served.config.open("a", encoding="utf-8") as file:
        file.write("tests:\n  - {name: it is wrong, given: {from: x@y.example}, expect: {matched: [boss]}}\n")
    return served


def test_a_plan_is_not_applied_while_an_example_fails_unless_it_is_named(failing: Program, mail: MailAccount) -> None:
    plan = failing.folder / "plan.json"
    failing.run("dry-run", "--save", str(plan))

    refused = failing.run("apply", str(plan), "--yes")
    named = failing.run("apply", str(plan), "--yes", "--allow-failing", "another")
    before = mail["INBOX"].messages.keys() & {1, 2, 3}
    applied = failing.run("apply", str(plan), "--yes", "--allow-failing", "it is wrong")

    assert (refused.exit_code, named.exit_code, applied.exit_code) == (3, 3, 0)
    assert "act in spite of it with: --allow-failing 'it is wrong'" in refused.stderr
    assert before == {1, 2, 3}
    assert not mail["INBOX"].messages.keys() & {1, 2, 3}


def test_a_run_acts_in_spite_of_a_named_example_and_undo_asks_for_none(failing: Program) -> None:
    refused = failing.run("run", "--once", "--yes")
    acted = failing.run("run", "--once", "--yes", "--allow-failing", "it is wrong")
    undone = failing.run("undo", "--yes")

    assert (refused.exit_code, acted.exit_code, undone.exit_code) == (3, 0, 0)
