"""How does an in-memory server run beside code that blocks, or that starts an event loop of its own?"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.testing.imap_server import ImapServer


@contextmanager
def serve_in_thread(server: ImapServer) -> Iterator[ImapServer]:
    """Run the server in a thread with its own event loop until the block ends."""
    started = threading.Event()
    failures: list[OSError] = []
    stopping: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        stopping.append((asyncio.get_running_loop(), stop))
        try:
            await server.start()
        except OSError as error:
            failures.append(error)
            return
        finally:
            started.set()
        await stop.wait()
        await server.stop()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="in-memory IMAP server", daemon=True)
    thread.start()
    started.wait()
    if failures:
        raise failures[0]
    try:
        yield server
    finally:
        loop, stop = stopping[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join()
