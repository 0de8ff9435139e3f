"""What rules may ask the journal about a message: whose mail was judged before, and from where we brought it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.timestamps import from_text
from mailrules.mailbox.message import UID
from mailrules.rules.conditions import Origin

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping


def select_senders(connection: sqlite3.Connection) -> Mapping[str, str]:
    """Every sender with his first message, as digests; none in a journal that is older than this knowledge."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'senders'").fetchone() is None:
        return {}
    return dict(connection.execute("SELECT sender, message FROM senders"))


def insert_senders(connection: sqlite3.Connection, senders: Iterable[tuple[str, str]]) -> None:
    """Remember senders; the message by which one was seen first stays."""
    connection.executemany("INSERT OR IGNORE INTO senders VALUES (?, ?)", senders)


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
