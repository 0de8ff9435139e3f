"""Which keys of SEARCH does the server of an account answer wrongly?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.timestamps import from_text, to_text
from mailrules.mailbox.message import UID
from mailrules.plan.search_truth import Untruth

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


def select_untruths(connection: sqlite3.Connection, account: str) -> tuple[Untruth, ...]:
    """By the name of the key; none in a journal that is older than this knowledge."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'untruths'").fetchone() is None:
        return ()
    rows = connection.execute(
        "SELECT key, mailbox, uid, search, was_found, seen FROM untruths WHERE account = ? ORDER BY key", (account,)
    )
    return tuple(
        Untruth(
            account=account,
            key=key,
            mailbox=mailbox,
            uid=UID(uid),
            search=search,
            was_found=bool(was_found),
            seen=from_text(seen),
        )
        for key, mailbox, uid, search, was_found, seen in rows
    )


def insert_untruths(connection: sqlite3.Connection, found: Iterable[Untruth]) -> None:
    """Remember them; the first finding of a key stays."""
    connection.executemany(
        "INSERT OR IGNORE INTO untruths (account, key, mailbox, uid, search, was_found, seen)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (one.account, one.key, one.mailbox, one.uid, one.search, int(one.was_found), to_text(one.seen))
            for one in found
        ],
    )


def delete_untruths(connection: sqlite3.Connection, account: str) -> int:
    """Forget them all; returns how many there were."""
    return connection.execute("DELETE FROM untruths WHERE account = ?", (account,)).rowcount
