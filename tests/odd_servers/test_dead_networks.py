"""Connections that are gone, or that nobody reads any more."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import ConnectionFailed, ConnectionLost
from mailrules.imap.append_commands import Append
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.message_commands import FetchItem, UidFetch
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop
from mailrules.imap.writer import BodySection
from mailrules.testing.builders import message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.server_faults import AtCommand, Bye, ByeForEver, CutAfterReceived, Ending, Silence
from tests.odd_servers.conftest import hurry

if TYPE_CHECKING:
    import trustme

    from tests.odd_servers.conftest import Clients

EVERYTHING = UidFetch(SequenceSet.starting_at(1), (FetchItem.UID, BodySection()))


async def bytes_until_selected(clients: Clients) -> int:
    """How much a client sends before INBOX is open."""
    server = await clients.serve(ImapServer())
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))
    return client.counters.bytes_out


@pytest.mark.parametrize("ending", [Ending.STALL, Ending.HALF_CLOSE, Ending.RESET])
async def test_a_network_cut_before_idle_ends_the_wait(clients, ending):
    cut = CutAfterReceived(byte_count=await bytes_until_selected(clients), ending=ending)
    server = await clients.serve(ImapServer(faults=[cut]))
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))
    hurry(client, command_seconds=0.2)

    with pytest.raises(ConnectionLost):
        await asyncio.wait_for(client.idle(timeout_seconds=60), 60)


async def test_a_network_cut_within_idle_is_noticed_when_idle_is_renewed(clients):
    cut = CutAfterReceived(byte_count=await bytes_until_selected(clients) + len(b"A4 IDLE\r\n"), ending=Ending.STALL)
    server = await clients.serve(ImapServer(faults=[cut]))
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))
    hurry(client, command_seconds=0.2)

    with pytest.raises(ConnectionLost, match="without a reply"):
        await asyncio.wait_for(client.idle(timeout_seconds=60), 60)


@pytest.mark.parametrize("reaction", [Bye(text="Too many connections"), ByeForEver(text="Too many connections")])
@pytest.mark.parametrize("command", ["IDLE", "APPEND"])
async def test_bye_instead_of_plus_ends_the_command(clients, reaction, command):
    server = await clients.serve(ImapServer(faults=[AtCommand(command=command, reaction=reaction)]))
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))

    waited = client.idle(timeout_seconds=60) if command == "IDLE" else client.run(Append("INBOX", message()))
    with pytest.raises(ConnectionLost, match="Too many connections"):
        await asyncio.wait_for(waited, 60)


async def test_a_half_open_socket_is_given_up_at_the_deadline(clients):
    server = await clients.serve(ImapServer(faults=[AtCommand(command="NOOP", reaction=Silence())]))
    client = await clients.log_in(server)
    hurry(client, command_seconds=0.1)

    with pytest.raises(ConnectionLost, match=r"without a reply for 0\.1 seconds"):
        await client.run(Noop())
    with pytest.raises(ConnectionLost):
        await client.run(Noop())


async def test_a_plain_client_on_a_tls_port_is_told_so(clients, authority: trustme.CA):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    tls = await clients.serve(ImapServer(tls=context, implicit_tls=True))
    plain = ImapServer()
    plain.port = tls.port

    with pytest.raises(ConnectionFailed, match="is this a TLS port"):
        await clients.log_in(plain, greeting_seconds=0.3)


async def test_both_socket_buffers_full_at_once_block_nobody(clients):
    account = MailAccount()
    account.add("INBOX", message(body="down" * 1_000_000))
    server = await clients.serve(ImapServer(account, buffer_bytes=8192))
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        fetched = tasks.create_task(client.run(EVERYTHING))
        for _ in range(3):
            tasks.create_task(client.run(Append("Archive", message(body="up" * 1_000_000))))

    assert len(fetched.result()[0].sections[""]) > 4_000_000
    assert len(account["Archive"].messages) == 3


async def test_bye_for_ever_ends_the_connection_at_the_first_one(clients):
    server = await clients.serve(
        ImapServer(faults=[AtCommand(command="NOOP", reaction=ByeForEver())], profile="yandex")
    )
    client = await clients.log_in(server)

    with pytest.raises(ConnectionLost, match="Autologout; idle for too long"):
        await asyncio.wait_for(client.run(Noop()), 60)


@pytest.fixture
def authority() -> trustme.CA:
    import trustme  # noqa: PLC0415 - makes keys, which takes a while

    return trustme.CA()
