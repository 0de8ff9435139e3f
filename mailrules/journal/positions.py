"""How far each mailbox has been judged, and which of its messages are to be judged again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.records import Position
from mailrules.mailbox.message import UID

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


def select_position(connection: sqlite3.Connection, account: str, mailbox: str) -> Position | None:
    """The stored position; the caller compares its UIDVALIDITY."""
    row = connection.execute(
        "SELECT uidvalidity, last_uid FROM positions WHERE account = ? AND mailbox = ?", (account, mailbox)
    ).fetchone()
    if row is None:
        return None
    pending = connection.execute("SELECT uid FROM pending WHERE account = ? AND mailbox = ?", (account, mailbox))
    return Position(
        account=account,
        mailbox=mailbox,
        uidvalidity=row[0],
        last_uid=row[1],
        pending=frozenset(UID(uid) for (uid,) in pending),
    )


def replace_position(connection: sqlite3.Connection, position: Position) -> None:
    """Store this position instead of any earlier one of the mailbox."""
    place = (position.account, position.mailbox)
    connection.execute(
        "INSERT INTO positions VALUES (?, ?, ?, ?) ON CONFLICT (account, mailbox)"
        " DO UPDATE SET uidvalidity = excluded.uidvalidity, last_uid = excluded.last_uid",
        (*place, position.uidvalidity, position.last_uid),
    )
    connection.execute("DELETE FROM pending WHERE account = ? AND mailbox = ?", place)
    connection.executemany("INSERT INTO pending VALUES (?, ?, ?)", [(*place, uid) for uid in sorted(position.pending)])


def advanced(
    before: Position | None,
    account: str,
    mailbox: str,
    *,
    uidvalidity: int,
    final: frozenset[UID],
    pending: Iterable[UID],
) -> Position:
    """The position after a run gave these messages a final outcome and left those to be judged again.

    It never goes back. A new UIDVALIDITY voids what was known before.
    """
    kept: frozenset[UID] = frozenset()
    last_uid = 0
    if before is not None and before.uidvalidity == uidvalidity:
        kept, last_uid = before.pending, before.last_uid
    return Position(
        account=account,
        mailbox=mailbox,
        uidvalidity=uidvalidity,
        last_uid=max(last_uid, *final),
        pending=(kept - final).union(pending),
    )
