"""Where the journal's bytes are: one SQLite file, one thread, short transactions, and errors with a cure."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from mailrules.errors import JournalError
from mailrules.journal.migrations import Migration, all_migrations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

APPLICATION_ID = 0x6D72756C
"""``mrul``: tells our file from any other SQLite database (PRAGMA application_id)."""

_CURES = (
    ("disk is full", "free some space there; nothing more was sent, and the next run settles what was under way"),
    ("no space left", "free some space there; nothing was sent"),
    ("disk i/o error", "check the disk and its free space"),
    ("readonly", "make the file and its directory writable for this user"),
    ("permission denied", "make the file and its directory writable for this user, or give another --state-dir"),
    ("unable to open", "check that the directory exists and is writable for this user, or give another --state-dir"),
    ("locked", "another program holds the file; end it and try again"),
    ("not a database", "restore it from a backup, or move it away: its undo history and ledger are then lost"),
    ("malformed", "restore it from a backup, or move it away: its undo history and ledger are then lost"),
)


class Database:
    """The open file. ``write`` and ``read`` run one piece of work each, in order, on the journal's thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open or make the file and bring it to today's schema. Raises JournalError."""
        try:
            await self._submit(self._open)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the file after the work that was submitted before."""
        await self._submit(self._close)
        self._thread.shutdown(wait=False)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a transaction; when this returns it is on disk. Raises JournalError."""
        return await self._submit(lambda: self._transaction(work))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work``, which only reads. Raises JournalError."""
        return await self._submit(lambda: work(self._opened()))

    async def _submit(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> JournalError:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        cure = next((cure for sign, cure in _CURES if sign in cause.lower()), "check the file and its directory")
        return JournalError(f"cannot use the journal {self.path}: {cause}; {cure}")

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise JournalError(f"the journal {self.path} is closed")
        return self._connection

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            # A full disk has already rolled back.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _open(self) -> None:
        _make_private(self.path)
        # The transactions are ours, so the module must not begin any (isolation_level None).
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5.0)
        connection = self._connection
        # A foreign file is refused before anything in it is changed.
        version = _checked_version(connection, self.path)
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on disk when it returns, not only safe from corruption.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        for migration in all_migrations()[version:]:
            _migrate(connection, migration)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        if mode & 0o022:
            raise JournalError(
                f"the journal {path} can be written by others (mode {mode:04o}), so it cannot be trusted;"
                f" look at it, then `chmod 600 {path}`"
            )
        os.fchmod(handle, 0o600)
    finally:
        os.close(handle)


def _checked_version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (tables or application):
        raise JournalError(f"{path} is another program's SQLite database; give another --state-dir")
    newest = all_migrations()[-1].version
    if version > newest:
        raise JournalError(
            f"the journal {path} was made by a newer mailrules (schema {version}, this one knows {newest});"
            " upgrade mailrules, or give another --state-dir"
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, migration: Migration) -> None:
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{migration.sql}\n"
            f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {migration.version};\nCOMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
