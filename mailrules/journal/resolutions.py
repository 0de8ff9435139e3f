"""What a person decides about steps that reading the mailboxes cannot settle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.errors import PlanRefused
from mailrules.journal import ledger, positions, steps
from mailrules.journal.records import Operation, Resolution, StepId, StepState, StepVerdict
from mailrules.journal.timestamps import from_text, to_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from mailrules.journal.records import RunId, StepRecord

SETTLED_BY_READING = frozenset({StepState.INTENT, StepState.HALFWAY, StepState.UNKNOWN})
"""Recovery looks at these by itself, but for effects."""


def needs_the_lock(record: StepRecord) -> bool:
    """Whether a run could be at this step now; of the others nobody but a person says anything any more."""
    return record.state in SETTLED_BY_READING and not (
        record.state is StepState.UNKNOWN and record.intent.command.operation is Operation.EFFECT
    )


def resolve(
    connection: sqlite3.Connection, wanted: Sequence[StepId], *, became: StepState, who: str, now: datetime
) -> None:
    """Settle these steps; what did not happen is judged again. Raises PlanRefused if one is no longer in doubt."""
    in_doubt = {one.id: one for one in steps.select_in_doubt(connection)}
    if settled := [step for step in wanted if step not in in_doubt]:
        raise PlanRefused(f"step {settled[0]} is not in doubt; look again with: mailrules unknown")
    words = "it happened" if became is StepState.APPLIED else "it did not happen"
    verdicts = []
    for step in wanted:
        record = in_doubt[step]
        connection.execute(
            "INSERT INTO resolutions (step, resolved, who, was, became) VALUES (?, ?, ?, ?, ?)",
            (step, to_text(now), who, record.state, became),
        )
        known = f" (before: {record.detail})" if record.detail else ""
        verdicts.append(
            StepVerdict(
                step=step,
                state=became,
                judged=now,
                detail=f"{who} says that {words}{known}",
                target_uidvalidity=record.target_uidvalidity,
                target_uid=record.target_uid,
            )
        )
        if became is StepState.NOT_APPLIED and record.intent.uid:
            command = record.intent.command
            positions.judge_again(
                connection,
                command.account,
                command.mailbox,
                uidvalidity=command.uidvalidity,
                uid=record.intent.uid,
                reason=f"{command.effect or command.kind} did not happen, as {who} says",
            )
    steps.update_verdicts(connection, verdicts)
    ledger.enter_verdicts(connection, verdicts)


def select_resolutions(connection: sqlite3.Connection, run: RunId | None) -> tuple[Resolution, ...]:
    """What persons decided, oldest first."""
    rows = connection.execute(
        "SELECT r.step, r.resolved, r.who, r.was, r.became FROM resolutions r JOIN steps s ON s.id = r.step"
        " JOIN commands c ON c.id = s.command WHERE ?1 IS NULL OR c.run = ?1 ORDER BY r.id",
        (run,),
    )
    return tuple(
        Resolution(
            step=StepId(step),
            resolved=from_text(resolved),
            who=who,
            was=StepState(was),
            became=StepState(became),
        )
        for step, resolved, who, was, became in rows
    )
