"""How clients with a way of their own read a mailbox, in a process of its own.

Usage: python -m tests.bench_imap.rival_clients FUNCTION PORT USER PASSWORD

imap_tools fetches whole headers, aioimaplib few messages. Prints the seconds of the fetch and how many messages it saw.
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter
from typing import TYPE_CHECKING

from aioimaplib import aioimaplib
from imap_tools.mailbox import MailBoxUnencrypted

from tests.bench_imap.contenders import ENVELOPE, HEADERS, HOST, UIDS_PER_COMMAND
from tests.bench_imap.rivals import AIOIMAPLIB_MESSAGES, AIOIMAPLIB_MESSAGES_PER_COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable

    from imap_tools.message import MailMessage

_PATIENCE_SECONDS = 100.0


def imap_tools_envelope(port: int, user: str, password: str) -> tuple[float, int]:
    """imap_tools has no ENVELOPE and no INTERNALDATE: the same fields, decoded from the header."""
    return _imap_tools(port, user, password, _read_envelope)


def imap_tools_header(port: int, user: str, password: str) -> tuple[float, int]:
    """imap_tools cannot choose fields: the chosen ones of the whole header, decoded."""
    return _imap_tools(port, user, password, _read_header)


def _imap_tools(port: int, user: str, password: str, read: Callable[[MailMessage], None]) -> tuple[float, int]:
    with MailBoxUnencrypted(HOST, port).login(user, password, initial_folder=None) as mailbox:
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


def aioimaplib_envelope(port: int, user: str, password: str) -> tuple[float, int]:
    """aioimaplib's lines, unparsed, of AIOIMAPLIB_MESSAGES."""
    return asyncio.run(_aioimaplib(port, user, password, ENVELOPE))


def aioimaplib_header(port: int, user: str, password: str) -> tuple[float, int]:
    """aioimaplib's lines, unparsed, of AIOIMAPLIB_MESSAGES."""
    return asyncio.run(_aioimaplib(port, user, password, f"({HEADERS})"))


async def _aioimaplib(port: int, user: str, password: str, items: str) -> tuple[float, int]:
    client = aioimaplib.IMAP4(HOST, port, timeout=_PATIENCE_SECONDS)
    await client.wait_hello_from_server()
    await client.login(user, password)
    await client.select("INBOX")  # its own state does not know EXAMINE
    start, lines = perf_counter(), []
    for first in range(1, AIOIMAPLIB_MESSAGES, AIOIMAPLIB_MESSAGES_PER_COMMAND):
        last = first + AIOIMAPLIB_MESSAGES_PER_COMMAND - 1
        lines += (await client.uid("fetch", f"{first}:{last}", items)).lines
    seconds = perf_counter() - start
    await client.logout()
    return seconds, sum(1 for line in lines if b" FETCH (UID " in line[:30])


def main(name: str, port: str, user: str, password: str) -> None:
    functions = (imap_tools_envelope, imap_tools_header, aioimaplib_envelope, aioimaplib_header)
    (function,) = (one for one in functions if one.__name__ == name)
    print(*function(int(port), user, password))


if __name__ == "__main__":
    main(*sys.argv[1:])
