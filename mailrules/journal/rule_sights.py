"""When was each rule with `shadow` first seen as it stands?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.timestamps import from_text, to_text
from mailrules.plan.history import Sight

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mailrules.rules.rule import Rule


def select_sights(connection: sqlite3.Connection) -> dict[str, Sight]:
    """By rule; none in a journal that is older than this knowledge."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'rule_sights'").fetchone() is None:
        return {}
    rows = connection.execute("SELECT rule, digest, seen FROM rule_sights")
    return {rule: Sight(digest, from_text(seen)) for rule, digest, seen in rows}


def news(rules: Iterable[Rule], known: Mapping[str, Sight]) -> tuple[Rule, ...]:
    """Those of these rules that are to be seen anew, and those that have lost their `shadow` and are to be forgotten.

    One that is known and not among them stays: another configuration may have it. A sight is never changed because of
    the clock: who set it back would else let a rule act too early.
    """
    return tuple(rule for rule in rules if _is_news(rule, known.get(rule.name)))


def _is_news(rule: Rule, sight: Sight | None) -> bool:
    if rule.shadow is None:
        return sight is not None
    return sight is None or sight.digest != rule.shadow.digest


def note_sights(connection: sqlite3.Connection, rules: Iterable[Rule], *, now: datetime) -> None:
    """See rules that are new, or do something else than before, now; one without `shadow` is forgotten."""
    for rule in rules:
        connection.execute("DELETE FROM rule_sights WHERE rule = ?", (rule.name,))
        if rule.shadow is not None:
            connection.execute(
                "INSERT INTO rule_sights (rule, digest, seen) VALUES (?, ?, ?)",
                (rule.name, rule.shadow.digest, to_text(now)),
            )
            connection.execute("DELETE FROM shadow_effects WHERE rule = ?", (rule.name,))
