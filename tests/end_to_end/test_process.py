"""The program as most of these tests start it, forked, is the program as a person starts it."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.job import Ended, ending_of
from tests.jobs.process import Process

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("words", [["check"], ["no-such-verb"]])
def test_it_says_and_ends_as_python_m_mailrules_does(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "mailrules.yaml"
    config.write_text(
        "version: 1\naccounts: {home: {host: imap.example.org, user: ünï, secret: {env: X}}, nonsense: 1\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAILRULES_CONFIG", "mailrules.yaml")

    forked = ending_of(Process(*words))

    started = subprocess.run([sys.executable, "-m", "mailrules", *words], capture_output=True, text=True, check=False)
    assert forked == Ended(status=started.returncode, out=started.stdout, err=started.stderr)
    assert forked.status != 0


def test_a_signal_that_ends_it_is_its_status(tmp_path: Path) -> None:
    program = Process("-c", str(tmp_path / "none.yaml"), "demo", "--keep")

    program.kill()

    assert ending_of(program).status == -signal.SIGKILL
