"""When was each rule with `shadow` first seen as it stands?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.timestamps import from_text, to_text
from mailrules.plan.history import Sight

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from mailrules.rules.rule import Rule


def select_sights(connection: sqlite3.Connection) -> dict[str, Sight]:
    """By rule; none in a journal that is older than this knowledge."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'rule_sights'").fetchone() is None:
        return {}
    rows = connection.execute("SELECT rule, digest, seen FROM rule_sights")
    return {rule: Sight(digest, from_text(seen)) for rule, digest, seen in rows}


def note_sights(connection: sqlite3.Connection, rules: Iterable[Rule], *, now: datetime) -> None:
    """See these rules: what is new, or does something else than before, counts from now on.

    A rule that has lost its `shadow` is forgotten, so that it begins anew if it gets one again. One that is not among
    these stays: another configuration may have it. A sight is never changed because of the clock: who set it back
    would else let a rule act too early.
    """
    known = select_sights(connection)
    for rule in rules:
        sight = known.get(rule.name)
        if rule.shadow is None:
            if sight is not None:
                connection.execute("DELETE FROM rule_sights WHERE rule = ?", (rule.name,))
        elif sight is None or sight.digest != rule.shadow.digest:
            connection.execute(
                "INSERT OR REPLACE INTO rule_sights (rule, digest, seen) VALUES (?, ?, ?)",
                (rule.name, rule.shadow.digest, to_text(now)),
            )
            connection.execute("DELETE FROM shadow_effects WHERE rule = ?", (rule.name,))
