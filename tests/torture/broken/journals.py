"""Journals that say what is not so, or say it too late."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.journal.journal import Journal
from mailrules.journal.records import StepState, StepVerdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mailrules.journal.records import RunId, StepId, StepIntent
    from mailrules.mailbox.message import UID
    from mailrules.plan.history import History
    from mailrules.plan.plan import Finding
    from mailrules.rules.rule import Rule


class ConfirmsBeforeActing(Journal):
    """Notes that it is done when it is about to be."""

    async def intend(self, run: RunId, intents: Sequence[StepIntent], *, now: datetime) -> tuple[StepId, ...]:
        ids = await super().intend(run, intents, now=now)
        await super().judge([StepVerdict(step=one, state=StepState.APPLIED, judged=now) for one in ids])
        return ids


class ForgetsIntents(Journal):
    """Takes the intent back before the command is sent."""

    async def intend(self, run: RunId, intents: Sequence[StepIntent], *, now: datetime) -> tuple[StepId, ...]:
        ids = await super().intend(run, intents, now=now)
        await self._database.write(
            lambda connection: connection.executemany(
                "UPDATE steps SET state = 'not_applied' WHERE id = ?", [(one,) for one in ids]
            )
        )
        return ids


class IntendsAfterwards(Journal):
    """Writes down what it meant to do once it knows what came of it."""

    async def intend(self, run: RunId, intents: Sequence[StepIntent], *, now: datetime) -> tuple[StepId, ...]:
        ids = await super().intend(run, intents, now=now)
        self._late = [*getattr(self, "_late", []), *ids]
        await self._hide(ids, "intent", "vanished")
        return ids

    async def judge(self, verdicts: Sequence[StepVerdict]) -> None:
        await self._hide([one.step for one in verdicts], "vanished", "intent")
        await super().judge(verdicts)

    async def _hide(self, ids: Iterable[StepId], before: str, after: str) -> None:
        rows = [(after, one, before) for one in ids]
        await self._database.write(
            lambda connection: connection.executemany("UPDATE steps SET state = ? WHERE id = ? AND state = ?", rows)
        )


class ForgetsTheLedger(Journal):
    """Knows of nothing that was done before."""

    async def history(self, *, rules: Sequence[Rule], now: datetime) -> History:
        return replace(await super().history(rules=rules, now=now), ledger=frozenset())


class PassesFailures(Journal):
    """Moves the position on past what failed, and over what is held."""

    async def advance_position(
        self,
        account: str,
        mailbox: str,
        *,
        uidvalidity: int,
        final: Iterable[UID],
        pending: Iterable[UID],
        findings: Sequence[Finding] = (),
        names: Mapping[UID, tuple[str, ...]] | None = None,
    ) -> None:
        everything = {*final, *pending}
        await super().advance_position(account, mailbox, uidvalidity=uidvalidity, final=everything, pending=())


class TakesUnknownForDone(Journal):
    """Hopes for the best where no answer came."""

    async def judge(self, verdicts: Sequence[StepVerdict]) -> None:
        hopeful = [replace(one, state=StepState.APPLIED) if one.state is StepState.UNKNOWN else one for one in verdicts]
        await super().judge(hopeful)


class TakesUnknownForUndone(Journal):
    """Tries again where no answer came."""

    async def judge(self, verdicts: Sequence[StepVerdict]) -> None:
        gloomy = [
            replace(one, state=StepState.NOT_APPLIED) if one.state is StepState.UNKNOWN else one for one in verdicts
        ]
        await super().judge(gloomy)
