"""How an effect goes out of the mailbox: written to a file, intended, tried, and settled or tried again.

The law (failure-model): the intent is on disk before an attempt, and that an attempt may have had its effect is on disk
before it can have it. What surely did not happen is tried again, up to a cap; what may have happened is never repeated
unless its receiver drops repetitions, and waits for a person.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.errors import IMAPError, JournalError
from mailrules.execution.commands import idempotency_key
from mailrules.execution.effects import (
    GRANTED_BY_NAME,
    Attempt,
    EffectCall,
    EffectOutcome,
    EffectRefused,
    OutboxHandler,
)
from mailrules.journal.deliveries import CapReached, DeliveryCaps, DeliveryIntent
from mailrules.journal.records import StepState, StepVerdict
from mailrules.mailbox.message import FactRequest
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from mailrules.execution.effects import EffectHandler, OutsideSettings, Prepared
    from mailrules.execution.spool import Spool
    from mailrules.journal.deliveries import Delivery
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunId, StepId, StepIntent
    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import MailStore, MessageContent
    from mailrules.settings import OutboxSettings

BY_MAIL = frozenset({"forward", "reply", "notify"})
"""Those of them that hand in mail at the account's server."""

FIRST_WAIT_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An effect that is ready to be intended: what it is, and the file that holds what goes out."""

    call: EffectCall
    handler: OutboxHandler
    prepared: Prepared
    spool: str


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message of the open mailbox, read when a handler asks."""

    store: MailStore
    uid: UID

    async def header(self, fields: tuple[str, ...]) -> bytes:
        found = await self.store.fetch(FactRequest(header_fields=fields), [self.uid])
        header = found[0].header if found else None
        if not isinstance(header, bytes):
            raise EffectRefused("the message is gone, or its header cannot be read")
        return header

    def content(self) -> AbstractAsyncContextManager[MessageContent]:
        return self.store.read_message(self.uid)


class Outbox:
    """Tries effects, those of a plan that is carried out and those that earlier runs left waiting.

    ``settings_of`` answers for an account; ``random`` between 0 and 1.
    """

    def __init__(
        self,
        journal: Journal,
        handlers: Mapping[str, EffectHandler | OutboxHandler],
        *,
        spool: Spool,
        settings_of: Callable[[str], OutsideSettings],
        limits: OutboxSettings,
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self._journal, self._spool, self._settings_of, self._limits = journal, spool, settings_of, limits
        self._now, self._random = now, random
        self._unreachable: set[tuple[str, ...]] = set()
        """Ways that led nowhere since this outbox was made: what takes the same one waits without a try."""
        self._handlers = {name: one for name, one in handlers.items() if isinstance(one, OutboxHandler)}

    async def prepare(self, call: EffectCall, store: MailStore) -> Draft:
        """Write what will go out; nothing is sent or journalled.

        Raises EffectRefused, OSError (no room for the file), and what the store raises.
        """
        handler = self._handlers[call.effect]
        # Of its own: the same mail may be about to go out from another mailbox, under the same key.
        name = f"{secrets.token_hex(16)}.out"
        settings = self._settings_of(call.account)
        _check_grant(call.effect, settings)
        with self._spool.write(name) as file:
            try:
                prepared = await handler.prepare(call, StoredMessage(store, call.uid), file, settings)
            except (EffectRefused, IMAPError, OSError):
                raise
            except Exception as error:
                raise EffectRefused(f"it failed with {type(error).__name__}: {error}") from error
        return Draft(call=call, handler=handler, prepared=prepared, spool=name)

    async def intend(self, run: RunId, intent: StepIntent, draft: Draft) -> StepId | CapReached:
        """Journal that it will be tried, unless a cap holds it back."""
        step = await self._journal.intend_delivery(
            run,
            intent,
            DeliveryIntent(
                recipient=draft.prepared.recipient, spool=draft.spool, is_repeatable=draft.prepared.is_repeatable
            ),
            caps=DeliveryCaps(
                per_rule=self._limits.per_rule,
                per_recipient=self._limits.per_recipient,
                in_all=self._limits.in_all,
                per=self._limits.per,
            ),
            now=self._now(),
        )
        if isinstance(step, CapReached):
            self._spool.remove(draft.spool)
        return step

    async def decline(self, run: RunId, intent: StepIntent, draft: Draft) -> StepVerdict:
        """Journal that nothing is to go out, which settles it, or that nothing can, which is for a person."""
        self._spool.remove(draft.spool)
        (step,) = await self._journal.intend(run, [intent], now=self._now())
        prepared = draft.prepared
        state, detail = StepState.APPLIED, f"nothing was sent: {prepared.declined}"
        if prepared.refused:
            state, detail = StepState.GIVEN_UP, prepared.refused
        is_declined = not prepared.refused
        verdict = StepVerdict(step=step, state=state, judged=self._now(), detail=detail, is_declined=is_declined)
        await asyncio.shield(self._journal.judge([verdict]))
        return verdict

    async def first_attempt(self, step: StepId, draft: Draft) -> StepVerdict:
        """Try what was just intended; the verdict is in the journal when this returns."""
        prepared = draft.prepared
        if prepared.every_seconds:
            since = self._now() - timedelta(seconds=prepared.every_seconds)
            last = await self._journal.last_delivered(
                rule=draft.call.rule, effect=draft.call.effect, recipient=prepared.recipient, since=since, before=step
            )
            if last is not None:
                return await self._settle(
                    step,
                    StepState.APPLIED,
                    f"nothing was sent: {prepared.recipient} got one on {last.astimezone():%Y-%m-%d %H:%M}",
                    spool=draft.spool,
                    is_declined=True,
                )
        return await self._attempt(
            step,
            draft.call,
            recipient=prepared.recipient,
            spool=draft.spool,
            is_repeatable=prepared.is_repeatable,
            attempts_before=0,
        )

    async def work(self) -> tuple[StepVerdict, ...]:
        """Settle what a killed process left, and try what is due again.

        Raises JournalError, and ReadOnlyMode while the kill switch is on.
        """
        self._journal.kill_switch.check()
        await self._journal.settle_deliveries(now=self._now())
        verdicts = []
        for delivery in await self._journal.waiting_deliveries():
            if _way(_call_of(delivery)) in self._unreachable or delivery.due > self._now():
                continue
            if self._journal.take_in_hand(delivery.step.id):
                self._journal.kill_switch.check()
                verdicts.append(await self._retry(delivery))
        return tuple(verdicts)

    async def tidy(self) -> None:
        """Remove files that no unsettled effect needs; before a run, while none is being written."""
        self._spool.keep_only(await self._journal.needed_spools())

    async def seconds_until_due(self) -> float | None:
        """How long until the next one is due; None where nothing waits."""
        waiting = await self._journal.waiting_deliveries()
        if not waiting:
            return None
        return max(0.0, (min(one.due for one in waiting) - self._now()).total_seconds())

    async def _retry(self, delivery: Delivery) -> StepVerdict:
        return await self._attempt(
            delivery.step.id,
            _call_of(delivery),
            recipient=delivery.recipient,
            spool=delivery.spool,
            is_repeatable=delivery.is_repeatable,
            attempts_before=delivery.attempts,
        )

    async def _attempt(
        self,
        step: StepId,
        call: EffectCall,
        *,
        recipient: str,
        spool: str,
        is_repeatable: bool,
        attempts_before: int,
    ) -> StepVerdict:
        has_begun = False

        async def begin() -> None:
            nonlocal has_begun
            has_begun = True
            await self._journal.begin_attempt(step)

        try:
            if _way(call) in self._unreachable:
                outcome = EffectOutcome(
                    done=False, detail="not tried: nothing was reached a moment ago", retry_seconds=0.0
                )
            else:
                outcome = await self._try(call, recipient=recipient, spool=spool, begin=begin)
        except EffectRefused as refused:
            outcome = EffectOutcome(done=False, detail=str(refused))
        except (JournalError, asyncio.CancelledError):
            # What the journal knows by now is what the next start goes by.
            self._journal.let_go(step)
            raise
        except Exception as error:  # noqa: BLE001 -- a plugin call: whatever it raises, only its having begun counts
            detail = f"{type(error).__name__}: {error}"
            if has_begun and not is_repeatable:
                return await self._settle(
                    step, StepState.UNKNOWN, f"it may have happened, so it is not repeated: {detail}", spool=""
                )
            outcome = EffectOutcome(done=False, detail=detail, retry_seconds=0.0)
        if outcome.done:
            return await self._settle(step, StepState.APPLIED, outcome.detail, spool=spool)
        if outcome.is_unreachable:
            self._unreachable.add(_way(call))
        attempts = attempts_before + 1
        if outcome.retry_seconds is None:
            return await self._settle(step, StepState.GIVEN_UP, outcome.detail, spool="")
        if attempts >= self._limits.attempts:
            words = f"given up after {attempts} attempts: {outcome.detail}"
            return await self._settle(step, StepState.GIVEN_UP, words, spool="")
        seconds = max(outcome.retry_seconds, self._back_off(attempts))
        due = self._now() + timedelta(seconds=seconds)
        return await self._settle(step, StepState.WAITING, outcome.detail, spool="", due=due)

    async def _try(
        self, call: EffectCall, *, recipient: str, spool: str, begin: Callable[[], Awaitable[None]]
    ) -> EffectOutcome:
        handler = self._handlers.get(call.effect)
        settings = self._settings_of(call.account)
        if handler is None:
            raise EffectRefused(f"nothing offers the action {call.effect!r} any more")
        _check_grant(call.effect, settings)
        return await handler.attempt(
            Attempt(call=call, recipient=recipient, spool=self._spool.path(spool), settings=settings, begin=begin)
        )

    def _back_off(self, attempts: int) -> float:
        step: float = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, 30))
        return step * (0.5 + self._random())

    async def _settle(
        self,
        step: StepId,
        state: StepState,
        detail: str,
        *,
        spool: str,
        due: datetime | None = None,
        is_declined: bool = False,
    ) -> StepVerdict:
        """Journal the verdict, even while we are being cancelled; ``spool`` is the file that it makes superfluous."""
        verdict = StepVerdict(step=step, state=state, judged=self._now(), detail=detail, is_declined=is_declined)
        await asyncio.shield(self._journal.end_attempt(verdict, due=due))
        self._journal.let_go(step)
        self._spool.remove(spool)
        return verdict


def _way(call: EffectCall) -> tuple[str, ...]:
    """What effects share that take the same way out: a mail server is the account's, an endpoint the target's."""
    if call.effect in BY_MAIL and not call.options.get("via"):
        return (call.account, "mail")
    return (call.effect, call.target)


def _check_grant(effect: str, settings: OutsideSettings) -> None:
    """The configuration may have changed since the plan was made; a plugin is granted by its being loaded."""
    if effect in GRANTED_BY_NAME and effect not in settings.allow:
        raise EffectRefused(f"the main configuration file does not allow {effect!r} (any more)")


def _call_of(delivery: Delivery) -> EffectCall:
    intent, command = delivery.step.intent, delivery.step.intent.command
    return EffectCall(
        effect=command.effect,
        rule=intent.rule,
        account=command.account,
        mailbox=command.mailbox,
        uid=intent.uid,
        message_id=intent.message_id,
        subject=intent.subject,
        received=intent.received,
        size_bytes=intent.size_bytes,
        target=command.target,
        options=intent.options,
        idempotency_key=idempotency_key(
            intent.content_key, rule=intent.rule, effect=command.effect, target=command.target
        ),
    )
