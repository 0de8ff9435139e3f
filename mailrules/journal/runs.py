"""How runs are named, stored and found."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from mailrules.errors import PlanRefused
from mailrules.journal.records import RunId, RunKind, RunOutcome, RunRecord, StepState
from mailrules.journal.timestamps import from_text, to_text

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from mailrules.plan.plan import Plan

_SELECT = "SELECT id, kind, started, instance, rules_hash, undo_of, planned_messages, ended, outcome FROM runs"


def insert_run(connection: sqlite3.Connection, *, kind: RunKind, started: datetime, instance: str, plan: Plan) -> RunId:
    """Store a run that begins now, and name it."""
    stem = f"{started.astimezone(UTC):%Y%m%d-%H%M%S}"
    taken = {name for (name,) in connection.execute("SELECT id FROM runs WHERE id GLOB ? || '*'", (stem,))}
    number = 1
    while (name := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    connection.execute(
        "INSERT INTO runs (id, kind, started, instance, rules_hash, undo_of, planned_messages)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (name, kind, to_text(started), instance, plan.rules_hash, plan.undo_of, plan.message_count),
    )
    return RunId(name)


def update_finished(connection: sqlite3.Connection, run: RunId, *, ended: datetime, outcome: RunOutcome) -> None:
    """Note how a run ended."""
    connection.execute("UPDATE runs SET ended = ?, outcome = ? WHERE id = ?", (to_text(ended), outcome, run))


def select_runs(connection: sqlite3.Connection, *, limit: int) -> tuple[RunRecord, ...]:
    """The newest runs first."""
    rows = connection.execute(f"{_SELECT} ORDER BY started DESC, rowid DESC LIMIT ?", (limit,)).fetchall()
    return tuple(_record(connection, row) for row in rows)


def select_unfinished(connection: sqlite3.Connection) -> tuple[RunRecord, ...]:
    """Runs without an outcome, newest first."""
    rows = connection.execute(f"{_SELECT} WHERE outcome IS NULL ORDER BY started DESC, rowid DESC").fetchall()
    return tuple(_record(connection, row) for row in rows)


def select_run(connection: sqlite3.Connection, name: str) -> RunRecord | None:
    """The run of this id, or the only one that begins so. Raises PlanRefused if several do."""
    row = connection.execute(f"{_SELECT} WHERE id = ?", (name,)).fetchone()
    if row is not None:
        return _record(connection, row)
    rows = connection.execute(f"{_SELECT} WHERE substr(id, 1, ?) = ? ORDER BY id", (len(name), name)).fetchall()
    if len(rows) > 1:
        raise PlanRefused(
            f"{name!r} begins the names of {len(rows)} runs, from {rows[0][0]} to {rows[-1][0]}; write more"
        )
    return _record(connection, rows[0]) if rows else None


def _record(connection: sqlite3.Connection, row: tuple[str, ...]) -> RunRecord:
    name, kind, started, instance, rules_hash, undo_of, planned, ended, outcome = row
    counts = connection.execute(
        "SELECT s.state, count(*) FROM steps s JOIN commands c ON c.id = s.command WHERE c.run = ? GROUP BY s.state",
        (name,),
    )
    return RunRecord(
        id=RunId(name),
        kind=RunKind(kind),
        started=from_text(started),
        instance=instance,
        rules_hash=rules_hash,
        undo_of=undo_of,
        planned_messages=int(planned),
        ended=from_text(ended) if ended else None,
        outcome=RunOutcome(outcome) if outcome else None,
        counts={StepState(state): count for state, count in counts},
    )
