"""What the planner has to know of earlier runs, read as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.acquaintance import select_origins, select_senders, select_senders_to_renew
from mailrules.journal.deliveries import select_unsettled
from mailrules.journal.rule_sights import select_sights
from mailrules.journal.taken_back import select_taken_back
from mailrules.journal.timestamps import from_text, to_text
from mailrules.plan.history import History, accounts_asking_for_origins, asks_for_senders

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from mailrules.plan.history import LedgerKey
    from mailrules.rules.rule import Rule

EVERY_RULE = ""
"""Stands for all rules in the approvals."""

_CHANGED = (
    "SELECT count(DISTINCT c.account || char(0) || c.mailbox || char(0) || c.uidvalidity || char(0) || s.uid),"
    " min(c.intended)"
    # In this order, so that only what is within the window is looked at.
    " FROM commands c CROSS JOIN steps s ON s.command = c.id JOIN runs r ON r.id = c.run"
    " WHERE r.kind = 'daemon' AND c.intended > ? AND s.rule = ? AND s.uid > 0"
    " AND s.state IN ('intent', 'halfway', 'applied', 'unknown')"
)


def select_history(
    connection: sqlite3.Connection, *, rules: Sequence[Rule], now: datetime, ledger: frozenset[LedgerKey]
) -> History:
    """The ``ledger``, and for each rule what the daemon changed by it within its guard's window.

    Senders and origins are read where a condition of these rules asks for them.
    An approval holds for one such window from the moment it was given.
    """
    approvals = dict(connection.execute("SELECT rule, approved FROM approvals"))
    changed: dict[str, int] = {}
    approved: set[str] = set()
    for rule in rules:
        window_start = to_text(now - rule.guard.per)
        changed[rule.name], _ = connection.execute(_CHANGED, (window_start, rule.name)).fetchone()
        if max(approvals.get(rule.name, ""), approvals.get(EVERY_RULE, "")) > window_start:
            approved.add(rule.name)
    return History(
        ledger=ledger,
        unsettled=select_unsettled(connection),
        taken_back=select_taken_back(connection),
        changed=changed,
        approved=frozenset(approved),
        senders=select_senders(connection) if asks_for_senders(rules) else {},
        senders_to_renew=(select_senders_to_renew(connection, now=now) if asks_for_senders(rules) else frozenset()),
        sights=select_sights(connection) if any(rule.shadow for rule in rules) else {},
        origins=select_origins(connection, accounts=accounts_asking_for_origins(rules)),
    )


def select_windows_end(connection: sqlite3.Connection, rules: Sequence[Rule], now: datetime) -> dict[str, datetime]:
    """For each rule whose guard is used up: when the oldest change leaves its window."""
    ends = {}
    for rule in rules:
        changed, oldest = connection.execute(_CHANGED, (to_text(now - rule.guard.per), rule.name)).fetchone()
        if changed and changed >= rule.guard.max_messages:
            ends[rule.name] = from_text(oldest) + rule.guard.per
    return ends
