"""Long answers and contents over a connection that is lost: nothing twice, nothing left out, nothing mixed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.resuming import MOST_LOSSES
from mailrules.client.supervisor import Supervisor
from mailrules.errors import CommandRefused, ConnectionLost, MailboxReset, RemoteProtocolError
from mailrules.imap.append_commands import Append
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.writer import BodySection, Partial, StreamedLiteral
from mailrules.testing.builders import message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.server_faults import AtCommand, CutAfterReceived, CutAfterSent, Drop, DropBeforeTagged, Refuse
from tests.client.clocks import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailrules.settings import SecretReference

ALL = SequenceSet.starting_at(1)
ITEMS = (FetchItem.UID, FetchItem.FLAGS)
LARGE = message(subject="large", body="".join(f"line {number} of many\r\n" for number in range(12_000)))


@asynccontextmanager
async def supervised(memory_secret: SecretReference, server: ImapServer) -> AsyncIterator[Supervisor]:
    clock = Clock()
    async with server:
        supervisor = Supervisor(
            lambda: connect(server.settings(memory_secret)), random=lambda: 0.5, now=clock.now, wait=clock.wait
        )
        async with supervisor:
            await supervisor.run(Select("INBOX"))
            yield supervisor


def with_messages(count: int) -> ImapServer:
    server = ImapServer()
    for number in range(1, count + 1):
        server.mail.add("INBOX", message(subject=f"number {number}"))
    return server


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("uids", [b"1:*", b"3:250,260,270:900", b"2,4,6:200"])
async def test_each_message_comes_once_and_in_order(memory_secret: SecretReference, uids: bytes, seed: int) -> None:
    random, server, asked = Random(seed), with_messages(300), parse_sequence_set(uids)
    server.faults += [
        CutAfterSent(byte_count=random.randrange(1_500, 5_000), connection=number) for number in range(1, 4)
    ]

    async with supervised(memory_secret, server) as supervisor:
        found = [one.uid async for one in supervisor.fetch(asked, ITEMS, messages_per_command=40)]

    assert found == [uid for uid in range(1, 301) if asked.has_star or uid in asked]
    assert supervisor.connections > 1


async def test_a_loop_over_messages_of_another_mailbox_is_not_gone_on_with(memory_secret: SecretReference) -> None:
    server = with_messages(200)
    async with supervised(memory_secret, server) as supervisor:
        messages = supervisor.fetch(ALL, ITEMS, messages_per_command=20)
        assert (await anext(messages)).uid == 1
        server.mail.change_uidvalidity("INBOX")
        server.drop_connections()

        with pytest.raises(MailboxReset):
            await _drained(messages)


async def _drained(messages: AsyncIterator[object]) -> int:
    return len([one async for one in messages])


async def test_connections_that_bring_nothing_are_tried_a_few_times(memory_secret: SecretReference) -> None:
    server = with_messages(5)
    server.faults.append(AtCommand(command="UID FETCH", reaction=Drop(), nth=None))

    async with supervised(memory_secret, server) as supervisor:
        with pytest.raises(ConnectionLost):
            await _drained(supervisor.fetch(ALL, ITEMS))

        assert supervisor.connections == 1 + MOST_LOSSES
        server.faults.clear()
        assert [one.uid async for one in supervisor.fetch(ALL, ITEMS)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "section", [BodySection(), BodySection(part="1"), BodySection(partial=Partial(1_000, 150_000))]
)
async def test_content_goes_on_at_the_byte_that_was_not_given(
    memory_secret: SecretReference, section: BodySection, seed: int
) -> None:
    random, server = Random(seed), ImapServer()
    server.mail.add("INBOX", LARGE)
    server.faults += [
        CutAfterSent(byte_count=random.randrange(2_000, 90_000), connection=number) for number in range(1, 8)
    ]

    async with (
        supervised(memory_secret, server) as supervisor,
        supervisor.fetch_content(1, section) as content,
    ):
        given = b"".join([piece async for piece in content])

    whole = LARGE.partition(b"\r\n\r\n")[2] if section.part else LARGE
    expected = whole if section.partial is None else whole[1_000:151_000]
    assert given == expected
    assert content.size_bytes == len(expected)
    assert supervisor.connections > 1


async def test_content_without_bytes_and_content_that_is_left_early(memory_secret: SecretReference) -> None:
    server = ImapServer()
    server.mail.add("INBOX", b"Subject: empty\r\n\r\n")
    server.mail.add("INBOX", LARGE)

    async with supervised(memory_secret, server) as supervisor:
        async with supervisor.fetch_content(1, BodySection(part="1")) as content:
            assert [piece async for piece in content if piece] == []
        async with supervisor.fetch_content(2) as content:
            assert await anext(content)
        found = [one.uid async for one in supervisor.fetch(ALL, ITEMS)]
        with pytest.raises(RemoteProtocolError, match="no such message"):
            async with supervisor.fetch_content(9):
                pass

    assert found == [1, 2]
    assert supervisor.connections == 1


async def test_another_content_on_the_new_connection_is_not_joined_to_the_old_one(
    memory_secret: SecretReference,
) -> None:
    server = ImapServer()
    server.mail.add("INBOX", LARGE)
    server.faults.append(CutAfterSent(byte_count=40_000, connection=1))

    async with supervised(memory_secret, server) as supervisor, supervisor.fetch_content(1) as content:
        server.mail["INBOX"].messages[1].content = LARGE[: len(LARGE) // 2]
        with pytest.raises(RemoteProtocolError, match="are left"):
            await _drained(content)


async def test_an_upload_is_made_once(memory_secret: SecretReference) -> None:
    append = Append("Archive", StreamedLiteral(len(LARGE)))
    async with supervised(memory_secret, with_messages(1)) as supervisor:
        told = await supervisor.upload(append, LARGE)

    assert told is not None
    assert tuple(told.uids) == (1,)


@pytest.mark.parametrize(
    ("fault", "may_have_run", "arrived"),
    [
        (AtCommand(command="APPEND", reaction=DropBeforeTagged()), True, 1),
        (CutAfterReceived(byte_count=60_000, connection=1), False, 0),
    ],
)
async def test_an_upload_that_is_lost_is_not_made_again(
    memory_secret: SecretReference, fault: AtCommand | CutAfterReceived, may_have_run: bool, arrived: int
) -> None:
    server = with_messages(1)
    server.faults.append(fault)
    append = Append("Archive", StreamedLiteral(len(LARGE)))

    async with supervised(memory_secret, server) as supervisor:
        with pytest.raises(ConnectionLost) as caught:
            await supervisor.upload(append, LARGE)
        await supervisor.run(Select("Archive"))
        found = [one.uid async for one in supervisor.fetch(ALL, ITEMS)]

    assert caught.value.may_have_run is may_have_run
    assert len(found) == arrived


async def test_a_refused_upload_leaves_the_connection_usable(memory_secret: SecretReference) -> None:
    server = with_messages(1)
    server.faults.append(AtCommand(command="APPEND", reaction=Refuse(code="OVERQUOTA")))

    async with supervised(memory_secret, server) as supervisor:
        with pytest.raises(CommandRefused):
            await supervisor.upload(Append("Archive", StreamedLiteral(len(LARGE))), LARGE)
        await supervisor.upload(Append("Archive", StreamedLiteral(len(LARGE))), LARGE)

    assert supervisor.connections == 1
