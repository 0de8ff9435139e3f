"""Which of our moves happened to given messages: what keeps rules from moving mail in circles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mailrules.journal.timestamps import from_text
from mailrules.plan.past_moves import MessageIdentity, PastMove

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

# A move without MOVE begins as a copy. What an undo moved back counts as not moved (as copies in the ledger do).
_MOVES = (
    "SELECT s.message_id, s.size_bytes, s.received, s.rule, c.account, c.mailbox, c.intended"
    " FROM steps s JOIN commands c ON c.id = s.command JOIN runs r ON r.id = c.run"
    " WHERE s.message_id IN (SELECT value FROM json_each(?)) AND c.kind = 'move' AND c.target != ''"
    " AND s.state IN ('applied', 'halfway') AND r.kind != 'undo'"
    " AND NOT EXISTS (SELECT 1 FROM steps back JOIN commands way ON way.id = back.command"
    "  JOIN runs undo ON undo.id = way.run WHERE back.message_id = s.message_id AND undo.kind = 'undo'"
    "  AND way.kind = 'move'"
    "  AND ((way.account = c.account AND way.mailbox = c.target) OR way.account || '/' || way.mailbox = c.target)"
    "  AND way.uidvalidity = s.target_uidvalidity AND back.uid = s.target_uid"
    "  AND back.state IN ('applied', 'halfway'))"
)


def select_past_moves(
    connection: sqlite3.Connection, message_ids: Iterable[str]
) -> Mapping[MessageIdentity, Sequence[PastMove]]:
    """The moves of messages with these Message-IDs ("" for those without one), by message."""
    moves: dict[MessageIdentity, list[PastMove]] = {}
    wanted = json.dumps(list(message_ids))
    for message_id, size_bytes, received, rule, account, mailbox, intended in connection.execute(_MOVES, (wanted,)):
        identity = MessageIdentity(message_id, size_bytes, from_text(received) if received else None)
        moves.setdefault(identity, []).append(
            PastMove(rule=rule, account=account, mailbox=mailbox, moved=from_text(intended))
        )
    return moves
