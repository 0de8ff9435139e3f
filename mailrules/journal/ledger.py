"""Which copies and effects were done, so that no later run repeats them (rule-language, meaning 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.records import Operation, StepState
from mailrules.journal.timestamps import to_text
from mailrules.plan.history import LedgerKey
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from mailrules.journal.records import StepIntent, StepVerdict

_KEY = "s.content_key, s.rule, CASE c.operation WHEN 'effect' THEN c.effect ELSE 'copy' END, c.target"
_OF_STEP = "FROM steps s JOIN commands c ON c.id = s.command WHERE s.id = ? AND s.content_key != ''"


def enter_effects(connection: sqlite3.Connection, intents: Sequence[StepIntent], *, now: datetime) -> None:
    """An effect counts from its intent on: at most once, even if its outcome stays unknown."""
    connection.executemany(
        "INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, '', ?)",
        [
            (intent.content_key, intent.rule, intent.command.effect, to_text(now))
            for intent in intents
            if intent.command.operation is Operation.EFFECT and intent.content_key
        ],
    )


def enter_verdicts(connection: sqlite3.Connection, verdicts: Sequence[StepVerdict]) -> None:
    """A copy counts once it is proved; an effect that surely did not happen counts no longer.

    A copy that an undo removed is forgotten, as if it had not been made.
    """
    applied = [(to_text(one.judged), one.step) for one in verdicts if one.state is StepState.APPLIED]
    connection.executemany(
        f"INSERT OR REPLACE INTO ledger SELECT {_KEY}, ? {_OF_STEP} AND c.kind = '{StepKind.COPY}'",
        applied,
    )
    connection.executemany(
        "DELETE FROM ledger WHERE (content_key, rule, action, target) IN"
        " (SELECT s.content_key, s.rule, 'copy', c.mailbox FROM steps s JOIN commands c ON c.id = s.command"
        " JOIN runs r ON r.id = c.run"
        " WHERE s.id = ? AND s.content_key != '' AND r.kind = 'undo' AND c.kind = 'delete')",
        [(step,) for _, step in applied],
    )
    connection.executemany(
        f"DELETE FROM ledger WHERE (content_key, rule, action, target) IN"  # noqa: S608 - constants
        f" (SELECT {_KEY} {_OF_STEP} AND c.operation = '{Operation.EFFECT}')",
        [(one.step,) for one in verdicts if one.state in {StepState.REFUSED, StepState.NOT_APPLIED}],
    )


def select_ledger(connection: sqlite3.Connection) -> frozenset[LedgerKey]:
    """All that was done and not yet forgotten."""
    rows = connection.execute("SELECT content_key, rule, action, target FROM ledger")
    return frozenset(LedgerKey(*row) for row in rows)
