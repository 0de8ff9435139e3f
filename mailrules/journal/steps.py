"""How commands and steps are stored, judged and found again."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

from mailrules.journal.records import CommandIntent, Operation, RunId, StepId, StepIntent, StepRecord, StepState
from mailrules.journal.timestamps import from_text, to_text
from mailrules.mailbox.message import UID
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mailrules.journal.records import StepVerdict

_COMMAND_COLUMNS = (
    "run, intended, kind, operation, account, mailbox, uidvalidity, target, target_uidvalidity, target_uidnext,"
    " flags, removes_flags, identifier, rights, prior_rights, effect, capabilities"
)
_STEP_COLUMNS = (
    "id, command, rule, uid, flags, reason, message_id, subject, prior_flags, modseq, object_id, received,"
    " size_bytes, content_key, options, state, judged, detail, target_uidvalidity, target_uid"
)
_INSERT_COMMAND = f"INSERT INTO commands ({_COMMAND_COLUMNS}) VALUES ({', '.join('?' * 17)})"  # noqa: S608 - our own names
_INSERT_STEP = (
    f"INSERT INTO steps ({_STEP_COLUMNS})"  # noqa: S608 - our own names
    f" VALUES ({', '.join('?' * 15)}, 'intent', NULL, '', 0, 0)"
)
# The conditions of the partial indexes, word for word: only so does SQLite use them.
OPEN_IDS = "SELECT id FROM steps WHERE state IN ('intent', 'halfway', 'unknown')"
OUTSIDE_IDS = "SELECT id FROM steps WHERE state IN ('waiting', 'given_up')"
UNDECIDED_IDS = "SELECT id FROM steps WHERE state IN ('ambiguous', 'vanished')"
# Of a range of steps: a server gives what it copies or moves ascending UIDs (RFC 4315 section 3), nearly always
# without a gap, so that each target is its step's id and one number.
_JUDGE = (
    "UPDATE steps SET state = ?, judged = ?, detail = ?, target_uidvalidity = ?, target_uid = coalesce(id + ?, 0)"
    " WHERE id BETWEEN ? AND ?"
)
_SELECT = (
    f"SELECT {', '.join('s.' + name.strip() for name in _STEP_COLUMNS.split(','))},"  # noqa: S608 - our own names
    f" {', '.join('c.' + name.strip() for name in _COMMAND_COLUMNS.split(','))}"
    " FROM steps s JOIN commands c ON c.id = s.command"
)


def insert_intents(
    connection: sqlite3.Connection, run: RunId, intents: Sequence[StepIntent], *, now: datetime
) -> tuple[StepId, ...]:
    """Store the steps; neighbours that share one ``CommandIntent`` object belong to one command."""
    (last_id,) = connection.execute("SELECT coalesce(max(id), 0) FROM steps").fetchone()
    rows: list[tuple[object, ...]] = []
    for _, group in groupby(intents, key=lambda intent: id(intent.command)):
        steps = list(group)
        command_id = connection.execute(_INSERT_COMMAND, _command_row(run, steps[0].command, now=now)).lastrowid
        rows.extend(_step_row(step, step_id, command_id) for step_id, step in enumerate(steps, last_id + len(rows) + 1))
    connection.executemany(_INSERT_STEP, rows)
    return tuple(StepId(step_id) for step_id in range(last_id + 1, last_id + len(rows) + 1))


def update_verdicts(connection: sqlite3.Connection, verdicts: Iterable[StepVerdict]) -> None:
    """Write what became of these steps over what was known before: neighbours with one outcome in one statement."""
    ranges: list[tuple[tuple[object, ...], int, int]] = []
    for one in verdicts:
        distance = one.target_uid - one.step if one.target_uid else None
        outcome = (one.state, to_text(one.judged), one.detail, one.target_uidvalidity, distance)
        if ranges and ranges[-1][0] == outcome and ranges[-1][2] + 1 == one.step:
            ranges[-1] = (outcome, ranges[-1][1], one.step)
        else:
            ranges.append((outcome, one.step, one.step))
    connection.executemany(_JUDGE, [(*outcome, first, last) for outcome, first, last in ranges])


def select_open(connection: sqlite3.Connection, account: str | None) -> tuple[StepRecord, ...]:
    """Steps that recovery has to look at, oldest first; effects of unknown outcome are not among them."""
    return select_records(
        connection,
        "WHERE s.state IN ('intent', 'halfway', 'unknown') AND NOT (s.state = 'unknown' AND c.operation = 'effect')"
        " AND (? IS NULL OR c.account = ?) ORDER BY s.id",
        account,
        account,
    )


def select_not_seen(
    connection: sqlite3.Connection, account: str, *, detail: str, since: datetime
) -> tuple[StepRecord, ...]:
    """Copies and moves of which recovery saw nothing, oldest first."""
    return select_records(
        connection,
        "WHERE c.intended > ? AND c.account = ? AND c.operation IN ('copy', 'move') AND s.state = 'not_applied'"
        " AND s.detail = ? ORDER BY s.id",
        to_text(since),
        account,
        detail,
    )


def select_transfers(connection: sqlite3.Connection, account: str, *, since: datetime) -> tuple[StepRecord, ...]:
    """Copies and moves that are proved, oldest first."""
    return select_records(
        connection,
        "WHERE c.intended > ? AND c.account = ? AND c.operation IN ('copy', 'move')"
        " AND s.state IN ('applied', 'halfway') AND s.target_uid > 0 ORDER BY s.id",
        to_text(since),
        account,
    )


def select_unknown_effects(connection: sqlite3.Connection) -> tuple[StepRecord, ...]:
    """Effects that may have happened or not."""
    return select_records(connection, "WHERE s.state = 'unknown' AND c.operation = 'effect' ORDER BY s.id")


def select_in_doubt(connection: sqlite3.Connection) -> tuple[StepRecord, ...]:
    """Steps without a final verdict, and those that were given up, oldest first."""
    return select_records(
        connection,
        f"WHERE s.id IN ({OPEN_IDS} UNION ALL {OUTSIDE_IDS} UNION ALL {UNDECIDED_IDS})"
        " AND s.state NOT IN ('waiting', 'vanished') ORDER BY s.id",
    )


def select_given_up(connection: sqlite3.Connection) -> tuple[StepRecord, ...]:
    """Steps that reading could not decide, and effects that are tried no more, oldest first."""
    return select_records(
        connection,
        f"WHERE s.id IN ({OUTSIDE_IDS} UNION ALL {UNDECIDED_IDS})"
        " AND s.state NOT IN ('waiting', 'vanished') ORDER BY s.id",
    )


def select_of_run(connection: sqlite3.Connection, run: RunId) -> tuple[StepRecord, ...]:
    """All steps of a run in the order of their intents."""
    return select_records(connection, "WHERE c.run = ? ORDER BY s.id", run)


def select_of_family(connection: sqlite3.Connection, run: RunId) -> tuple[StepRecord, ...]:
    """The steps of a run, of what it took back, and of all undos and undos of undos around it, oldest first."""
    return select_records(
        connection,
        "WHERE c.run IN (WITH RECURSIVE above (id) AS (SELECT ? UNION SELECT r.undo_of FROM runs r"
        " JOIN above ON r.id = above.id WHERE r.undo_of != ''), family (id) AS (SELECT id FROM above"
        " UNION SELECT r.id FROM runs r JOIN family ON r.undo_of = family.id) SELECT id FROM family) ORDER BY s.id",
        run,
    )


def select_moves_on(
    connection: sqlite3.Connection, account: str, mailbox: str, *, uidvalidity: int
) -> dict[UID, tuple[RunId, str]]:
    """Which messages our moves took out of this mailbox: by which run, to where."""
    rows = connection.execute(
        "SELECT s.uid, c.run, c.target FROM steps s JOIN commands c ON c.id = s.command"
        " WHERE c.account = ? AND c.mailbox = ? AND c.uidvalidity = ? AND c.kind = 'move' AND s.state = 'applied'"
        " AND c.target != '' ORDER BY s.id",
        (account, mailbox, uidvalidity),
    )
    return {UID(uid): (RunId(run), target) for uid, run, target in rows}


def select_of_message(connection: sqlite3.Connection, message_id: str) -> tuple[StepRecord, ...]:
    """All steps of messages with this Message-ID, oldest first."""
    return select_records(connection, "WHERE s.message_id = ? AND s.message_id != '' ORDER BY s.id", message_id)


def select_placed(
    connection: sqlite3.Connection, account: str, mailbox: str, *, uidvalidity: int, after_uid: int
) -> frozenset[UID]:
    """UIDs above ``after_uid`` that our copies and moves got in this mailbox."""
    rows = connection.execute(
        "SELECT s.target_uid FROM steps s JOIN commands c ON c.id = s.command"
        " WHERE c.account = ?1 AND c.target = ?2 AND c.operation != 'append' AND c.target != ''"
        " AND s.target_uidvalidity = ?3 AND s.target_uid > ?4 AND s.state IN ('applied', 'halfway')"
        " UNION SELECT s.target_uid FROM steps s JOIN commands c ON c.id = s.command"  # from other accounts
        " WHERE c.target = ?1 || '/' || ?2"
        " AND c.operation = 'append' AND s.target_uidvalidity = ?3 AND s.target_uid > ?4"
        " AND s.state IN ('applied', 'halfway')",
        (account, mailbox, uidvalidity, after_uid),
    )
    return frozenset(UID(uid) for (uid,) in rows)


def _command_row(run: RunId, command: CommandIntent, *, now: datetime) -> tuple[object, ...]:
    return (
        run, to_text(now), command.kind, command.operation, command.account, command.mailbox, command.uidvalidity,
        command.target, command.target_uidvalidity, command.target_uidnext, " ".join(command.flags),
        int(command.removes_flags), command.identifier, command.rights, command.prior_rights, command.effect,
        " ".join(sorted(command.capabilities)),
    )  # fmt: skip


def _step_row(step: StepIntent, step_id: int, command_id: int | None) -> tuple[object, ...]:
    return (
        step_id, command_id, step.rule, step.uid, " ".join(step.flags), step.reason, step.message_id, step.subject,
        " ".join(sorted(step.prior_flags)), step.modseq, step.object_id,
        to_text(step.received) if step.received else None, step.size_bytes, step.content_key,
        json.dumps(step.options) if step.options else "",
    )  # fmt: skip


def select_records(connection: sqlite3.Connection, where: str, *values: object) -> tuple[StepRecord, ...]:
    """Steps as ``s`` with their commands as ``c``, by the rest of a statement."""
    commands: dict[int, CommandIntent] = {}
    records = []
    for row in connection.execute(f"{_SELECT} {where}", values):
        (
            step_id, command_id, rule, uid, flags, reason, message_id, subject, prior_flags, modseq, object_id,
            received, size_bytes, content_key, options, state, judged, detail, target_uidvalidity, target_uid,
            run, intended,
        ) = row[:22]  # fmt: skip
        command = commands.get(command_id) or commands.setdefault(command_id, _command_of(row[22:]))
        intent = StepIntent(
            command=command,
            rule=rule,
            uid=UID(uid),
            flags=tuple(flags.split()),
            reason=reason,
            message_id=message_id,
            subject=subject,
            prior_flags=frozenset(prior_flags.split()),
            modseq=modseq,
            object_id=object_id,
            received=from_text(received) if received else None,
            size_bytes=size_bytes,
            content_key=content_key,
            options=json.loads(options) if options else {},
        )
        records.append(
            StepRecord(
                id=StepId(step_id),
                run=RunId(run),
                command_id=command_id,
                intent=intent,
                state=StepState(state),
                intended=from_text(intended),
                judged=from_text(judged) if judged else None,
                detail=detail,
                target_uidvalidity=target_uidvalidity,
                target_uid=target_uid,
            )
        )
    return tuple(records)


def _command_of(row: tuple[str | int, ...]) -> CommandIntent:
    (
        kind, operation, account, mailbox, uidvalidity, target, target_uidvalidity, target_uidnext, flags,
        removes_flags, identifier, rights, prior_rights, effect, capabilities,
    ) = row  # fmt: skip
    return CommandIntent(
        kind=StepKind(str(kind)),
        operation=Operation(str(operation)),
        account=str(account),
        mailbox=str(mailbox),
        uidvalidity=int(uidvalidity),
        target=str(target),
        target_uidvalidity=int(target_uidvalidity),
        target_uidnext=int(target_uidnext),
        flags=tuple(str(flags).split()),
        removes_flags=bool(removes_flags),
        identifier=str(identifier),
        rights=str(rights),
        prior_rights=str(prior_rights),
        effect=str(effect),
        capabilities=frozenset(str(capabilities).split()),
    )
