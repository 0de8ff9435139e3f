"""What became of changes of mailboxes whose answers never came: read, and decide; nothing is written here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.execution.mailbox_commands import judged_by_names
from mailrules.execution.mailbox_reading import READABLE, SUBSCRIPTIONS, Thing, Unread, read_things
from mailrules.execution.mailbox_steps import judged_by_reading
from mailrules.journal.records import Operation, StepState
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.journal.records import CommandIntent
    from mailrules.mailbox.store import MailStore


async def reconcile_mailbox_steps(
    store: MailStore, commands: Sequence[CommandIntent]
) -> tuple[tuple[StepState, str], ...]:
    """The verdict on each, in their order; all are read side by side. Raises ConnectionLost."""
    is_listed = any(one.operation is not Operation.EFFECT for one in commands)
    names = {one.name for one in await store.list_mailboxes()} if is_listed else set()
    things = [_thing(one) for one in commands if one.kind in READABLE]
    readings = await read_things(store, things) if things else {}

    def judge(command: CommandIntent) -> tuple[StepState, str]:
        if command.operation is Operation.EFFECT:
            return StepState.UNKNOWN, "it may have happened; it is not repeated"
        if command.kind not in READABLE:
            return judged_by_names(command, names)
        found = readings[_thing(command)]
        if not isinstance(found, Unread):
            return judged_by_reading(command, found)
        if command.mailbox not in names:
            return StepState.NOT_APPLIED, "the mailbox does not exist any more"
        return StepState.UNKNOWN, f"it cannot be read now: {found.error}"

    return tuple(judge(one) for one in commands)


def _thing(command: CommandIntent) -> Thing:
    kind = StepKind.SUBSCRIBE if command.kind in SUBSCRIPTIONS else command.kind
    return Thing(kind, command.mailbox, command.identifier)
