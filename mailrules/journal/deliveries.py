"""What was tried of an effect that leaves the mailbox: is an attempt under way, how many were there, when is the next?

The outbox's law (failure-model): the intent is on disk before anything is tried, and ``is_attempting`` is on disk
before an attempt can have its effect. So after a crash an intent without it surely did nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailrules.journal.records import OPEN_STATES, StepId, StepState, StepVerdict
from mailrules.journal.steps import OPEN_IDS, OUTSIDE_IDS, select_records
from mailrules.journal.timestamps import from_text, to_text
from mailrules.plan.history import LedgerKey

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from mailrules.journal.records import StepIntent, StepRecord

UNSETTLED_STATES = frozenset({*OPEN_STATES, StepState.WAITING, StepState.GIVEN_UP})
"""States of an effect whose message stays where it is until the effect is settled."""

_COUNTED = "('intent', 'waiting', 'applied', 'unknown')"
_UNSETTLED = ", ".join(f"'{state}'" for state in sorted(UNSETTLED_STATES))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryIntent:
    """What is stored of a delivery beside its step, before the first attempt.

    ``recipient`` is whom it really reaches (an answer's is known only from the mail), ``spool`` the name of the
    file that holds what will go out, ``is_repeatable`` whether its receiver drops repetitions.
    """

    recipient: str
    spool: str = ""
    is_repeatable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryCaps:
    """How many effects may go out within ``per``: for each rule, to each recipient, in all."""

    per_rule: int
    per_recipient: int
    in_all: int
    per: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CapReached:
    """Why an effect is held for now; for people."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A stored delivery; ``due`` counts only while its step is ``waiting``."""

    step: StepRecord
    recipient: str
    spool: str
    is_repeatable: bool
    is_attempting: bool
    attempts: int
    due: datetime


def cap_reached(
    connection: sqlite3.Connection, intent: StepIntent, delivery: DeliveryIntent, *, caps: DeliveryCaps, now: datetime
) -> CapReached | None:
    """Which cap one more of this would exceed."""
    per_rule, to_recipient, in_all = connection.execute(
        "SELECT coalesce(sum(s.rule = ?), 0), coalesce(sum(d.recipient = ?), 0), count(*)"  # noqa: S608 - constants
        " FROM deliveries d JOIN steps s ON s.id = d.step JOIN commands c ON c.id = s.command"
        f" WHERE c.intended > ? AND d.recipient != '' AND s.state IN {_COUNTED}",
        (intent.rule, delivery.recipient, to_text(now - caps.per)),
    ).fetchone()
    for count, limit, name, whose in (
        (per_rule, caps.per_rule, "per_rule", f"of rule {intent.rule!r}"),
        (to_recipient, caps.per_recipient, "per_recipient", f"to {delivery.recipient}"),
        (in_all, caps.in_all, "in_all", "in all"),
    ):
        if count >= limit:
            return CapReached(
                reason=f"{count} effects {whose} went out within {caps.per}; it is held and goes out later"
                f" (outbox.{name} is {limit})"
            )
    return None


def insert_delivery(connection: sqlite3.Connection, step: StepId, delivery: DeliveryIntent, *, now: datetime) -> None:
    """Store a delivery beside the step that was just intended."""
    connection.execute(
        "INSERT INTO deliveries VALUES (?, ?, ?, ?, 0, 0, ?)",
        (step, delivery.recipient, delivery.spool, int(delivery.is_repeatable), to_text(now)),
    )


def mark_attempting(connection: sqlite3.Connection, step: StepId) -> None:
    """From now on the outcome may be unknown."""
    connection.execute("UPDATE deliveries SET is_attempting = 1 WHERE step = ?", (step,))


def end_attempt(
    connection: sqlite3.Connection, step: StepId, *, due: datetime | None, is_declined: bool = False
) -> None:
    """The attempt has a verdict; ``due`` is when the next one is, if there is one.

    ``is_declined``: nothing went out after all, and so nothing counts for its recipient.
    """
    connection.execute(
        "UPDATE deliveries SET is_attempting = 0, attempts = attempts + 1, due = coalesce(?, due),"
        " recipient = iif(?, '', recipient) WHERE step = ?",
        (to_text(due) if due else None, is_declined, step),
    )


def verdicts_after_crash(
    connection: sqlite3.Connection, *, now: datetime, in_hand: Collection[StepId]
) -> list[StepVerdict]:
    """What the rows say of deliveries that this process is not at: what was not begun waits, what was is unknown."""
    rows = connection.execute(
        "SELECT d.step, d.is_attempting, d.is_repeatable FROM deliveries d JOIN steps s ON s.id = d.step"
        " WHERE s.state = 'intent' OR (s.state = 'waiting' AND d.is_attempting)"
    ).fetchall()
    verdicts = []
    for step, is_attempting, is_repeatable in rows:
        if step in in_hand:
            continue
        if not is_attempting:
            state, detail = StepState.WAITING, "it was not begun"
        elif is_repeatable:
            state, detail = StepState.WAITING, "it may have happened; its receiver drops repetitions"
        else:
            state, detail = StepState.UNKNOWN, "it may have happened, so it is not repeated"
        verdicts.append(StepVerdict(step=StepId(step), state=state, judged=now, detail=detail))
    return verdicts


def select_deliveries(connection: sqlite3.Connection, states: Collection[StepState]) -> tuple[Delivery, ...]:
    """Deliveries whose steps are in one of these unsettled states, oldest first."""
    wanted = ", ".join(f"'{state}'" for state in sorted(states))
    records = {
        one.id: one
        for one in select_records(
            connection,
            f"WHERE s.id IN ({OPEN_IDS} UNION ALL {OUTSIDE_IDS}) AND s.id IN (SELECT step FROM deliveries)"  # noqa: S608
            f" AND s.state IN ({wanted}) ORDER BY s.id",
        )
    }
    rows = connection.execute(
        "SELECT d.step, d.recipient, d.spool, d.is_repeatable, d.is_attempting, d.attempts, d.due"  # noqa: S608 - constants
        f" FROM deliveries d JOIN steps s ON s.id = d.step WHERE s.state IN ({wanted}) ORDER BY d.step"
    )
    return tuple(
        Delivery(
            step=records[step],
            recipient=recipient,
            spool=spool,
            is_repeatable=bool(is_repeatable),
            is_attempting=bool(is_attempting),
            attempts=attempts,
            due=from_text(due),
        )
        for step, recipient, spool, is_repeatable, is_attempting, attempts, due in rows
    )


def select_last_delivered(
    connection: sqlite3.Connection, *, rule: str, effect: str, recipient: str, since: datetime, before: StepId
) -> datetime | None:
    """When this rule's effect last reached, or may have reached, this recipient; earlier steps only."""
    row = connection.execute(
        "SELECT max(c.intended) FROM deliveries d JOIN steps s ON s.id = d.step JOIN commands c ON c.id = s.command"  # noqa: S608 - constants
        f" WHERE d.recipient = ? AND s.rule = ? AND c.effect = ? AND c.intended > ? AND s.id < ?"
        f" AND s.state IN {_COUNTED}",
        (recipient, rule, effect, to_text(since), before),
    ).fetchone()
    return from_text(row[0]) if row[0] else None


def select_unsettled(connection: sqlite3.Connection) -> frozenset[LedgerKey]:
    """Effects that are not settled: their messages stay where they are."""
    rows = connection.execute(
        "SELECT s.content_key, s.rule, c.effect, c.target FROM steps s JOIN commands c ON c.id = s.command"  # noqa: S608 - constants
        f" WHERE s.id IN ({OPEN_IDS} UNION ALL {OUTSIDE_IDS}) AND c.operation = 'effect' AND s.content_key != ''"
    )
    return frozenset(LedgerKey(*row) for row in rows)


def select_spools(connection: sqlite3.Connection) -> frozenset[str]:
    """The names of the files that unsettled deliveries still need."""
    rows = connection.execute(
        "SELECT d.spool FROM deliveries d JOIN steps s ON s.id = d.step"  # noqa: S608 - constants
        f" WHERE s.state IN ({_UNSETTLED}) AND d.spool != ''"
    )
    return frozenset(name for (name,) in rows)
