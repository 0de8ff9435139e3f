"""Which copies and effects were done, so that no later run repeats them (rule-language, meaning 9)."""

from __future__ import annotations

import json
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
_OF_STEPS = (
    "FROM json_each(?) AS wanted JOIN steps s ON s.id = wanted.value JOIN commands c ON c.id = s.command"
    " WHERE s.content_key != ''"
)


def enter_effects(connection: sqlite3.Connection, intents: Sequence[StepIntent], *, now: datetime) -> None:
    """An effect counts from its intent on: at most once, even if its outcome stays unknown."""
    connection.executemany(
        "INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, ?)",
        [
            (intent.content_key, intent.rule, intent.command.effect, intent.command.target, to_text(now))
            for intent in intents
            if intent.command.operation is Operation.EFFECT and intent.content_key
        ],
    )


def enter_verdicts(connection: sqlite3.Connection, verdicts: Sequence[StepVerdict]) -> None:
    """A copy counts once it is proved; an effect that surely did not happen counts no longer.

    A copy that an undo removed is forgotten, as if it had not been made. The verdicts stand in the steps
    already. One statement serves a whole batch, most of whose steps the ledger does not keep.
    """
    applied = [one.step for one in verdicts if one.state is StepState.APPLIED]
    not_done = [one.step for one in verdicts if one.state in {StepState.REFUSED, StepState.NOT_APPLIED}]
    if applied:
        connection.execute(
            f"INSERT OR REPLACE INTO ledger SELECT {_KEY}, s.judged {_OF_STEPS} AND c.kind = '{StepKind.COPY}'",
            (json.dumps(applied),),
        )
        connection.execute(
            "DELETE FROM ledger WHERE (content_key, rule, action, target) IN"  # noqa: S608 - constants
            f" (SELECT s.content_key, s.rule, 'copy', c.mailbox {_OF_STEPS}"
            " AND c.kind = 'delete' AND (SELECT r.kind FROM runs r WHERE r.id = c.run) = 'undo')",
            (json.dumps(applied),),
        )
    if not_done:
        connection.execute(
            f"DELETE FROM ledger WHERE (content_key, rule, action, target) IN"  # noqa: S608 - constants
            f" (SELECT {_KEY} {_OF_STEPS} AND c.operation = '{Operation.EFFECT}')",
            (json.dumps(not_done),),
        )


def select_ledger(connection: sqlite3.Connection) -> frozenset[LedgerKey]:
    """All that was done and not yet forgotten."""
    rows = connection.execute("SELECT content_key, rule, action, target FROM ledger")
    return frozenset(LedgerKey(*row) for row in rows)
