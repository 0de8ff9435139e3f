"""What ``check --online`` asks the servers: capabilities, mailboxes, and our rights on those that rules name."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.client.imap_store import connect_reader
from mailrules.errors import CommandRefused, MailrulesError
from mailrules.fitness import Told, mailboxes_to_ask, misfits
from mailrules.imap.access_commands import ACL
from mailrules.plan.directory import directory_of

if TYPE_CHECKING:
    from mailrules.diagnostics import Diagnostic
    from mailrules.mailbox.store import MailReader
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
            return directory_of(
                await reader.list_mailboxes(),
                account=account.name,
                user=account.user,
                trash=account.trash,
                archive=account.archive,
                junk=account.junk,
            )
        except MailrulesError as error:
            failures[account.name] = error
            return None

    async def ask(directory: Directory) -> Told | None:
        reader = readers[directory.account]
        rights: dict[str, str] = {}
        if ACL.is_offered(reader.capabilities):
            for name in mailboxes_to_ask(configuration.rules, directory):
                try:
                    rights[name] = await reader.my_rights(name)
                except CommandRefused:
                    continue  # Of a mailbox that the server tells no rights of, nothing is said.
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
