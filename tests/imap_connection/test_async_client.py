"""The async client over a scripted stream: many tasks, deadlines, cancellation, IDLE, and streams that fail."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mailrules.client.async_client import AsyncClient
from mailrules.errors import CommandRefused, ConnectionFailed, ConnectionLost, LocalProtocolError
from mailrules.imap.append_commands import Append
from mailrules.imap.copy_commands import UidMove
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.list_commands import List
from mailrules.imap.mailbox_commands import Select, Status
from mailrules.imap.message_commands import StoreChange, UidFetch, UidStore
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Capability, Compress, Idle, Login, Logout, Noop, StartTls
from mailrules.imap.states import State
from mailrules.secret import Secret
from tests.imap_connection.scripted_stream import ScriptedStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GREETING = b"* OK [CAPABILITY IMAP4rev1 IDLE MOVE STARTTLS COMPRESS=DEFLATE] hi\r\n"
LOW, HIGH = SequenceSet.of((1, 2, 3)), SequenceSet.of((7, 8))
FLAGS = (FetchItem.FLAGS,)
SOON = 0.02


class Observer:
    """Keeps what the client shows of its traffic."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def sent(self, data: bytes, *, secret: bool) -> None:
        self.seen.append(b"C: ***" if secret else b"C: " + data)

    def received(self, data: bytes) -> None:
        self.seen.append(b"S: " + data)


@asynccontextmanager
async def open_client(
    *, idle_renew_seconds: float = 60.0, greeting: bytes = GREETING, limits: Limits = DEFAULT_LIMITS
) -> AsyncIterator[tuple[AsyncClient, ScriptedStream]]:
    stream = ScriptedStream()
    stream.feed(greeting)
    client = AsyncClient(stream, command_seconds=60.0, idle_renew_seconds=idle_renew_seconds, limits=limits)
    async with client:
        yield client, stream
    assert stream.is_closed


@asynccontextmanager
async def open_mailbox(
    *, command_seconds: float = 60.0, idle_renew_seconds: float = 60.0, limits: Limits = DEFAULT_LIMITS
) -> AsyncIterator[tuple[AsyncClient, ScriptedStream]]:
    """INBOX is open; the next tag is A2."""
    preauth = GREETING.replace(b"OK", b"PREAUTH", 1)
    async with open_client(idle_renew_seconds=idle_renew_seconds, greeting=preauth, limits=limits) as (client, stream):
        opening = asyncio.create_task(client.run(Select("INBOX")))
        await stream.expect(b"A1 SELECT INBOX\r\n")
        stream.feed(b"* 5 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\nA1 OK\r\n")
        await opening
        client._carrier._command_seconds = command_seconds  # only now, so that no test depends on a fast machine
        yield client, stream


# -- running


async def test_a_command_gives_its_typed_result():
    async with open_client() as (client, stream):
        asked = asyncio.create_task(client.run(Capability()))
        await stream.expect(b"A1 CAPABILITY\r\n")
        stream.feed(b"* CAPABILITY IMAP4rev1\r\nA1 OK\r\n")

        assert await asked == client.capabilities == frozenset({"IMAP4REV1"})
        assert client.capabilities_are_current


async def test_a_refusal_is_raised_and_the_connection_goes_on():
    async with open_client() as (client, stream):
        login = asyncio.create_task(client.run(Login("u", Secret("p"))))
        await stream.expect(b"A1 LOGIN u p\r\n")
        stream.feed(b"A1 NO [AUTHENTICATIONFAILED] wrong\r\n")
        with pytest.raises(CommandRefused, match="LOGIN refused: NO"):
            await login

        again = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A2 NOOP\r\n")
        stream.feed(b"A2 OK\r\n")
        await again


async def test_two_tasks_share_one_connection():
    async with open_mailbox() as (client, stream):
        low = asyncio.create_task(client.run(UidFetch(LOW, FLAGS)))
        high = asyncio.create_task(client.run(UidFetch(HIGH, FLAGS)))
        await stream.expect(b"A2 UID FETCH 1:3 (FLAGS)\r\nA3 UID FETCH 7:8 (FLAGS)\r\n")
        stream.feed(
            b"* 1 FETCH (UID 1 FLAGS ())\r\n* 7 FETCH (UID 7 FLAGS ())\r\n* 4 FETCH (FLAGS ())\r\nA3 OK\r\nA2 OK\r\n"
        )

        assert [one.uid for one in await low] == [1]
        assert [one.uid for one in await high] == [7]


async def test_a_held_command_goes_out_when_the_one_before_it_is_done():
    async with open_mailbox() as (client, stream):
        fetch = asyncio.create_task(client.run(UidFetch(LOW, FLAGS)))
        store = asyncio.create_task(client.run(UidStore(LOW, StoreChange.ADD, ("x",))))
        await stream.expect(b"A2 UID FETCH 1:3 (FLAGS)\r\n")
        stream.feed(b"A2 OK\r\n")
        await stream.expect(b"A3 UID STORE 1:3 +FLAGS (x)\r\n")
        stream.feed(b"* 1 FETCH (UID 1 FLAGS (x))\r\nA3 OK\r\n")

        assert await fetch == ()
        assert [one.uid for one in (await store).confirmed] == [1]


async def test_a_command_inside_a_fetch_loop_is_no_problem():
    async with open_mailbox() as (client, stream):
        arrived: asyncio.Queue[object] = asyncio.Queue()
        fetch = asyncio.create_task(client.run(UidFetch(LOW, FLAGS, arrived.put_nowait)))
        await stream.expect(b"A2 UID FETCH 1:3 (FLAGS)\r\n")
        stream.feed(b"* 1 FETCH (UID 1 FLAGS ())\r\n")
        await arrived.get()

        move = asyncio.create_task(client.run(UidMove(HIGH, "t")))
        await stream.expect(b"A3 UID MOVE 7:8 t\r\n")
        stream.feed(b"* 2 FETCH (UID 2 FLAGS ())\r\nA2 OK\r\n* OK [COPYUID 5 7:8 1:2] x\r\nA3 OK\r\n")

        assert (await move).uids == {7: 1, 8: 2}
        assert await fetch == ()
        assert arrived.qsize() == 1


async def test_thousands_of_responses_in_one_chunk():
    async with open_mailbox() as (client, stream):
        fetch = asyncio.create_task(client.run(UidFetch(SequenceSet.starting_at(1), FLAGS)))
        await stream.expect(b"A2 UID FETCH 1:* (FLAGS)\r\n")
        lines = [b"* %d FETCH (UID %d FLAGS (\\Seen))\r\n" % (number, number) for number in range(1, 5001)]
        stream.feed(b"".join(lines) + b"A2 OK\r\n")

        assert [one.uid for one in await fetch] == list(range(1, 5001))


async def test_counters_count_turns_commands_and_bytes():
    async with open_mailbox() as (client, stream):
        turns = client.counters.turns
        first = asyncio.create_task(client.run(UidFetch(LOW, FLAGS)))
        second = asyncio.create_task(client.run(UidFetch(HIGH, FLAGS)))
        await stream.expect(b"A2 UID FETCH 1:3 (FLAGS)\r\nA3 UID FETCH 7:8 (FLAGS)\r\n")
        stream.feed(b"A2 OK\r\n")
        await first
        stream.feed(b"A3 OK\r\n")
        await second

        assert (turns, client.counters.turns, client.counters.commands) == (1, 2, 3)
        assert client.counters.bytes_out == len(b"A1 SELECT INBOX\r\n" + b"A2 UID FETCH 1:3 (FLAGS)\r\n" * 2)
        assert client.counters.bytes_in > len(GREETING)


async def test_the_observer_sees_all_but_the_credentials():
    stream, observer = ScriptedStream(), Observer()
    stream.feed(b"* OK hi\r\n")
    async with AsyncClient(stream, observer=observer) as client:
        login = asyncio.create_task(client.run(Login("me", Secret("hush"))))
        await stream.expect(b"A1 LOGIN me hush\r\n")
        stream.feed(b"A1 OK in\r\n")
        await login

    assert observer.seen == [b"S: * OK hi\r\n", b"C: A1 LOGIN ", b"C: ***", b"S: A1 OK in\r\n"]


async def test_what_the_state_forbids_is_our_mistake_and_costs_nothing():
    async with open_client() as (client, stream):
        with pytest.raises(LocalProtocolError, match="LIST"):
            await client.run(List())

        assert client.state is State.NOT_AUTHENTICATED
        assert stream.sent == b""


async def test_logout_parts_politely():
    async with open_mailbox() as (client, stream):
        leaving = asyncio.create_task(client.run(Logout()))
        await stream.expect(b"A2 LOGOUT\r\n")
        stream.feed(b"* BYE see you\r\n")
        await leaving

        with pytest.raises(ConnectionLost, match="logged out"):
            await client.run(Noop())


async def test_leaving_does_not_wait_for_the_answer_to_logout():
    async with open_mailbox() as (client, stream):
        await client.leave()

        assert stream.sent.endswith(b"A2 LOGOUT\r\n")
        assert stream.is_closed


async def test_leaving_waits_for_commands_that_are_under_way():
    async with open_mailbox() as (client, stream):
        moving = asyncio.create_task(client.run(UidMove(SequenceSet.of([1]), "Archive")))
        await stream.expect(b"A2 UID MOVE 1 Archive\r\n")
        leaving = asyncio.create_task(client.leave())
        await asyncio.sleep(0)
        assert not stream.is_closed

        stream.feed(b"A2 OK [COPYUID 7 1 9] moved\r\n")
        await stream.expect(b"A3 LOGOUT\r\n")
        stream.feed(b"* BYE\r\n")
        await leaving

        assert (await moving).uids == {1: 9}


# -- layers


async def test_starttls_is_done_when_the_handshake_is():
    async with open_client() as (client, stream):
        upgrade = asyncio.create_task(client.run(StartTls()))
        login = asyncio.create_task(client.run(Login("u", Secret("p"))))
        await stream.expect(b"A1 STARTTLS\r\n")
        stream.feed(b"A1 OK\r\n")
        await upgrade

        assert stream.layers == ["tls"]
        assert client.capabilities == frozenset()
        await stream.expect(b"A2 LOGIN u p\r\n")
        stream.feed(b"A2 OK\r\n")
        await login


async def test_a_failed_handshake_ends_the_connection_and_sends_nothing_more():
    async with open_client() as (client, stream):
        stream.tls_error = ConnectionFailed("the certificate is for another host")
        upgrade = asyncio.create_task(client.run(StartTls()))
        login = asyncio.create_task(client.run(Login("u", Secret("p"))))
        await stream.expect(b"A1 STARTTLS\r\n")
        stream.feed(b"A1 OK\r\n")

        for task in (upgrade, login):
            with pytest.raises(ConnectionLost, match="another host"):
                await task
        assert stream.sent == b""


async def test_compression_begins_with_the_bytes_behind_its_ok():
    async with open_mailbox() as (client, stream):
        compressing = asyncio.create_task(client.run(Compress()))
        after = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A2 COMPRESS DEFLATE\r\n")
        stream.feed(b"A2 OK\r\n* 6 EXISTS\r\n")  # the scripted layer changes no byte
        await compressing

        assert stream.layers == ["deflate"]
        await stream.expect(b"A3 NOOP\r\n")
        stream.feed(b"A3 OK\r\n")
        await after
        assert client.take_news()


async def test_compression_to_come_soon_goes_behind_the_first_commands_and_costs_no_turn():
    async with open_mailbox() as (client, stream):
        client.compress_soon()
        turns = client.counters.turns
        asked = [asyncio.create_task(client.run(Noop())) for _ in range(2)]
        await stream.expect(b"A2 NOOP\r\nA3 NOOP\r\nA4 COMPRESS DEFLATE\r\n")
        stream.feed(b"A2 OK\r\nA3 OK\r\nA4 OK\r\n")
        await asyncio.gather(*asked)

        assert client.counters.turns == turns + 1
        after = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A5 NOOP\r\n")
        assert stream.layers == ["deflate"]
        stream.feed(b"A5 OK\r\n")
        await after


async def test_compression_to_come_soon_goes_before_idle_which_nothing_can_follow():
    async with open_mailbox() as (client, stream):
        client.compress_soon()
        idling = asyncio.create_task(client.idle(timeout_seconds=60))
        await stream.expect(b"A2 COMPRESS DEFLATE\r\n")
        stream.feed(b"A2 OK\r\n")
        await stream.expect(b"A3 IDLE\r\n")
        stream.feed(b"+ idling\r\n* 7 EXISTS\r\n")
        await stream.expect(b"DONE\r\n")
        stream.feed(b"A3 OK\r\n")

        assert await idling


# -- the end, foreseen or not


async def test_close_fails_whoever_waits_and_may_be_called_twice():
    async with open_client() as (client, stream):
        waiting = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A1 NOOP\r\n")

        await client.close()
        await client.close()

        with pytest.raises(ConnectionLost, match="closed"):
            await waiting
        with pytest.raises(ConnectionLost, match="closed"):
            await client.run(Noop())


async def test_a_second_start_is_refused_and_costs_nothing():
    async with open_client() as (client, stream):
        with pytest.raises(LocalProtocolError, match="started before"):
            await client.start()

        stream.feed(b"A1 OK\r\n")
        await client.run(Noop())
        await client.close()
        with pytest.raises(LocalProtocolError, match="started before"):
            await client.start()


@pytest.mark.parametrize("use", [lambda client: client.run(Noop()), AsyncClient.close, AsyncClient.leave])
async def test_another_event_loop_is_told_so_and_nobody_hangs(use):
    async with open_client() as (client, stream):
        with pytest.raises(LocalProtocolError, match="belongs to another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(use(client)))

        stream.feed(b"A1 OK\r\n")
        await client.run(Noop())


def test_what_a_closed_loop_has_left_behind_can_be_closed():
    async def opened() -> AsyncClient:
        stream = ScriptedStream()
        stream.feed(GREETING)
        client = AsyncClient(stream)
        await client.start()
        return client

    client = asyncio.run(opened())

    with pytest.raises(LocalProtocolError, match="belongs to another event loop"):
        asyncio.run(client.run(Noop()))
    asyncio.run(client.close())


@pytest.mark.parametrize("number", [0, -1, 1.5, "3", None])
async def test_a_loop_over_messages_of_no_sensible_number_a_command_is_refused(number):
    async with open_client(greeting=b"* PREAUTH hi\r\n") as (client, _):
        with pytest.raises(LocalProtocolError, match="messages_per_command"):
            await anext(client.fetch(LOW, FLAGS, messages_per_command=number))


async def test_a_client_that_was_never_started_runs_nothing():
    client = AsyncClient(ScriptedStream())
    await client.close()

    with pytest.raises(ConnectionLost, match="not open"):
        await client.run(Noop())


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (b"", "before any greeting"),
        (b"* BYE full\r\n", "full"),
        (b"HTTP/1.1 400 Bad Request\r\n", "does not greet"),
        (ConnectionResetError("reset by peer"), "reset by peer"),
    ],
)
async def test_a_greeting_that_fails_is_told(greeting, reason):
    stream = ScriptedStream()
    stream.feed(greeting)

    with pytest.raises(ConnectionLost, match=reason):
        await AsyncClient(stream).start()

    assert stream.is_closed


async def test_silence_instead_of_a_greeting_ends_in_time():
    stream = ScriptedStream()

    with pytest.raises(ConnectionLost, match="no greeting"):
        await AsyncClient(stream).start(greeting_seconds=SOON)

    assert stream.is_closed


async def test_cancelling_the_start_closes_the_stream():
    stream = ScriptedStream()
    starting = asyncio.create_task(AsyncClient(stream).start())
    await stream.is_read()

    starting.cancel()
    await asyncio.wait({starting})

    assert starting.cancelled()
    assert stream.is_closed


async def test_a_greeting_that_trickles_ends_in_time():
    stream = ScriptedStream()
    stream.feed(b"* O")

    with pytest.raises(ConnectionLost, match="no greeting"):
        await AsyncClient(stream).start(greeting_seconds=SOON)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "closed the connection"),
        (ConnectionResetError("reset by peer"), "reset by peer"),
        (b"* BYE Autologout\r\n", "Autologout"),
        (b"* 1 FETCH (BODY[] {9223372036854775808}\r\n", "literal_bytes"),
        (b"* OK " + b"x" * 70_000, "line_bytes"),
    ],
)
async def test_whatever_happens_every_waiter_is_told(data, reason):
    async with open_mailbox() as (client, stream):
        commands = (UidFetch(LOW, FLAGS), UidMove(HIGH, "t"), UidMove(LOW, "t"))
        waiting = [asyncio.create_task(client.run(command)) for command in commands]
        await stream.expect(b"A2 UID FETCH 1:3 (FLAGS)\r\nA3 UID MOVE 7:8 t\r\n")
        stream.feed(data)

        for task in waiting:
            with pytest.raises(ConnectionLost, match=reason):
                await task
        with pytest.raises(ConnectionLost, match=reason):
            await client.run(Noop())


async def test_a_server_that_never_replies_is_given_up():
    async with open_mailbox(command_seconds=SOON) as (client, stream):
        waiting = [asyncio.create_task(client.run(command)) for command in (Noop(), Status("x"))]
        await stream.expect(b"A2 NOOP\r\nA3 STATUS x (MESSAGES UIDNEXT UIDVALIDITY)\r\n")

        for task in waiting:
            with pytest.raises(ConnectionLost, match=r"without a reply for 0\.02 seconds"):
                await task


async def test_a_trickle_of_bytes_does_not_keep_the_deadline_from_striking():
    async with open_mailbox(command_seconds=SOON) as (client, stream):
        waiting = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A2 NOOP\r\n")

        async def trickle() -> None:
            while not stream.is_closed:
                stream.feed(b"* OK still here\r\n")
                await asyncio.sleep(0)

        async with asyncio.timeout(60):
            with pytest.raises(ConnectionLost, match="without a reply"):
                await asyncio.gather(waiting, trickle())


async def test_a_tag_that_was_never_sent_does_not_count_as_a_reply():
    async with open_mailbox(command_seconds=SOON) as (client, stream):
        waiting = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A2 NOOP\r\n")
        stream.feed(b"A77 OK\r\nB2 OK\r\n")

        with pytest.raises(ConnectionLost, match="without a reply"):
            await waiting


async def test_the_deadline_starts_anew_with_each_command_that_is_done_and_not_with_bytes():
    async with open_mailbox() as (client, stream):
        first, second = (asyncio.create_task(client.run(command)) for command in (Noop(), Noop()))
        await stream.expect(b"A2 NOOP\r\nA3 NOOP\r\n")
        deadlines = [client._carrier._deadline.when()]
        for data in (b"* 6 EXISTS\r\n", b"A2 OK\r\n", b"A3 OK\r\n"):
            stream.feed(data)
            await stream.is_read()
            deadlines.append(client._carrier._deadline.when())
        await asyncio.gather(first, second)

        at_first, after_bytes, after_one, after_all = deadlines
        assert at_first is not None
        assert after_one is not None
        assert after_bytes == at_first < after_one
        assert after_all is None


@pytest.mark.parametrize(("command", "sent"), [(Noop(), b"A2 NOOP\r\n"), (Select("b"), b"A2 SELECT b\r\n")])
async def test_the_deadline_starts_anew_when_the_server_says_that_it_is_at_work(command, sent):
    async with open_mailbox() as (client, stream):
        waiting = asyncio.create_task(client.run(command))
        await stream.expect(sent)
        at_first = client._carrier._deadline.when()
        stream.feed(b'* OK [INPROGRESS ("A2" 454 1000)] Processed 45% of the mailbox\r\n')
        await stream.is_read()
        after = client._carrier._deadline.when()
        stream.feed(b"A2 OK done\r\n")
        await waiting

        assert at_first is not None
        assert after is not None
        assert at_first < after


async def test_no_deadline_runs_while_idle_does():
    async with open_mailbox() as (client, stream):
        idling = asyncio.create_task(client.idle(timeout_seconds=60))
        await stream.expect(b"A2 IDLE\r\n")
        assert client._carrier._deadline.when() is not None
        stream.feed(b"+ idling\r\n")
        await stream.is_read()
        assert client._carrier._deadline.when() is None
        stream.feed(b"* 6 EXISTS\r\n")
        await stream.expect(b"DONE\r\n")
        assert client._carrier._deadline.when() is not None
        stream.feed(b"A2 OK\r\n")

        assert await idling


async def test_full_buffers_in_both_directions_do_not_block_reading():
    async with open_mailbox() as (client, stream):
        stream.block_writes()
        first = asyncio.create_task(client.run(UidFetch(LOW, FLAGS)))
        await stream.expect(b"A2 UID FETCH 1:3 (FLAGS)\r\n")
        second = asyncio.create_task(client.run(Noop()))
        stream.feed(b"* 1 FETCH (UID 1 FLAGS ())\r\nA2 OK\r\n")

        assert [one.uid for one in await first] == [1]

        stream.allow_writes()
        await stream.expect(b"A3 NOOP\r\n")
        stream.feed(b"A3 OK\r\n")
        await second


async def test_a_server_that_stops_reading_is_given_up():
    async with open_mailbox(command_seconds=SOON) as (client, stream):
        stream.block_writes()

        with pytest.raises(ConnectionLost, match="without a reply"):
            await client.run(Noop())


async def test_a_write_that_fails_ends_the_connection():
    async with open_mailbox() as (client, stream):
        stream.drain_error = BrokenPipeError("broken pipe")

        with pytest.raises(ConnectionLost, match="broken pipe"):
            await client.run(Noop())


# -- cancellation


async def test_a_cancelled_command_leaves_the_connection_usable():
    async with open_mailbox() as (client, stream):
        fetch = asyncio.create_task(client.run(UidFetch(LOW, FLAGS)))
        await stream.expect(b"A2 UID FETCH 1:3 (FLAGS)\r\n")
        stream.feed(b"* 1 FETCH (UID 1 FLAGS ())\r\n")
        fetch.cancel()
        await asyncio.wait({fetch})

        other = asyncio.create_task(client.run(UidFetch(HIGH, FLAGS)))
        await stream.expect(b"A3 UID FETCH 7:8 (FLAGS)\r\n")
        stream.feed(b"* 2 FETCH (UID 2 FLAGS ())\r\nA2 OK\r\n* 7 FETCH (UID 7 FLAGS ())\r\nA3 OK\r\n")

        assert fetch.cancelled()
        assert [one.uid for one in await other] == [7]


async def test_a_cancelled_command_that_was_held_is_not_sent():
    async with open_mailbox() as (client, stream):
        fetch = asyncio.create_task(client.run(UidFetch(LOW, FLAGS)))
        store = asyncio.create_task(client.run(UidStore(LOW, StoreChange.ADD, ("x",))))
        await stream.expect(b"A2 UID FETCH 1:3 (FLAGS)\r\n")
        store.cancel()
        await asyncio.wait({store})
        stream.feed(b"A2 OK\r\n")
        await fetch

        last = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A4 NOOP\r\n")
        stream.feed(b"A4 OK\r\n")
        await last


async def test_what_waited_for_a_cancelled_command_goes_out_at_once():
    async with open_mailbox() as (client, stream):
        fetch = asyncio.create_task(client.run(UidFetch(LOW, FLAGS)))
        store = asyncio.create_task(client.run(UidStore(LOW, StoreChange.ADD, ("x",))))
        again = asyncio.create_task(client.run(UidFetch(LOW, FLAGS)))
        await stream.expect(b"A2 UID FETCH 1:3 (FLAGS)\r\n")

        store.cancel()

        await stream.expect(b"A4 UID FETCH 1:3 (FLAGS)\r\n")
        stream.feed(b"A2 OK\r\nA4 OK\r\n")
        assert (await fetch, await again) == ((), ())


async def test_a_command_cancelled_before_its_literal_still_sends_it():
    async with open_mailbox() as (client, stream):
        append = asyncio.create_task(client.run(Append("t", b"hello")))
        await stream.expect(b"A2 APPEND t {5}\r\n")
        append.cancel()
        await asyncio.wait({append})
        other = asyncio.create_task(client.run(Noop()))

        stream.feed(b"+ go\r\n")
        await stream.expect(b"hello\r\nA3 NOOP\r\n")
        stream.feed(b"A2 OK\r\nA3 OK\r\n")
        await other


async def test_a_timeout_of_the_caller_is_a_cancellation():
    async with open_mailbox() as (client, stream):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON):
                await client.run(Noop())

        other = asyncio.create_task(client.run(Status("x")))
        await stream.expect(b"A2 NOOP\r\nA3 STATUS x (MESSAGES UIDNEXT UIDVALIDITY)\r\n")
        stream.feed(b"A2 OK\r\n* STATUS x (MESSAGES 4)\r\nA3 OK\r\n")
        assert (await other).messages == 4


# -- idle


async def test_idle_returns_when_the_mailbox_changes():
    async with open_mailbox() as (client, stream):
        idling = asyncio.create_task(client.idle(timeout_seconds=60))
        await stream.expect(b"A2 IDLE\r\n")
        stream.feed(b"+ idling\r\n* OK still here\r\n* 5 EXISTS\r\n* 6 EXISTS\r\n")
        await stream.expect(b"DONE\r\n")
        stream.feed(b"A2 OK\r\n")

        assert await idling


async def test_idle_says_no_when_the_time_is_over():
    async with open_mailbox() as (client, stream):
        idling = asyncio.create_task(client.idle(timeout_seconds=SOON))
        await stream.expect(b"A2 IDLE\r\n")
        stream.feed(b"+ idling\r\n")
        await stream.expect(b"DONE\r\n")
        stream.feed(b"A2 OK\r\n")

        assert not await idling


async def test_a_change_that_came_with_another_command_is_not_missed_by_idle():
    async with open_mailbox() as (client, stream):
        asked = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A2 NOOP\r\n")
        stream.feed(b"* 6 EXISTS\r\nA2 OK\r\n")
        await asked

        assert await client.idle(timeout_seconds=60)
        assert stream.sent == b""


async def test_idle_is_renewed_before_the_servers_limit():
    async with open_mailbox(idle_renew_seconds=SOON) as (client, stream):
        idling = asyncio.create_task(client.idle(timeout_seconds=60))
        for tag in (b"A2", b"A3"):
            await stream.expect(tag + b" IDLE\r\n")
            stream.feed(b"+ idling\r\n")
            await stream.expect(b"DONE\r\n")
            stream.feed(tag + b" OK\r\n")
        await stream.expect(b"A4 IDLE\r\n")
        stream.feed(b"+ idling\r\n* 6 EXISTS\r\n")
        await stream.expect(b"DONE\r\n")
        stream.feed(b"A4 OK\r\n")

        assert await idling


async def test_idle_gives_way_to_commands_of_other_tasks():
    async with open_mailbox() as (client, stream):
        idling = asyncio.create_task(client.idle(timeout_seconds=60))
        await stream.expect(b"A2 IDLE\r\n")
        stream.feed(b"+ idling\r\n")
        asked = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"DONE\r\n")
        stream.feed(b"A2 OK\r\n")
        await stream.expect(b"A3 NOOP\r\n")
        other = asyncio.create_task(client.run(Status("x")))
        await stream.expect(b"A5 STATUS x (MESSAGES UIDNEXT UIDVALIDITY)\r\n")
        stream.feed(b"A3 OK\r\n* STATUS x (MESSAGES 1)\r\nA5 OK\r\n")
        await asked
        await other

        await stream.expect(b"A6 IDLE\r\n")
        stream.feed(b"+ idling\r\n* 6 EXISTS\r\n")
        await stream.expect(b"DONE\r\n")
        stream.feed(b"A6 OK\r\n")
        assert await idling


async def test_only_one_task_may_idle():
    async with open_mailbox() as (client, stream):
        idling = asyncio.create_task(client.idle(timeout_seconds=60))
        await stream.expect(b"A2 IDLE\r\n")

        with pytest.raises(LocalProtocolError, match="two tasks"):
            await client.idle(timeout_seconds=60)

        stream.feed(b"+ idling\r\n* 1 EXPUNGE\r\n")
        await stream.expect(b"DONE\r\n")
        stream.feed(b"A2 OK\r\n")
        assert await idling


async def test_idle_that_cannot_be_sent_is_refused_each_time():
    async with open_client() as (client, stream):
        for _ in range(2):
            with pytest.raises(LocalProtocolError, match="IDLE needs"):
                await client.idle(timeout_seconds=60)

        assert stream.sent == b""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(b"* BYE shutting down\r\n", "shutting down"), (b"", "closed"), (b"A2 OK what\r\n", "OK to IDLE")],
)
async def test_idle_that_never_begins_ends_in_connection_lost(answer, reason):
    async with open_mailbox() as (client, stream):
        idling = asyncio.create_task(client.idle(timeout_seconds=60))
        await stream.expect(b"A2 IDLE\r\n")
        stream.feed(answer)

        with pytest.raises(ConnectionLost, match=reason):
            await idling


async def test_idle_refused_is_raised_and_the_connection_goes_on():
    async with open_mailbox() as (client, stream):
        idling = asyncio.create_task(client.idle(timeout_seconds=60))
        await stream.expect(b"A2 IDLE\r\n")
        stream.feed(b"A2 NO not here\r\n")
        with pytest.raises(CommandRefused, match="IDLE"):
            await idling

        asked = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A3 NOOP\r\n")
        stream.feed(b"A3 OK\r\n")
        await asked


@pytest.mark.parametrize("says_plus", [False, True])
async def test_idle_over_a_cut_network_ends_in_time(says_plus):
    async with open_mailbox(command_seconds=SOON, idle_renew_seconds=SOON) as (client, stream):
        idling = asyncio.create_task(client.idle(timeout_seconds=60))
        await stream.expect(b"A2 IDLE\r\n")
        if says_plus:
            stream.feed(b"+ idling\r\n")  # and then nothing, not even a reply to DONE

        with pytest.raises(ConnectionLost, match="without a reply"):
            await idling


@pytest.mark.parametrize("says_plus", [False, True])
async def test_cancelling_idle_leaves_the_connection_usable(says_plus):
    async with open_mailbox() as (client, stream):
        idling = asyncio.create_task(client.idle(timeout_seconds=60))
        await stream.expect(b"A2 IDLE\r\n")
        if says_plus:
            stream.feed(b"+ idling\r\n* OK x\r\n")
            await stream.is_read()
        idling.cancel()
        await asyncio.wait({idling})
        asked = asyncio.create_task(client.run(Noop()))
        if not says_plus:
            stream.feed(b"+ idling\r\n")
        await stream.expect(b"DONE\r\n")
        stream.feed(b"A2 OK\r\n")
        await stream.expect(b"A3 NOOP\r\n")
        stream.feed(b"A3 OK\r\n")

        await asked
        assert idling.cancelled()


async def test_idle_behind_another_command_that_outlasts_it_is_never_sent():
    async with open_mailbox() as (client, stream):
        slow = asyncio.create_task(client.run(Status("x")))
        await stream.expect(b"A2 STATUS x (MESSAGES UIDNEXT UIDVALIDITY)\r\n")

        assert not await client.idle(timeout_seconds=SOON)

        stream.feed(b"* STATUS x (MESSAGES 1)\r\nA2 OK\r\n")
        await slow
        assert stream.sent == b""


async def test_an_idle_run_as_a_plain_command_is_refused():
    async with open_mailbox() as (client, _):
        with pytest.raises(LocalProtocolError, match="idle"):
            await client.run(Idle())
