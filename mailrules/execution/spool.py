"""The files that hold what goes out until it is settled: of ours alone, and never named by mail."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

FOLDER_NAME = "outbox"
_KEY_NAME = "loop-key"
_KEY_BYTES = 32


class Spool:
    """A folder 0700 in the state directory with one file 0600 for each effect that is not settled."""

    def __init__(self, state_directory: Path) -> None:
        self._folder = state_directory / FOLDER_NAME

    def path(self, name: str) -> Path:
        """Where a file of ours is."""
        return self._folder / name

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        """A new file in place of an older one; on disk when the block has ended well, gone when it raised."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.path(name)
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            self._sync_folder()
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        """What is settled needs its file no longer."""
        if name:
            self.path(name).unlink(missing_ok=True)

    def keep_only(self, names: Collection[str]) -> None:
        """Remove what a killed process left without having written its intent."""
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            if path.name not in {*names, _KEY_NAME}:
                path.unlink(missing_ok=True)

    def loop_key(self) -> bytes:
        """This installation's key for loop marks, made when it is first asked for."""
        path = self.path(_KEY_NAME)
        key = path.read_bytes() if path.exists() else b""
        # A process that was killed while it wrote leaves a shorter one, with which no mark was made yet.
        if len(key) != _KEY_BYTES:
            key = secrets.token_bytes(_KEY_BYTES)
            with self.write(_KEY_NAME) as file:
                file.write(key)
        return key

    def known_loop_key(self) -> bytes:
        """The same where it was made before; else one with which no mark was ever made. Nothing is written."""
        path = self.path(_KEY_NAME)
        key = path.read_bytes() if path.exists() else b""
        return key if len(key) == _KEY_BYTES else secrets.token_bytes(_KEY_BYTES)

    def _sync_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
