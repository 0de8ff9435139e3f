"""What ``check --online`` asks the servers: capabilities, mailboxes, and our rights on those that rules name."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.client.imap_store import connect_reader
from mailrules.errors import MailrulesError
from mailrules.fitness import Told, mailboxes_to_ask, misfits
from mailrules.imap.access_commands import ACL
from mailrules.planning import read_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.diagnostics import Diagnostic
    from mailrules.mailbox.store import MailReader, Particulars
    from mailrules.plan.directory import Directory
    from mailrules.rules.loader import LoadedConfiguration
    from mailrules.settings import AccountSettings


async def ask_servers(configuration: LoadedConfiguration) -> tuple[list[Diagnostic], dict[str, MailrulesError]]:
    """What does not fit, and why accounts could not be asked. Opens no mailbox."""
    accounts = list(configuration.accounts.values())
    readers: dict[str, MailReader] = {}
    failures: dict[str, MailrulesError] = {}

    async def begin(account: AccountSettings) -> Directory | None:
        try:
            reader = readers[account.name] = await connect_reader(account)
            return await read_directory(configuration, reader)
        except MailrulesError as error:
            failures[account.name] = error
            return None

    async def ask(directory: Directory) -> Told | None:
        reader = readers[directory.account]
        rights: Mapping[str, Particulars] = {}
        if ACL.is_offered(reader.capabilities):
            try:
                names = mailboxes_to_ask(configuration.rules, directory)
                rights = await reader.particulars(names, own_rights=True) if names else {}
            except MailrulesError as error:
                failures[directory.account] = error
                return None
        return Told(capabilities=reader.capabilities, directory=replace(directory, others={}), rights=rights)

    try:
        listed = [one for one in await asyncio.gather(*map(begin, accounts)) if one is not None]
        by_name = {one.account: one for one in listed}
        whole = [
            replace(one, others={name: other for name, other in by_name.items() if name != one.account})
            for one in listed
        ]
        answers = zip(by_name, await asyncio.gather(*map(ask, whole)), strict=True)
        told = {name: answer for name, answer in answers if answer is not None}
    finally:
        await asyncio.gather(*(reader.close() for reader in readers.values()))
    return misfits(configuration.rules, told, silent=failures.keys()), failures
