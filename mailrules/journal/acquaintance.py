"""What rules may ask the journal about a message: whose mail was judged before, and from where we brought it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.mailbox.message import UID

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
) -> Mapping[tuple[str, str, int], Mapping[UID, str]]:
    """Where our moves and copies brought the messages of these accounts from.

    By account, mailbox and UIDVALIDITY; each message with the mailbox that it was in before.
    """
    origins: dict[tuple[str, str, int], dict[UID, str]] = {}
    for account in accounts:
        rows = connection.execute(
            "SELECT c.target, s.target_uidvalidity, s.target_uid, c.mailbox"
            " FROM steps s JOIN commands c ON c.id = s.command"
            " WHERE c.account = ? AND c.target != '' AND s.target_uid > 0 AND s.state IN ('applied', 'halfway')",
            (account,),
        )
        for target, uidvalidity, uid, mailbox in rows:
            origins.setdefault((account, target, uidvalidity), {})[UID(uid)] = mailbox
    return origins
