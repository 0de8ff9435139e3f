"""Iterate over the messages of a mailbox, and tell what time and memory that takes, in a process of its own.

Usage: python -m tests.bench_imap.many_lines PORT MESSAGES

Prints one line: the peak of resident memory before and after, in KiB, and the seconds. Fails unless every message is
seen once, in order.
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter
from typing import TYPE_CHECKING

from mailrules.client.connect import connect
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Examine
from mailrules.imap.sequence_set import SequenceSet
from tests.bench_imap.canned import canned_account
from tests.bench_imap.large_message import peak_kib

if TYPE_CHECKING:
    from mailrules.settings import AccountSettings

_ITEMS = (FetchItem.UID, FetchItem.FLAGS, FetchItem.SIZE)


async def iterate(account: AccountSettings, messages: int) -> float:
    """Seconds for all, without connecting."""
    async with await connect(account) as client:
        await client.run(Examine("INBOX"))
        start, seen = perf_counter(), 0
        async for message in client.fetch(SequenceSet.starting_at(1), _ITEMS):
            seen += 1
            if message.uid != seen or not message.flags or not message.size_bytes:
                raise RuntimeError(f"message {seen} came as {message}")
        if seen != messages:
            raise RuntimeError(f"{seen} of {messages} messages came")
        return perf_counter() - start


def main(port: str, messages: str) -> None:
    with canned_account(int(port)) as account:
        before = peak_kib()
        seconds = asyncio.run(iterate(account, int(messages)))
    print(before, peak_kib(), seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
