"""Whether the journal of every earlier version is read and upgraded without a loss."""

# ruff: noqa: ASYNC240, ASYNC220 - nobody else waits while a test reads a file or starts a process

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import JournalError
from mailrules.journal.journal import Journal
from mailrules.journal.migrations import all_migrations
from mailrules.journal.opening import backup_path
from mailrules.journal.reader import JournalReader
from tests.journal.builders import NOON, begin, command, intent, verdict
from tests.journal.sample import SCHEMAS, dumped, fill, load

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys
from pathlib import Path
from mailrules.journal.lock import state_lock
with state_lock(Path(sys.argv[1]), purpose="daemon"):
    print("held", flush=True)
    sys.stdin.read()
"""
TODAY = all_migrations()[-1].version
DUMPS = sorted(SCHEMAS.glob("*.sql"))
TABLES_BEFORE = ("runs", "commands", "steps", "positions", "approvals", "plans")


async def content(reader: JournalReader) -> dict[str, object]:
    """All that the journal tells, but what names a process and what earlier versions did not ask."""
    runs = await reader.runs()
    history = await reader.history(rules=(), now=NOON)
    return {
        "runs": [(one.id, one.kind, one.started, one.ended, one.outcome, one.undo_of, one.counts) for one in runs],
        "steps": [await reader.steps_of(run.id) for run in runs],
        "families": [await reader.steps_of_family(run.id) for run in runs],
        "open": await reader.open_steps(),
        "effects": await reader.unknown_effects(),
        "in doubt": await reader.in_doubt(),
        "position": await reader.position("home", "INBOX"),
        "pending": [(one.mailbox, one.uid) for one in await reader.pending()],
        "placed": await reader.placed_by_us("home", "Archive", uidvalidity=9, after_uid=0),
        "plan": await reader.knows_plan("d1"),
        "ledger": {one for one in history.ledger if not one.name.startswith(("place:", "object:"))},
    }


async def content_of_today(tmp_path: Path) -> dict[str, object]:
    journal = await Journal.open(tmp_path / "fresh" / "journal.sqlite")
    await fill(journal)
    told = await content(journal)
    await journal.close()
    return told


def test_every_earlier_schema_is_kept() -> None:
    assert {int(dump.stem) for dump in DUMPS} >= set(range(1, TODAY)), "python -m tests.journal.sample keeps today's"


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
async def test_an_earlier_journal_is_upgraded_without_a_loss(dump: Path, path: Path, tmp_path: Path) -> None:
    load(dump, path)
    with closing(sqlite3.connect(path)) as connection:
        rows_before = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in TABLES_BEFORE}

    journal = await Journal.open(path)

    assert await content(journal) == await content_of_today(tmp_path)
    assert (await journal.health()).damage == ()
    assert (await journal.health()).orphans == ()
    await journal.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (TODAY,)
        for name in TABLES_BEFORE:
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchone() == rows_before[name]


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
async def test_an_upgraded_schema_is_that_of_a_new_journal(dump: Path, path: Path, tmp_path: Path) -> None:
    load(dump, path)
    await (await Journal.open(path)).close()
    fresh = tmp_path / "fresh.sqlite"
    await (await Journal.open(fresh)).close()

    def objects(of: Path) -> set[tuple[str, str]]:
        with closing(sqlite3.connect(of)) as connection:
            return set(connection.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))

    assert objects(path) == objects(fresh)


@pytest.mark.parametrize("dump", [one for one in DUMPS if int(one.stem) < TODAY], ids=lambda dump: dump.stem)
async def test_an_upgrade_keeps_a_private_copy_of_what_was_before(dump: Path, path: Path) -> None:
    load(dump, path)
    before = dumped(path)

    await (await Journal.open(path)).close()

    backup = backup_path(path, int(dump.stem))
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert dumped(backup) == before


@pytest.mark.parametrize("dump", [one for one in DUMPS if int(one.stem) < TODAY], ids=lambda dump: dump.stem)
async def test_an_earlier_journal_is_read_as_it_is(dump: Path, path: Path, tmp_path: Path) -> None:
    load(dump, path)
    before = path.read_bytes()

    reader = await JournalReader.open(path)

    assert await content(reader) == await content_of_today(tmp_path)
    await reader.close()
    assert path.read_bytes() == before
    assert {one.name for one in path.parent.iterdir()} == {path.name}


async def test_without_room_for_the_copy_nothing_is_upgraded(path: Path) -> None:
    load(DUMPS[0], path)
    backup_path(path, 1).mkdir()
    before = dumped(path)

    with pytest.raises(JournalError, match=r"cannot keep a copy.*free some space there. Nothing has been changed"):
        await Journal.open(path)

    assert dumped(path) == before
    assert not backup_path(path, 1).with_name(f"{path.name}.schema-1.new").exists()


async def test_a_copy_that_was_cut_short_is_no_hindrance(path: Path) -> None:
    load(DUMPS[0], path)
    (path.parent / f"{path.name}.schema-1.new").write_bytes(b"half")

    await (await Journal.open(path)).close()

    assert dumped(backup_path(path, 1)).startswith("PRAGMA application_id")


async def test_a_migration_that_fails_leaves_the_schema_before_it(path: Path) -> None:
    load(DUMPS[0], path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE resolutions (theirs)")
    before = dumped(path)

    with pytest.raises(JournalError, match="resolutions already exists"):
        await Journal.open(path)

    assert dumped(path) == before


async def test_a_journal_is_not_upgraded_under_an_older_version_that_is_at_work(path: Path) -> None:
    load(DUMPS[0], path)
    before = dumped(path)
    holding = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path.parent)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holding.stdout is not None
    assert holding.stdin is not None
    holding.stdout.readline()

    with pytest.raises(JournalError, match=rf"daemon, process {holding.pid}, is at work by it; end that first"):
        await Journal.open(path)
    assert dumped(path) == before

    holding.stdin.close()
    holding.stdout.close()
    holding.wait()
    await (await Journal.open(path)).close()


async def test_a_journal_that_was_upgraded_while_we_are_at_work_ends_the_run(path: Path) -> None:
    journal = await Journal.open(path)
    run = await begin(journal)
    (step,) = await journal.intend(run, [intent(command())], now=NOON)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {TODAY + 1}")

    with pytest.raises(JournalError, match=r"made by a newer mailrules .*; upgrade"):
        await journal.intend(run, [intent(command(), 2)], now=NOON)
    with pytest.raises(JournalError, match="made by a newer mailrules"):
        await journal.judge([verdict(step)])
    await journal.close()
