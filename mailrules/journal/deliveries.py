"""What was tried of an effect that leaves the mailbox: is an attempt under way, how many were there, when is the next?

The outbox's law (failure-model): the intent is on disk before anything is tried, and ``is_attempting`` is on disk
before an attempt can have its effect. So after a crash an intent without it surely did nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.records import OPEN_STATES, StepId, StepState, StepVerdict
from mailrules.journal.steps import select_records
from mailrules.journal.timestamps import from_text, to_text
from mailrules.plan.history import LedgerKey
from mailrules.values import dataclass

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from mailrules.journal.records import StepIntent, StepRecord

UNSETTLED_STATES = frozenset({*OPEN_STATES, StepState.WAITING, StepState.GIVEN_UP})
"""States of an effect whose message stays where it is until the effect is settled."""

_COUNTED = "('intent', 'waiting', 'applied', 'unknown')"
_INDEXED = ("s.state IN ('intent', 'halfway', 'unknown')", "s.state IN ('waiting', 'given_up')")
"""As the partial indexes of the steps have it, word for word: otherwise every step there ever was is looked at."""


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
        " FROM commands c CROSS JOIN steps s ON s.command = c.id CROSS JOIN deliveries d ON d.step = s.id"
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
    rows = [
        row
        for indexed in _INDEXED
        for row in connection.execute(
            "SELECT s.id, d.is_attempting, d.is_repeatable FROM steps s CROSS JOIN deliveries d ON d.step = s.id"  # noqa: S608 - constants
            f" WHERE {indexed} AND (s.state = 'intent' OR (s.state = 'waiting' AND d.is_attempting)) ORDER BY s.id"
        )
    ]
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
    found = []
    for indexed in _INDEXED:
        # CROSS JOIN keeps the order: from the few steps of an index to their rows.
        where = f"CROSS JOIN deliveries d ON d.step = s.id WHERE {indexed} AND s.state IN ({wanted})"
        records = {one.id: one for one in select_records(connection, where)}
        rows = connection.execute(
            "SELECT s.id, d.recipient, d.spool, d.is_repeatable, d.is_attempting, d.attempts, d.due"  # noqa: S608 - constants
            f" FROM steps s {where}"
        )
        found += [
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
        ]
    return tuple(sorted(found, key=lambda one: one.step.id))


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
    return frozenset(
        LedgerKey(*row)
        for indexed in _INDEXED
        for row in connection.execute(
            "SELECT s.content_key, s.rule, c.effect, c.target FROM steps s CROSS JOIN commands c ON c.id = s.command"  # noqa: S608 - constants
            f" WHERE {indexed} AND c.operation = 'effect' AND s.content_key != ''"
        )
    )


def select_spools(connection: sqlite3.Connection) -> frozenset[str]:
    """The names of the files that unsettled deliveries still need."""
    return frozenset(
        name
        for indexed in _INDEXED
        for (name,) in connection.execute(
            "SELECT d.spool FROM steps s CROSS JOIN deliveries d ON d.step = s.id"  # noqa: S608 - constants
            f" WHERE {indexed} AND d.spool != ''"
        )
    )
