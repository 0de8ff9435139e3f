"""Much at once on one connection, and answers that are large or hold what nobody asked for."""

from __future__ import annotations

import asyncio

import pytest

from mailrules.errors import ConnectionLost, RemoteProtocolError
from mailrules.imap.mailbox_commands import Select, Status
from mailrules.imap.message_commands import FetchItem, UidFetch, UidSearch
from mailrules.imap.search_keys import All
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop
from mailrules.testing.builders import message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.server_faults import AtCommand, Interject, Rewrite, Say, Trickle

FLAGS = (FetchItem.UID, FetchItem.FLAGS)


def filled(count: int) -> MailAccount:
    account = MailAccount()
    for number in range(count):
        account.add("INBOX", message(subject=f"number {number}"))
    return account


async def opened(clients, server: ImapServer):
    client = await clients.log_in(await clients.serve(server))
    await client.run(Select("INBOX"))
    return client


async def test_a_command_may_be_run_for_each_message_of_a_fetch(clients):
    client = await opened(clients, ImapServer(filled(50)))
    commands: list[asyncio.Task[None]] = []

    def sink(_: object) -> None:
        commands.append(asyncio.create_task(client.run(Noop())))

    await client.run(UidFetch(SequenceSet.starting_at(1), FLAGS, sink))
    await asyncio.gather(*commands)

    assert len(commands) == 50


async def test_a_fetch_that_is_left_early_leaves_the_connection_usable(clients):
    client = await opened(clients, ImapServer(filled(500)))
    first = asyncio.Event()
    fetching = asyncio.create_task(client.run(UidFetch(SequenceSet.starting_at(1), FLAGS, lambda _: first.set())))
    await first.wait()

    fetching.cancel()
    (fetched,) = await client.run(UidFetch(SequenceSet.of((7,)), FLAGS))

    assert fetched.uid == 7


async def test_two_tasks_share_a_connection_and_each_gets_its_own_answer(clients):
    client = await opened(clients, ImapServer(filled(30)))

    fetched, archive, inbox = await asyncio.gather(
        client.run(UidFetch(SequenceSet.starting_at(1), FLAGS)),
        client.run(Status("Archive")),
        client.run(Status("INBOX")),
    )

    assert [one.uid for one in fetched] == [*range(1, 31)]
    assert (archive.messages, inbox.messages) == (0, 30)


async def test_an_unsolicited_fetch_inside_a_fetch_is_not_taken_for_an_answer(clients):
    unasked = b"* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\n* 99 FETCH (FLAGS (\\Deleted))\r\n"
    fault = AtCommand(command="UID FETCH", reaction=Interject(data=unasked))
    client = await opened(clients, ImapServer(filled(3), faults=[fault]))

    fetched = await client.run(UidFetch(SequenceSet.of((1, 3)), (FetchItem.UID, FetchItem.SIZE)))

    assert [(one.uid, one.flags) for one in fetched] == [(1, None), (3, None)]
    assert client.take_news()


async def test_thousands_of_lines_in_one_chunk_are_all_read(clients):
    lines = b"".join(b"* %d FETCH (UID %d FLAGS ())\r\n" % (number, number) for number in range(1, 5_001))
    fault = AtCommand(command="UID FETCH", reaction=Say(data=lines + b"{tag} OK done\r\n"))
    client = await opened(clients, ImapServer(faults=[fault]))

    assert len(await client.run(UidFetch(SequenceSet.starting_at(1), FLAGS))) == 5_000


async def test_one_byte_at_a_time_gives_the_same_answer(clients):
    client = await opened(clients, ImapServer(filled(2), faults=[Trickle()]))

    assert [one.uid for one in await client.run(UidFetch(SequenceSet.starting_at(1), FLAGS))] == [1, 2]


async def test_a_literal_of_2_to_the_63_ends_the_connection_at_once(clients):
    announced = Rewrite(pattern=rb"FLAGS \([^)]*\)", replacement=b"BODY[] {%d}\r\n" % 2**63)
    client = await opened(clients, ImapServer(filled(1), faults=[AtCommand(command="UID FETCH", reaction=announced)]))

    with pytest.raises(ConnectionLost, match=r"literal of 9223372036854775808 bytes.*limits\.literal_bytes"):
        await asyncio.wait_for(client.run(UidFetch(SequenceSet.starting_at(1), FLAGS)), 5)


async def test_a_search_line_of_megabytes_is_read(clients):
    numbers = b" ".join(b"%d" % uid for uid in range(1_000_000_000, 1_000_300_000))
    said = Say(data=b"* SEARCH " + numbers + b"\r\n{tag} OK done\r\n")
    client = await opened(clients, ImapServer(faults=[AtCommand(command="UID SEARCH", reaction=said)]))

    found = await client.run(UidSearch(All()))

    assert len(numbers) > 3 << 20
    assert (len(found), found[0], found[-1]) == (300_000, 1_000_000_000, 1_000_299_999)


async def test_wrong_counts_do_no_harm(clients):
    wrong = Rewrite(pattern=rb"[0-9]+ EXISTS", replacement=b"4294967295 EXISTS")
    server = await clients.serve(ImapServer(filled(2), faults=[AtCommand(command="SELECT", reaction=wrong)]))
    client = await clients.log_in(server)

    selected = await client.run(Select("INBOX"))
    fetched = await client.run(UidFetch(SequenceSet.starting_at(1), FLAGS))

    assert selected.exists == 4294967295
    assert [one.uid for one in fetched] == [1, 2]


async def test_a_status_that_cannot_be_read_fails_its_command_only(clients):
    fault = AtCommand(command="STATUS", reaction=Say(data=b"* STATUS\r\n{tag} OK\r\n"))
    client = await opened(clients, ImapServer(faults=[fault]))

    with pytest.raises(RemoteProtocolError):
        await client.run(Status("Archive"))
    assert (await client.run(Status("Archive"))).messages == 0
