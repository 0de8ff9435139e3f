"""What did we mean to do, and what happened: the one door to the journal."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.errors import JournalError
from mailrules.journal import acquaintance, deliveries, history, ledger, positions, runs, steps
from mailrules.journal.database import Database
from mailrules.journal.kill_switch import KillSwitch
from mailrules.journal.records import StepState
from mailrules.journal.timestamps import to_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from mailrules.journal.deliveries import CapReached, Delivery, DeliveryCaps, DeliveryIntent
    from mailrules.journal.records import (
        Position,
        RunId,
        RunKind,
        RunOutcome,
        RunRecord,
        StepId,
        StepIntent,
        StepRecord,
        StepVerdict,
    )
    from mailrules.mailbox.message import UID
    from mailrules.plan.history import History
    from mailrules.plan.plan import Plan
    from mailrules.rules.rule import Rule

KEPT = timedelta(days=400)
"""How long the ledger, plans and finished runs are kept."""


class Journal:
    """An open journal. Every method is one short transaction; what it wrote is on disk when it returns.

    All raise JournalError. After one failed intent none is taken any more, so nothing is sent unjournalled.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.kill_switch = KillSwitch(database.path.parent)
        self._instance = f"{socket.gethostname()}:{os.getpid()}"
        self._failure: JournalError | None = None
        self._under_way: set[RunId] = set()
        self._in_hand: set[StepId] = set()

    @classmethod
    async def open(cls, path: Path) -> Journal:
        """Open or make the journal file (0600, in a directory 0700). Raises JournalError with a cure."""
        database = Database(path)
        await database.open()
        return cls(database)

    async def close(self) -> None:
        await self._database.close()

    async def begin_run(self, *, kind: RunKind, started: datetime, plan: Plan) -> RunId:
        """Name and store a run."""
        run = await self._database.write(
            lambda connection: runs.insert_run(
                connection, kind=kind, started=started, instance=self._instance, plan=plan
            )
        )
        self._under_way.add(run)
        return run

    async def finish_run(self, run: RunId, *, ended: datetime, outcome: RunOutcome) -> None:
        """Note how a run ended."""
        self._under_way.discard(run)
        await self._database.write(
            lambda connection: runs.update_finished(connection, run, ended=ended, outcome=outcome)
        )

    def is_under_way(self, run: RunId) -> bool:
        """Whether this process is still at it, so that its open steps are not recovery's."""
        return run in self._under_way

    async def intend(self, run: RunId, intents: Sequence[StepIntent], *, now: datetime) -> tuple[StepId, ...]:
        """Store what is about to be sent; not a byte of it may leave before this returns.

        Raises ReadOnlyMode once the kill switch is on.
        """
        if self._failure is not None:
            raise self._failure
        self.kill_switch.check()

        def work(connection: sqlite3.Connection) -> tuple[StepId, ...]:
            ids = steps.insert_intents(connection, run, intents, now=now)
            ledger.enter_effects(connection, intents, now=now)
            return ids

        try:
            return await self._database.write(work)
        except JournalError as error:
            self._failure = error
            raise

    async def judge(self, verdicts: Sequence[StepVerdict]) -> None:
        """Store what became of steps, and what the ledger learns from it."""

        def work(connection: sqlite3.Connection) -> None:
            steps.update_verdicts(connection, verdicts)
            ledger.enter_verdicts(connection, verdicts)

        await self._database.write(work)

    async def intend_delivery(
        self,
        run: RunId,
        intent: StepIntent,
        delivery: DeliveryIntent,
        *,
        caps: DeliveryCaps,
        now: datetime,
    ) -> StepId | CapReached:
        """Store an effect that will be tried, unless a cap holds it; it is in hand until ``let_go``.

        Raises ReadOnlyMode once the kill switch is on.
        """
        self.kill_switch.check()
        if self._failure is not None:
            raise self._failure

        def work(connection: sqlite3.Connection) -> StepId | CapReached:
            reached = deliveries.cap_reached(connection, intent, delivery, caps=caps, now=now)
            if reached is not None:
                return reached
            (step,) = steps.insert_intents(connection, run, [intent], now=now)
            ledger.enter_effects(connection, [intent], now=now)
            deliveries.insert_delivery(connection, step, delivery, now=now)
            self._in_hand.add(step)
            return step

        try:
            return await self._database.write(work)
        except JournalError as error:
            self._failure = error
            raise

    def take_in_hand(self, step: StepId) -> bool:
        """Claim a waiting delivery for an attempt; False where another task of this process has it."""
        if step in self._in_hand:
            return False
        self._in_hand.add(step)
        return True

    def let_go(self, step: StepId) -> None:
        """The attempt is over and judged."""
        self._in_hand.discard(step)

    async def begin_attempt(self, step: StepId) -> None:
        """Store that the effect may happen from now on; not a byte that could cause it may leave before."""
        await self._database.write(lambda connection: deliveries.mark_attempting(connection, step))

    async def end_attempt(self, verdict: StepVerdict, *, due: datetime | None = None) -> None:
        """Store what came of an attempt; ``due`` is when a ``waiting`` one is tried again."""

        def work(connection: sqlite3.Connection) -> None:
            steps.update_verdicts(connection, [verdict])
            ledger.enter_verdicts(connection, [verdict])
            deliveries.end_attempt(connection, verdict.step, due=due)

        await self._database.write(work)

    async def settle_deliveries(self, *, now: datetime) -> tuple[StepVerdict, ...]:
        """Judge what a killed process left under way: not begun waits, begun is unknown (failure-model's table)."""

        def work(connection: sqlite3.Connection) -> tuple[StepVerdict, ...]:
            verdicts = deliveries.verdicts_after_crash(connection, now=now, in_hand=self._in_hand)
            for verdict in verdicts:
                steps.update_verdicts(connection, [verdict])
                deliveries.end_attempt(connection, verdict.step, due=now)
            return tuple(verdicts)

        return await self._database.write(work)

    async def waiting_deliveries(self) -> tuple[Delivery, ...]:
        """Effects that will be tried again, oldest first; ``due`` says when."""
        return await self._database.read(
            lambda connection: deliveries.select_deliveries(connection, {StepState.WAITING})
        )

    async def doubtful_deliveries(self) -> tuple[Delivery, ...]:
        """Effects that wait for a person: nobody knows whether they happened, or they were given up."""
        return await self._database.read(
            lambda connection: deliveries.select_deliveries(connection, {StepState.UNKNOWN, StepState.GIVEN_UP})
        )

    async def last_delivered(
        self, *, rule: str, effect: str, recipient: str, since: datetime, before: StepId
    ) -> datetime | None:
        """When this rule's effect last reached this recipient, by a step before this one."""
        return await self._database.read(
            lambda connection: deliveries.select_last_delivered(
                connection, rule=rule, effect=effect, recipient=recipient, since=since, before=before
            )
        )

    async def needed_spools(self) -> frozenset[str]:
        """The spool files that unsettled deliveries still need."""
        return await self._database.read(deliveries.select_spools)

    async def open_steps(self, account: str | None = None) -> tuple[StepRecord, ...]:
        """Steps that recovery has to look at; effects of unknown outcome are not among them."""
        return await self._database.read(lambda connection: steps.select_open(connection, account))

    async def unknown_effects(self) -> tuple[StepRecord, ...]:
        """Effects whose outcome nobody knows."""
        return await self._database.read(steps.select_unknown_effects)

    async def remember_plan(self, digest: str, *, created: datetime) -> None:
        """Note a plan that was saved to a file, so that ``apply`` knows it for ours."""
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO plans VALUES (?, ?)", (digest, to_text(created))
            )
        )

    async def knows_plan(self, digest: str) -> bool:
        """Whether ``remember_plan`` was told of it."""
        return await self._database.read(
            lambda connection: (
                connection.execute("SELECT 1 FROM plans WHERE digest = ?", (digest,)).fetchone() is not None
            )
        )

    async def history(self, *, rules: Sequence[Rule], now: datetime) -> History:
        """What the planner has to know of earlier runs."""
        return await self._database.read(lambda connection: history.select_history(connection, rules=rules, now=now))

    async def remember_senders(self, senders: Sequence[tuple[str, str]]) -> None:
        """Note whose mail was judged, each with the first message (digests); known ones stay as they are."""
        if senders:
            await self._database.write(lambda connection: acquaintance.insert_senders(connection, senders))

    async def approve(self, rule: str | None, *, now: datetime) -> None:
        """Release what a rule's guard holds (None: every rule's), for one of its guard windows."""
        name = history.EVERY_RULE if rule is None else rule
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO approvals VALUES (?, ?)", (name, to_text(now))
            )
        )

    async def position(self, account: str, mailbox: str) -> Position | None:
        """How far this mailbox has been judged; the caller compares the UIDVALIDITY."""
        return await self._database.read(lambda connection: positions.select_position(connection, account, mailbox))

    async def save_position(self, position: Position) -> None:
        """Store a position as it is (the daemon's first start in a mailbox)."""
        await self._database.write(lambda connection: positions.replace_position(connection, position))

    async def advance_position(
        self, account: str, mailbox: str, *, uidvalidity: int, final: Iterable[UID], pending: Iterable[UID]
    ) -> None:
        """Pass the ``final`` messages and keep ``pending`` ones; ``execute`` calls it for each mailbox it ran.

        Where nothing is final nothing changes: the position still lies before what is pending.
        """

        def work(connection: sqlite3.Connection) -> None:
            before = positions.select_position(connection, account, mailbox)
            finished = frozenset(final)
            if not finished:
                return
            after = positions.advanced(
                before, account, mailbox, uidvalidity=uidvalidity, final=finished, pending=pending
            )
            positions.replace_position(connection, after)

        await self._database.write(work)

    async def placed_by_us(self, account: str, mailbox: str, *, uidvalidity: int, after_uid: int) -> frozenset[UID]:
        """Messages above ``after_uid`` that our own moves and copies put there: they are no arrivals (meaning 10)."""
        return await self._database.read(
            lambda connection: steps.select_placed(
                connection, account, mailbox, uidvalidity=uidvalidity, after_uid=after_uid
            )
        )

    async def runs(self, *, limit: int = 50) -> tuple[RunRecord, ...]:
        """Newest first."""
        return await self._database.read(lambda connection: runs.select_runs(connection, limit=limit))

    async def run(self, name: str) -> RunRecord | None:
        """The run of this id, or the only one whose id begins so. Raises PlanRefused if several do."""
        return await self._database.read(lambda connection: runs.select_run(connection, name))

    async def steps_of(self, run: RunId) -> tuple[StepRecord, ...]:
        """A run's steps in the order in which they were meant."""
        return await self._database.read(lambda connection: steps.select_of_run(connection, run))

    async def steps_of_undos(self, run: RunId) -> tuple[StepRecord, ...]:
        """The steps of the runs that took this one back."""
        return await self._database.read(lambda connection: steps.select_of_undos(connection, run))

    async def steps_for_message(self, message_id: str) -> tuple[StepRecord, ...]:
        """All that was done to messages with this Message-ID, oldest first."""
        return await self._database.read(lambda connection: steps.select_of_message(connection, message_id))

    async def prune(self, *, now: datetime) -> None:
        """Forget ledger entries, plans, approvals, and runs without open steps, older than 400 days."""
        oldest = to_text(now - KEPT)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM ledger WHERE done < ?", (oldest,))
            connection.execute("DELETE FROM plans WHERE created < ?", (oldest,))
            connection.execute("DELETE FROM approvals WHERE approved < ?", (oldest,))
            connection.execute(
                "DELETE FROM runs WHERE ended < ? AND id NOT IN (SELECT c.run FROM steps s"
                " JOIN commands c ON c.id = s.command WHERE s.state IN ('intent', 'halfway', 'unknown'))",
                (oldest,),
            )

        await self._database.write(work)
