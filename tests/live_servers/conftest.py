"""An account on the server that a test is run on, and a client that is logged in to it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeAlias

import pytest

from mailrules.client.connect import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailrules.client.async_client import AsyncClient
    from tests.servers.dovecot import DovecotAccount
    from tests.servers.server_account import ServerAccount

Account: TypeAlias = "ServerAccount | DovecotAccount"


@pytest.fixture
def account(request: pytest.FixtureRequest) -> Account:
    """A new account; tests name the servers with ``on_servers_with``."""
    account: Account = request.getfixturevalue(request.param)
    return account


@pytest.fixture
async def client(account: Account) -> AsyncIterator[AsyncClient]:
    """Logged in to ``account``, closed at the end."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(await connect(account.settings()))
