"""Outboxes that send what they must not send again."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from mailrules.execution.effects import EffectOutcome, Prepared
from tests.torture.posting import PostingWorld

if TYPE_CHECKING:
    from mailrules.execution.effects import Attempt as OutboxAttempt
    from mailrules.execution.effects import EffectCall


class TakesEveryReceiverForWise(PostingWorld):
    """Tries again what may have arrived, though the receiver does not know it again."""

    async def prepare_post(self, call: EffectCall, source: object, file: BinaryIO, settings: object) -> Prepared:
        await super().prepare_post(call, source, file, settings)
        return Prepared(recipient="receiver", is_repeatable=True)


class SaysSoAfterwards(PostingWorld):
    """Writes down that the outcome may be unknown when the receiver has had it all."""

    async def attempt_post(self, attempt: OutboxAttempt) -> EffectOutcome:
        self.attempts += 1
        self.take(attempt.call)
        if self.attempts == self.fails_at:
            self._may_die(self.how, "kill-done")
        await attempt.begin()
        return EffectOutcome(done=True)
