"""Tests of the demo: what it shows, held to a page, and that it restores what it found."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from mailrules.cli.main import main

if TYPE_CHECKING:
    from tests.cli.conftest import Program

PAGE = Path(__file__).with_name("demo.txt")


def without_times(text: str) -> str:
    """Runs are named by when they began."""
    return re.sub(r"\d{8}-\d{6}(-\d+)?", "RUN", text)


def test_the_demo_shows_the_whole_job(program: Program) -> None:
    result = program.run("demo")

    assert result.exit_code == 0
    assert without_times(result.stdout) == PAGE.read_text(encoding="utf-8")
    assert result.stderr == ""


def test_the_demo_touches_none_of_the_users_files(program: Program) -> None:
    program.run("demo")

    assert list(program.folder.iterdir()) == []


def test_the_server_that_is_kept_can_be_used_until_ctrl_c(program: Program) -> None:
    command = [sys.executable, "-u", "-m", "mailrules", "demo", "--keep"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "Ctrl-C ends it.\n")
            dry_run = next(line.split() for line in lines if line.endswith(" dry-run\n"))
            for _ in lines:
                pass

            result = CliRunner().invoke(main, dry_run[1:])
            process.send_signal(signal.SIGINT)

            assert process.wait(timeout=30) == 0
        finally:
            process.kill()  # else leaving the block would wait for it for ever
    assert "10 messages: 4 flag changes, 2 copies, 7 moves." in result.stdout
    assert not Path(dry_run[2]).exists()
