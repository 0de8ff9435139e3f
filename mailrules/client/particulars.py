"""How are the metadata of many mailboxes, and our rights on them, read in one turn?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.imap.access_commands import MyRights
from mailrules.imap.list_commands import ListExtended, ListReturn
from mailrules.imap.metadata_commands import GetMetadata
from mailrules.mailbox.store import Particulars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.client.async_client import AsyncClient
    from mailrules.imap.list_commands import ListedMailbox


async def particulars(
    client: AsyncClient, mailboxes: Sequence[str], *, entries: tuple[str, ...], own_rights: bool
) -> Mapping[str, Particulars]:
    """One LIST where the server has LIST-METADATA (RFC 9590) and LIST-MYRIGHTS (RFC 8440), else a command for each.

    Of a mailbox about which LIST stays silent it is asked again: only then does the server say why.
    """
    told: dict[str, Particulars] = {}
    wanted = ListExtended(returns=(ListReturn.MY_RIGHTS,) if own_rights else (), metadata=entries)
    if len(mailboxes) > 1 and all(one.is_offered(client.capabilities) for one in wanted.extensions()):
        names = frozenset(mailboxes)
        listed = {one.mailbox: one for one in await client.run(wanted) if one.mailbox in names}
        told = {name: _of_listed(one, entries) for name, one in listed.items() if _is_whole(one, entries, own_rights)}
    asked = [name for name in mailboxes if name not in told]
    answers = await asyncio.gather(*(_ask(client, name, entries, own_rights=own_rights) for name in asked))
    return told | dict(zip(asked, answers, strict=True))


def _is_whole(one: ListedMailbox, entries: tuple[str, ...], own_rights: bool) -> bool:  # noqa: FBT001 -- private
    return (not entries or bool(one.metadata)) and (not own_rights or one.rights is not None)


def _of_listed(one: ListedMailbox, entries: tuple[str, ...]) -> Particulars:
    return Particulars(metadata={entry: one.metadata.get(entry) for entry in entries}, own_rights=one.rights or "")


async def _ask(client: AsyncClient, mailbox: str, entries: tuple[str, ...], *, own_rights: bool) -> Particulars:
    try:
        told, rights = await asyncio.gather(
            client.run(GetMetadata(mailbox, entries)) if entries else _nothing(),
            client.run(MyRights(mailbox)) if own_rights else _nothing(),
        )
    except CommandRefused as refused:
        return Particulars(metadata={}, refusal=str(refused))
    metadata = {entry: told.entries.get(entry) for entry in entries} if told is not None else {}
    return Particulars(metadata=metadata, own_rights=rights or "")


async def _nothing() -> None:
    """What is not asked."""
