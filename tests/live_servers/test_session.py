"""What concerns the connection as a whole: who speaks, news while idle, another user on the same connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailrules.client.connect import connect
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.session_commands import Capability, Id, Login, Unauthenticate
from mailrules.imap.states import State
from mailrules.secret import Secret
from mailrules.testing.builders import SampleMessage, message
from tests.live_servers.announced import on_servers, on_servers_with

if TYPE_CHECKING:
    from mailrules.client.async_client import AsyncClient
    from tests.live_servers.conftest import Account
    from tests.servers.cyrus import Cyrus


@on_servers_with("ID")
async def test_servers_say_who_they_are(client: AsyncClient, account: Account) -> None:
    told = await client.run(Id((("name", "mailrules"),)))

    assert told is not None
    assert "name" in told


@on_servers("cyrus", "courier")
async def test_idle_tells_of_a_new_message(client: AsyncClient, account: Account) -> None:
    """Dovecot's IDLE has a test with the client's own."""
    await client.run(Select("INBOX"))
    waiting = asyncio.create_task(client.idle(timeout_seconds=20))

    await asyncio.to_thread(account.fill, "INBOX", [SampleMessage(content=message())])

    assert await waiting
    assert client.selected is not None
    assert client.selected.exists == 1


async def test_another_user_on_the_same_connection(cyrus_server: Cyrus) -> None:
    """Cyrus has UNAUTHENTICATE for administrators only."""
    other = cyrus_server.account("somebody-else")
    async with await connect(cyrus_server.administrator.settings()) as client:
        await client.run(Unauthenticate())
        assert client.state is State.NOT_AUTHENTICATED
        await client.run(Capability())

        await client.run(Login(other.user, Secret(other.password)))

        assert client.state is State.AUTHENTICATED
