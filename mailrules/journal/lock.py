"""Is another mailrules at work on this state directory? Run, apply and undo share one lock."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mailrules.errors import JournalError
from mailrules.file_trust import distrust
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


LOCK_NAME = "lock"
ATTEMPTS = 10_000
"""So often somebody who only asks may be met."""


class StateLocked(JournalError):
    """Another process holds the lock; ``holder`` is what it wrote about itself ("" if unreadable)."""

    def __init__(self, path: Path, *, holder: str) -> None:
        self.path, self.holder = path, holder
        who = f" ({holder})" if holder else ""
        super().__init__(
            f"another mailrules is at work{who} and holds {path}; wait until it ends, or stop it,"
            " or use another --state-dir for other accounts"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who is at work: the verb (``run``, ``daemon``, ``apply``, ``undo``) and its process; 0 where it did not say."""

    purpose: str
    process: int

    @classmethod
    def of(cls, text: str) -> Holder:
        """What ``state_lock`` wrote."""
        purpose, _, process = text.partition(", process ")
        return cls(purpose=purpose, process=int(process) if process.isdigit() else 0)


@contextmanager
def state_lock(state_dir: Path, *, purpose: str = "mailrules") -> Iterator[None]:
    """Hold the state directory's lock; ``purpose`` tells the next one who asks ("run", "undo").

    The kernel drops the lock with the process, so a killed one leaves nothing to clean up.
    Raises StateLocked.
    """
    path = state_dir / LOCK_NAME
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"cannot make the lock file {path}: {error.strerror}; check --state-dir") from error
    try:
        if reason := distrust(state_dir) or distrust(path, status=os.fstat(handle)):
            raise JournalError(f"the state directory cannot be trusted: {reason}")
        if not _locked(handle):
            raise StateLocked(path, holder=_holder(handle))
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{purpose}, process {os.getpid()}\n".encode(), 0)
        except OSError as error:
            raise JournalError(f"cannot write the lock file {path}: {error.strerror}; free some space there") from error
        yield
    finally:
        os.close(handle)


def lock_holder(state_dir: Path) -> Holder | None:
    """Who is at work there now, None if nobody; nothing is made or changed. Raises JournalError."""
    path = state_dir / LOCK_NAME
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"cannot read the lock file {path}: {error.strerror}; check --state-dir") from error
    try:
        return None if _is_shared(handle) else Holder.of(_holder(handle))
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Take the lock; whoever only asks who holds it shares it for less than a moment, and does not count."""
    for _ in range(ATTEMPTS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not _is_shared(handle):
                return False
            os.sched_yield()
        else:
            return True
    return False


def _is_shared(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> str:
    return os.pread(handle, 200, 0).decode("utf-8", "replace").strip()
