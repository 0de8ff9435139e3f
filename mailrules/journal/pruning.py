"""What the journal forgets, and what it keeps although it is old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.ledger import delete_unseen
from mailrules.journal.steps import OPEN_IDS, OUTSIDE_IDS
from mailrules.journal.timestamps import to_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from datetime import datetime

_RUNS_TO_KEEP = (
    # Recovery, or a person, has still to say what became of these.
    "SELECT c.run FROM steps s JOIN commands c ON c.id = s.command"  # noqa: S608 - constants
    f" WHERE s.id IN ({OPEN_IDS} UNION ALL {OUTSIDE_IDS})"
    # An undo that is kept can be taken back itself, and then all that is below it is needed to know what stands.
    " UNION SELECT id FROM (WITH RECURSIVE below (id) AS (SELECT undo_of FROM runs WHERE coalesce(ended, started) >= ?1"
    " UNION SELECT r.undo_of FROM runs r JOIN below ON r.id = below.id) SELECT id FROM below)"
)


def delete_old(
    connection: sqlite3.Connection, *, older_than: datetime, looked_at: Collection[str], configured: Collection[str]
) -> None:
    """Delete what is older; a run that was killed counts from its start."""
    oldest = to_text(older_than)
    connection.execute("DELETE FROM plans WHERE created < ?", (oldest,))
    connection.execute("DELETE FROM approvals WHERE approved < ?", (oldest,))
    connection.execute(
        f"DELETE FROM runs WHERE coalesce(ended, started) < ?1 AND id NOT IN ({_RUNS_TO_KEEP})",  # noqa: S608 - constants
        (oldest,),
    )
    connection.execute("DELETE FROM shadow_effects WHERE noted < ?", (oldest,))
    delete_unseen(connection, seen_before=older_than, looked_at=looked_at, configured=configured)
