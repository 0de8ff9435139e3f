"""The table of what the servers announce is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.imap.session_commands import Capability
from tests.live_servers.announced import ANNOUNCED, on_servers

if TYPE_CHECKING:
    import pytest

    from mailrules.client.async_client import AsyncClient

PROTOCOLS = {"IMAP4REV1"}


@on_servers(*ANNOUNCED)
async def test_each_server_announces_what_the_table_says(client: AsyncClient, request: pytest.FixtureRequest) -> None:
    told = await client.run(Capability())

    assert told - PROTOCOLS == ANNOUNCED[request.node.callspec.params["account"]]
