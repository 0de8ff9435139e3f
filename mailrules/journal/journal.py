"""What did we mean to do, and what happened: the one door to the journal."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from mailrules.errors import JournalError
from mailrules.journal import (
    acquaintance,
    deliveries,
    history,
    ledger,
    positions,
    pruning,
    resolutions,
    rule_runs,
    rule_sights,
    runs,
    shadow_effects,
    steps,
    untruths,
)
from mailrules.journal.database import Database
from mailrules.journal.deliveries import CapReached
from mailrules.journal.kill_switch import KillSwitch
from mailrules.journal.reader import JournalReader
from mailrules.journal.timestamps import from_text, to_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from mailrules.journal.deliveries import DeliveryCaps, DeliveryIntent
    from mailrules.journal.records import (
        Pending,
        Position,
        RunId,
        RunKind,
        RunOutcome,
        StepId,
        StepIntent,
        StepState,
        StepVerdict,
    )
    from mailrules.mailbox.message import UID
    from mailrules.plan.history import Remembered
    from mailrules.plan.plan import Finding, Plan
    from mailrules.plan.search_truth import Untruth
    from mailrules.rules.rule import MailboxRef, Rule

KEPT = timedelta(days=400)
"""How long plans and finished runs are kept, and ledger entries after their message was last met."""


class Journal(JournalReader):
    """The journal open to write; only one process at a time acts by it (``lock``).

    Every method is one short transaction; what it wrote is on disk when it returns. All raise JournalError.
    After one failed intent none is taken any more, so nothing is sent unjournalled.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.kill_switch = KillSwitch(database.path.parent)
        self._instance = f"{socket.gethostname()}:{os.getpid()}"
        self._failure: JournalError | None = None
        self._under_way: set[RunId] = set()
        self._in_hand: set[StepId] = set()

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or make the journal file (0600, in a directory 0700). Raises JournalError with a cure."""
        database = Database(path)
        await database.open()
        return cls(database)

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
            with self._changing_ledger(connection):
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
            with self._changing_ledger(connection):
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
            if ledger.knows(connection, intent):
                return CapReached(reason="it was begun meanwhile for the same mail elsewhere; it is not done twice")
            reached = deliveries.cap_reached(connection, intent, delivery, caps=caps, now=now)
            if reached is not None:
                return reached
            (step,) = steps.insert_intents(connection, run, [intent], now=now)
            with self._changing_ledger(connection):
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
            with self._changing_ledger(connection):
                ledger.enter_verdicts(connection, [verdict])
            deliveries.end_attempt(connection, verdict.step, due=due, is_declined=verdict.is_declined)

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

    async def remember_plan(self, digest: str, *, created: datetime) -> None:
        """Note a plan that was saved to a file, so that ``apply`` knows it for ours."""
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO plans (digest, created) VALUES (?, ?)", (digest, to_text(created))
            )
        )

    async def remember_untruths(self, found: Collection[Untruth]) -> None:
        """These keys of SEARCH are not asked of these accounts any more; the first finding of each is kept."""
        if found:
            await self._database.write(lambda connection: untruths.insert_untruths(connection, found))

    async def forget_untruths(self, account: str) -> int:
        """Ask the account's server by every key again; how many were not asked so far."""
        return await self._database.write(lambda connection: untruths.delete_untruths(connection, account))

    async def remember_senders(self, senders: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Note whose mail was judged, each with the first message (digests); known ones stay as they are."""
        if senders:
            await self._database.write(lambda connection: acquaintance.insert_senders(connection, senders, now=now))

    async def know_rules(self, rules: Mapping[MailboxRef, Collection[str]], *, rules_hash: str) -> None:
        """These rules are new no more in these mailboxes, and known as they stand in the files of this hash."""
        if any(rules.values()):
            await self._database.write(
                lambda connection: rule_runs.replace_rule_runs(connection, rules, rules_hash=rules_hash)
            )

    async def see_rules(self, rules: Sequence[Rule], *, now: datetime) -> None:
        """Note when each of them with `shadow` was first seen as it stands; nothing is written where that is known."""
        if new := rule_sights.news(rules, await self.sights()):
            await self._database.write(lambda connection: rule_sights.note_sights(connection, new, now=now))

    async def note_shadow(self, plan: Plan, *, now: datetime) -> dict[tuple[str, str, str], int]:
        """Keep what rules in shadow would do; how many messages are new of that, by rule, account and mailbox."""
        if not any(one.shadow for one in plan.mailboxes):
            return {}
        return await self._database.write(
            lambda connection: shadow_effects.insert_effects(connection, plan.mailboxes, now=now)
        )

    async def approve(self, rule: str | None, *, now: datetime) -> None:
        """Release what a rule's guard holds (None: every rule's), for one of its guard windows."""
        name = history.EVERY_RULE if rule is None else rule
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO approvals (rule, approved) VALUES (?, ?)", (name, to_text(now))
            )
        )

    async def save_position(self, position: Position) -> None:
        """Store a position as it is (the daemon's first start in a mailbox)."""
        await self._database.write(lambda connection: positions.replace_position(connection, position))

    async def renumber(self, position: Position, found: Sequence[Pending]) -> None:
        """Store a position in a new UIDVALIDITY, in which these pending messages were found again."""
        await self._database.write(lambda connection: positions.renumber(connection, position, found))

    async def advance_position(
        self,
        account: str,
        mailbox: str,
        *,
        uidvalidity: int,
        final: Iterable[UID],
        pending: Iterable[UID],
        findings: Sequence[Finding] = (),
    ) -> None:
        """Pass the ``final`` messages and keep ``pending`` ones, with the ``findings`` that say why.

        ``execute`` calls it for each mailbox it ran. Without a position before, nothing final changes nothing:
        it would begin before mail that nobody has judged.
        """

        def work(connection: sqlite3.Connection) -> None:
            before = positions.select_position(connection, account, mailbox)
            finished, waiting = frozenset(final), frozenset(pending)
            is_new = before is None or before.uidvalidity != uidvalidity
            if not finished and (is_new or not waiting):
                return
            after = positions.advanced(
                before, account, mailbox, uidvalidity=uidvalidity, final=finished, pending=waiting
            )
            positions.replace_position(connection, after, findings=findings)

        await self._database.write(work)

    async def resolve(self, wanted: Sequence[StepId], *, became: StepState, who: str, now: datetime) -> None:
        """Settle steps that are in doubt as a person says. Raises PlanRefused, and changes nothing, if one is not."""

        def work(connection: sqlite3.Connection) -> None:
            with self._changing_ledger(connection):
                resolutions.resolve(connection, wanted, became=became, who=who, now=now)

        await self._database.write(work)

    async def renew_ledger(self, remembered: Sequence[Remembered], *, now: datetime) -> None:
        """Note that the messages of these entries were met again."""

        def work(connection: sqlite3.Connection) -> None:
            with self._changing_ledger(connection):
                ledger.renew(connection, remembered, now=now)

        if remembered:
            await self._database.write(work)

    async def ledger_places(self, account: str, *, seen_before: datetime) -> dict[tuple[str, int], set[int]]:
        """Where the messages of entries should be that were not met for long: UIDs by mailbox and UIDVALIDITY."""
        return await self._database.read(
            lambda connection: ledger.select_places(connection, account, seen_before=seen_before)
        )

    async def touch_places(
        self, account: str, mailbox: str, *, uidvalidity: int, uids: Iterable[int], now_in: str, now: datetime
    ) -> None:
        """Note that the messages of ledger entries are still where they were."""
        await self._database.write(
            lambda connection: ledger.touch_places(
                connection, account, mailbox, uidvalidity=uidvalidity, uids=uids, now_in=now_in, now=now
            )
        )

    async def begin_chore(self, name: str, *, every: timedelta, now: datetime) -> bool:
        """Whether a regular chore is due; it then counts as done."""

        def work(connection: sqlite3.Connection) -> bool:
            row = connection.execute("SELECT done FROM chores WHERE name = ?", (name,)).fetchone()
            # A clock that was set back must not put it off.
            if row is not None and now - every < from_text(row[0]) <= now:
                return False
            connection.execute("INSERT OR REPLACE INTO chores (name, done) VALUES (?, ?)", (name, to_text(now)))
            return True

        return await self._database.write(work)

    async def prune(self, *, now: datetime, looked_at: Collection[str] = (), configured: Collection[str] = ()) -> None:
        """Forget what is older than 400 days, but for runs that have open steps or that a kept undo took back.

        Ledger entries of the accounts ``looked_at`` go by when their message was last met, those of accounts that
        are not ``configured`` too; others stay, since nobody knows whether their mail is still watched.
        """
        oldest = now - KEPT

        def work(connection: sqlite3.Connection) -> None:
            with self._changing_ledger(connection):
                pruning.delete_old(connection, older_than=oldest, looked_at=looked_at, configured=configured)
                acquaintance.delete_silent_senders(connection, seen_before=oldest, now=now)

        await self._database.write(work)

    @contextmanager
    def _changing_ledger(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Around what may change the ledger: it is then read again."""
        before = connection.total_changes
        yield
        if connection.total_changes != before:
            self._ledger = None
