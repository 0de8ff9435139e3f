"""The journal's rows of the outbox: what a crash leaves, what a cap holds, what is remembered of each recipient."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import ReadOnlyMode
from mailrules.journal.deliveries import CapReached, DeliveryCaps, DeliveryIntent
from mailrules.journal.journal import Journal
from mailrules.journal.records import Operation, StepState
from mailrules.plan.history import LedgerKey
from mailrules.plan.plan import StepKind
from tests.journal.builders import NOON, begin, command, intent, verdict

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from mailrules.journal.records import StepId

CAPS = DeliveryCaps(per_rule=3, per_recipient=2, in_all=4, per=timedelta(hours=1))
LATER = NOON + timedelta(minutes=5)


def forward(uid: int = 1, *, to: str = "bo@example.org", rule: str = "lists") -> object:
    one = command(StepKind.EFFECT, Operation.EFFECT, effect="forward", target=to)
    return intent(one, uid, rule=rule, content_key=f"key-{uid}")


async def intended(
    journal: Journal, uid: int = 1, *, to: str = "bo@example.org", rule: str = "lists", repeatable: bool = False
) -> StepId | CapReached:
    run = await begin(journal)
    return await journal.intend_delivery(
        run,
        forward(uid, to=to, rule=rule),
        DeliveryIntent(recipient=to, spool=f"{uid}.eml", is_repeatable=repeatable),
        caps=CAPS,
        now=NOON,
    )


@pytest.mark.parametrize(
    ("begun", "repeatable", "state"),
    [
        (False, False, StepState.WAITING),
        (True, False, StepState.UNKNOWN),
        (True, True, StepState.WAITING),
    ],
)
async def test_after_a_crash_what_was_not_begun_waits_and_what_was_is_unknown(
    path: Path, begun: bool, repeatable: bool, state: StepState
) -> None:
    journal = await Journal.open(path)
    step = await intended(journal, repeatable=repeatable)
    if begun:
        await journal.begin_attempt(step)
    assert await journal.settle_deliveries(now=LATER) == (), "this process is still at it"
    await journal.close()

    after = await Journal.open(path)
    verdicts = await after.settle_deliveries(now=LATER)

    assert [(one.step, one.state) for one in verdicts] == [(step, state)]
    assert await after.settle_deliveries(now=LATER) == ()
    found = (*await after.waiting_deliveries(), *await after.doubtful_deliveries())
    assert [(one.step.state, one.attempts, one.is_attempting) for one in found] == [(state, 1, False)]
    assert await after.open_steps() == ()
    await after.close()


async def test_a_crash_in_a_later_attempt_is_judged_as_one_in_the_first(path: Path) -> None:
    journal = await Journal.open(path)
    step = await intended(journal)
    await journal.end_attempt(verdict(step, StepState.WAITING), due=LATER)
    journal.let_go(step)
    assert journal.take_in_hand(step)
    assert not journal.take_in_hand(step)
    await journal.begin_attempt(step)
    await journal.close()

    after = await Journal.open(path)
    verdicts = await after.settle_deliveries(now=LATER)

    assert [one.state for one in verdicts] == [StepState.UNKNOWN]
    await after.close()


@pytest.mark.parametrize("state", [StepState.WAITING, StepState.UNKNOWN, StepState.GIVEN_UP])
async def test_what_is_not_settled_is_in_the_ledger_and_told_to_the_planner(journal: Journal, state: StepState) -> None:
    step = await intended(journal)
    key = LedgerKey("key-1", "lists", "forward", "bo@example.org")

    await journal.end_attempt(verdict(step, state), due=LATER)

    told = await journal.history(rules=(), now=LATER)
    assert key in told.ledger
    assert told.unsettled == {key}
    assert await journal.needed_spools() == {"1.eml"}


async def test_what_is_settled_stays_in_the_ledger_and_needs_its_file_no_longer(journal: Journal) -> None:
    step = await intended(journal)

    await journal.end_attempt(verdict(step))

    told = await journal.history(rules=(), now=LATER)
    assert ({one.rule for one in told.ledger}, told.unsettled) == ({"lists"}, frozenset())
    assert await journal.needed_spools() == frozenset()


async def test_each_cap_holds_what_is_above_it_and_lets_go_when_the_window_has_passed(journal: Journal) -> None:
    assert [isinstance(await intended(journal, uid), CapReached) for uid in (1, 2, 3)] == [False, False, True]
    assert [isinstance(await intended(journal, uid, to="al@example.org"), CapReached) for uid in (1, 2)] == [
        False,
        True,
    ]
    held = await intended(journal, 4, to="al@example.org", rule="other")
    assert not isinstance(held, CapReached)
    held = await intended(journal, 5, to="cy@example.org", rule="third")
    assert isinstance(held, CapReached)
    assert "4 effects in all went out within 1:00:00" in held.reason

    run = await begin(journal)
    much_later = await journal.intend_delivery(
        run, forward(9), DeliveryIntent(recipient="bo@example.org"), caps=CAPS, now=NOON + timedelta(hours=1)
    )

    assert not isinstance(much_later, CapReached)


async def test_what_surely_did_not_happen_counts_for_no_cap(journal: Journal) -> None:
    for uid in range(1, 6):
        step = await intended(journal, uid)
        await journal.end_attempt(verdict(step, StepState.GIVEN_UP))

    assert not isinstance(await intended(journal, 6), CapReached)


async def test_when_a_recipient_was_last_reached_is_told_by_earlier_steps_only(journal: Journal) -> None:
    first = await intended(journal, 1)
    second = await intended(journal, 2)
    asked = {"rule": "lists", "effect": "forward", "recipient": "bo@example.org", "since": NOON - timedelta(days=1)}

    assert await journal.last_delivered(before=first, **asked) is None
    assert await journal.last_delivered(before=second, **asked) == NOON
    assert await journal.last_delivered(before=second, **(asked | {"recipient": "al@example.org"})) is None
    assert await journal.last_delivered(before=second, **(asked | {"since": NOON})) is None


async def test_no_delivery_is_intended_while_the_kill_switch_is_on(journal: Journal, path: Path) -> None:
    (path.parent / "READ_ONLY").touch()

    with pytest.raises(ReadOnlyMode):
        await intended(journal)


async def test_the_same_mail_met_twice_at_once_goes_out_once(journal: Journal) -> None:
    first = await intended(journal)
    second = await intended(journal)

    assert not isinstance(first, CapReached)
    assert isinstance(second, CapReached)
    assert "not done twice" in second.reason


async def test_however_many_steps_there_were_only_unsettled_ones_are_looked_at(journal: Journal) -> None:
    await intended(journal)
    statements: list[str] = []
    await journal._database.read(lambda connection: connection.set_trace_callback(statements.append))
    await journal.settle_deliveries(now=LATER)
    await journal.waiting_deliveries()
    await journal.doubtful_deliveries()
    await journal.needed_spools()
    await journal.history(rules=(), now=LATER)
    await intended(journal, 2)
    await journal._database.read(lambda connection: connection.set_trace_callback(None))

    def plans(connection: sqlite3.Connection) -> list[str]:
        ours = [one for one in statements if one.startswith("SELECT") and "steps s" in one]
        return [row[3] for one in ours for row in connection.execute(f"EXPLAIN QUERY PLAN {one}")]

    found = await journal._database.read(plans)

    assert found
    assert [line for line in found if line in {"SCAN s", "SCAN c", "SCAN d"}] == []
