"""Tests of the plugin as mailrules uses it: installed, named in a configuration, on a server in memory."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from mailrules.cli.main import main
from mailrules.plugin_manager import PluginManager
from mailrules.testing.builders import message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.threaded_server import serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mailrules.testing.mail_state import MailAccount

PRETENDER = message(from_='"service@bank.example" <x@other.example>', subject="Act now", message_id="<1@other.example>")
NEWSLETTER = message(from_='"news@shop.example" <x@sender.example>', message_id="<2@sender.example>")
FRIEND = message(from_="Bo <bo@people.example>", message_id="<3@people.example>")
NOBODY = message(from_=None, message_id="<4@nowhere.example>")


class Program:
    """mailrules with this plugin, on a mailbox with four messages."""

    def __init__(self, folder: Path, server: ImapServer) -> None:
        self.folder, self.mail = folder, server.mail
        self.record = folder / "pretenders.jsonl"
        self._port = server.port
        (folder / "password").touch(mode=0o600)
        (folder / "password").write_text(server.mail.password)
        self.write("{lookalike: {ignore: [sender.example]}}")

    def write(self, condition: str, *, action: str = "") -> None:
        action = action or f"record: {self.record}"
        lines = (
            "version: 1",
            "plugins: [lookalike]",
            "accounts:",
            f"  home: {{host: 127.0.0.1, port: {self._port}, security: none, user: ann,",
            f"    secret: {{file: {self.folder / 'password'}}}}}",
            "defaults: {in: [home/INBOX]}",
            "rules:",
            f"  - {{name: pretenders, if: {condition}, do: [{{{action}}}, {{flag: flagged}}]}}",
        )
        (self.folder / "mailrules.yaml").write_text("\n".join(lines))

    def run(self, *arguments: str) -> Result:
        files = ["-c", str(self.folder / "mailrules.yaml"), "--state-dir", str(self.folder / "state")]
        return CliRunner().invoke(main, [*files, *arguments], env={"COLUMNS": "140"})

    def flagged(self) -> list[int]:
        return [uid for uid, stored in self.mail["INBOX"].messages.items() if "\\Flagged" in stored.flags]


@pytest.fixture
def program(tmp_path: Path, mail_account: MailAccount) -> Iterator[Program]:
    for content in (PRETENDER, NEWSLETTER, FRIEND, NOBODY):
        mail_account.add("INBOX", content)
    with serve_in_thread(ImapServer(mail_account)) as server:
        yield Program(tmp_path, server)


def test_the_plugin_is_found_by_its_entry_point() -> None:
    (found,) = [one for one in PluginManager.create(["lookalike"]).installed() if one.name == "lookalike"]

    assert (found.distribution, found.enabled) == ("mailrules-lookalike", True)


def test_a_pretender_is_acted_on_and_recorded_privately(program: Program) -> None:
    result = program.run("run", "--once")

    assert result.exit_code == 0, result.output
    assert program.flagged() == [1]
    (line,) = [json.loads(one) for one in program.record.read_text().splitlines()]
    assert (line["message_id"], line["rule"], line["mailbox"]) == ("<1@other.example>", "pretenders", "INBOX")
    assert stat.S_IMODE(program.record.stat().st_mode) == 0o600


def test_a_message_is_recorded_once_however_often_the_rule_runs(program: Program) -> None:
    for _ in range(3):
        assert program.run("run", "--once").exit_code == 0

    assert len(program.record.read_text().splitlines()) == 1


def test_a_dry_run_records_nothing_and_says_that_there_is_no_undo(program: Program) -> None:
    result = program.run("dry-run")

    assert "record (no undo)" in " ".join(result.stdout.split())
    assert not program.record.exists()


def test_explain_shows_the_reason(program: Program) -> None:
    assert (
        "the name shows bank.example, the address is at other.example" in program.run("explain", "home/INBOX:1").stdout
    )


def test_without_an_ignore_list_newsletter_services_count_too(program: Program) -> None:
    program.write("{lookalike: true}")

    program.run("run", "--once")

    assert program.flagged() == [1, 2]


def test_a_file_that_cannot_be_opened_leaves_the_step_out(program: Program) -> None:
    program.record.mkdir()

    result = program.run("run", "--once")

    assert result.exit_code == 7
    assert "cannot open" in result.stdout


@pytest.mark.parametrize(
    ("condition", "action", "message"),
    [
        ("{lookalike: false}", "", "lookalike"),
        ("{lookalike: {ignored: [a.example]}}", "", "ignored"),
        ("{lookalike: true}", "record: relative.jsonl", "record needs the path of a file"),
    ],
)
def test_options_written_wrong_are_diagnostics(program: Program, condition: str, action: str, message: str) -> None:
    program.write(condition, action=action)

    result = program.run("check")

    assert result.exit_code == 3
    assert message in result.stdout


def test_the_command_judges_an_author(program: Program) -> None:
    assert program.run("lookalike", '"a@bank.example" <x@other.example>').stdout.startswith("lookalike: the name shows")
    assert program.run("lookalike", "Bo <bo@people.example>").stdout == "no lookalike\n"
    assert program.run("lookalike", "").exit_code == 2
