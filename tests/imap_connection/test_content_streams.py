"""Content of any size through the asyncio client: pace, early ends, cancellation, deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import io
from typing import TYPE_CHECKING

import pytest

from mailrules.client.content import PIECE_BYTES
from mailrules.errors import CommandRefused, ConnectionLost, LocalProtocolError, RemoteProtocolError
from mailrules.imap.append_commands import Append
from mailrules.imap.limits import Limits
from mailrules.imap.message_commands import FetchItem, UidFetch
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.session_commands import Noop
from mailrules.imap.states import State
from mailrules.imap.writer import StreamedLiteral
from tests.imap_connection.test_async_client import open_mailbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mailrules.client.async_client import AsyncClient
    from mailrules.imap.fetch_data import FetchData
    from tests.imap_connection.scripted_stream import ScriptedStream

MIB = 1 << 20
FETCH = b"A2 UID FETCH 5 (UID BODY.PEEK[])\r\n"
FLAGS = (FetchItem.UID, FetchItem.FLAGS)


async def fed(stream: ScriptedStream, *, size_bytes: int) -> None:
    """The server begins a content of this size."""
    await stream.expect(FETCH)
    stream.feed(b"* 1 FETCH (UID 5 BODY[] {%d}\r\n" % size_bytes)


async def all_of(client: AsyncClient) -> bytes:
    async with client.fetch_content(5) as content:
        return b"".join([piece async for piece in content])


async def pause_of(client: AsyncClient) -> None:
    while not client._carrier._is_paused:  # noqa: ASYNC110 -- nothing tells it
        await asyncio.sleep(0)


# -- fetching content


async def test_content_comes_piece_by_piece():
    async with open_mailbox() as (client, stream):
        reading = asyncio.create_task(all_of(client))
        await fed(stream, size_bytes=4)
        stream.feed(b"ab")
        stream.feed(b"cd)\r\nA2 OK\r\n")

        assert await reading == b"abcd"


async def test_the_size_is_known_before_the_first_piece():
    async with open_mailbox() as (client, stream):
        server = asyncio.create_task(fed(stream, size_bytes=2**40))
        async with client.fetch_content(5) as content:
            assert content.size_bytes == 2**40
        await server


async def test_an_empty_content():
    async with open_mailbox() as (client, stream):
        reading = asyncio.create_task(all_of(client))
        await fed(stream, size_bytes=0)
        stream.feed(b")\r\nA2 OK\r\n")

        assert await reading == b""


async def test_a_message_that_is_not_there():
    async with open_mailbox() as (client, stream):
        reading = asyncio.create_task(all_of(client))
        await stream.expect(FETCH)
        stream.feed(b"A2 OK nothing\r\n")

        with pytest.raises(RemoteProtocolError, match="no such message"):
            await reading


async def test_a_refusal_after_the_content_is_raised_at_its_end():
    async with open_mailbox() as (client, stream):
        reading = asyncio.create_task(all_of(client))
        await fed(stream, size_bytes=2)
        stream.feed(b"ab)\r\nA2 NO [SERVERBUG] cut short\r\n")

        with pytest.raises(CommandRefused, match="SERVERBUG"):
            await reading


async def test_a_content_that_comes_twice_is_read_once():
    async with open_mailbox() as (client, stream):
        reading = asyncio.create_task(all_of(client))
        await fed(stream, size_bytes=2)
        stream.feed(b"ab)\r\n* 1 FETCH (UID 5 BODY[] {2}\r\nxy)\r\nA2 OK\r\n")

        assert await reading == b"ab"


async def test_a_connection_lost_in_the_middle_is_told_after_what_came():
    async with open_mailbox() as (client, stream), contextlib.AsyncExitStack() as stack:
        begin = asyncio.create_task(stack.enter_async_context(client.fetch_content(5)))
        await fed(stream, size_bytes=4)
        content = await begin
        stream.feed(b"ab")
        stream.feed(b"")

        assert await anext(content) == b"ab"
        with pytest.raises(ConnectionLost):
            await anext(content)


async def test_reading_pauses_while_the_loop_is_behind():
    async with open_mailbox() as (client, stream), contextlib.AsyncExitStack() as stack:
        begin = asyncio.create_task(stack.enter_async_context(client.fetch_content(5)))
        await fed(stream, size_bytes=4 * MIB)
        content = await begin

        stream.feed(b"x" * MIB)
        stream.feed(b"y" * MIB)
        await pause_of(client)
        assert content.held_bytes == MIB
        assert await anext(content) == b"x" * MIB
        assert await anext(content) == b"y" * MIB


async def test_leaving_early_leaves_the_connection_usable():
    async with open_mailbox() as (client, stream):
        server = asyncio.create_task(fed(stream, size_bytes=4 * MIB))
        async with client.fetch_content(5) as content:
            await server
            stream.feed(b"x" * 2 * MIB)
            assert len(await anext(content)) == 2 * MIB

        noop = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A3 NOOP\r\n")
        stream.feed(b"y" * 2 * MIB + b")\r\nA2 OK\r\nA3 OK\r\n")
        await noop


async def test_leaving_early_while_reading_is_paused_lets_it_go_on():
    async with open_mailbox() as (client, stream):
        server = asyncio.create_task(fed(stream, size_bytes=2 * MIB))
        async with client.fetch_content(5):
            await server
            stream.feed(b"x" * 2 * MIB)
            stream.feed(b")\r\nA2 OK\r\n* 6 EXISTS\r\n")
            await pause_of(client)

        await stream.is_read()
        assert client.take_news()


async def test_cancelling_the_loop_leaves_the_connection_usable():
    async with open_mailbox() as (client, stream):
        reading = asyncio.create_task(all_of(client))
        await fed(stream, size_bytes=4)
        stream.feed(b"ab")
        await stream.is_read()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

        noop = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A3 NOOP\r\n")
        stream.feed(b"cd)\r\nA2 OK\r\nA3 OK\r\n")
        await noop


async def test_a_command_inside_the_loop_gets_its_answer():
    async with open_mailbox() as (client, stream):
        server = asyncio.create_task(fed(stream, size_bytes=3 * MIB))
        async with client.fetch_content(5) as content:
            await server
            stream.feed(b"x" * 3 * MIB)
            noop = asyncio.create_task(client.run(Noop()))
            await stream.expect(b"A3 NOOP\r\n")
            stream.feed(b")\r\nA2 OK\r\nA3 OK\r\n")
            await noop

            assert sum([len(piece) async for piece in content]) == 3 * MIB


async def test_a_fetch_inside_the_loop_gets_its_answer():
    async with open_mailbox() as (client, stream):
        server = asyncio.create_task(fed(stream, size_bytes=3 * MIB))
        async with client.fetch_content(5) as content:
            await server
            stream.feed(b"x" * 3 * MIB)
            fetch = asyncio.create_task(client.run(UidFetch(SequenceSet.of((7,)), FLAGS)))
            await asyncio.sleep(0)
            stream.feed(b")\r\nA2 OK\r\n")
            await stream.expect(b"A3 UID FETCH 7 (UID FLAGS)\r\n")
            stream.feed(b"* 3 FETCH (UID 7 FLAGS ())\r\nA3 OK\r\n")

            assert [one.uid for one in await fetch] == [7]
            assert sum([len(piece) async for piece in content]) == 3 * MIB


async def test_what_is_held_for_a_command_inside_the_loop_is_limited():
    async with open_mailbox(limits=Limits(literal_bytes=2 * MIB)) as (client, stream):
        server = asyncio.create_task(fed(stream, size_bytes=9 * MIB))
        async with client.fetch_content(5):
            await server
            noop = asyncio.create_task(client.run(Noop()))
            await stream.expect(b"A3 NOOP\r\n")
            for _ in range(9):
                stream.feed(b"x" * MIB)
            await pause_of(client)
            assert client._carrier._deadline.when() is not None
            client._carrier._deadline.restart(0)

            with pytest.raises(ConnectionLost, match="nobody took the content"):
                await noop


async def test_the_deadline_stands_still_while_the_loop_is_behind():
    async with open_mailbox() as (client, stream), contextlib.AsyncExitStack() as stack:
        begin = asyncio.create_task(stack.enter_async_context(client.fetch_content(5)))
        await fed(stream, size_bytes=2 * MIB)
        content = await begin
        stream.feed(b"x" * MIB)
        await pause_of(client)

        assert client._carrier._deadline.when() is None
        assert len(await anext(content)) == MIB
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert client._carrier._deadline.when() is not None


async def test_each_mebibyte_starts_the_deadline_anew_and_less_does_not():
    async with open_mailbox() as (client, stream), contextlib.AsyncExitStack() as stack:
        begin = asyncio.create_task(stack.enter_async_context(client.fetch_content(5)))
        await fed(stream, size_bytes=2 * MIB)
        content = await begin
        first = client._carrier._deadline.when()

        stream.feed(b"x" * (MIB - 1))
        await anext(content)
        assert client._carrier._deadline.when() == first
        stream.feed(b"x")
        await anext(content)
        assert client._carrier._deadline.when() > first


# -- iterating over messages


def lines(first: int, last: int) -> bytes:
    return b"".join(b"* %d FETCH (UID %d FLAGS ())\r\n" % (number, number) for number in range(first, last + 1))


async def collect(messages: AsyncIterator[FetchData]) -> list[int | None]:
    return [message.uid async for message in messages]


async def test_messages_are_fetched_a_few_at_a_time_with_two_commands_on_their_way():
    async with open_mailbox() as (client, stream):
        reading = asyncio.create_task(collect(client.fetch(parse_sequence_set(b"1:7"), FLAGS, messages_per_command=3)))
        await stream.expect(b"A2 UID FETCH 1:3 (UID FLAGS)\r\nA3 UID FETCH 4:6 (UID FLAGS)\r\n")
        stream.feed(lines(1, 3) + b"A2 OK\r\n")
        await stream.expect(b"A4 UID FETCH 7 (UID FLAGS)\r\n")
        stream.feed(lines(4, 6) + b"A3 OK\r\n" + lines(7, 7) + b"A4 OK\r\n")

        assert await reading == [1, 2, 3, 4, 5, 6, 7]


async def test_a_command_inside_the_loop_over_messages():
    async with open_mailbox() as (client, stream):
        seen = []

        async def work() -> None:
            async for message in client.fetch(parse_sequence_set(b"1:2"), FLAGS):
                await client.run(Noop())
                seen.append(message.uid)

        working = asyncio.create_task(work())
        await stream.expect(b"A2 UID FETCH 1:2 (UID FLAGS)\r\n")
        stream.feed(lines(1, 2) + b"A2 OK\r\n")
        for number in (3, 4):
            await stream.expect(b"A%d NOOP\r\n" % number)
            stream.feed(b"A%d OK\r\n" % number)
        await working

        assert seen == [1, 2]


async def test_leaving_the_loop_over_messages_early_drops_what_was_asked_for():
    async with open_mailbox() as (client, stream):
        messages = client.fetch(parse_sequence_set(b"1:9"), FLAGS, messages_per_command=2)
        first = asyncio.create_task(anext(messages))
        await stream.expect(b"A2 UID FETCH 1:2 (UID FLAGS)\r\nA3 UID FETCH 3:4 (UID FLAGS)\r\n")
        stream.feed(lines(1, 2) + b"A2 OK\r\n")
        assert (await first).uid == 1
        await messages.aclose()

        noop = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A4 NOOP\r\n")
        stream.feed(lines(3, 4) + b"A3 OK\r\nA4 OK\r\n")
        await noop


async def test_the_last_message_below_an_open_set_is_left_out():
    async with open_mailbox() as (client, stream):
        reading = asyncio.create_task(collect(client.fetch(SequenceSet.starting_at(9), FLAGS)))
        await stream.expect(b"A2 UID FETCH 9:* (UID FLAGS)\r\n")
        stream.feed(lines(5, 5) + b"A2 OK\r\n")

        assert await reading == []


async def test_another_mailbox_inside_the_loop_ends_it():
    async with open_mailbox() as (client, stream):
        messages = client.fetch(parse_sequence_set(b"1:9"), FLAGS, messages_per_command=2)
        first = asyncio.create_task(anext(messages))
        await stream.expect(b"A2 UID FETCH 1:2 (UID FLAGS)\r\nA3 UID FETCH 3:4 (UID FLAGS)\r\n")
        client._connection._selections += 1
        stream.feed(lines(1, 2) + b"A2 OK\r\n")
        await first
        await anext(messages)

        with pytest.raises(LocalProtocolError, match="another mailbox"):
            await anext(messages)
        stream.feed(lines(3, 4) + b"A3 OK\r\n")


# -- uploading


class Source:
    """Content that tells how much of it has been taken, and may fail in the middle."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces, self.taken = pieces, 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.taken += 1
            if isinstance(piece, Exception):
                raise piece
            yield piece


async def some_pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


def append(size_bytes: int) -> Append:
    return Append("INBOX", StreamedLiteral(size_bytes))


@pytest.mark.parametrize(
    "content",
    [
        b"abcd",
        bytearray(b"abcd"),
        memoryview(b"abcd"),
        memoryview(b"abcd").cast("H"),
        [b"a", b"", b"bcd"],
        [bytearray(b"ab"), memoryview(b"cd")],
        io.BytesIO(b"abcd"),
        some_pieces(b"ab", b"", b"cd"),
        (b"abcd",),
    ],
    ids=type,
)
async def test_content_is_uploaded_from_wherever_it_is(content):
    async with open_mailbox() as (client, stream):
        upload = asyncio.create_task(client.upload(append(4), content))
        await stream.expect(b"A2 APPEND INBOX {4}\r\n")
        stream.feed(b"+ go\r\n")
        await stream.expect(b"abcd\r\n")
        stream.feed(b"A2 OK [APPENDUID 1 9] done\r\n")

        assert (await upload).uids == SequenceSet.of((9,))


async def test_a_large_piece_is_cut():
    async with open_mailbox() as (client, stream):
        data = bytes([7]) * (3 * PIECE_BYTES + 1)
        upload = asyncio.create_task(client.upload(append(len(data)), data))
        await stream.expect(b"A2 APPEND INBOX {%d}\r\n" % len(data))
        stream.feed(b"+ go\r\n")
        await stream.expect(data + b"\r\n")
        stream.feed(b"A2 OK\r\n")

        assert await upload is None


async def test_an_empty_message_is_uploaded():
    async with open_mailbox() as (client, stream):
        upload = asyncio.create_task(client.upload(append(0), b""))
        await stream.expect(b"A2 APPEND INBOX {0}\r\n")
        stream.feed(b"+ go\r\n")
        await stream.expect(b"\r\n")
        stream.feed(b"A2 OK\r\n")

        await upload


async def test_nothing_is_taken_from_a_content_that_the_server_refuses():
    source = Source(b"abcd")
    async with open_mailbox() as (client, stream):
        upload = asyncio.create_task(client.upload(append(4), source))
        await stream.expect(b"A2 APPEND INBOX {4}\r\n")
        stream.feed(b"A2 NO [OVERQUOTA] full\r\n")

        with pytest.raises(CommandRefused, match="OVERQUOTA"):
            await upload
        assert source.taken == 0
        assert client.state is State.SELECTED


async def test_no_more_is_taken_from_a_content_than_the_server_reads():
    source = Source(*[b"x"] * 100)
    async with open_mailbox() as (client, stream):
        upload = asyncio.create_task(client.upload(append(100), source))
        await stream.expect(b"A2 APPEND INBOX {100}\r\n")
        stream.block_writes()
        stream.feed(b"+ go\r\n")
        await stream.expect(b"x")
        await stream.is_read()

        assert source.taken == 2
        stream.allow_writes()
        await stream.expect(b"x" * 99 + b"\r\n")
        stream.feed(b"A2 OK\r\n")
        await upload


async def test_a_refusal_in_the_middle_is_raised_when_the_literal_is_finished():
    async with open_mailbox() as (client, stream):
        upload = asyncio.create_task(client.upload(append(4), some_pieces(b"ab", b"cd")))
        await stream.expect(b"A2 APPEND INBOX {4}\r\n")
        stream.block_writes()
        stream.feed(b"+ go\r\n")
        await stream.expect(b"ab")
        stream.feed(b"A2 NO no\r\n")
        await stream.is_read()
        stream.allow_writes()
        await stream.expect(b"cd\r\n")

        with pytest.raises(CommandRefused):
            await upload
        assert client.state is State.SELECTED


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        (Source(b"ab", OSError("disk gone")), OSError, "disk gone"),
        (Source(b"ab", b"c"), LocalProtocolError, "1 bytes shorter"),
        (Source(), LocalProtocolError, "4 bytes shorter"),
        (Source(b"ab", b"cde"), LocalProtocolError, "longer"),
        (Source(b"abcd", b"e"), LocalProtocolError, "longer"),
        (Source(b"ab", b"\0d"), LocalProtocolError, "NUL"),
    ],
)
async def test_content_that_fails_closes_the_connection_and_is_never_completed(source, error, words):
    async with open_mailbox() as (client, stream):
        upload = asyncio.create_task(client.upload(append(4), source))
        other = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A2 APPEND INBOX {4}\r\n")
        stream.feed(b"+ go\r\n")

        with pytest.raises(error, match=words):
            await upload
        with pytest.raises(ConnectionLost, match="not given in full"):
            await other
        assert client.state is State.LOGOUT
        assert b"\r\n" not in stream.sent


async def test_too_few_contents_close_the_connection():
    async with open_mailbox() as (client, stream):
        upload = asyncio.create_task(client.upload(append(4)))
        await stream.expect(b"A2 APPEND INBOX {4}\r\n")
        stream.feed(b"+ go\r\n")

        with pytest.raises(LocalProtocolError, match="more literals than the 0 contents"):
            await upload
        assert client.state is State.LOGOUT


async def test_cancelling_an_upload_that_waits_for_its_turn_leaves_the_connection_usable():
    async with open_mailbox() as (client, stream):
        first = asyncio.create_task(client.upload(append(4), b"abcd"))
        await stream.expect(b"A2 APPEND INBOX {4}\r\n")
        second = asyncio.create_task(client.upload(append(4), b"efgh"))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        stream.feed(b"+ go\r\n")
        await stream.expect(b"abcd\r\n")
        stream.feed(b"A2 OK\r\n")

        assert await first is None


async def test_cancelling_an_upload_in_the_middle_closes_the_connection():
    async with open_mailbox() as (client, stream):
        upload = asyncio.create_task(client.upload(append(4), some_pieces(b"ab", b"cd")))
        await stream.expect(b"A2 APPEND INBOX {4}\r\n")
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload

        with pytest.raises(ConnectionLost, match="not given in full"):
            await client.run(Noop())


async def test_two_uploads_take_turns():
    async with open_mailbox() as (client, stream):
        first = asyncio.create_task(client.upload(append(2), b"ab"))
        second = asyncio.create_task(client.upload(append(2), b"cd"))
        await stream.expect(b"A2 APPEND INBOX {2}\r\n")
        stream.feed(b"+ go\r\n")
        await stream.expect(b"ab\r\nA3 APPEND INBOX {2}\r\n")
        stream.feed(b"+ go\r\n")
        await stream.expect(b"cd\r\n")
        stream.feed(b"A3 OK\r\nA2 OK\r\n")
        await first
        await second


async def test_the_deadline_stands_still_while_content_is_waited_for():
    never = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        yield b"ab"
        await never.wait()
        yield b"cd"

    async with open_mailbox() as (client, stream):
        upload = asyncio.create_task(client.upload(append(4), stalling()))
        await stream.expect(b"A2 APPEND INBOX {4}\r\n")
        assert client._carrier._deadline.when() is not None
        stream.feed(b"+ go\r\n")
        await stream.is_read()
        assert client._carrier._deadline.when() is None

        never.set()
        await stream.expect(b"abcd\r\n")
        assert client._carrier._deadline.when() is not None
        stream.feed(b"A2 OK\r\n")
        await upload


async def test_a_server_that_reads_no_content_runs_into_the_deadline():
    async with open_mailbox(command_seconds=0.02) as (client, stream):
        upload = asyncio.create_task(client.upload(append(4), some_pieces(b"ab", b"cd")))
        await stream.expect(b"A2 APPEND INBOX {4}\r\n")
        stream.block_writes()
        stream.feed(b"+ go\r\n")

        with pytest.raises(ConnectionLost, match="without a reply"):
            await upload


async def test_both_directions_at_once_with_a_reader_that_is_behind():
    async with open_mailbox() as (client, stream):
        server = asyncio.create_task(fed(stream, size_bytes=3 * MIB))
        async with client.fetch_content(5) as content:
            await server
            upload = asyncio.create_task(client.upload(append(4), b"abcd"))
            await stream.expect(b"A3 APPEND INBOX {4}\r\n")
            stream.feed(b"x" * 3 * MIB + b")\r\nA2 OK\r\n+ go\r\n")
            await stream.expect(b"abcd\r\n")
            stream.feed(b"A3 OK\r\n")
            await upload

            assert sum([len(piece) async for piece in content]) == 3 * MIB
