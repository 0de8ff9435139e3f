"""Which command carries each change of a mailbox, and what becomes of one whose answer never came."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, MissingCapability
from mailrules.journal.records import CommandIntent, Operation, StepState
from mailrules.mailbox.settings_of_mailbox import bytes_of_value
from mailrules.plan.mailbox_steps import difference_of_rights
from mailrules.plan.plan import StepKind
from mailrules.plan.policies import SPECIAL_USE_ENTRY

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mailrules.mailbox.store import MailStore
    from mailrules.plan.plan import MailboxStep

OPERATIONS = {
    StepKind.CREATE: Operation.CREATE,
    StepKind.RENAME: Operation.RENAME,
    StepKind.DELETE_MAILBOX: Operation.DELETE_MAILBOX,
    StepKind.SUBSCRIBE: Operation.SUBSCRIBE,
    StepKind.UNSUBSCRIBE: Operation.UNSUBSCRIBE,
    StepKind.SETACL: Operation.SETACL,
    StepKind.SETMETADATA: Operation.SETMETADATA,
    StepKind.SETQUOTA: Operation.SETQUOTA,
}
THERE_ALREADY = "the mailbox was there already"
PERHAPS_ANOTHERS = "the mailbox is there; whether we made it is not known, so undo leaves it"


def intent_of(step: MailboxStep, *, prior: str, capabilities: frozenset[str]) -> CommandIntent:
    """The command that carries a step; ``prior`` is the value before it."""
    return CommandIntent(
        kind=step.kind,
        operation=OPERATIONS[step.kind],
        account=step.account,
        mailbox=step.mailbox,
        target=step.to,
        identifier=step.identifier,
        rights=step.rights,
        prior_rights=prior,
        capabilities=capabilities,
    )


async def send(store: MailStore, command: CommandIntent) -> tuple[StepState, str]:
    """Send it. For what sets a value, APPLIED is to be proved by reading yet.

    Raises CommandRefused, MissingCapability and ConnectionLost.
    """
    mailbox, identifier = command.mailbox, command.identifier
    match command.operation:
        case Operation.CREATE:
            if not await store.create(mailbox, special_use=identifier):
                return StepState.NOT_APPLIED, THERE_ALREADY
        case Operation.RENAME:
            await store.rename(mailbox, command.target)
            names = {one.name for one in await store.list_mailboxes()}
            return judged_by_names(command, names)
        case Operation.DELETE_MAILBOX:
            if identifier:
                # Cyrus deletes no mailbox that is there for something; where that cannot be changed, DELETE tells.
                with contextlib.suppress(CommandRefused, MissingCapability):
                    await store.set_metadata(mailbox, entry=SPECIAL_USE_ENTRY, value=None)
            await store.delete_mailbox(mailbox)
        case Operation.SUBSCRIBE | Operation.UNSUBSCRIBE:
            await store.subscribe(mailbox, subscribed=command.operation is Operation.SUBSCRIBE)
        case Operation.SETMETADATA:
            await store.set_metadata(mailbox, entry=identifier, value=bytes_of_value(command.rights))
        case _:
            await _set_rights(store, command)
    return StepState.APPLIED, ""


def judged_by_names(command: CommandIntent, names: Collection[str]) -> tuple[StepState, str]:
    """What making, renaming or removing a mailbox has come to, by the names that there are."""
    is_there = command.mailbox in names
    match command.operation:
        case Operation.DELETE_MAILBOX:
            return (StepState.NOT_APPLIED if is_there else StepState.APPLIED), ""
        case Operation.RENAME:
            has_new_name = command.target in names
            if is_there and has_new_name:
                return StepState.AMBIGUOUS, f"there are both {command.mailbox!r} and {command.target!r}"
            if not is_there and not has_new_name:
                return StepState.VANISHED, f"there is neither {command.mailbox!r} nor {command.target!r}"
            return (StepState.APPLIED if has_new_name else StepState.NOT_APPLIED), ""
        case _ if is_there:
            return StepState.APPLIED, PERHAPS_ANOTHERS
        case _:
            return StepState.NOT_APPLIED, ""


async def send_limits(store: MailStore, commands: Sequence[CommandIntent]) -> None:
    """Set several limits of one quota root, which one SETQUOTA replaces as a whole. Raises as ``send``."""
    limits = {one.identifier.upper(): int(one.rights) if one.rights else None for one in commands}
    await store.set_quota(commands[0].mailbox, limits=limits)


async def _set_rights(store: MailStore, command: CommandIntent) -> None:
    """Give what is lacking and take what is too much, so that what others change meanwhile stays."""
    if not command.rights:
        await store.set_rights(command.mailbox, identifier=command.identifier, rights="")
        return
    difference = difference_of_rights(command.prior_rights, command.rights)
    for change in (f"+{difference.lacking}", f"-{difference.surplus}"):
        if len(change) > 1:
            await store.set_rights(command.mailbox, identifier=command.identifier, rights=change)
