"""Whether damage, a full disk or a place without rights is told with the way out, and loses nothing committed."""

# ruff: noqa: ASYNC240, ASYNC221 - nobody else waits while a test reads a file or a child works

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import JournalError
from mailrules.journal.database import Database
from mailrules.journal.journal import Journal
from mailrules.journal.opening import wal_path
from mailrules.journal.reader import JournalReader
from mailrules.journal.records import StepState
from tests.journal.builders import NOON, applied, begin, command, intent, verdict
from tests.journal.unprivileged import unprivileged_folder

if TYPE_CHECKING:
    from pathlib import Path

WAY_OUT = r"; (restore it from a backup|free some space|check the disk|make the file|upgrade|look at it)"

WRITER = """
import asyncio, sys
from pathlib import Path
from mailrules.errors import JournalError
from mailrules.journal.journal import Journal
from tests.journal.builders import NOON, begin, command, intent, verdict

async def main():
    journal = await Journal.open(Path(sys.argv[1]))
    run = await begin(journal)
    while True:
        ids = await journal.intend(run, [intent(command(), uid) for uid in range(1, 21)], now=NOON)
        await journal.judge([verdict(step) for step in ids])
        print(ids[-1], flush=True)

try:
    asyncio.run(main())
except JournalError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("most_bytes", [4096, 12_288, 40_960, 65_536, 98_304, 131_072, 200_704])
async def test_a_disk_that_is_full_at_any_write_keeps_what_was_committed(path: Path, most_bytes: int) -> None:
    path.parent.mkdir(mode=0o700)

    ended = subprocess.run(
        [sys.executable, "-c", WRITER, str(path)],
        capture_output=True,
        text=True,
        check=False,
        # Python does not look whether its byte code was written whole, and would leave others half a module.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
    )

    acknowledged = [int(line) for line in ended.stdout.split()]
    assert ended.returncode == 1
    assert "cannot use the journal" in ended.stderr
    assert "disk" in ended.stderr.rpartition(";")[2] or "space" in ended.stderr
    journal = await Journal.open(path)
    health = await journal.health()
    assert (health.damage, health.orphans) == ((), ())
    settled = [one for run in await journal.runs() for one in await journal.steps_of(run.id) if one.judged]
    assert len(settled) >= max(acknowledged, default=0)
    await journal.close()


async def test_a_verdict_that_finds_no_room_leaves_the_step_open_for_recovery(path: Path) -> None:
    database = Database(path)
    await database.open()
    journal = Journal(database)
    run = await begin(journal)
    ids = await journal.intend(run, [intent(command(), uid) for uid in range(1, 400)], now=NOON)

    def shut(connection: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await database.read(shut)
    with pytest.raises(JournalError, match=r"disk is full; free some space"):
        await journal.judge([verdict(step, detail="x" * 2000) for step in ids])

    assert {one.state for one in await journal.open_steps()} == {StepState.INTENT}
    assert len(await journal.open_steps()) == len(ids)
    await journal.close()


async def test_damage_that_comes_while_the_journal_is_open_ends_the_run(path: Path) -> None:
    journal = await Journal.open(path)
    run = await begin(journal)
    await applied(journal, run, *(intent(command(), uid) for uid in range(1, 500)))
    await journal._database.read(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    await journal._database.read(lambda connection: connection.execute("PRAGMA shrink_memory"))

    async def go_on() -> None:
        for uid in range(500, 1500):
            await journal.intend(run, [intent(command(), uid)], now=NOON)

    with pytest.raises(JournalError, match=f"malformed{WAY_OUT}"):
        await go_on()
    with pytest.raises(JournalError, match="malformed"):
        await journal.intend(run, [intent(command(), 1)], now=NOON)
    await journal.close()


async def test_a_disk_that_becomes_read_only_in_mid_run_ends_the_run(path: Path) -> None:
    journal = await Journal.open(path)
    run = await begin(journal)
    (step,) = await journal.intend(run, [intent(command())], now=NOON)
    await journal._database.read(lambda connection: connection.execute("PRAGMA query_only = ON"))

    with pytest.raises(JournalError, match=r"readonly database; make the file and its directory writable"):
        await journal.intend(run, [intent(command(), 2)], now=NOON)

    await journal._database.read(lambda connection: connection.execute("PRAGMA query_only = OFF"))
    with pytest.raises(JournalError, match="readonly"):
        await journal.intend(run, [intent(command(), 2)], now=NOON)
    await journal.judge([verdict(step)])
    assert await journal.open_steps() == ()
    await journal.close()


async def test_a_log_that_ends_in_garbage_is_read_up_to_it(path: Path) -> None:
    journal = await Journal.open(path)
    run = await begin(journal)
    await applied(journal, run, intent(command()))
    left = path.parent / "left.sqlite"
    left.write_bytes(path.read_bytes())
    wal_path(left).write_bytes(wal_path(path).read_bytes() + b"\xff" * 5000)
    for file in (left, wal_path(left)):
        file.chmod(0o600)
    await journal.close()

    journal = await Journal.open(left)

    assert len(await journal.steps_of(run)) == 1
    assert (await journal.health()).damage == ()
    await journal.close()


async def test_a_log_that_others_can_write_is_refused(journal: Journal, path: Path) -> None:
    await begin(journal)
    wal_path(path).chmod(0o622)

    for opening in (Journal.open, JournalReader.open):
        with pytest.raises(JournalError, match=rf"journal\.sqlite-wal can be written by others.*{WAY_OUT}"):
            await opening(path)


async def test_a_directory_that_others_can_write_is_refused(journal: Journal, path: Path) -> None:
    path.parent.chmod(0o777)

    for opening in (Journal.open, JournalReader.open):
        with pytest.raises(
            JournalError, match=r"the state directory cannot be trusted: everybody may write to .*chmod"
        ):
            await opening(path)


async def test_a_file_or_log_that_we_may_not_read_is_told() -> None:
    with unprivileged_folder() as folder:
        path = folder / "state" / "journal.sqlite"
        journal = await Journal.open(path)
        await begin(journal)

        for file in (path, wal_path(path)):
            file.chmod(0)
            with pytest.raises(JournalError, match=f"{WAY_OUT}|check that the directory"):
                await JournalReader.open(path)
            file.chmod(0o600)
        await journal.close()
