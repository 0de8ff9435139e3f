"""What of the rights and settings that acting rules declare is not so yet?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from mailrules.errors import CommandRefused
from mailrules.execution.mailbox_reading import Thing, Unread, read_things
from mailrules.mailbox.store import Rights
from mailrules.plan.mailbox_steps import rights_steps
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from mailrules.mailbox.store import MailReader
    from mailrules.plan.directory import Directory
    from mailrules.plan.mailbox_steps import WantedRights, WantedSetting
    from mailrules.plan.plan import MailboxStep

T = TypeVar("T")


async def survey_rights(
    reader: MailReader, wanted: Sequence[WantedRights], *, directory: Directory
) -> tuple[tuple[MailboxStep, ...], tuple[str, ...]]:
    """SETACL steps for the mailboxes whose rights differ, and warnings. GETACL is sent for all at once.

    A mailbox that does not exist (yet) has no rights to compare; the executor compares again. One whose
    rights the server does not show is left as it is, with a warning.
    """
    names = tuple(dict.fromkeys(one.mailbox for one in wanted))
    existing = [name for name in names if directory.exists(name)]
    answers = await asyncio.gather(*(or_words(reader.get_rights(name)) for name in existing))
    current = {answer.mailbox: answer.entries for answer in answers if isinstance(answer, Rights)}
    refused = {name: answer for name, answer in zip(existing, answers, strict=True) if isinstance(answer, str)}
    readable = [one for one in wanted if one.mailbox not in refused]
    steps, warnings = rights_steps(readable, current, directory=directory)
    unread = (f"the rights of {name!r} are left as they are: {reason}" for name, reason in refused.items())
    return steps, (*warnings, *unread)


async def survey_settings(
    reader: MailReader, wanted: Sequence[WantedSetting], *, directory: Directory
) -> tuple[tuple[MailboxStep, ...], tuple[str, ...]]:
    """Steps for the values that differ, and warnings for those that the server does not show."""
    steps, warnings = [], []
    things = {one: Thing(StepKind(one.setting.value), one.mailbox, one.name) for one in wanted}
    readings = await read_things(reader, [thing for thing in things.values() if directory.exists(thing.mailbox)])
    for one, thing in things.items():
        found = readings.get(thing)
        if found is None:
            warnings.append(f"{one.name} of {one.mailbox!r} is left as it is: there is no such mailbox")
        elif isinstance(found, Unread):
            warnings.append(f"{one.name} of {one.mailbox!r} is left as it is: {found.error}")
        elif found.value != one.value:
            steps.append(one.step(account=directory.account, was=found.value))
    return tuple(steps), tuple(warnings)


async def or_words(question: Awaitable[T]) -> T | str:
    """The answer, or the server's words where it refuses one."""
    try:
        return await question
    except CommandRefused as refused:
        return str(refused)
