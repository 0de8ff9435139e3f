"""What is done once a day for each account: see what the ledger must keep, and forget what nobody needs any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, IMAPError
from mailrules.logs import get_logger
from mailrules.mailbox.message import UID, FactRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.mailbox.store import MailboxStatus, MailStore
    from mailrules.session import Session

EVERY = timedelta(days=1)
UNSEEN = timedelta(days=30)
"""A ledger entry whose message was met within this time needs no look."""


async def tidy(session: Session, stores: Mapping[str, MailStore]) -> None:
    """Do it for the accounts for which it is due; only mailboxes with old ledger entries are looked into.

    A ledger entry lives while its message is where we last saw it, then 400 days (rule-language, meaning 9).
    May leave another mailbox open than before. A connection that is lost meanwhile only puts it off.
    """
    now = session.now()
    looked_at: list[str] = []
    for name, store in stores.items():
        if not await session.journal.begin_chore(f"tidy {name}", every=EVERY, now=now):
            continue
        try:
            await _look_after_ledger(session, store)
        except IMAPError as error:
            get_logger().warning("upkeep.put_off", account=name, error=str(error))
        else:
            looked_at.append(name)
    if looked_at:
        await session.journal.prune(now=now, looked_at=looked_at, configured=session.configuration.accounts)


async def _look_after_ledger(session: Session, store: MailStore) -> None:
    now = session.now()
    places = await session.journal.ledger_places(store.account, seen_before=now - UNSEEN)
    for (mailbox, uidvalidity), uids in places.items():
        status = await _examined(store, mailbox, uidvalidity=uidvalidity)
        if status is None:
            continue
        there = await store.fetch(FactRequest(flags=True), sorted(UID(uid) for uid in uids))
        await session.journal.touch_places(
            store.account,
            mailbox,
            uidvalidity=uidvalidity,
            uids=[one.uid for one in there],
            now_in=status.mailbox,
            now=now,
        )


async def _examined(store: MailStore, mailbox: str, *, uidvalidity: int) -> MailboxStatus | None:
    """The mailbox in which those UIDs still mean the same, under its old name or a new one; None if it is gone."""
    status = await _examine(store, mailbox)
    if status is not None and status.uidvalidity == uidvalidity:
        return status
    for other in await store.list_mailboxes():
        if other.name == mailbox or not other.selectable:
            continue
        try:
            found = await store.status(other.name)
        except CommandRefused:
            continue
        if found.uidvalidity == uidvalidity:
            return await _examine(store, other.name)
    return None


async def _examine(store: MailStore, mailbox: str) -> MailboxStatus | None:
    try:
        return await store.examine(mailbox)
    except CommandRefused:
        return None
