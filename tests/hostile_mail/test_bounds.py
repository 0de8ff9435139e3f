"""Every hostile mail is judged without an exception, in bounded time and memory, and twice alike."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile_mail.corpus import MAILS
from tests.hostile_mail.judging import CONTROLS, SECONDS

PATIENCE_SECONDS = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the judging process says of one mail."""

    verdict: str
    ended: int
    is_repeated: bool
    cpu_seconds: float
    error: str


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """All mails, judged by one process that forks for each."""
    command = [sys.executable, "-m", "tests.hostile_mail.judging"]
    root = Path(__file__).parents[2]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    documents = [json.loads(line) for line in ended.stdout.splitlines()]
    return {document.pop("name"): Outcome(**document) for document in documents}


@pytest.mark.parametrize("name", MAILS)
def test_it_is_judged_without_an_exception_in_bounded_time_and_memory(name: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[name]

    assert outcome.ended == 0, outcome.error
    assert outcome.cpu_seconds < SECONDS
    assert outcome.verdict


def test_every_mail_gets_the_same_verdict_twice(outcomes: dict[str, Outcome]) -> None:
    assert [name for name in MAILS if not outcomes[name].is_repeated] == []


@pytest.mark.parametrize("name", CONTROLS)
def test_the_limits_stop_what_passes_them(name: str, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name].ended != 0
