"""How mailboxes themselves are changed: made, subscribed, shared, and by undo removed again.

Steps that only set a value go together: all are read, journalled, sent and read back in a few turns.
"""

from __future__ import annotations

import asyncio
from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, ConnectionLost, MissingCapability, RemoteProtocolError, first_error
from mailrules.execution.mailbox_commands import THERE_ALREADY, intent_of, send, send_limits
from mailrules.execution.mailbox_reading import (
    READABLE,
    SUBSCRIPTIONS,
    Reading,
    Thing,
    Unread,
    is_as_wanted,
    read_things,
    wanted_value,
)
from mailrules.execution.reply_codes import explain
from mailrules.journal.records import StepIntent, StepState, StepVerdict
from mailrules.mailbox.message import UID
from mailrules.plan.mailbox_steps import KEPT_OWN_RIGHTS, difference_of_rights, same_rights
from mailrules.plan.plan import MailboxStep, StepKind
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence

    from mailrules.execution.report import Tally
    from mailrules.execution.session import Session
    from mailrules.journal.records import CommandIntent, StepId
    from mailrules.mailbox.store import MailStore, Particulars

MOST_STEPS = 250
"""So many go together at most, as many as messages in one command."""
_TOGETHER = {StepKind.CREATE: "made", **dict.fromkeys(READABLE, "set")}
"""Neighbours of one sort need not wait for each other; a step of any other kind goes alone."""


async def run_mailbox_steps(
    session: Session, steps: list[MailboxStep], *, tally: Tally, is_undo: bool, made: frozenset[str]
) -> None:
    """Carry out a queue of steps, or count why not; what is taken out of it has been begun.

    ``made`` are the mailboxes that the plan makes: what they begin with is the server's choice. Raises ConnectionLost.
    """
    subscribed: set[str] = set()
    if any(step.kind in SUBSCRIPTIONS for step in steps):
        subscribed.update(one.name for one in await session.store.list_mailboxes() if one.subscribed)
    while steps:
        batch = _Batch(session, _next_batch(steps), tally=tally, is_undo=is_undo, made=made, subscribed=subscribed)
        await batch.look()
        await batch.intend()
        del steps[: len(batch.steps)]
        await batch.carry_out()


async def create_mailboxes(session: Session, steps: Sequence[MailboxStep], *, tally: Tally) -> None:
    """Make the mailboxes that message steps need, all at once; a refusal shows when a message goes there.

    Raises ConnectionLost, after counting what was made and what may have been.
    """
    if not steps:
        return
    commands = [intent_of(step, prior="", capabilities=session.store.capabilities) for step in steps]
    ids = await session.intend(
        [StepIntent(command=command, rule=step.rule, uid=UID(0)) for command, step in zip(commands, steps, strict=True)]
    )

    unanswered = {step_id: command.mailbox for step_id, command in zip(ids, commands, strict=True)}
    verdicts: list[StepVerdict] = []

    async def create(step_id: StepId, command: CommandIntent) -> None:
        try:
            state, detail = await send(session.store, command)
        except CommandRefused as error:
            state, detail = StepState.REFUSED, explain(error)
        del unanswered[step_id]
        if state is StepState.APPLIED:
            tally.count_made()
        verdicts.append(StepVerdict(step=step_id, state=state, judged=session.now(), detail=detail))

    try:
        try:
            await _all(create(step_id, command) for step_id, command in zip(ids, commands, strict=True))
        finally:
            await session.confirm(verdicts)  # in one commit, also what was answered before the connection was lost
    except (ConnectionLost, RemoteProtocolError) as error:
        for mailbox in unanswered.values():
            reason = f"the connection was lost: {error}; the next run settles it"
            tally.count_missed(session.account, mailbox, (StepKind.CREATE,), state=StepState.UNKNOWN, reason=reason)
        raise


class _Objection(Exception):
    """Why a step must not be sent."""


@dataclass(slots=True)
class _Sent:
    """One step on its way."""

    step: MailboxStep
    command: CommandIntent
    id: StepId
    verdict: StepVerdict | None = None


@dataclass(slots=True)
class _Batch:
    """Some steps that go together; in the order of its methods."""

    session: Session
    steps: Sequence[MailboxStep]
    tally: Tally = field(kw_only=True)
    is_undo: bool = field(kw_only=True)
    made: frozenset[str] = field(kw_only=True)
    subscribed: set[str] = field(kw_only=True)
    """The mailboxes that are subscribed now, read once for all batches."""
    _priors: dict[MailboxStep, Reading] = field(default_factory=dict)
    _decided: list[tuple[MailboxStep, str]] = field(default_factory=list)
    """Steps that are not sent, with the reason, "" where all is as it should be."""
    _sent: list[_Sent] = field(default_factory=list)

    async def look(self) -> None:
        """Read what is there, and find what is so already or must not be done."""
        readings = await read_things(self.session.store, map(_thing, filter(_is_value, self.steps)))
        own = await self._own_rights(readings)
        for step in self.steps:
            try:
                prior = self._prior(step, readings)
                if step.kind in READABLE and is_as_wanted(_thing(step), prior.value, _wanted(step)):
                    self._decided.append((step, ""))
                    continue
                await _object(self.session.store, step, own=_readable(own.get(step)), prior=prior.value)
            except (_Objection, CommandRefused, MissingCapability) as error:
                self._decided.append((step, _words(error)))
            else:
                self._priors[step] = prior

    async def intend(self) -> None:
        """Put the intents on disk, and count what is not sent."""
        offered = self.session.store.capabilities
        commands = {
            step: intent_of(step, prior=prior.value, capabilities=offered) for step, prior in self._priors.items()
        }
        if commands:
            intents = [StepIntent(command=one, rule=step.rule, uid=UID(0)) for step, one in commands.items()]
            ids = await self.session.intend(intents)
            self._sent = [
                _Sent(step, command, step_id) for (step, command), step_id in zip(commands.items(), ids, strict=True)
            ]
        for step, reason in self._decided:
            if reason:
                self._count(step, reason=reason, state=None)
            else:
                self.tally.count_needless(self.session.account, step.mailbox)

    async def carry_out(self) -> None:
        """Send, read back, and put the verdicts on disk; what the connection leaves open is counted as unknown."""
        try:
            await _all(self._commands())
            await self._read_back()
        except (ConnectionLost, RemoteProtocolError) as error:
            reason = f"the connection was lost: {error}; the next run settles it"
            await self.session.confirm([one.verdict for one in self._sent if one.verdict is not None])
            for one in self._sent:
                self._count_sent(one, unknown=reason)
            raise
        await self.session.confirm([one.verdict for one in self._sent if one.verdict is not None])
        for one in self._sent:
            self._count_sent(one)

    async def _own_rights(self, readings: Mapping[Thing, Reading | Unread]) -> Mapping[MailboxStep, Particulars]:
        """Our own rights where a step takes the right to administer or look up from somebody."""
        taking = []
        for step in self.steps:
            found = readings.get(_thing(step))
            if isinstance(found, Reading) and _lost(step, found.value):
                taking.append(step)
        names = tuple(dict.fromkeys(step.mailbox for step in taking))
        told = await self.session.store.particulars(names, own_rights=True) if names else {}
        return {step: told[step.mailbox] for step in taking}

    def _prior(self, step: MailboxStep, readings: Mapping[Thing, Reading | Unread]) -> Reading:
        if step.kind in SUBSCRIPTIONS:
            return Reading("true" if step.mailbox in self.subscribed else "false")
        if not _is_value(step):
            return Reading("")
        found = readings[_thing(step)]
        if isinstance(found, Unread):
            raise found.error
        is_changed = not is_as_wanted(_thing(step), found.value, step.was) and not is_as_wanted(
            _thing(step), found.value, _wanted(step)
        )
        if is_changed and (self.is_undo or step.mailbox not in self.made):
            verb = "has" if step.kind is StepKind.SETACL else "is"
            raise _Objection(f"{step.identifier} {verb} {found.value!r} now: somebody changed it since, so it stays")
        return found

    def _commands(self) -> Iterable[Coroutine[object, object, None]]:
        """What is sent side by side: limits of one quota root in one command, everything else on its own."""
        by_root: dict[str, list[_Sent]] = {}
        for one in self._sent:
            if one.step.kind is StepKind.SETQUOTA:
                by_root.setdefault(self._priors[one.step].root, []).append(one)
            else:
                yield self._send(one)
        for together in by_root.values():
            yield self._send_limits(together)

    async def _send(self, one: _Sent) -> None:
        try:
            state, detail = await send(self.session.store, one.command)
        except (CommandRefused, MissingCapability) as error:
            state, detail = StepState.REFUSED, _words(error)
        if state is not StepState.APPLIED or not _is_value(one.step):
            self._judge(one, state, detail)
        if state is StepState.APPLIED and one.step.kind in SUBSCRIPTIONS:
            (self.subscribed.add if one.step.kind is StepKind.SUBSCRIBE else self.subscribed.discard)(one.step.mailbox)

    async def _send_limits(self, together: Sequence[_Sent]) -> None:
        try:
            await send_limits(self.session.store, [one.command for one in together])
        except (CommandRefused, MissingCapability) as error:
            for one in together:
                self._judge(one, StepState.REFUSED, _words(error))

    async def _read_back(self) -> None:
        """An OK proves nothing: servers cut values and round limits, and others may write at the same time."""
        unread = [one for one in self._sent if one.verdict is None]
        readings = await read_things(self.session.store, [_thing(one.step) for one in unread])
        for one in unread:
            found = readings[_thing(one.step)]
            if isinstance(found, Unread):
                self._judge(one, StepState.UNKNOWN, f"it could not be read back: {_words(found.error)}")
            else:
                self._judge(one, *judged_by_reading(one.command, found))

    def _judge(self, one: _Sent, state: StepState, detail: str) -> None:
        one.verdict = StepVerdict(step=one.id, state=state, judged=self.session.now(), detail=detail)

    def _count_sent(self, one: _Sent, *, unknown: str = "") -> None:
        if one.verdict is None:
            self._count(one.step, state=StepState.UNKNOWN, reason=unknown)
        elif one.verdict.detail == THERE_ALREADY:
            self.tally.count_needless(self.session.account, one.step.mailbox)
        else:
            self._count(one.step, state=one.verdict.state, reason=one.verdict.detail)

    def _count(self, step: MailboxStep, *, state: StepState | None, reason: str = "") -> None:
        account = self.session.account
        if state is StepState.APPLIED:
            self.tally.count_applied(account, step.mailbox, (step.kind,))
        else:
            self.tally.count_missed(account, step.mailbox, (step.kind,), state=state, reason=reason)


def judged_by_reading(command: CommandIntent, reading: Reading) -> tuple[StepState, str]:
    """What a reading shows of a step that sets a value."""
    thing, wanted = Thing(command.kind, command.mailbox, command.identifier), wanted_value(command.kind, command.rights)
    if is_as_wanted(thing, reading.value, wanted):
        return StepState.APPLIED, ""
    if command.kind in SUBSCRIPTIONS:
        return StepState.NOT_APPLIED, ""
    verb = "has" if command.kind is StepKind.SETACL else "is"
    detail = f"{command.identifier} {verb} {reading.value!r}, wanted {command.rights!r}"
    if command.kind is StepKind.SETACL and command.rights:
        difference = difference_of_rights(command.prior_rights, command.rights)
        if set(difference.lacking) <= set(reading.value) and set(difference.surplus).isdisjoint(reading.value):
            return StepState.APPLIED, f"{detail}: somebody else changed it meanwhile"
    return StepState.NOT_APPLIED, detail


def _next_batch(steps: Sequence[MailboxStep]) -> Sequence[MailboxStep]:
    """The first steps that need not wait for each other: no two of them are about the same thing."""
    sort = _TOGETHER.get(steps[0].kind)
    seen: set[Thing] = set()
    for number, step in enumerate(steps[:MOST_STEPS]):
        thing = _thing(step)
        if number and (sort is None or _TOGETHER.get(step.kind) != sort or thing in seen):
            return tuple(steps[:number])
        seen.add(thing)
    return tuple(steps[:MOST_STEPS])


def _is_value(step: MailboxStep) -> bool:
    """Whether it sets a value that is read before and, since an OK proves nothing, afterwards."""
    return step.kind in READABLE - SUBSCRIPTIONS


def _thing(step: MailboxStep) -> Thing:
    kind = StepKind.SUBSCRIBE if step.kind in SUBSCRIPTIONS else step.kind
    return Thing(kind, step.mailbox, step.identifier)


def _wanted(step: MailboxStep) -> str:
    return wanted_value(step.kind, step.rights)


def _words(error: Exception) -> str:
    return explain(error) if isinstance(error, CommandRefused) else str(error)


def _readable(own: Particulars | None) -> str:
    """Our own rights; "" where they need not be known. Raises _Objection where they cannot be read."""
    if own is not None and own.refusal:
        raise _Objection(f"our own rights there cannot be read, and we might lose them: {own.refusal}")
    return own.own_rights if own is not None else ""


async def _object(store: MailStore, step: MailboxStep, *, own: str, prior: str) -> None:
    """Raise _Objection if the step would lose mail, or our own access."""
    if step.kind is StepKind.RENAME:
        names = {one.name for one in await store.list_mailboxes()}
        if step.to in names or step.mailbox not in names:
            # Not every server refuses it (Courier).
            raise _Objection(f"{step.to} exists already" if step.to in names else "there is no such mailbox any more")
        if (opened := store.opened) is not None and opened.mailbox == step.mailbox:
            await store.open("INBOX")
    if step.kind is StepKind.DELETE_MAILBOX:
        # A mailbox is not removed while it is open.
        await store.open("INBOX")
        if messages := (await store.status(step.mailbox)).messages:
            raise _Objection(f"it holds {messages} messages, so it stays")
    # MYRIGHTS does not name us, so an identifier with exactly our rights is taken for us.
    if (lost := _lost(step, prior)) and same_rights(prior, own):
        raise _Objection(f"{step.identifier} has our own rights; taking {lost} away is refused")


def _lost(step: MailboxStep, prior: str) -> str:
    """Which of the rights to administer and to look up the step takes away."""
    return "".join(sorted(KEPT_OWN_RIGHTS & set(prior) - set(step.rights))) if step.kind is StepKind.SETACL else ""


async def _all(commands: Iterable[Coroutine[object, object, None]]) -> None:
    with first_error():
        async with asyncio.TaskGroup() as group:
            for command in commands:
                group.create_task(command)
