"""Rule files that are no files, or too much: told in one line, in no time, and without the memory for them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Program

PATIENCE_SECONDS = 60
HEAD = "version: 1\naccounts: {home: {host: 127.0.0.1, user: a, secret: {env: X}}}\ndefaults: {in: [home/INBOX]}\n"


@pytest.fixture(params=["a pipe", "a device", "a link to a device"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What opens, and gives nothing or never ends."""
    path = tmp_path / "odd.yaml"
    if request.param == "a pipe":
        os.mkfifo(path, 0o600)
    elif request.param == "a link to a device":
        path.symlink_to("/dev/zero")
    return "/dev/zero" if request.param == "a device" else str(path)


def check(config: Path) -> str:
    """What `mailrules check` says, with 3 for its exit status."""
    command = [sys.executable, "-m", "mailrules", "-c", str(config), "check"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert ended.returncode == 3, ended
    return ended.stdout


def test_a_configuration_that_is_no_file_is_refused(odd: str, tmp_path: Path) -> None:
    link = tmp_path / "mailrules.yaml"
    link.symlink_to(odd)

    assert "this is no regular file" in check(link)


@pytest.mark.parametrize("text", ["include: ['{odd}']\n", "lists: {{x: {{file: '{odd}'}}}}\n"])
def test_what_a_configuration_names_is_refused_too(program: Program, odd: str, text: str) -> None:
    program.write(HEAD + text.format(odd=odd))

    result = program.run("check")

    assert result.exit_code == 3
    assert "this is no regular file" in result.stdout


def test_a_file_beyond_the_limit_is_refused_without_being_read_whole(program: Program) -> None:
    program.write(HEAD)
    os.truncate(program.config, 8 << 30)  # a hole, which takes no room on the disk

    result = program.run("check")

    assert result.exit_code == 3
    assert "has over 4194304 bytes" in result.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: " + "[" * 100_000, "nested deeper than 32 levels"),
        ("rules: [&a [x, x], *a]", 'the anchor "&a" is not allowed'),
        ("rules: [{name: a, if: {subject: {regex: '(a{1000}){1000}'}}, do: [keep]}]", "does not compile"),
        ("rules: [{name: a, if: {subject: {glob: '" + "*a" * 6_000 + "'}}, do: [keep]}]", "over 10,000"),
    ],
    ids=["deep", "a bomb of aliases", "a regex that grows", "a long glob"],
)
def test_bombs_are_mistakes_with_a_place(program: Program, text: str, says: str) -> None:
    program.write(HEAD + text)

    result = program.run("check")

    assert result.exit_code == 3
    assert says in result.stdout
