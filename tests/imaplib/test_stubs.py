"""Our module has every class, method, parameter and attribute that typeshed's stub of imaplib has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_stubtest_finds_nothing_but_what_is_listed_and_explained() -> None:
    words = ["imaplib", "--concise", "--allowlist", str(HERE / "stubtest_allowlist.txt")]

    done = subprocess.run(
        [sys.executable, str(HERE / "stubtest_runner.py"), *words],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
