"""What can be set about a mailbox beside rights: one metadata entry, or one limit of its quota; each a text."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailrules.mailbox.store import MailReader, MailStore


class Setting(StrEnum):
    """The kinds; the words are those of the plan's steps."""

    METADATA = "setmetadata"
    QUOTA = "setquota"


async def read_setting(reader: MailReader, setting: Setting, *, mailbox: str, name: str) -> str:
    """The value now, "" where there is none. Raises MissingCapability and CommandRefused."""
    if setting is Setting.METADATA:
        return await reader.metadata(mailbox, entry=name)
    limits = {one.name: str(one.limit) for one in await reader.quota(mailbox)}
    return limits.get(name.upper(), "")


async def write_setting(store: MailStore, setting: Setting, *, mailbox: str, name: str, value: str) -> None:
    """Set it; "" removes it. Raises MissingCapability and CommandRefused."""
    if setting is Setting.METADATA:
        await store.set_metadata(mailbox, entry=name, value=value)
    else:
        await store.set_quota(mailbox, resource=name.upper(), limit=int(value) if value else None)
