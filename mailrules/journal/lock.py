"""Is another mailrules at work on this state directory? Run, apply and undo share one lock."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mailrules.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StateLocked(JournalError):
    """Another process holds the lock; ``holder`` is what it wrote about itself ("" if unreadable)."""

    def __init__(self, path: Path, *, holder: str) -> None:
        self.path, self.holder = path, holder
        who = f" ({holder})" if holder else ""
        super().__init__(
            f"another mailrules is at work{who} and holds {path}; wait until it ends, or stop it,"
            " or use another --state-dir for other accounts"
        )


@contextmanager
def state_lock(state_dir: Path, *, purpose: str = "mailrules") -> Iterator[None]:
    """Hold the state directory's lock; ``purpose`` tells the next one who asks ("run", "undo").

    The kernel drops the lock with the process, so a killed one leaves nothing to clean up.
    Raises StateLocked.
    """
    path = state_dir / "lock"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"cannot make the lock file {path}: {error.strerror}; check --state-dir") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip()
            raise StateLocked(path, holder=holder) from None
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{purpose}, process {os.getpid()}\n".encode(), 0)
        except OSError as error:
            raise JournalError(f"cannot write the lock file {path}: {error.strerror}; free some space there") from error
        yield
    finally:
        os.close(handle)
