"""How far each mailbox has been judged, and which of its messages are to be judged again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.records import Pending, Position
from mailrules.mailbox.message import UID
from mailrules.plan.plan import FAILED, PENDING_KINDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from mailrules.plan.plan import Finding

_KINDS = PENDING_KINDS | {FAILED}


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


def select_positions(connection: sqlite3.Connection) -> tuple[Position, ...]:
    """Every stored position, by account and mailbox."""
    places = connection.execute("SELECT account, mailbox FROM positions ORDER BY account, mailbox").fetchall()
    found = (select_position(connection, account, mailbox) for account, mailbox in places)
    return tuple(one for one in found if one is not None)


def select_pending(connection: sqlite3.Connection) -> tuple[Pending, ...]:
    """Every message that is judged again."""
    rows = connection.execute(
        "SELECT account, mailbox, uid, kind, rule, reason, names FROM pending ORDER BY account, mailbox, uid"
    )
    return tuple(
        Pending(
            account=account,
            mailbox=mailbox,
            uid=UID(uid),
            kind=kind,
            rule=rule,
            reason=reason,
            names=tuple(names.split()),
        )
        for account, mailbox, uid, kind, rule, reason, names in rows
    )


def replace_position(connection: sqlite3.Connection, position: Position, *, findings: Iterable[Finding] = ()) -> None:
    """Store this position instead of any earlier one of the mailbox.

    ``findings`` say why messages are pending, and how they are told again; what was known of others before is kept
    within one UIDVALIDITY.
    """
    place = (position.account, position.mailbox)
    before = select_position(connection, *place)
    connection.execute(
        "INSERT INTO positions (account, mailbox, uidvalidity, last_uid) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account, mailbox)"
        " DO UPDATE SET uidvalidity = excluded.uidvalidity, last_uid = excluded.last_uid",
        (*place, position.uidvalidity, position.last_uid),
    )
    kept = before.pending if before is not None and before.uidvalidity == position.uidvalidity else frozenset()
    reasons = {one.uid: one for one in findings if one.uid in position.pending and one.kind in _KINDS}
    gone = (before.pending if before else frozenset()) - (position.pending & kept)
    connection.executemany(
        "DELETE FROM pending WHERE account = ? AND mailbox = ? AND uid = ?", [(*place, uid) for uid in sorted(gone)]
    )
    connection.executemany(
        "INSERT INTO pending (account, mailbox, uid, kind) VALUES (?, ?, ?, 'failed')",
        [(*place, uid) for uid in sorted(position.pending - kept)],
    )
    connection.executemany(
        "UPDATE pending SET kind = ?, rule = ?, reason = ? WHERE account = ? AND mailbox = ? AND uid = ?",
        [(one.kind, one.rule, one.reason, *place, uid) for uid, one in reasons.items()],
    )
    connection.executemany(
        "UPDATE pending SET names = ? WHERE account = ? AND mailbox = ? AND uid = ?",
        [(" ".join(one.names), *place, uid) for uid, one in reasons.items() if one.names],
    )


def renumber(connection: sqlite3.Connection, position: Position, found: Iterable[Pending]) -> None:
    """Store the position in a new UIDVALIDITY, with what is known of its pending messages under their new UIDs."""
    replace_position(connection, position)
    connection.executemany(
        "UPDATE pending SET kind = ?, rule = ?, reason = ?, names = ? WHERE account = ? AND mailbox = ? AND uid = ?",
        [
            (one.kind, one.rule, one.reason, " ".join(one.names), position.account, position.mailbox, one.uid)
            for one in found
        ],
    )


def judge_again(
    connection: sqlite3.Connection, account: str, mailbox: str, *, uidvalidity: int, uid: int, reason: str
) -> None:
    """Have a message judged again that had a final outcome; nothing where the mailbox has no such position."""
    connection.execute(
        "INSERT OR IGNORE INTO pending (account, mailbox, uid, kind, reason)"
        " SELECT account, mailbox, ?, 'failed', ? FROM positions"
        " WHERE account = ? AND mailbox = ? AND uidvalidity = ?",
        (uid, reason, account, mailbox, uidvalidity),
    )


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
        last_uid=max({last_uid, *final}),
        pending=(kept - final).union(pending),
    )
