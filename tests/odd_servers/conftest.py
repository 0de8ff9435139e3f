"""Clients of servers that misbehave; deadlines are short, since here they are what is tested."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.imap_store import ImapStore
from mailrules.settings import SecretReference, Timeouts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailrules.client.async_client import AsyncClient
    from mailrules.testing.imap_server import ImapServer

SECRET = SecretReference(kind="env", value="MAILRULES_ODD_SECRET")


class Clients:
    """Starts servers of the kit and logs in to them; all is closed with the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def serve(self, server: ImapServer) -> ImapServer:
        return await self._stack.enter_async_context(server)

    async def log_in(self, server: ImapServer, *, greeting_seconds: float = 60.0) -> AsyncClient:
        settings = server.settings(SECRET)
        timeouts = Timeouts(greeting_seconds=greeting_seconds, command_seconds=60.0, idle_renew_seconds=0.1)
        client = await connect(replace(settings, timeouts=timeouts))
        self._stack.push_async_callback(client.close)
        return client

    async def store(self, server: ImapServer) -> ImapStore:
        return ImapStore(await self.log_in(server), account="test")


def hurry(client: AsyncClient, *, command_seconds: float) -> None:
    """Give the server so little time from now on: only now, so that no test depends on a fast machine."""
    client._carrier._command_seconds = command_seconds


@pytest.fixture
async def clients(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clients]:
    monkeypatch.setenv(SECRET.value, "pass")
    async with AsyncExitStack() as stack:
        yield Clients(stack)
