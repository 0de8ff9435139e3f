"""How mailboxes themselves are changed: made, subscribed, shared, and by undo removed again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, ConnectionLost, MissingCapability, RemoteProtocolError
from mailrules.execution.reply_codes import explain
from mailrules.execution.session import first_error
from mailrules.journal.records import CommandIntent, Operation, StepIntent, StepState, StepVerdict
from mailrules.mailbox.message import UID
from mailrules.mailbox.settings_of_mailbox import Setting, read_setting, write_setting
from mailrules.plan.mailbox_steps import difference_of_rights, same_rights
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.execution.report import Tally
    from mailrules.execution.session import Session
    from mailrules.journal.records import StepId
    from mailrules.mailbox.store import MailStore
    from mailrules.plan.plan import MailboxStep

_OPERATIONS = {
    StepKind.CREATE: Operation.CREATE,
    StepKind.DELETE_MAILBOX: Operation.DELETE_MAILBOX,
    StepKind.SUBSCRIBE: Operation.SUBSCRIBE,
    StepKind.UNSUBSCRIBE: Operation.UNSUBSCRIBE,
    StepKind.SETACL: Operation.SETACL,
    StepKind.SETMETADATA: Operation.SETMETADATA,
    StepKind.SETQUOTA: Operation.SETQUOTA,
}
SETTINGS = {StepKind.SETMETADATA: Setting.METADATA, StepKind.SETQUOTA: Setting.QUOTA}
"""The steps that set one value, which is read before and afterwards."""
_THERE_ALREADY = "the mailbox was there already"


async def run_mailbox_step(session: Session, step: MailboxStep, *, tally: Tally, is_undo: bool) -> None:
    """Carry out one step, or count why not. Raises ConnectionLost."""
    store, prior = session.store, ""
    account, mailbox, kinds = session.account, step.mailbox, (step.kind,)
    try:
        if step.kind is StepKind.SETACL:
            prior = (await store.get_rights(mailbox)).entries.get(step.identifier, "")
            if same_rights(prior, step.rights):
                tally.count_applied(account, mailbox, kinds)
                return
            if is_undo and not same_rights(prior, step.was):
                raise _Objection(f"{step.identifier} has {prior!r} now: somebody changed it since, so it stays")
        if step.kind in SETTINGS:
            prior = await read_setting(store, SETTINGS[step.kind], mailbox=mailbox, name=step.identifier)
            if prior == step.rights:
                tally.count_applied(account, mailbox, kinds)
                return
            if is_undo and prior != step.was:
                raise _Objection(f"{step.identifier} is {prior!r} now: somebody changed it since, so it stays")
        await _object(store, step, prior=prior)
    except (_Objection, CommandRefused, MissingCapability) as error:
        tally.count_missed(account, mailbox, kinds, state=None, reason=_words(error))
        return
    command = CommandIntent(
        kind=step.kind,
        operation=_OPERATIONS[step.kind],
        account=account,
        mailbox=mailbox,
        identifier=step.identifier,
        rights=step.rights,
        prior_rights=prior,
        capabilities=store.capabilities,
    )
    (step_id,) = await session.intend([StepIntent(command=command, rule=step.rule, uid=UID(0))])
    try:
        state, detail = await _send(store, command)
    except (CommandRefused, MissingCapability) as error:
        state, detail = StepState.REFUSED, _words(error)
    await session.confirm([StepVerdict(step=step_id, state=state, judged=session.now(), detail=detail)])
    if state is StepState.APPLIED or detail == _THERE_ALREADY:
        tally.count_applied(account, mailbox, kinds)
    else:
        tally.count_missed(account, mailbox, kinds, state=state, reason=detail)


async def create_mailboxes(session: Session, steps: Sequence[MailboxStep], *, tally: Tally) -> None:
    """Make the mailboxes that message steps need, all at once; a refusal shows when a message goes there.

    Raises ConnectionLost, after counting what was made and what may have been.
    """
    if not steps:
        return
    commands = [
        CommandIntent(
            kind=StepKind.CREATE,
            operation=Operation.CREATE,
            account=session.account,
            mailbox=step.mailbox,
            capabilities=session.store.capabilities,
        )
        for step in steps
    ]
    ids = await session.intend(
        [StepIntent(command=command, rule=step.rule, uid=UID(0)) for command, step in zip(commands, steps, strict=True)]
    )

    unanswered = {step_id: command.mailbox for step_id, command in zip(ids, commands, strict=True)}

    async def create(step_id: StepId, command: CommandIntent) -> None:
        try:
            state, detail = await _send(session.store, command)
        except CommandRefused as error:
            state, detail = StepState.REFUSED, explain(error)
        del unanswered[step_id]
        if state is StepState.APPLIED:
            tally.count_made()
        await session.confirm([StepVerdict(step=step_id, state=state, judged=session.now(), detail=detail)])

    try:
        with first_error():
            async with asyncio.TaskGroup() as group:
                for step_id, command in zip(ids, commands, strict=True):
                    group.create_task(create(step_id, command))
    except (ConnectionLost, RemoteProtocolError) as error:
        for mailbox in unanswered.values():
            reason = f"the connection was lost: {error}; the next run settles it"
            tally.count_missed(session.account, mailbox, (StepKind.CREATE,), state=StepState.UNKNOWN, reason=reason)
        raise


async def reconcile_mailbox_step(store: MailStore, command: CommandIntent) -> tuple[StepState, str]:
    """What became of a mailbox step or an effect whose answer never came."""
    if command.operation is Operation.EFFECT:
        return StepState.UNKNOWN, "it may have happened; it is not repeated"
    if command.operation is Operation.SETACL:
        return await _rights_state(store, command)
    if command.kind in SETTINGS:
        return await _setting_state(store, command)
    found = {one.name: one for one in await store.list_mailboxes()}.get(command.mailbox)
    match command.operation:
        case Operation.CREATE if found is not None:
            return StepState.AMBIGUOUS, "the mailbox exists; whether we made it is unknown, so undo leaves it"
        case Operation.CREATE:
            return StepState.NOT_APPLIED, ""
        case Operation.DELETE_MAILBOX:
            done = found is None
        case Operation.SUBSCRIBE:
            done = found is not None and found.subscribed
        case _:
            done = found is None or not found.subscribed
    return (StepState.APPLIED if done else StepState.NOT_APPLIED), ""


class _Objection(Exception):
    """Why a step must not be sent."""


def _words(error: Exception) -> str:
    return explain(error) if isinstance(error, CommandRefused) else str(error)


async def _object(store: MailStore, step: MailboxStep, *, prior: str) -> None:
    """Raise _Objection if the step would lose mail, or our own access."""
    if step.kind is StepKind.DELETE_MAILBOX:
        # A mailbox is not removed while it is open.
        await store.open("INBOX")
        if messages := (await store.status(step.mailbox)).messages:
            raise _Objection(f"it holds {messages} messages, so it stays")
    lost = "".join(sorted(set("al") & set(prior) - set(step.rights)))
    # MYRIGHTS does not name us, so an identifier with exactly our rights is taken for us.
    if step.kind is StepKind.SETACL and lost and same_rights(prior, await store.my_rights(step.mailbox)):
        raise _Objection(f"{step.identifier} has our own rights; taking {lost} away is refused")


async def _send(store: MailStore, command: CommandIntent) -> tuple[StepState, str]:
    match command.operation:
        case Operation.CREATE:
            if not await store.create(command.mailbox):
                return StepState.NOT_APPLIED, _THERE_ALREADY
        case Operation.DELETE_MAILBOX:
            await store.delete_mailbox(command.mailbox)
        case Operation.SUBSCRIBE | Operation.UNSUBSCRIBE:
            await store.subscribe(command.mailbox, subscribed=command.operation is Operation.SUBSCRIBE)
        case Operation.SETMETADATA | Operation.SETQUOTA:
            setting = SETTINGS[command.kind]
            await write_setting(store, setting, mailbox=command.mailbox, name=command.identifier, value=command.rights)
            return await _setting_state(store, command)
        case _:
            await _set_rights(store, command)
            return await _rights_state(store, command)
    return StepState.APPLIED, ""


async def _set_rights(store: MailStore, command: CommandIntent) -> None:
    """Give what is lacking and take what is too much, so that what others change meanwhile stays."""
    if not command.rights:
        await store.set_rights(command.mailbox, identifier=command.identifier, rights="")
        return
    difference = difference_of_rights(command.prior_rights, command.rights)
    for change in (f"+{difference.lacking}", f"-{difference.surplus}"):
        if len(change) > 1:
            await store.set_rights(command.mailbox, identifier=command.identifier, rights=change)


async def _setting_state(store: MailStore, command: CommandIntent) -> tuple[StepState, str]:
    """Read back: servers cut values and round limits, and others may write at the same time."""
    setting = SETTINGS[command.kind]
    now = await read_setting(store, setting, mailbox=command.mailbox, name=command.identifier)
    if now == command.rights:
        return StepState.APPLIED, ""
    return StepState.NOT_APPLIED, f"{command.identifier} is {now!r}, wanted {command.rights!r}"


async def _rights_state(store: MailStore, command: CommandIntent) -> tuple[StepState, str]:
    """Read back: an OK to SETACL proves nothing, and others may write at the same time."""
    now = (await store.get_rights(command.mailbox)).entries.get(command.identifier, "")
    detail = f"{command.identifier} has {now!r}, wanted {command.rights!r}"
    if same_rights(now, command.rights):
        return StepState.APPLIED, ""
    difference = difference_of_rights(command.prior_rights, command.rights)
    if command.rights and set(difference.lacking) <= set(now) and set(difference.surplus).isdisjoint(now):
        return StepState.APPLIED, f"{detail}: somebody else changed it meanwhile"
    return StepState.NOT_APPLIED, detail
