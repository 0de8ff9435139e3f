"""Whether the journal's file is private, durable, versioned, and clear about what is wrong with it."""

# ruff: noqa: ASYNC240 - nobody else waits while a test reads a file

from __future__ import annotations

import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import JournalError
from mailrules.journal.checkup import check_up
from mailrules.journal.database import Database
from mailrules.journal.journal import Journal
from mailrules.journal.migrations import all_migrations
from mailrules.journal.opening import APPLICATION_ID
from mailrules.journal.reader import JournalReader
from tests.journal.builders import begin, command, intent, verdict

if TYPE_CHECKING:
    from pathlib import Path


async def pragma(database: Database, name: str) -> object:
    return await database.read(lambda connection: connection.execute(f"PRAGMA {name}").fetchone()[0])


async def test_the_file_is_for_its_owner_only(journal: Journal, path: Path) -> None:
    await begin(journal)

    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_commits_are_on_disk_when_they_return(path: Path) -> None:
    database = Database(path)
    await database.open()

    assert await pragma(database, "journal_mode") == "wal"
    assert await pragma(database, "synchronous") == 2
    assert await pragma(database, "foreign_keys") == 1
    assert await pragma(database, "user_version") == all_migrations()[-1].version
    assert await pragma(database, "application_id") == APPLICATION_ID
    await database.close()


async def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    journal = await Journal.open(path)
    run = await begin(journal)
    (step,) = await journal.intend(run, [intent(command())], now=(await journal.runs())[0].started)
    await journal.close()

    journal = await Journal.open(path)
    assert [one.id for one in await journal.open_steps()] == [step]
    await journal.close()


async def test_a_readable_file_of_ours_is_made_private_again(path: Path) -> None:
    await (await Journal.open(path)).close()
    path.chmod(0o644)

    await (await Journal.open(path)).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_that_others_can_write_is_refused(path: Path) -> None:
    await (await Journal.open(path)).close()
    path.chmod(0o620)

    with pytest.raises(JournalError, match=r"can be written by others \(mode 0620\).*chmod 600"):
        await Journal.open(path)


async def test_a_journal_from_the_future_is_refused(path: Path) -> None:
    await (await Journal.open(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(JournalError, match=r"newer mailrules \(schema 99, this one knows \d+\); upgrade"):
        await Journal.open(path)


async def test_another_programs_database_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    connection.close()
    path.chmod(0o600)
    before = path.read_bytes()

    with pytest.raises(JournalError, match="another program's SQLite database"):
        await Journal.open(path)

    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_refused_with_a_cure(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database at all, but long enough to have a header" * 40)
    path.chmod(0o600)

    with pytest.raises(JournalError, match=r"not a database; restore it from a backup"):
        await Journal.open(path)


async def test_a_file_that_has_lost_all_its_bytes_is_refused_with_a_cure(path: Path) -> None:
    await (await Journal.open(path)).close()
    path.write_bytes(b"")

    with pytest.raises(JournalError, match=r"is empty, and was not: .* restore it from a backup, or remove it"):
        await Journal.open(path)
    with pytest.raises(JournalError, match="is empty, and was not"):
        await JournalReader.open(path)
    assert not (await check_up(path)).is_well
    assert path.read_bytes() == b""


async def test_a_file_whose_making_was_cut_off_is_made_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def power_cut(*_arguments: object, **_options: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as cut:
        cut.setattr("mailrules.journal.opening.sqlite3.connect", power_cut)
        with pytest.raises(JournalError, match="disk I/O error"):
            await Journal.open(path)
    assert path.read_bytes() == b""

    reader = await JournalReader.open(path)
    assert await reader.runs() == ()
    await reader.close()
    journal = await Journal.open(path)
    await begin(journal)
    await journal.close()
    assert [one.name for one in path.parent.iterdir()] == [path.name]


async def test_a_damaged_page_is_a_journal_error_when_it_is_met(path: Path) -> None:
    journal = await Journal.open(path)
    run = await begin(journal)
    await journal.intend(run, [intent(command(), uid) for uid in range(1, 500)], now=(await journal.runs())[0].started)
    await journal.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(JournalError, match="malformed"):
        await (await Journal.open(path)).open_steps()


async def test_a_place_that_cannot_be_written_is_a_journal_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(JournalError, match=r"cannot use the journal .*/file/journal\.sqlite"):
        await Journal.open(tmp_path / "file" / "journal.sqlite")


async def test_a_full_disk_is_told_with_a_cure_and_no_intent_is_taken_afterwards(path: Path) -> None:
    database = Database(path)
    await database.open()
    journal = Journal(database)
    run = await begin(journal)
    now = (await journal.runs())[0].started
    (step,) = await journal.intend(run, [intent(command())], now=now)
    pages = await pragma(database, "page_count")
    await pragma(database, f"max_page_count = {pages}")

    with pytest.raises(JournalError, match=r"journal\.sqlite: database or disk is full; free some space"):
        await journal.intend(run, [intent(command(), uid) for uid in range(2, 2000)], now=now)

    await pragma(database, "max_page_count = 100000")
    with pytest.raises(JournalError, match="disk is full"):
        await journal.intend(run, [intent(command(), 2)], now=now)
    await journal.judge([verdict(step)])
    assert await journal.open_steps() == (), "what was sent before may still be judged, and nothing is half written"
    await journal.close()


async def test_a_closed_journal_says_so(path: Path) -> None:
    journal = await Journal.open(path)
    database = journal._database
    await database._submit(database._close)

    with pytest.raises(JournalError, match="is closed"):
        await journal.runs()


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [int(one.name[:4]) for one in all_migrations()] == [one.version for one in all_migrations()]
