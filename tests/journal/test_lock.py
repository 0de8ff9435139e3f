"""Whether two of us can work on one state directory (they cannot)."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import JournalError
from mailrules.journal.lock import StateLocked, state_lock

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_one_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with state_lock(tmp_path, purpose="run"), pytest.raises(StateLocked) as refused, state_lock(tmp_path):
        pass

    assert refused.value.holder == f"run, process {os.getpid()}"
    assert "another mailrules is at work (run, process" in str(refused.value)


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    with state_lock(tmp_path / "state", purpose="a longer purpose than the next"):
        pass

    with state_lock(tmp_path / "state", purpose="undo"):
        assert (tmp_path / "state" / "lock").read_text() == f"undo, process {os.getpid()}\n"


def test_a_directory_that_cannot_be_made_is_a_journal_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(JournalError, match="check --state-dir"), state_lock(tmp_path / "file" / "state"):
        pass


def test_a_disk_without_room_for_the_lock_is_a_journal_error_and_frees_the_lock(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(JournalError, match="lock: File too large; free some space"), state_lock(tmp_path):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    with state_lock(tmp_path):
        pass
