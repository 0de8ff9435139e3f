"""Which messages were to be judged again in a mailbox that has numbered its messages anew (UIDVALIDITY)?

What is known of them is more than their UIDs, which mean other messages now: the server's name for each, or its
Message-ID, INTERNALDATE and size. All other mail of the mailbox counts as judged.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar, cast

from mailrules.errors import MessagesUnreadable
from mailrules.execution.identity import IDENTITY_REQUEST, message_id_in
from mailrules.journal.records import Position
from mailrules.mailbox.message import FactRequest
from mailrules.plan.identity import lasting_names
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailrules.journal.reader import JournalReader
    from mailrules.journal.records import Pending
    from mailrules.mailbox.message import MessageFacts
    from mailrules.mailbox.store import MailboxStatus, MailReader

_One = TypeVar("_One")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renumbered:
    """The mailbox's position in its new UIDVALIDITY: what is pending there was ``found`` again, and what is ``lost``.

    ``found`` have their new UIDs, ``lost`` their old ones.
    """

    position: Position
    found: tuple[Pending, ...] = ()
    lost: tuple[Pending, ...] = ()


async def renumbered(journal: JournalReader, reader: MailReader, status: MailboxStatus) -> Renumbered | None:
    """What became of the position of the open mailbox; None where it has none, or one in this UIDVALIDITY."""
    before = await journal.position(reader.account, status.mailbox)
    if before is None or before.uidvalidity == status.uidvalidity:
        return None
    place = (reader.account, status.mailbox)
    pending = [one for one in await journal.pending() if (one.account, one.mailbox) == place]
    there = await _facts(reader) if any(one.names for one in pending) else []
    found, lost = find_again(pending, there)
    position = Position(
        account=reader.account,
        mailbox=status.mailbox,
        uidvalidity=status.uidvalidity,
        last_uid=await last_uid(reader, status),
        pending=frozenset(one.uid for one in found),
    )
    return Renumbered(position=position, found=found, lost=lost)


def find_again(
    pending: Sequence[Pending], there: Iterable[MessageFacts]
) -> tuple[tuple[Pending, ...], tuple[Pending, ...]]:
    """The pending ones under their new UIDs, and those that cannot be told for certain.

    Several that share a name are found if just as many messages have it. One more may be a copy that has been judged.
    """
    names = {one.uid: _names(one) for one in there}
    found: list[Pending] = []
    lost = sorted(pending, key=lambda one: one.uid)
    for rank in ("object:", "message:"):
        wanted = _by_name(((one, one.names) for one in lost), rank)
        taken = {one.uid for one in found}
        having = _by_name(((uid, names[uid]) for uid in sorted(names) if uid not in taken), rank)
        again = {
            one.uid: replace(one, uid=uid)
            for name, group in wanted.items()
            if len(group) == len(having.get(name, ()))
            for one, uid in zip(group, having[name], strict=True)
        }
        found += again.values()
        lost = [one for one in lost if one.uid not in again]
    return tuple(found), tuple(lost)


async def last_uid(reader: MailReader, status: MailboxStatus) -> int:
    """The UID of the newest message of the open mailbox, or the one before UIDNEXT."""
    if status.uidnext is not None:
        return status.uidnext - 1
    found = await reader.fetch(FactRequest())
    return found[-1].uid if found else 0


async def _facts(reader: MailReader) -> Sequence[MessageFacts]:
    try:
        return await reader.fetch(IDENTITY_REQUEST)
    except MessagesUnreadable as error:  # an unreadable one cannot be told anyhow
        return cast("Sequence[MessageFacts]", error.result)  # what fetch would have returned


def _names(facts: MessageFacts) -> tuple[str, ...]:
    is_known = isinstance(facts.header, bytes) and isinstance(facts.received, datetime)
    return lasting_names(
        object_id=facts.object_id,
        message_id=message_id_in(facts.header) if isinstance(facts.header, bytes) else "",
        received=facts.received if is_known and isinstance(facts.received, datetime) else None,
        size_bytes=facts.size_bytes,
    )


def _by_name(of: Iterable[tuple[_One, tuple[str, ...]]], rank: str) -> dict[str, list[_One]]:
    found: dict[str, list[_One]] = {}
    for one, names in of:
        for name in names:
            if name.startswith(rank):
                found.setdefault(name, []).append(one)
    return found
