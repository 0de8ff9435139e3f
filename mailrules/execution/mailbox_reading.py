"""How what mailbox steps change is read before and after them: rights, settings and subscriptions, many in one turn."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mailrules.errors import CommandRefused, MissingCapability, first_error
from mailrules.mailbox.settings_of_mailbox import text_of_value
from mailrules.plan.mailbox_steps import same_rights
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping, Sequence

    from mailrules.mailbox.store import MailReader, QuotaRoot

T = TypeVar("T")

SUBSCRIPTIONS = frozenset({StepKind.SUBSCRIBE, StepKind.UNSUBSCRIBE})
READABLE = frozenset({StepKind.SETACL, StepKind.SETMETADATA, StepKind.SETQUOTA, *SUBSCRIPTIONS})
"""The steps that set one value, which is read before and afterwards."""


class Thing(NamedTuple):
    """What one such step is about."""

    kind: StepKind
    mailbox: str
    identifier: str = ""


class Unread(NamedTuple):
    """Why something could not be read."""

    error: CommandRefused | MissingCapability


class Reading(NamedTuple):
    """One value as it is now, as text: rights letters, a metadata value, a limit, ``true`` or ``false``.

    ``root`` is the quota root of a limit: mailboxes of one root share it.
    """

    value: str
    root: str = ""


def is_as_wanted(thing: Thing, value: str, wanted: str) -> bool:
    """Whether a value is the one that a step wants; rights have no order."""
    return same_rights(value, wanted) if thing.kind is StepKind.SETACL else value == wanted


def wanted_value(kind: StepKind, rights: str) -> str:
    """What a reading shows once a step of this kind has been carried out."""
    if kind in SUBSCRIPTIONS:
        return "true" if kind is StepKind.SUBSCRIBE else "false"
    return rights


async def read_things(reader: MailReader, things: Iterable[Thing]) -> Mapping[Thing, Reading | Unread]:
    """Read all of them side by side, each mailbox once for each kind. Raises ConnectionLost."""
    by_kind: defaultdict[StepKind, list[Thing]] = defaultdict(list)
    for thing in things:
        by_kind[StepKind.SUBSCRIBE if thing.kind in SUBSCRIPTIONS else thing.kind].append(thing)
    readings: dict[Thing, Reading | Unread] = {}
    with first_error():
        async with asyncio.TaskGroup() as group:
            if by_kind[StepKind.SUBSCRIBE]:
                group.create_task(_subscriptions(reader, by_kind[StepKind.SUBSCRIBE], readings))
            for mailbox, of_mailbox in _by_mailbox(by_kind[StepKind.SETACL]):
                group.create_task(_rights(reader, mailbox, of_mailbox, readings))
            for mailbox, of_mailbox in _by_mailbox(by_kind[StepKind.SETMETADATA]):
                group.create_task(_metadata(reader, mailbox, of_mailbox, readings))
            for mailbox, of_mailbox in _by_mailbox(by_kind[StepKind.SETQUOTA]):
                group.create_task(_limits(reader, mailbox, of_mailbox, readings))
    return readings


def _by_mailbox(things: Sequence[Thing]) -> Iterable[tuple[str, list[Thing]]]:
    found: defaultdict[str, list[Thing]] = defaultdict(list)
    for thing in things:
        found[thing.mailbox].append(thing)
    return found.items()


async def _subscriptions(reader: MailReader, things: Sequence[Thing], readings: dict[Thing, Reading | Unread]) -> None:
    subscribed = {one.name for one in await reader.list_mailboxes() if one.subscribed}
    readings.update({one: Reading("true" if one.mailbox in subscribed else "false") for one in things})


async def _rights(
    reader: MailReader, mailbox: str, things: Sequence[Thing], readings: dict[Thing, Reading | Unread]
) -> None:
    told = await _or_refusal(reader.get_rights(mailbox))
    for one in things:
        readings[one] = told if isinstance(told, Unread) else Reading(told.entries.get(one.identifier, ""))


async def _metadata(
    reader: MailReader, mailbox: str, things: Sequence[Thing], readings: dict[Thing, Reading | Unread]
) -> None:
    told = await _or_refusal(reader.metadata(mailbox, entries=[one.identifier.lower() for one in things]))
    for one in things:
        readings[one] = told if isinstance(told, Unread) else Reading(text_of_value(told[one.identifier.lower()]))


async def _limits(
    reader: MailReader, mailbox: str, things: Sequence[Thing], readings: dict[Thing, Reading | Unread]
) -> None:
    told = await _or_refusal(reader.quota_roots(mailbox))
    for one in things:
        readings[one] = told if isinstance(told, Unread) else _limit(told, one)


def _limit(roots: Sequence[QuotaRoot], thing: Thing) -> Reading:
    """Of the first root, which is the one that is set."""
    if not roots:
        return Reading("", root=f"mailbox {thing.mailbox}")
    limits = {one.name: str(one.limit) for one in roots[0].resources}
    return Reading(limits.get(thing.identifier.upper(), ""), root=f"root {roots[0].name}")


async def _or_refusal(question: Awaitable[T]) -> T | Unread:
    try:
        return await question
    except (CommandRefused, MissingCapability) as error:
        return Unread(error)
