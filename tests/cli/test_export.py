"""Tests of ``export``: which rules are written, where they go, what is told, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

CONFIG = """version: 1
accounts:
  home: {host: imap.example.org, user: me@example.org, secret: {env: PASSWORD}}
  work: {host: imap.example.com, user: me@example.com, secret: {env: PASSWORD}}
defaults: {in: [home/INBOX]}
rules:
  - {name: big, if: {size: {over: 1MiB}}, do: [{move: Large}]}
  - {name: news, if: {body: unsubscribe}, do: [{move: News}]}
  - {name: rest, if: {subject: hello}, do: [{flag: seen}]}
"""


def config(program: Program, text: str = CONFIG) -> tuple[str, str]:
    path = program.folder / "export.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return ("--config", str(path))


def test_the_script_goes_to_stdout_and_what_is_refused_is_told_with_its_place(program: Program) -> None:
    result = program.run("export", "sieve", *config(program))

    assert result.exit_code == 7
    assert result.stdout.startswith('require "fileinto";\n')
    assert "export.yaml:8:23: refused: rule news: `body` has no exact counterpart" in result.stderr
    assert "export.yaml:9:12: refused: rule rest: the rule 'news' before it may end the judging" in result.stderr
    assert "3 rules: 1 exact, 2 refused." in result.stderr


def test_chosen_rules_stand_alone(program: Program) -> None:
    result = program.run("export", "sieve", *config(program), "--rule", "rest")

    assert result.exit_code == 0
    assert "Large" not in result.stdout
    assert 'addflag "\\\\Seen";' in result.stdout


def test_the_document_names_file_and_line(program: Program) -> None:
    script = program.folder / "new.sieve"

    result = program.run("export", "sieve", *config(program), "-o", str(script), "--json")

    document = json.loads(result.stdout)
    assert [one["exported"] for one in document["rules"]] == [True, False, False]
    assert document["findings"][1]["line"] == 8
    assert script.read_text().count("fileinto") == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--rule", "nope"), "no rule 'nope'"),
        (("--account", "nope"), "no account 'nope'"),
        (("--separator", "//"), "one sign"),
        (("--json",), "needs a file"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(program: Program, arguments: tuple[str, ...], why: str) -> None:
    result = program.run("export", "sieve", *config(program), *arguments)

    assert result.exit_code == 2
    assert why in " ".join(result.stderr.split())


def test_rules_for_several_inboxes_need_an_account(program: Program) -> None:
    both = config(program, CONFIG.replace("[home/INBOX]", "[home/INBOX, work/INBOX]"))

    result = program.run("export", "sieve", *both)

    assert result.exit_code == 2
    assert "home, work" in result.stderr
