"""Which effects of a plan will send nothing after all, and why? Said beforehand, by those who will judge it then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.errors import MessagesUnreadable
from mailrules.execution.commands import effect_call
from mailrules.execution.effects import ForeseeingHandler, OutsideSettings
from mailrules.execution.spool import Spool
from mailrules.mailbox.message import FactRequest
from mailrules.plan.plan import Finding, StepKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.mailbox.message import UID, MessageFacts
    from mailrules.mailbox.store import MailReader
    from mailrules.plan.plan import MailboxPlan, MessagePlan, Step
    from mailrules.session import ReadingSession


async def with_declined(session: ReadingSession, reader: MailReader, plan: MailboxPlan) -> MailboxPlan:
    """The plan of the open mailbox, with a finding for each effect that will be declined.

    The header fields that decide are read of the messages with such effects alone. The steps stay: what is declined
    is settled when it is carried out, and is not judged again.
    """
    handlers = {name: one for name, one in session.plugins.effects().items() if isinstance(one, ForeseeingHandler)}
    acted_on = [
        (message, step, handlers[step.effect])
        for message in plan.messages
        for step in message.steps
        if step.kind is StepKind.EFFECT and step.effect in handlers
    ]
    if not acted_on:
        return plan
    fields = tuple(dict.fromkeys(name for _, _, handler in acted_on for name in handler.foresight_fields))
    headers = await _headers(reader, fields, sorted({message.uid for message, _, _ in acted_on}))
    settings = outside_settings(session, plan.account, loop_key=_loop_key(session))
    found = [
        Finding(uid=message.uid, rule=step.rule, kind="declined", reason=f"{step.effect} will send nothing: {why}")
        for message, step, handler in acted_on
        if message.uid in headers
        and (why := _why(handler, message, step, plan=plan, header=headers[message.uid], settings=settings))
    ]
    return replace(plan, findings=(*plan.findings, *found)) if found else plan


def outside_settings(session: ReadingSession, account: str, *, loop_key: bytes) -> OutsideSettings:
    """What the main file grants to effects of one account; nothing for an account that it has no longer."""
    configuration = session.configuration
    settings = configuration.accounts.get(account)
    smtp = (settings.smtp if settings else None) or configuration.smtp
    own = [*(settings.own_addresses if settings else ()), *([smtp.sender] if smtp else ())]
    return OutsideSettings(
        allow=configuration.rules.allow if settings else frozenset(),
        smtp=smtp,
        webhooks=configuration.webhooks,
        own_addresses=frozenset(one.lower() for one in own),
        loop_key=loop_key,
        now=session.now,
    )


def _why(
    handler: ForeseeingHandler,
    message: MessagePlan,
    step: Step,
    *,
    plan: MailboxPlan,
    header: bytes,
    settings: OutsideSettings,
) -> str:
    return handler.foresee(effect_call(message, step, account=plan.account, mailbox=plan.mailbox), header, settings)


def _loop_key(session: ReadingSession) -> bytes:
    return b"" if session.state_directory is None else Spool(session.state_directory).known_loop_key()


async def _headers(reader: MailReader, fields: tuple[str, ...], uids: Sequence[UID]) -> Mapping[UID, bytes]:
    """Those that can be read; of the others nothing can be said beforehand."""
    request = FactRequest(header_fields=fields)
    try:
        facts: Sequence[MessageFacts] = await reader.fetch(request, uids)
    except MessagesUnreadable:
        return {}
    return {one.uid: one.header for one in facts if isinstance(one.header, bytes)}
