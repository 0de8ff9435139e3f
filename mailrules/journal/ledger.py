"""Which copies and effects were done, so that no later run repeats them (rule-language, meaning 9).

An entry stands under each name of its message: the content key, what the server calls it for ever, and where
it was. Any of them finds it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mailrules.journal.records import Operation, StepState
from mailrules.journal.timestamps import from_text, to_text
from mailrules.plan.history import LedgerKey
from mailrules.plan.identity import object_name, place_name
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from mailrules.journal.records import StepIntent, StepVerdict
    from mailrules.plan.history import Remembered

_COLUMNS = "name, rule, action, target, done, seen, account, mailbox, uidvalidity, uid"
_ENTER = f"INSERT OR REPLACE INTO ledger ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
_FORGET = "DELETE FROM ledger WHERE name = ? AND rule = ? AND action = ? AND target = ?"
_STEPS = (
    "SELECT s.content_key, s.object_id, s.received, s.size_bytes, s.rule, s.uid, s.judged, c.account, c.mailbox,"
    " c.uidvalidity, CASE c.kind WHEN 'append' THEN substr(c.target, instr(c.target, '/') + 1) ELSE c.target END,"
    " CASE WHEN c.operation = 'effect' THEN c.effect WHEN c.kind = 'append' THEN 'append' ELSE 'copy' END"
    " FROM json_each(?) AS wanted JOIN steps s ON s.id = wanted.value JOIN commands c ON c.id = s.command"
    " WHERE s.content_key != ''"
)
_IS_COPY = f"c.kind IN ('{StepKind.COPY}', '{StepKind.APPEND}')"
_MOVED = (
    "SELECT l.rule, l.action, l.target, l.done, l.seen,"
    " CASE c.operation WHEN 'append' THEN substr(c.target, 1, instr(c.target, '/') - 1) ELSE c.account END,"
    " CASE c.operation WHEN 'append' THEN substr(c.target, instr(c.target, '/') + 1) ELSE c.target END,"
    " s.target_uidvalidity, s.target_uid, s.received, s.size_bytes, l.name"
    " FROM json_each(?) AS wanted JOIN steps s ON s.id = wanted.value JOIN commands c ON c.id = s.command"
    " JOIN ledger l ON l.account = c.account AND l.mailbox = c.mailbox AND l.uidvalidity = c.uidvalidity"
    " AND l.uid = s.uid WHERE c.kind = 'move' AND s.target_uid > 0"
)


def enter_effects(connection: sqlite3.Connection, intents: Sequence[StepIntent], *, now: datetime) -> None:
    """An effect counts from its intent on: at most once, even if its outcome stays unknown."""
    moment = to_text(now)
    connection.executemany(
        _ENTER,
        [
            (name, intent.rule, command.effect, command.target, moment, moment, *_place(intent))
            for intent in intents
            if (command := intent.command).operation is Operation.EFFECT and intent.content_key
            for name in names_of(intent)
        ],
    )


def enter_verdicts(connection: sqlite3.Connection, verdicts: Sequence[StepVerdict]) -> None:
    """A copy counts once it is proved; an effect that surely did not happen counts no longer.

    A copy that an undo removed is forgotten, as if it had not been made; what we moved is followed. The verdicts
    stand in the steps already. One statement serves a whole batch, most of whose steps the ledger does not keep.
    """
    applied = json.dumps([one.step for one in verdicts if one.state is StepState.APPLIED])
    not_done = json.dumps([one.step for one in verdicts if one.state in {StepState.REFUSED, StepState.NOT_APPLIED}])
    connection.executemany(
        _ENTER,
        [
            (name, rule, action, target, judged, judged, account, mailbox, uidvalidity, uid)
            for name, (*_, rule, uid, judged, account, mailbox, uidvalidity, target, action) in _named(
                connection.execute(
                    f"{_STEPS} AND c.kind IN ('{StepKind.COPY}', '{StepKind.APPEND}')", (applied,)
                ).fetchall()
            )
        ],
    )
    undone = f"{_STEPS} AND c.kind = '{StepKind.DELETE}' AND (SELECT r.kind FROM runs r WHERE r.id = c.run) = 'undo'"  # noqa: S608 - constants
    for row in connection.execute(undone, (applied,)).fetchall():
        *_, rule, _uid, _judged, account, mailbox, _uidvalidity, _target, _action = row
        for target in (mailbox, f"{account}/{mailbox}"):  # as the copy within the account names it, and from others
            for action in ("copy", "append"):
                _forget(connection, row[0], rule=rule, action=action, target=target)
    for row in connection.execute(f"{_STEPS} AND c.operation = '{Operation.EFFECT}'", (not_done,)).fetchall():
        *_, rule, _uid, _judged, _account, _mailbox, _uidvalidity, target, action = row
        _forget(connection, row[0], rule=rule, action=action, target=target)
    _follow(connection, connection.execute(_MOVED, (applied,)).fetchall())


def knows(connection: sqlite3.Connection, intent: StepIntent) -> bool:
    """Whether an effect was entered meanwhile, for the same mail in another mailbox or connection."""
    key = (intent.content_key, intent.rule, intent.command.effect, intent.command.target)
    found = connection.execute("SELECT 1 FROM ledger WHERE name = ? AND rule = ? AND action = ? AND target = ?", key)
    return bool(intent.content_key) and found.fetchone() is not None


def renew(connection: sqlite3.Connection, remembered: Iterable[Remembered], *, now: datetime) -> None:
    """These entries were met again, perhaps under a further name or in another place."""
    moment = to_text(now)
    for one in remembered:
        values = (one.rule, one.action, one.target)
        marks = ", ".join("?" * len(one.names))
        (done,) = connection.execute(
            f"SELECT min(done) FROM ledger WHERE name IN ({marks}) AND rule = ? AND action = ? AND target = ?",  # noqa: S608
            (*one.names, *values),
        ).fetchone()
        if done is not None:
            place = (one.account, one.mailbox, one.uidvalidity, one.uid)
            connection.executemany(_ENTER, [(name, *values, done, moment, *place) for name in one.names])


def select_ledger(connection: sqlite3.Connection) -> frozenset[LedgerKey]:
    """All that was done and not yet forgotten."""
    rows = connection.execute("SELECT name, rule, action, target FROM ledger")
    return frozenset(LedgerKey(*row) for row in rows)


def select_places(
    connection: sqlite3.Connection, account: str, *, seen_before: datetime
) -> dict[tuple[str, int], set[int]]:
    """Where the messages of entries should be that were not met for long: UIDs by mailbox and UIDVALIDITY."""
    places: dict[tuple[str, int], set[int]] = {}
    for mailbox, uidvalidity, uid in connection.execute(
        "SELECT DISTINCT mailbox, uidvalidity, uid FROM ledger WHERE account = ? AND uid > 0 AND seen < ?",
        (account, to_text(seen_before)),
    ):
        places.setdefault((mailbox, uidvalidity), set()).add(uid)
    return places


def touch_places(
    connection: sqlite3.Connection,
    account: str,
    mailbox: str,
    *,
    uidvalidity: int,
    uids: Iterable[int],
    now_in: str,
    now: datetime,
) -> None:
    """The messages at these places are still there, though their mailbox may have another name by now."""
    connection.executemany(
        "UPDATE ledger SET seen = ?, mailbox = ? WHERE account = ? AND mailbox = ? AND uidvalidity = ? AND uid = ?",
        [(to_text(now), now_in, account, mailbox, uidvalidity, uid) for uid in uids],
    )


def delete_unseen(
    connection: sqlite3.Connection, *, seen_before: datetime, looked_at: Collection[str], configured: Collection[str]
) -> None:
    """Forget entries of accounts that have just been looked at, and of those that are no longer ours to look at."""
    connection.execute(
        "DELETE FROM ledger WHERE seen < ? AND (account IN (SELECT value FROM json_each(?))"
        " OR account NOT IN (SELECT value FROM json_each(?)))",
        (to_text(seen_before), json.dumps(sorted(looked_at)), json.dumps(sorted(configured))),
    )


def names_of(intent: StepIntent) -> tuple[str, ...]:
    """Every name by which the message of a step is known."""
    command = intent.command
    names = (
        intent.content_key,
        object_name(account=command.account, object_id=intent.object_id),
        place_name(
            account=command.account,
            mailbox=command.mailbox,
            uidvalidity=command.uidvalidity,
            uid=intent.uid,
            received=intent.received,
            size_bytes=intent.size_bytes,
        ),
    )
    return tuple(dict.fromkeys(name for name in names if name))


def _place(intent: StepIntent) -> tuple[str, str, int, int]:
    command = intent.command
    return command.account, command.mailbox, command.uidvalidity, intent.uid


def _named(rows: Iterable[tuple[object, ...]]) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Each row of ``_STEPS`` under each name of its message."""
    for row in rows:
        key, object_id, received, size_bytes, _, uid, _, account, mailbox, uidvalidity = row[:10]
        names = (
            str(key),
            object_name(account=str(account), object_id=str(object_id)),
            place_name(
                account=str(account),
                mailbox=str(mailbox),
                uidvalidity=int(str(uidvalidity)),
                uid=int(str(uid)),
                received=from_text(str(received)) if received else None,
                size_bytes=int(str(size_bytes)),
            ),
        )
        for name in dict.fromkeys(name for name in names if name):
            yield name, row


def _forget(connection: sqlite3.Connection, content_key: str, *, rule: str, action: str, target: str) -> None:
    """Drop an entry under every name: the others share its place."""
    key = (content_key, rule, action, target)
    connection.execute(
        "DELETE FROM ledger WHERE rule = ?2 AND action = ?3 AND target = ?4 AND (account, mailbox, uidvalidity, uid) IN"
        " (SELECT account, mailbox, uidvalidity, uid FROM ledger WHERE name = ?1 AND rule = ?2 AND action = ?3"
        " AND target = ?4 AND uid > 0)",
        key,
    )
    connection.execute(_FORGET, key)


def _follow(connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Entries of messages that we moved get the new place, and a name for it."""
    for rule, action, target, done, seen, account, mailbox, uidvalidity, uid, received, size_bytes, name in rows:
        place = (account, mailbox, uidvalidity, uid)
        connection.execute(
            "UPDATE ledger SET account = ?, mailbox = ?, uidvalidity = ?, uid = ?"
            " WHERE name = ? AND rule = ? AND action = ? AND target = ?",
            (*place, name, rule, action, target),
        )
        new_name = place_name(
            account=str(account),
            mailbox=str(mailbox),
            uidvalidity=int(str(uidvalidity)),
            uid=int(str(uid)),
            received=from_text(str(received)) if received else None,
            size_bytes=int(str(size_bytes)),
        )
        connection.execute(_ENTER, (new_name, rule, action, target, done, seen, *place))
