"""Which flags did a person take back while our command was in doubt? Rules do not set those again."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mailrules.mailbox.message import UID

if TYPE_CHECKING:
    import sqlite3

TAKEN_BACK = "somebody took it back since, so it stays as it is"
"""The detail of such a step; the partial index on it has the same words."""

_TAKEN_BACK = (
    "SELECT c.account, c.mailbox, c.uidvalidity, s.uid, c.removes_flags, s.flags, c.flags"  # noqa: S608 - our own words
    f" FROM steps s JOIN commands c ON c.id = s.command WHERE s.detail = '{TAKEN_BACK}'"
)


def select_taken_back(connection: sqlite3.Connection) -> dict[tuple[str, str, int], dict[UID, frozenset[str]]]:
    """By account, mailbox and UIDVALIDITY: the flags of each message in lower case, ``+`` or ``-`` before them."""
    found: defaultdict[tuple[str, str, int], dict[UID, frozenset[str]]] = defaultdict(dict)
    for account, mailbox, uidvalidity, uid, removes, flags, all_flags in connection.execute(_TAKEN_BACK):
        # The step of a delete names no flags; its command does.
        names = frozenset(f"{'-' if removes else '+'}{name.lower()}" for name in (flags or all_flags).split())
        messages = found[account, mailbox, uidvalidity]
        messages[UID(uid)] = messages.get(UID(uid), frozenset()) | names
    return dict(found)
