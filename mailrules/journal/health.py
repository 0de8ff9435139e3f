"""In what state is the journal's file: whole, how large, and does everything in it belong to something?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    import sqlite3

_ORPHANS = {
    "commands without their run": "SELECT count(*) FROM commands WHERE run NOT IN (SELECT id FROM runs)",
    "steps without their command": "SELECT count(*) FROM steps WHERE command NOT IN (SELECT id FROM commands)",
    "resolutions without their step": "SELECT count(*) FROM resolutions WHERE step NOT IN (SELECT id FROM steps)",
    "pending messages without a position": (
        "SELECT count(*) FROM pending p WHERE NOT EXISTS"
        " (SELECT 1 FROM positions o WHERE o.account = p.account AND o.mailbox = p.mailbox)"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHealth:
    """``damage`` is SQLite's own list of what is wrong, ``orphans`` counts rows that belong to nothing."""

    schema: int
    journal_mode: str
    damage: tuple[str, ...]
    orphans: tuple[tuple[str, int], ...]
    rows: tuple[tuple[str, int], ...]
    size_bytes: int
    free_bytes: int
    """Pages within the file that are in no use."""


def select_health(connection: sqlite3.Connection) -> JournalHealth:
    """Read the whole file once."""

    def value(question: str) -> int:
        (answer,) = connection.execute(question).fetchone()
        return int(answer)

    damage = tuple(str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)") if row[0] != "ok")
    tables = [
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
    ]
    page_bytes = value("PRAGMA page_size")
    orphans = [(words, value(question)) for words, question in _ORPHANS.items()]
    return JournalHealth(
        schema=value("PRAGMA user_version"),
        journal_mode=str(connection.execute("PRAGMA journal_mode").fetchone()[0]),
        damage=damage,
        orphans=tuple((words, count) for words, count in orphans if count),
        rows=tuple((name, value(f'SELECT count(*) FROM "{name}"')) for name in tables),  # noqa: S608 - our own names
        size_bytes=value("PRAGMA page_count") * page_bytes,
        free_bytes=value("PRAGMA freelist_count") * page_bytes,
    )
