"""What would rules in shadow have done, and with which messages?"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from mailrules.journal.timestamps import from_text, to_text
from mailrules.mailbox.message import UID
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from mailrules.plan.plan import MailboxPlan
    from mailrules.plan.shadow import ShadowEffect

MOST_KEPT = 10_000
"""So many messages are kept of one rule; what comes then is not counted any more."""


_IS_THERE = "SELECT 1 FROM sqlite_master WHERE name = 'shadow_effects'"


class ShadowTally(NamedTuple):
    """One rule in one mailbox: how many messages it would have touched, by which steps, and how many it would not.

    ``held`` are those of ``messages`` with which it would not have done all that it says. ``last`` is when the
    newest of them was judged. ``is_cut``: the rule has as many as are kept, so there may be more.
    """

    rule: str
    account: str
    mailbox: str
    messages: int
    kinds: Mapping[StepKind, int]
    held: int
    last: datetime
    is_cut: bool


class NotedStep(NamedTuple):
    """What is kept of a step that would have been done."""

    kind: StepKind
    to: str
    flags: tuple[str, ...]
    effect: str


class ShadowNote(NamedTuple):
    """What one rule would have done with one message, as ``ShadowEffect`` said when it was first judged."""

    rule: str
    account: str
    mailbox: str
    uid: UID
    steps: tuple[NotedStep, ...]
    reason: str
    noted: datetime


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
    if connection.execute(_IS_THERE).fetchone() is None:
        return ()
    found: dict[tuple[str, str, str], list[tuple[int, str, int, str]]] = {}
    for rule, account, mailbox, *row in connection.execute(
        "SELECT rule, account, mailbox, count(*), steps, sum(reason <> ''), max(noted) FROM shadow_effects"
        " GROUP BY rule, account, mailbox, steps ORDER BY rule, account, mailbox"
    ):
        found.setdefault((rule, account, mailbox), []).append((row[0], row[1], row[2], row[3]))
    of_rule: Counter[str] = Counter()
    for place, rows in found.items():
        of_rule[place[0]] += sum(row[0] for row in rows)
    return tuple(_tally(place, rows, is_cut=of_rule[place[0]] >= MOST_KEPT) for place, rows in found.items())


def select_of_message(connection: sqlite3.Connection, message_id: str) -> tuple[ShadowNote, ...]:
    """What would have been done with messages of this Message-ID, oldest first."""
    if connection.execute(_IS_THERE).fetchone() is None:
        return ()
    rows = connection.execute(
        "SELECT rule, account, mailbox, uid, steps, reason, noted FROM shadow_effects WHERE message_id = ?"
        " ORDER BY noted, rule",
        (message_id,),
    )
    return tuple(
        ShadowNote(rule, account, mailbox, UID(uid), tuple(_read_steps(steps)), reason, from_text(noted))
        for rule, account, mailbox, uid, steps, reason, noted in rows
    )


def _read_steps(text: str) -> Iterator[NotedStep]:
    for step in json.loads(text):
        yield NotedStep(StepKind(step["kind"]), step["to"], tuple(step["flags"]), step["effect"])


def _tally(place: tuple[str, str, str], rows: list[tuple[int, str, int, str]], *, is_cut: bool) -> ShadowTally:
    kinds: Counter[StepKind] = Counter()
    for count, steps, _, _ in rows:
        for step in _read_steps(steps):
            kinds[step.kind] += count
    return ShadowTally(
        *place,
        messages=sum(count for count, _, _, _ in rows),
        kinds=kinds,
        held=sum(held for _, _, held, _ in rows),
        last=from_text(max(noted for _, _, _, noted in rows)),
        is_cut=is_cut,
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
