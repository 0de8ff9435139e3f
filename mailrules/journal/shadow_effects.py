"""What would rules in shadow have done, and with which messages?"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from mailrules.journal.timestamps import from_text, to_text
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mailrules.plan.plan import MailboxPlan
    from mailrules.plan.shadow import ShadowEffect

MOST_KEPT = 10_000
"""So many messages are kept of one rule; what comes then is not counted any more."""


class ShadowTally(NamedTuple):
    """One rule in one mailbox: how many messages it would have touched, by which steps, and how many it would not.

    ``held`` are those of ``messages`` with which it would not have done all that it says. ``last`` is when the
    newest of them was judged.
    """

    rule: str
    account: str
    mailbox: str
    messages: int
    kinds: Mapping[StepKind, int]
    held: int
    last: datetime


def insert_effects(
    connection: sqlite3.Connection, plans: Iterable[MailboxPlan], *, now: datetime
) -> dict[tuple[str, str, str], int]:
    """Keep one row for each message and rule, as it was first judged; how many are new by rule, account and mailbox."""
    new: Counter[tuple[str, str, str]] = Counter()
    room = _room(connection, {one.rule for plan in plans for one in plan.shadow})
    for plan in plans:
        for one in plan.shadow:
            if room[one.rule] <= 0:
                continue
            cursor = connection.execute(
                "INSERT OR IGNORE INTO shadow_effects"
                " (rule, account, mailbox, uidvalidity, uid, message_id, steps, reason, noted)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    one.rule,
                    plan.account,
                    plan.mailbox,
                    plan.uidvalidity,
                    one.uid,
                    one.message_id,
                    _steps_text(one),
                    one.reason,
                    to_text(now),
                ),
            )
            room[one.rule] -= cursor.rowcount
            new[one.rule, plan.account, plan.mailbox] += cursor.rowcount
    return {place: count for place, count in new.items() if count}


def select_tallies(connection: sqlite3.Connection) -> tuple[ShadowTally, ...]:
    """By rule, account and mailbox; none in a journal that is older than this knowledge."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'shadow_effects'").fetchone() is None:
        return ()
    found: dict[tuple[str, str, str], list[tuple[int, str, int, str]]] = {}
    for rule, account, mailbox, *row in connection.execute(
        "SELECT rule, account, mailbox, count(*), steps, sum(reason <> ''), max(noted) FROM shadow_effects"
        " GROUP BY rule, account, mailbox, steps ORDER BY rule, account, mailbox"
    ):
        found.setdefault((rule, account, mailbox), []).append((row[0], row[1], row[2], row[3]))
    return tuple(_tally(place, rows) for place, rows in found.items())


def _tally(place: tuple[str, str, str], rows: list[tuple[int, str, int, str]]) -> ShadowTally:
    kinds: Counter[StepKind] = Counter()
    for count, steps, _, _ in rows:
        for step in json.loads(steps):
            kinds[StepKind(step["kind"])] += count
    return ShadowTally(
        *place,
        messages=sum(count for count, _, _, _ in rows),
        kinds=kinds,
        held=sum(held for _, _, held, _ in rows),
        last=from_text(max(noted for _, _, _, noted in rows)),
    )


def _room(connection: sqlite3.Connection, rules: Iterable[str]) -> dict[str, int]:
    query = "SELECT count(*) FROM shadow_effects WHERE rule = ?"
    return {rule: MOST_KEPT - int(connection.execute(query, (rule,)).fetchone()[0]) for rule in rules}


def _steps_text(effect: ShadowEffect) -> str:
    """What is to be told of the steps later: options of effects may hold what mail says, and are not among it."""
    steps = [
        {"kind": step.kind, "to": step.to, "flags": list(step.flags), "effect": step.effect} for step in effect.steps
    ]
    return json.dumps(steps)
