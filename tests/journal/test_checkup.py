"""Whether everything that can be wrong with the journal is found, with what to do about it."""

# ruff: noqa: ASYNC240 - nobody else waits while a test reads a file

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mailrules.journal import checkup
from mailrules.journal.checkup import check_up
from mailrules.journal.journal import Journal
from mailrules.journal.lock import state_lock
from mailrules.journal.opening import wal_path
from mailrules.journal.records import Operation, StepState
from mailrules.plan.plan import StepKind
from tests.journal.builders import NOON, applied, begin, command, intent, verdict
from tests.journal.sample import SCHEMAS, load
from tests.journal.unprivileged import unprivileged_folder

if TYPE_CHECKING:
    from pathlib import Path


def kinds(found: checkup.Checkup) -> dict[str, bool]:
    return {one.kind: one.is_bad for one in found.findings}


async def filled(path: Path) -> None:
    journal = await Journal.open(path)
    run = await begin(journal)
    await applied(journal, run, *(intent(command(), uid) for uid in range(1, 400)))
    await journal.close()


async def test_a_journal_that_is_well_has_nothing_to_say(path: Path) -> None:
    await filled(path)

    found = await check_up(path)

    assert (found.findings, found.is_well) == ((), True)
    assert found.health is not None
    assert dict(found.health.rows)["steps"] == 399
    assert found.health.size_bytes > 0
    assert found.free_disk_bytes > 0


async def test_a_journal_that_is_not_there_yet_is_well(path: Path) -> None:
    found = await check_up(path)

    assert kinds(found) == {"missing": False}
    assert not path.parent.exists()


async def test_damaged_pages_are_listed(path: Path) -> None:
    await filled(path)
    content = bytearray(path.read_bytes())
    content[3 * 4096 :] = b"\xff" * (len(content) - 3 * 4096)
    path.write_bytes(content)

    found = await check_up(path)

    assert not found.is_well
    assert set(kinds(found)) <= {"damage", "unreadable"}
    assert all("backup" in one.cure for one in found.findings)


async def test_a_file_that_is_no_database_cannot_be_read(path: Path) -> None:
    await filled(path)
    path.write_bytes(b"no database" * 500)

    found = await check_up(path)

    assert (kinds(found), found.health) == ({"unreadable": True}, None)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM runs", "commands without their run"),
        ("DELETE FROM commands", "steps without their command"),
        ("DELETE FROM positions", "pending messages without a position"),
    ],
)
async def test_rows_that_belong_to_nothing_are_counted(path: Path, statement: str, words: str) -> None:
    await filled(path)
    journal = await Journal.open(path)
    await journal.advance_position("home", "INBOX", uidvalidity=7, final=[1], pending=[2])
    await journal.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()

    found = await check_up(path)

    assert next(one.message.partition(" ")[2] for one in found.findings if one.kind == "orphans") == words
    assert not found.is_well


async def test_an_older_schema_is_told_and_is_no_harm(path: Path) -> None:
    load(SCHEMAS / "0001.sql", path)

    found = await check_up(path)

    assert found.schema == 1
    assert "upgrades it" in next(one.cure for one in found.findings if one.kind == "schema")
    assert found.is_well


async def test_a_schema_of_the_future_is_bad(path: Path) -> None:
    await filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")

    found = await check_up(path)

    assert kinds(found) == {"unreadable": True}
    assert "upgrade mailrules" in found.findings[0].cure


async def test_who_else_can_write_or_read_is_told(path: Path) -> None:
    await filled(path)
    path.chmod(0o644)
    assert kinds(await check_up(path)) == {"permissions": False}

    path.parent.chmod(0o777)

    found = await check_up(path)
    assert not found.is_well
    cures = {one.cure for one in found.findings if one.kind == "permissions"}
    assert {f"chmod o-w {path.parent}", f"chmod 600 {path}"} <= cures


@pytest.mark.parametrize("name", ["", "journal.sqlite", "lock"])
async def test_what_cannot_be_written_is_told(name: str) -> None:
    with unprivileged_folder() as folder:
        path = folder / "state" / "journal.sqlite"
        await filled(path)
        with state_lock(path.parent):
            pass  # which makes the lock's file
        unwritable = path.parent / name
        unwritable.chmod(0o500)

        found = await check_up(path)

        assert [one.message for one in found.findings] == [
            f"{unwritable} cannot be written by this user, so only what reads works"
        ]
        assert not found.is_well
        path.parent.chmod(0o700)


async def test_a_disk_that_is_nearly_full_is_bad(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(path)
    monkeypatch.setattr(checkup, "LEAST_FREE_BYTES", 1 << 62)

    found = await check_up(path)

    assert kinds(found) == {"disk": True}


async def test_a_log_that_has_grown_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = await Journal.open(path)
    await begin(journal)
    monkeypatch.setattr(checkup, "LARGE_LOG_BYTES", 1)

    found = await check_up(path)

    assert kinds(found) == {"log": False}
    assert found.log_bytes == wal_path(path).stat().st_size
    await journal.close()


async def test_open_steps_and_those_given_up_are_counted(path: Path) -> None:
    journal = await Journal.open(path)
    run = await begin(journal)
    ringing = command(StepKind.EFFECT, Operation.EFFECT, target="", effect="ring")
    ids = await journal.intend(run, [intent(command(), 1), intent(command(), 2), intent(ringing, 3)], now=NOON)
    await journal.judge([verdict(ids[1], StepState.AMBIGUOUS), verdict(ids[2], StepState.GIVEN_UP)])
    await journal.close()

    found = {one.kind: one for one in (await check_up(path)).findings}

    assert found["open"].message == "1 steps have no final verdict"
    assert found["given_up"].message == "2 steps were given up"
    with state_lock(path.parent, purpose="daemon"):
        found = {one.kind: one for one in (await check_up(path)).findings}
    assert "a run is at work" in found["open"].cure


async def test_copies_from_before_an_upgrade_are_named(path: Path) -> None:
    load(SCHEMAS / "0001.sql", path)
    await (await Journal.open(path)).close()

    found = {one.kind: one for one in (await check_up(path)).findings}

    assert f"{path.name}.schema-1" in found["backups"].message
