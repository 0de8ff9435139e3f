"""What rules may ask the journal about a message: whose mail was judged before, and from where we brought it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.journal.timestamps import from_text, to_text
from mailrules.mailbox.message import UID
from mailrules.rules.conditions import Origin

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from datetime import datetime

RENEWED_AFTER = timedelta(days=30)
"""So seldom is it noted that a known sender has written again."""


def select_senders(connection: sqlite3.Connection) -> Mapping[str, str]:
    """Every sender with his first message, as digests; none in a journal that is older than this knowledge."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'senders'").fetchone() is None:
        return {}
    return dict(connection.execute("SELECT sender, message FROM senders"))


def select_senders_to_renew(connection: sqlite3.Connection, *, now: datetime) -> frozenset[str]:
    """Those of whom it has not been noted for a month that mail of theirs was judged; none in an older journal."""
    columns = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('senders')")}
    if "seen" not in columns:
        return frozenset()
    rows = connection.execute("SELECT sender FROM senders WHERE seen < ?", (to_text(now - RENEWED_AFTER),))
    return frozenset(sender for (sender,) in rows)


def insert_senders(connection: sqlite3.Connection, senders: Iterable[tuple[str, str]], *, now: datetime) -> None:
    """Remember senders as seen now; the message by which one was seen first stays."""
    connection.executemany(
        "INSERT INTO senders (sender, message, seen) VALUES (?, ?, ?)"
        " ON CONFLICT (sender) DO UPDATE SET seen = max(seen, excluded.seen)",
        [(sender, message, to_text(now)) for sender, message in senders],
    )


def delete_silent_senders(connection: sqlite3.Connection, *, seen_before: datetime, now: datetime) -> None:
    """Forget those of whom nothing was judged since then; what an older version noted counts from now."""
    connection.execute("UPDATE senders SET seen = ? WHERE seen = ''", (to_text(now),))
    connection.execute("DELETE FROM senders WHERE seen < ?", (to_text(seen_before),))


def select_origins(
    connection: sqlite3.Connection, *, accounts: Iterable[str]
) -> Mapping[tuple[str, str, int], Mapping[UID, Origin]]:
    """Where our moves and copies brought the messages of these accounts from, by account, mailbox and UIDVALIDITY."""
    origins: dict[tuple[str, str, int], dict[UID, Origin]] = {}
    for account in accounts:
        rows = connection.execute(
            "SELECT c.target, s.target_uidvalidity, s.target_uid, c.mailbox, s.rule, c.intended"
            " FROM steps s JOIN commands c ON c.id = s.command"
            " WHERE c.account = ? AND c.target != '' AND s.target_uid > 0 AND s.state IN ('applied', 'halfway')",
            (account,),
        )
        for target, uidvalidity, uid, mailbox, rule, moved in rows:
            origins.setdefault((account, target, uidvalidity), {})[UID(uid)] = Origin(mailbox, rule, from_text(moved))
    return origins
