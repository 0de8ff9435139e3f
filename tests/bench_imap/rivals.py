"""How clients with a way of their own read a mailbox: imap_tools fetches whole headers, aioimaplib few messages.

The functions are as those of ``contenders``.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from aioimaplib import aioimaplib
from imap_tools.mailbox import MailBoxUnencrypted

from tests.bench_imap.contenders import ENVELOPE, HEADERS, HOST, UIDS_PER_COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable

    from imap_tools.message import MailMessage

    from mailrules.settings import AccountSettings

AIOIMAPLIB_MESSAGES = 2_000
"""Its time grows with the square of the messages of a command."""
AIOIMAPLIB_MESSAGES_PER_COMMAND = 100
"""It recurses for each line that has arrived, and Python's stack ends before a thousand short messages do."""
_PATIENCE_SECONDS = 100.0


def imap_tools_envelope(account: AccountSettings, password: str) -> tuple[float, int]:
    """imap_tools has no ENVELOPE and no INTERNALDATE: the same fields, decoded from the header."""
    return _imap_tools(account, password, _read_envelope)


def imap_tools_header(account: AccountSettings, password: str) -> tuple[float, int]:
    """imap_tools cannot choose fields: the chosen ones of the whole header, decoded."""
    return _imap_tools(account, password, _read_header)


def _imap_tools(account: AccountSettings, password: str, read: Callable[[MailMessage], None]) -> tuple[float, int]:
    with MailBoxUnencrypted(HOST, account.port).login(account.user, password, initial_folder=None) as mailbox:
        mailbox.folder.set("INBOX", readonly=True)
        start, count = perf_counter(), 0
        for message in mailbox.fetch(mark_seen=False, headers_only=True, bulk=UIDS_PER_COMMAND):
            read(message)
            count += 1
        return perf_counter() - start, count


def _read_envelope(message: MailMessage) -> None:
    _ = message.uid, message.flags, message.size_rfc822, message.date, message.subject
    _ = message.obj.get("in-reply-to"), message.obj.get("message-id"), message.obj.get("sender")
    for address in (message.from_values, *message.reply_to_values, *message.to_values):
        if address is not None:
            _ = address.name, address.email
    for address in (*message.cc_values, *message.bcc_values):
        _ = address.name, address.email


def _read_header(message: MailMessage) -> None:
    _ = message.from_, message.to, message.subject, message.date
    _ = message.obj.get("message-id"), message.obj.get("list-id")


def aioimaplib_envelope(account: AccountSettings, password: str) -> tuple[float, int]:
    """aioimaplib's lines, unparsed, of AIOIMAPLIB_MESSAGES."""
    return asyncio.run(_aioimaplib(account, password, ENVELOPE))


def aioimaplib_header(account: AccountSettings, password: str) -> tuple[float, int]:
    """aioimaplib's lines, unparsed, of AIOIMAPLIB_MESSAGES."""
    return asyncio.run(_aioimaplib(account, password, f"({HEADERS})"))


async def _aioimaplib(account: AccountSettings, password: str, items: str) -> tuple[float, int]:
    client = aioimaplib.IMAP4(HOST, account.port, timeout=_PATIENCE_SECONDS)
    await client.wait_hello_from_server()
    await client.login(account.user, password)
    await client.select("INBOX")  # its own state does not know EXAMINE
    start, lines = perf_counter(), []
    for first in range(1, AIOIMAPLIB_MESSAGES, AIOIMAPLIB_MESSAGES_PER_COMMAND):
        last = first + AIOIMAPLIB_MESSAGES_PER_COMMAND - 1
        lines += (await client.uid("fetch", f"{first}:{last}", items)).lines
    seconds = perf_counter() - start
    await client.logout()
    return seconds, sum(1 for line in lines if b" FETCH (UID " in line[:30])
