"""Hold many connections in IDLE, and tell what memory that takes, in a process of its own.

Usage: python -m tests.bench_imap.idle_connections PORT CA_FILE CONNECTIONS

Prints one line: resident memory before and with the connections, in KiB, and whether uvloop, the ``speed`` extra, ran
them (1 or 0). Fails unless each connection is told of a new message in the end.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.client.connect import connect
from mailrules.imap.mailbox_commands import Check, Examine, Status
from mailrules.imap.mailbox_data import StatusItem
from tests.bench_imap.canned import canned_account

if TYPE_CHECKING:
    from mailrules.client.async_client import AsyncClient
    from mailrules.settings import AccountSettings

_OPENED_AT_ONCE = 20
_IDLE_SECONDS = 600.0
_SPARE_FILES = 100


async def hold(account: AccountSettings, connections: int) -> tuple[int, int]:
    """Resident KiB before and with the connections."""
    before = resident_kib()
    gate = asyncio.Semaphore(_OPENED_AT_ONCE)
    async with await connect(account) as control, asyncio.TaskGroup() as tasks:
        await control.run(Examine("INBOX"))
        idling = [tasks.create_task(_idle(account, gate)) for _ in range(connections)]
        while await _count_idling(control) < connections:
            pass  # each turn is a round trip
        gc.collect()
        held = resident_kib()
        await control.run(Check())
        if not all([await one for one in idling]):
            raise RuntimeError("a connection was not told of the new message")
    return before, held


async def _idle(account: AccountSettings, gate: asyncio.Semaphore) -> bool:
    async with gate:
        client = await connect(account)
    async with client:
        await client.run(Examine("INBOX"))
        return await client.idle(timeout_seconds=_IDLE_SECONDS)


async def _count_idling(control: AsyncClient) -> int:
    return (await control.run(Status("connections", (StatusItem.MESSAGES,)))).messages or 0


def resident_kib() -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


def allow_files(count: int) -> None:
    """Raise the soft limit on open files, if it is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _uvloop() -> asyncio.AbstractEventLoop:
    import uvloop  # noqa: PLC0415 -- an extra that may not be installed

    return uvloop.new_event_loop()


def main(port: str, ca_file: str, connections: str) -> None:
    allow_files(int(connections) + _SPARE_FILES)
    has_uvloop = importlib.util.find_spec("uvloop") is not None
    factory = _uvloop if has_uvloop else asyncio.new_event_loop
    with canned_account(int(port), ca_file) as account, asyncio.Runner(loop_factory=factory) as runner:
        before, held = runner.run(hold(account, int(connections)))
    print(before, held, int(has_uvloop))


if __name__ == "__main__":
    main(*sys.argv[1:])
