"""How the journal's file is opened: by the one that writes, or by any number that only read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from mailrules.errors import JournalError
from mailrules.file_trust import distrust
from mailrules.journal.lock import lock_holder
from mailrules.journal.migrations import Migration, all_migrations

APPLICATION_ID = 0x6D72756C
"""``mrul``: tells our file from any other SQLite database (PRAGMA application_id)."""

BUSY_SECONDS = 5.0
"""How long to wait for another's transaction; each takes milliseconds."""


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open or make the file, private and at today's schema; what an upgrade changes is kept in a copy beside it.

    Raises JournalError, or what SQLite or the system says.
    """
    _make_private(path)
    # The transactions are ours, so the module must not begin any (isolation_level None).
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    try:
        # A foreign file is refused before anything in it is changed.
        version = _checked_version(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on disk when it returns, not only safe from corruption.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        migrations = all_migrations()[version:]
        if version and migrations:
            _refuse_under_another(path)
            _back_up(connection, backup_path(path, version))
        _migrate_all(connection, migrations)
        _birth_mark(path).unlink(missing_ok=True)
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open what is there, as it is while another process writes; nothing is changed, made or upgraded.

    An older schema is read from an upgraded copy in memory, a file that is not there yet is an empty journal.
    Raises JournalError, or what SQLite or the system says.
    """
    if not path.exists() or _is_unborn(path):
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        _migrate_all(connection, all_migrations())
        return connection
    _refuse_if_open_to_others(path)
    connection = _connect_read_only(path)
    try:
        version = _checked_version(connection, path)
        if migrations := all_migrations()[version:]:
            with closing(connection) as older:
                connection = _in_memory(older)
            _migrate_all(connection, migrations)
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def schema_of(path: Path) -> int:
    """The schema of the file as it stands. Raises JournalError."""
    try:
        with closing(_connect_read_only(path)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"cannot read {path}: {error}; restore it from a backup, or move it away") from error
    return int(version)


def refuse_newer_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raise JournalError where a newer version has upgraded the file, even while we are at work by it."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    newest = len(all_migrations())
    if version > newest:
        raise JournalError(
            f"the journal {path} was made by a newer mailrules (schema {version}, this one knows {newest});"
            f" upgrade mailrules, put back the copy from before the upgrade ({backup_path(path, newest).name}) if there"
            " is one, or give another --state-dir"
        )


def backup_path(path: Path, version: int) -> Path:
    """Where the copy from before an upgrade of this schema is kept."""
    return path.with_name(f"{path.name}.schema-{version}")


def _connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection to the file itself, or to a copy where the directory does not let readers in.

    Readers of a journal in WAL mode need its ``-shm`` file, which cannot be made in a read-only directory.
    """
    connection = _connect(path, "mode=ro")
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
            raise
        with tempfile.TemporaryDirectory(prefix="mailrules-") as folder:
            for file in (path, wal_path(path)):
                with suppress(FileNotFoundError):
                    shutil.copy(file, Path(folder) / file.name)
            with closing(_connect(Path(folder) / path.name, "mode=rw")) as copied:
                return _in_memory(copied)
    return connection


def wal_path(path: Path) -> Path:
    """SQLite's log of what is committed and not yet in the file."""
    return path.with_name(f"{path.name}-wal")


def _connect(path: Path, options: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?{options}"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)


def _in_memory(source: sqlite3.Connection) -> sqlite3.Connection:
    copied = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        source.backup(copied)
    except BaseException:
        copied.close()
        raise
    return copied


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if reason := distrust(path.parent):
        raise JournalError(f"the state directory cannot be trusted: {reason}")
    if not path.exists():
        os.close(os.open(_birth_mark(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    _is_unborn(path)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _refuse_if_open_to_others(path)
        os.fchmod(handle, 0o600)
    finally:
        os.close(handle)


def _birth_mark(path: Path) -> Path:
    """What stands beside a journal until it has been made whole: without it, an empty file was not always empty."""
    return path.with_name(f"{path.name}.new")


def _is_unborn(path: Path) -> bool:
    """Whether its making was cut off before SQLite wrote anything. Raises JournalError for a file that was emptied.

    SQLite takes an empty file for a new database, and a journal that has lost its ledger would do everything again.
    """
    if not path.exists() or path.stat().st_size:
        return False
    # In this order: somebody else may be making it right now.
    if _birth_mark(path).exists() or path.stat().st_size:
        return True
    raise JournalError(
        f"the journal {path} is empty, and was not: its undo history and ledger are lost; restore it from a backup,"
        " or remove it to begin anew"
    )


def _refuse_if_open_to_others(path: Path) -> None:
    """What others could have written is no proof of what we did."""
    if reason := distrust(path.parent):
        raise JournalError(f"the state directory cannot be trusted: {reason}")
    for file in (path, wal_path(path)):
        with suppress(FileNotFoundError):
            status = file.stat()
            mode = stat.S_IMODE(status.st_mode)
            if mode & 0o022:
                raise JournalError(
                    f"the journal {file} can be written by others (mode {mode:04o}), so it cannot be trusted;"
                    f" look at it, then `chmod 600 {file}`"
                )
            if reason := distrust(file, status=status):
                raise JournalError(f"the journal cannot be trusted: {reason}")


def _checked_version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (tables or application):
        raise JournalError(f"{path} is another program's SQLite database; give another --state-dir")
    refuse_newer_schema(connection, path)
    return int(version)


def _refuse_under_another(path: Path) -> None:
    """An older version that is at work would write by the schema that it knows."""
    holder = lock_holder(path.parent)
    if holder is not None and holder.process != os.getpid():
        raise JournalError(
            f"the journal {path} is of an older schema, and {holder.purpose}, process {holder.process}, is at work by"
            " it; end that first, so that the journal can be upgraded, and start it again"
        )


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    """Keep the journal as it is, whole or not at all, under another name."""
    draft = target.with_name(f"{target.name}.new")
    with suppress(FileNotFoundError):
        draft.unlink()
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as copied:
            connection.backup(copied)
        draft.replace(target)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            draft.unlink()
        raise JournalError(
            f"cannot keep a copy of the journal as {target} before it is upgraded: {error}; free some space there."
            " Nothing has been changed"
        ) from error


def _migrate_all(connection: sqlite3.Connection, migrations: tuple[Migration, ...]) -> None:
    """Bring the schema up to date, all the way or not at all."""
    if not migrations:
        return
    steps = "\n".join(migration.sql for migration in migrations)
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{steps}\n"
            f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {migrations[-1].version};\nCOMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
