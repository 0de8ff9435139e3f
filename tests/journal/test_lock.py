"""Whether two of us can work on one state directory (they cannot)."""

from __future__ import annotations

import os
import resource
import threading
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import JournalError
from mailrules.journal.lock import Holder, StateLocked, lock_holder, state_lock

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


def test_who_holds_the_lock_is_told_to_whoever_asks_and_nobody_else_is_hindered(tmp_path: Path) -> None:
    assert lock_holder(tmp_path) is None, "there is no lock file yet, and none is made"
    assert list(tmp_path.iterdir()) == []

    with state_lock(tmp_path, purpose="daemon"):
        assert lock_holder(tmp_path) == Holder(purpose="daemon", process=os.getpid())

    assert lock_holder(tmp_path) is None


def test_whoever_only_asks_does_not_keep_a_run_from_the_lock(tmp_path: Path) -> None:
    with state_lock(tmp_path):
        pass
    asked, ended = threading.Event(), threading.Event()

    def ask() -> None:
        while not ended.is_set():
            lock_holder(tmp_path)
            asked.set()

    asking = threading.Thread(target=ask)
    asking.start()
    asked.wait()
    try:
        for _ in range(300):
            with state_lock(tmp_path):
                pass
    finally:
        ended.set()
        asking.join()


@pytest.mark.parametrize("name", ["", "lock"])
def test_a_lock_that_others_can_write_is_refused(tmp_path: Path, name: str) -> None:
    with state_lock(tmp_path):
        pass
    (tmp_path / name).chmod(0o777)

    with pytest.raises(JournalError, match=r"cannot be trusted: everybody may write"), state_lock(tmp_path):
        pass
