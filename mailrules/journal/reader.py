"""What the journal says, for any number of readers beside the one that writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from mailrules.journal import (
    deliveries,
    history,
    ledger,
    past_moves,
    positions,
    resolutions,
    rule_runs,
    rule_sights,
    runs,
    shadow_effects,
    steps,
    untruths,
)
from mailrules.journal.database import Database
from mailrules.journal.health import select_health
from mailrules.journal.records import StepState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from mailrules.journal.deliveries import Delivery
    from mailrules.journal.health import JournalHealth
    from mailrules.journal.records import Pending, Position, Resolution, RunId, RunRecord, StepId, StepRecord
    from mailrules.journal.shadow_effects import ShadowNote, ShadowTally
    from mailrules.mailbox.message import UID
    from mailrules.plan.history import History, LedgerKey, Sight
    from mailrules.plan.past_moves import MessageIdentity, PastMove
    from mailrules.plan.search_truth import Untruth
    from mailrules.rules.rule import MailboxRef, Rule


class JournalReader:
    """An open journal that cannot be changed. Every method is one short transaction. All raise JournalError.

    It may be open while another process writes, in a directory where nothing can be written, and on an older
    schema; each method sees what was committed before it began.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger: tuple[int, frozenset[LedgerKey]] | None = None
        """What was read of it, and the file's ``data_version`` then."""

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the journal file; one that does not exist yet is empty. Raises JournalError with a cure."""
        database = Database(path, only_reads=True)
        await database.open()
        return cls(database)

    async def close(self) -> None:
        await self._database.close()

    async def open_steps(self, account: str | None = None) -> tuple[StepRecord, ...]:
        """Steps that recovery has to look at; effects of unknown outcome are not among them."""
        return await self._database.read(lambda connection: steps.select_open(connection, account))

    async def not_seen(self, account: str, *, detail: str, since: datetime) -> tuple[StepRecord, ...]:
        """Copies and moves sent since then of which recovery saw nothing, as ``detail`` says."""
        return await self._database.read(
            lambda connection: steps.select_not_seen(connection, account, detail=detail, since=since)
        )

    async def transfers_since(self, account: str, *, since: datetime) -> tuple[StepRecord, ...]:
        """Copies and moves sent since then that are proved, oldest first."""
        return await self._database.read(lambda connection: steps.select_transfers(connection, account, since=since))

    async def unknown_effects(self) -> tuple[StepRecord, ...]:
        """Effects whose outcome nobody knows."""
        return await self._database.read(steps.select_unknown_effects)

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

    async def knows_plan(self, digest: str) -> bool:
        """Whether ``remember_plan`` was told of it."""
        return await self._database.read(
            lambda connection: (
                connection.execute("SELECT 1 FROM plans WHERE digest = ?", (digest,)).fetchone() is not None
            )
        )

    async def rule_runs(self, ref: MailboxRef) -> dict[str, str]:
        """The hash of the rule files under which each rule last acted in a mailbox, named as in the rules."""
        return await self._database.read(lambda connection: rule_runs.select_rule_runs(connection, ref))

    async def sights(self) -> Mapping[str, Sight]:
        """When rules with `shadow` were first seen as they stood, by rule."""
        return await self._database.read(rule_sights.select_sights)

    async def shadow_tallies(self) -> tuple[ShadowTally, ...]:
        """What rules in shadow would have done, by rule and mailbox."""
        return await self._database.read(shadow_effects.select_tallies)

    async def shadow_of_message(self, message_id: str) -> tuple[ShadowNote, ...]:
        """What rules in shadow would have done with messages of this Message-ID, oldest first."""
        return await self._database.read(lambda connection: shadow_effects.select_of_message(connection, message_id))

    async def history(self, *, rules: Sequence[Rule], now: datetime) -> History:
        """What the planner has to know of earlier runs."""

        def work(connection: sqlite3.Connection) -> History:
            return history.select_history(connection, rules=rules, now=now, ledger=self._known_ledger(connection))

        return await self._database.read(work)

    async def windows_end(self, *, rules: Sequence[Rule], now: datetime) -> dict[str, datetime]:
        """When a rule whose guard is used up may change a message again by itself."""
        return await self._database.read(lambda connection: history.select_windows_end(connection, rules, now))

    async def past_moves(self, message_ids: Sequence[str]) -> Mapping[MessageIdentity, Sequence[PastMove]]:
        """Our moves of messages with these Message-IDs that were not taken back, for the planner's loop breaker."""
        return await self._database.read(lambda connection: past_moves.select_past_moves(connection, message_ids))

    async def position(self, account: str, mailbox: str) -> Position | None:
        """How far this mailbox has been judged; the caller compares the UIDVALIDITY."""
        return await self._database.read(lambda connection: positions.select_position(connection, account, mailbox))

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

    async def steps_of_family(self, run: RunId) -> tuple[StepRecord, ...]:
        """The steps of the run, of what it took back, and of every undo and undo of an undo around it, oldest first."""
        return await self._database.read(lambda connection: steps.select_of_family(connection, run))

    async def moves_on(self, account: str, mailbox: str, *, uidvalidity: int) -> Mapping[UID, tuple[RunId, str]]:
        """Which messages our moves took out of this mailbox: by which run, to where."""
        return await self._database.read(
            lambda connection: steps.select_moves_on(connection, account, mailbox, uidvalidity=uidvalidity)
        )

    async def steps_for_message(self, message_id: str) -> tuple[StepRecord, ...]:
        """All that was done to messages with this Message-ID, oldest first."""
        return await self._database.read(lambda connection: steps.select_of_message(connection, message_id))

    async def in_doubt(self) -> tuple[StepRecord, ...]:
        """Steps without a final verdict, oldest first: what is open, what recovery will settle, what only a person can.

        Those of a run that is under way now are among them.
        """
        return await self._database.read(steps.select_in_doubt)

    async def given_up(self) -> tuple[StepRecord, ...]:
        """Steps about which nothing more is done by itself: reading could not decide, or an effect is tried no more."""
        return await self._database.read(steps.select_given_up)

    async def resolutions(self, run: RunId | None = None) -> tuple[Resolution, ...]:
        """What persons decided, oldest first; of one run's steps, or of all."""
        return await self._database.read(lambda connection: resolutions.select_resolutions(connection, run))

    async def positions(self) -> tuple[Position, ...]:
        """How far every mailbox has been judged, by account and mailbox."""
        return await self._database.read(positions.select_positions)

    async def pending(self) -> tuple[Pending, ...]:
        """The messages that are judged again, and why, by account, mailbox and UID."""
        return await self._database.read(positions.select_pending)

    async def unfinished_runs(self) -> tuple[RunRecord, ...]:
        """Runs without an outcome, newest first: under way, or killed."""
        return await self._database.read(runs.select_unfinished)

    async def untruths(self, account: str) -> tuple[Untruth, ...]:
        """What the account's server has answered wrongly to SEARCH, by the name of the key."""
        return await self._database.read(lambda connection: untruths.select_untruths(connection, account))

    async def health(self) -> JournalHealth:
        """What the file itself says of its state."""
        return await self._database.read(select_health)

    def _known_ledger(self, connection: sqlite3.Connection) -> frozenset[LedgerKey]:
        """The ledger as it is now: read again only after another process wrote, or we changed the ledger."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if self._ledger is None or self._ledger[0] != version:
            self._ledger = (version, ledger.select_ledger(connection))
        return self._ledger[1]
