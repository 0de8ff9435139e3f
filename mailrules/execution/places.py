"""Where is a mailbox, or a message of one, by now: opened to look only, found again after a new UIDVALIDITY."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.identity import IDENTITY_REQUEST, identities_of_facts, identities_of_intent
from mailrules.mailbox.message import UID

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailrules.execution.identity import Identity
    from mailrules.journal.records import StepRecord
    from mailrules.mailbox.store import MailboxStatus, MailReader

NOWHERE = UID(0)
"""The UID of a message that a new UIDVALIDITY has left without one."""

LOOKED_THROUGH = 2_000
"""So many of the newest messages of Trash and All Mail are looked through for one that has vanished."""


async def look_into(reader: MailReader, mailbox: str) -> MailboxStatus | CommandRefused | None:
    """Open by EXAMINE; None if the mailbox does not exist, the refusal if it cannot be opened now."""
    try:
        return await reader.examine(mailbox)
    except CommandRefused as refused:
        names = {one.name for one in await reader.list_mailboxes()}
        return refused if mailbox in names else None


async def found_again(reader: MailReader, records: Iterable[StepRecord]) -> list[StepRecord]:
    """The same steps; where their mailbox has a new UIDVALIDITY, with the UIDs that their messages have now.

    A message is found by its identity, and one that is not there any more gets ``NOWHERE``. The journal keeps
    what was meant. Raises ConnectionLost.
    """
    located: list[StepRecord] = []
    for mailbox, group in groupby(sorted(records, key=_mailbox), key=_mailbox):
        steps = list(group)
        if not any(one.intent.command.uidvalidity for one in steps):
            located += steps  # of mailboxes, not of messages in them
            continue
        status = await look_into(reader, mailbox)
        if status is None or isinstance(status, CommandRefused):
            located += steps
            continue
        current = [one for one in steps if one.intent.command.uidvalidity in {0, status.uidvalidity}]
        located += current
        if len(current) < len(steps):
            moved = [one for one in steps if one not in current]
            located += await _mapped(reader, moved, uidvalidity=status.uidvalidity)
    return sorted(located, key=lambda one: one.id)


async def seen_elsewhere(
    reader: MailReader, records: Sequence[StepRecord], *, besides: Iterable[str]
) -> dict[int, str]:
    """For steps whose messages have vanished: in which of Trash and All Mail they are, by the step's id."""
    found: dict[int, str] = {}
    names = [
        one.name
        for one in await reader.list_mailboxes()
        if one.selectable and one.special_use & {"trash", "all"} and one.name not in set(besides)
    ]
    for name in names:
        status = await look_into(reader, name)
        if status is None or isinstance(status, CommandRefused):
            continue
        first = UID(max(1, (status.uidnext or status.messages + 1) - LOOKED_THROUGH))
        uids = {
            identity: facts.uid
            for facts in await reader.fetch_from(IDENTITY_REQUEST, first)
            for identity in identities_of_facts(facts)
        }
        for record in records:
            for identity in identities_of_intent(record.intent):
                if identity in uids:
                    found.setdefault(record.id, f"{name} (UID {uids[identity]})")
    return found


async def _mapped(reader: MailReader, records: Sequence[StepRecord], *, uidvalidity: int) -> list[StepRecord]:
    """The open mailbox's messages, dealt out by identity to the steps that look for them."""
    uids: defaultdict[Identity, list[UID]] = defaultdict(list)
    for facts in await reader.fetch_from(IDENTITY_REQUEST, UID(1)):
        for identity in identities_of_facts(facts):
            uids[identity].append(facts.uid)
    new_uid: dict[UID, UID] = {}  # several steps of one message find one message
    mapped = []
    for record in records:
        intent = record.intent
        if intent.uid not in new_uid:
            taken = set(new_uid.values())
            candidates = (uid for one in identities_of_intent(intent) for uid in uids.get(one, ()) if uid not in taken)
            new_uid[intent.uid] = next(candidates, NOWHERE)
        command = replace(intent.command, uidvalidity=uidvalidity)
        mapped.append(replace(record, intent=replace(intent, command=command, uid=new_uid[intent.uid])))
    return mapped


def _mailbox(record: StepRecord) -> str:
    return record.intent.command.mailbox
