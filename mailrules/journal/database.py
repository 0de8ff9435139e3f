"""Where the journal's bytes are: one SQLite file, one thread, short transactions, and errors with a cure."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from mailrules.errors import JournalError
from mailrules.journal.opening import open_to_read, open_to_write, refuse_newer_schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

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
    """The open file. ``write`` and ``read`` run one piece of work each, in order, on the journal's thread.

    One that ``only_reads`` may be open beside the one that writes, any number of times.
    """

    def __init__(self, path: Path, *, only_reads: bool = False) -> None:
        self.path, self._only_reads = path, only_reads
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file; the one that writes makes it and brings it to today's schema. Raises JournalError."""
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
            refuse_newer_schema(connection, self.path)
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            # A full disk has already rolled back.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _open(self) -> None:
        self._connection = open_to_read(self.path) if self._only_reads else open_to_write(self.path)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
