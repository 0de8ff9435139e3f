"""Whether the journal can be read beside the one that writes it, and where nothing can be written."""

# ruff: noqa: ASYNC240 - nobody else waits while a test reads a file

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import JournalError
from mailrules.journal.journal import Journal
from mailrules.journal.reader import JournalReader
from mailrules.journal.records import Operation, StepState
from mailrules.plan.plan import StepKind
from tests.journal.builders import NOON, applied, begin, command, intent, verdict
from tests.journal.unprivileged import unprivileged_folder

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


async def test_readers_see_what_was_committed_while_another_writes(journal: Journal, path: Path) -> None:
    readers = [await JournalReader.open(path) for _ in range(3)]
    run = await begin(journal)

    for number in range(1, 4):
        await applied(journal, run, intent(command(), number))
        assert [len(await one.steps_of(run)) for one in readers] == [number] * 3

    for one in readers:
        await one.close()


async def test_a_reader_is_not_in_the_way_of_a_transaction(journal: Journal, path: Path) -> None:
    run = await begin(journal)
    reader = await JournalReader.open(path)

    def read_slowly(connection: sqlite3.Connection) -> int:
        connection.execute("BEGIN")
        (count,) = connection.execute("SELECT count(*) FROM steps").fetchone()
        return int(count)

    assert await reader._database.read(read_slowly) == 0
    await applied(journal, run, intent(command()))

    assert await reader.steps_of(run) == (), "its own view began before"
    await reader.close()


async def test_a_reader_cannot_write(journal: Journal, path: Path) -> None:
    reader = await JournalReader.open(path)

    with pytest.raises(JournalError, match="readonly"):
        await reader._database.write(lambda connection: connection.execute("DELETE FROM runs"))

    await reader.close()


async def test_no_file_yet_is_an_empty_journal_and_none_is_made(path: Path) -> None:
    reader = await JournalReader.open(path)

    assert await reader.runs() == ()
    await reader.close()
    assert not path.parent.exists()


async def test_what_another_process_did_to_the_ledger_is_seen(journal: Journal, path: Path) -> None:
    reader = await JournalReader.open(path)
    assert not (await reader.history(rules=(), now=NOON)).ledger
    run = await begin(journal)
    ringing = command(StepKind.EFFECT, Operation.EFFECT, target="", effect="ring")
    (step,) = await journal.intend(run, [intent(ringing, content_key="k")], now=NOON)

    assert (await reader.history(rules=(), now=NOON)).ledger
    assert (await journal.history(rules=(), now=NOON)).ledger

    await journal.judge([verdict(step, StepState.REFUSED)])
    assert not (await reader.history(rules=(), now=NOON)).ledger
    assert not (await journal.history(rules=(), now=NOON)).ledger
    await reader.close()


async def test_a_directory_that_cannot_be_written_can_be_read() -> None:
    with unprivileged_folder() as folder:
        path = folder / "state" / "journal.sqlite"
        journal = await Journal.open(path)
        run = await begin(journal)
        await applied(journal, run, intent(command()))
        await journal.close()
        path.parent.chmod(0o500)

        reader = await JournalReader.open(path)

        assert len(await reader.steps_of(run)) == 1
        await reader.close()
        with pytest.raises(JournalError, match=r"make the file and its directory writable"):
            await Journal.open(path)
        path.parent.chmod(0o700)


async def test_what_a_killed_writer_committed_last_is_read_where_nothing_can_be_written() -> None:
    with unprivileged_folder() as folder:
        path = folder / "state" / "journal.sqlite"
        journal = await Journal.open(path)
        run = await begin(journal)
        await applied(journal, run, intent(command()))
        left = folder / "left"
        shutil.copytree(path.parent, left)
        await journal.close()
        (left / f"{path.name}-shm").unlink()
        left.chmod(0o500)
        assert (left / f"{path.name}-wal").stat().st_size > 0

        reader = await JournalReader.open(left / path.name)

        assert len(await reader.steps_of(run)) == 1
        await reader.close()
        left.chmod(0o700)


async def test_a_journal_that_others_can_write_is_not_read_either(journal: Journal, path: Path) -> None:
    path.chmod(0o666)

    with pytest.raises(JournalError, match="can be written by others"):
        await JournalReader.open(path)
