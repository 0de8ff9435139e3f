"""How what only the server can tell of messages is asked for: its own searches, and the mailbox's quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, MissingCapability
from mailrules.mailbox.message import Unreadable
from mailrules.rules.server_tests import GMAIL_PREFIX, QUOTA, SEARCH_PREFIX, QuotaUse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import MailReader, ResourceUse


def is_server_fact(name: str) -> bool:
    """Whether the server answers for this fact, and no plugin."""
    return name.startswith((SEARCH_PREFIX, GMAIL_PREFIX, QUOTA.name))


async def server_facts(name: str, reader: MailReader, uids: Sequence[UID]) -> Mapping[UID, object]:
    """The fact for these messages of the open mailbox; ``Unreadable`` where the server has no answer."""
    try:
        if name == QUOTA.name:
            opened = reader.opened
            roots = await reader.quota_roots(opened.mailbox if opened else "INBOX")
            value: object = quota_use([use for root in roots for use in root.resources])
            return dict.fromkeys(uids, value)
        is_gmail = name.startswith(GMAIL_PREFIX)
        query = name.removeprefix(GMAIL_PREFIX if is_gmail else SEARCH_PREFIX)
        found = await reader.search_as_written(query, is_gmail=is_gmail)
    except (CommandRefused, MissingCapability) as error:
        return dict.fromkeys(uids, Unreadable(reason=str(error)))
    return {uid: uid in found for uid in uids}


def quota_use(resources: Sequence[ResourceUse]) -> QuotaUse:
    """How full the fullest resource is, and what is left of the storage."""
    limited = [one for one in resources if one.limit > 0]
    free = [(one.limit - one.used) * 1024 for one in limited if one.name == "STORAGE"]
    percent = max((100 * one.used / one.limit for one in limited), default=0.0)
    return QuotaUse(percent=percent, free_bytes=max(0, min(free)) if free else float("inf"))
