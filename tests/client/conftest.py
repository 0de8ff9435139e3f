"""Two servers behind one fixture: what the mail store promises holds on the real one and on the kit's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import pytest

from mailrules.client.connect import connect
from mailrules.client.fetching import DEFAULT_FETCH_LIMITS, FetchLimits
from mailrules.client.imap_store import ImapReader, ImapStore, connect_store
from mailrules.settings import AccountSettings, SecretReference
from mailrules.testing.imap_server import ImapServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from mailrules.testing.builders import SampleMessage
    from tests.servers.dovecot import DovecotAccount

MEMORY_SECRET = SecretReference(kind="env", value="MAILRULES_MEMORY_SECRET")


@dataclass(frozen=True, slots=True)
class Place:
    """An account of one of the two servers; fill its mailboxes before logging in."""

    kind: Literal["dovecot", "memory"]
    settings: AccountSettings
    fill: Callable[[str, Iterable[SampleMessage]], int]
    open_connections: list[ImapReader]

    async def reader(self, *, limits: FetchLimits = DEFAULT_FETCH_LIMITS, compress: bool = True) -> ImapReader:
        """A logged-in reader that the fixture closes."""
        settings = replace(self.settings, compress=compress)
        reader = ImapReader(await connect(settings), account=settings.name, limits=limits)
        self.open_connections.append(reader)
        return reader

    async def store(self) -> ImapStore:
        """A logged-in store that the fixture closes."""
        store = await connect_store(self.settings)
        self.open_connections.append(store)
        return store


@pytest.fixture
def memory_secret(monkeypatch: pytest.MonkeyPatch) -> SecretReference:
    monkeypatch.setenv(MEMORY_SECRET.value, "pass")
    return MEMORY_SECRET


@pytest.fixture(params=["dovecot", "memory"])
async def place(request: pytest.FixtureRequest, memory_secret: SecretReference) -> AsyncIterator[Place]:
    connections: list[ImapReader] = []
    if request.param == "dovecot":
        account: DovecotAccount = request.getfixturevalue("dovecot")
        yield Place("dovecot", account.settings(), account.fill, connections)
        for connection in connections:
            await connection.close()
        return
    async with ImapServer() as server:
        yield Place("memory", server.settings(memory_secret), server.mail.fill, connections)
        for connection in connections:
            await connection.close()
