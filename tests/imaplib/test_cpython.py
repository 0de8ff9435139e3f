"""CPython's own tests of imaplib pass on our module, on every interpreter at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.imaplib.cpython_runner import NO_TEST_PACKAGE
from tests.imaplib.interpreters import interpreters

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
RUNNER = Path(__file__).parent / "cpython_runner.py"
RUN_SECONDS = 120
FEWEST_TESTS = 80
"""Fewer than this would mean that another module was loaded in the tests' place; every release has more."""


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """One run for each version, all at once: they spend their time waiting."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    started = {
        version: subprocess.Popen(
            [programs[0], "-W", "error:::mailrules", str(RUNNER)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for version, programs in interpreters().items()
    }
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


def summary_of(run: subprocess.Popen[str]) -> dict[str, object] | None:
    """What a run says of itself, None where its interpreter has no tests."""
    output, errors = run.communicate(timeout=RUN_SECONDS)
    if run.returncode == NO_TEST_PACKAGE:
        return None
    assert run.returncode == 0, errors
    summary: dict[str, object] = json.loads(output)
    return summary


def test_the_tests_of_every_interpreter_pass(runs: dict[str, subprocess.Popen[str]]) -> None:
    summaries = {version: summary_of(run) for version, run in runs.items()}

    assert "{}.{}".format(*sys.version_info) in summaries
    for version, summary in summaries.items():
        if summary is not None:
            assert summary["tested"] == "mailrules.client.imaplib"
            assert summary["failed"] == [], (version, summary["output"])
            assert summary["ran"] >= FEWEST_TESTS
            assert [test for test in summary["passed_over"] if "Remote" not in test] == []
    without = [f"python{version}" for version, summary in summaries.items() if summary is None]
    if without:
        told = f"no test package in {', '.join(without)}; Debian has them as libpython3.N-testsuite"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)


def test_the_drop_in_needs_the_standard_library_only(tmp_path: Path) -> None:
    script = "import sys, mailrules.client.imaplib; print(*sorted({n.partition('.')[0] for n in sys.modules}))"

    for program in (programs[0] for programs in interpreters().values()):
        done = subprocess.run(
            [program, "-S", "-c", script],
            env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        loaded = {name for name in done.stdout.split() if not name.startswith("_")}
        assert loaded - set(sys.stdlib_module_names) == {"mailrules"}
        assert "asyncio" not in loaded
