"""Loops over messages, and content of any size, without an event loop: pace, early ends, threads, failures."""

from __future__ import annotations

import io
import threading
import tracemalloc
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from mailrules.client.blocking_client import BlockingClient
from mailrules.client.blocking_connect import connect_blocking
from mailrules.client.blocking_stream import open_blocking_stream
from mailrules.client.content import PIECE_BYTES
from mailrules.errors import CommandRefused, ConnectionLost, LocalProtocolError, RemoteProtocolError
from mailrules.imap.append_commands import Append
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.limits import Limits
from mailrules.imap.mailbox_commands import Select, Status
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.session_commands import Noop
from mailrules.imap.states import State
from mailrules.imap.writer import StreamedLiteral
from mailrules.testing.builders import SampleMessage, message
from tests.client.answering_stream import open_mailbox
from tests.client.scripted import settings
from tests.client.talking import read_until_the_end, talking

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from mailrules.settings import AccountSettings
    from mailrules.testing.mail_state import MailAccount
    from tests.client.answering_stream import AnsweringStream
    from tests.servers.dovecot import DovecotAccount

MIB = 1 << 20
FETCH = b"A2 UID FETCH 5 (UID BODY.PEEK[])\r\n"
FLAGS = (FetchItem.UID, FetchItem.FLAGS)
LARGE = message(subject="large", body="x" * 3 * MIB)


def lines(first: int, last: int) -> bytes:
    return b"".join(b"* %d FETCH (UID %d FLAGS ())\r\n" % (number, number) for number in range(first, last + 1))


def all_of(client: BlockingClient) -> bytes:
    with client.fetch_content(5) as content:
        return b"".join(content)


def begins(size_bytes: int) -> bytes:
    return b"* 1 FETCH (UID 5 BODY[] {%d}\r\n" % size_bytes


def append(size_bytes: int) -> Append:
    return Append("INBOX", StreamedLiteral(size_bytes))


# -- on servers


@pytest.fixture(params=["dovecot", "memory"])
def account(request: pytest.FixtureRequest) -> AccountSettings:
    messages = [SampleMessage(content=message(subject=f"number {number}")) for number in range(1, 30)]
    messages.append(SampleMessage(content=LARGE))
    if request.param == "dovecot":
        dovecot: DovecotAccount = request.getfixturevalue("dovecot")
        dovecot.fill("INBOX", messages)
        return replace(dovecot.settings(), compress=True)
    mail: MailAccount = request.getfixturevalue("mail_account")
    mail.fill("INBOX", messages)
    settings_: AccountSettings = request.getfixturevalue("imap_settings")
    return settings_


def test_commands_inside_both_loops_and_early_ends(account: AccountSettings) -> None:
    with connect_blocking(account) as client:
        client.run(Select("INBOX"))
        with closing(client.fetch(SequenceSet.starting_at(1), FLAGS, messages_per_command=4)) as messages:
            seen = [(one.uid, client.run(Status("Archive")).messages) for one in islice(messages, 10)]
        with client.fetch_content(30) as content:
            first = next(content)
            assert client.run(Status("Archive")).messages == 0
            whole = first + b"".join(content)
        with client.fetch_content(30) as content:
            next(content)
        left = [one.uid for one in client.fetch(SequenceSet.of(range(25, 31)), FLAGS)]

        assert seen == [(uid, 0) for uid in range(1, 11)]
        assert whole == LARGE
        assert left == list(range(25, 31))


def test_a_message_is_copied_piece_by_piece_over_one_connection(account: AccountSettings) -> None:
    with connect_blocking(account) as client:
        client.run(Select("INBOX"))
        with client.fetch_content(30) as content:
            client.upload(Append("Archive", StreamedLiteral(content.size_bytes)), content)
        client.run(Select("Archive"))
        with client.fetch_content(1) as content:
            assert b"".join(content) == LARGE


def test_threads_share_a_loop_and_commands(account: AccountSettings) -> None:
    counts: list[int | None] = []
    with connect_blocking(account) as client:
        client.run(Select("INBOX"))
        messages = client.fetch(SequenceSet.starting_at(1), FLAGS, messages_per_command=2)
        uids = [next(messages).uid]
        threads = [
            threading.Thread(target=lambda: counts.append(client.run(Status("Archive")).messages)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        uids += [one.uid for one in messages]
        for thread in threads:
            thread.join()

    assert uids == list(range(1, 31))
    assert counts == [0] * 4


def test_a_mebibyte_in_memory_for_content_of_any_size() -> None:
    size = 48 * MIB

    def send(connection: socket.socket) -> None:
        connection.sendall(b"* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")
        connection.recv(100)
        connection.sendall(b"* 1 EXISTS\r\nA1 OK\r\n")
        connection.recv(100)
        connection.sendall(b"* 1 FETCH (UID 5 BODY[] {%d}\r\n" % size)
        for _ in range(size // MIB):
            connection.sendall(b"x" * MIB)
        connection.sendall(b")\r\nA2 OK\r\n")
        read_until_the_end(connection)

    with talking(send) as port, BlockingClient(open_blocking_stream(settings(port))) as client:
        client.run(Select("INBOX"))
        tracemalloc.start()
        try:
            with client.fetch_content(5) as content:
                total = sum(len(piece) for piece in content)
            _, most_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert total == size
        assert most_bytes < 6 * MIB


# -- content in pieces


def test_content_comes_piece_by_piece_and_only_when_it_is_asked_for() -> None:
    client, stream = open_mailbox()
    stream.answer(FETCH, begins(4) + b"ab", b"c", b"d)\r\nA2 OK\r\n")

    with client.fetch_content(5) as content:
        assert content.size_bytes == 4
        assert next(content) == b"ab"
        assert stream.unread == 2
        assert list(content) == [b"c", b"d"]
        assert list(content) == []


def test_an_empty_content() -> None:
    client, stream = open_mailbox()
    stream.answer(FETCH, begins(0), b")\r\nA2 OK\r\n")

    assert all_of(client) == b""


def test_a_message_that_is_not_there() -> None:
    client, stream = open_mailbox()
    stream.answer(FETCH, b"A2 OK nothing\r\n")

    with pytest.raises(RemoteProtocolError, match="no such message"):
        all_of(client)
    stream.answer(b"A3 NOOP\r\n", b"A3 OK\r\n")
    client.run(Noop())


def test_a_refusal_after_the_content_is_raised_at_its_end() -> None:
    client, stream = open_mailbox()
    stream.answer(FETCH, begins(2) + b"ab)\r\nA2 NO [SERVERBUG] cut short\r\n")

    with pytest.raises(CommandRefused, match="SERVERBUG"):
        all_of(client)


def test_a_connection_lost_in_the_middle_is_told_after_what_came() -> None:
    client, stream = open_mailbox()
    stream.answer(FETCH, begins(4) + b"ab", b"")

    with client.fetch_content(5) as content:
        assert next(content) == b"ab"
        with pytest.raises(ConnectionLost):
            next(content)
    assert stream.is_closed


def test_an_exception_in_the_loop_leaves_the_connection_usable() -> None:
    client, stream = open_mailbox()
    stream.answer(FETCH, begins(4) + b"ab")

    def stumble() -> None:
        with client.fetch_content(5) as content:
            next(content)
            raise KeyError

    with pytest.raises(KeyError):
        stumble()
    stream.answer(b"A3 NOOP\r\n", b"cd)\r\nA2 OK\r\n", b"A3 OK\r\n")
    client.run(Noop())

    assert not client._carrier._outcomes
    assert not client._carrier._contents


def test_a_command_inside_the_loop_holds_what_comes_before_its_answer() -> None:
    client, stream = open_mailbox()
    stream.answer(FETCH, begins(3) + b"x")
    stream.answer(b"A3 NOOP\r\n", b"y", b"z)\r\nA2 OK\r\n", b"A3 OK\r\n")

    with client.fetch_content(5) as content:
        client.run(Noop())
        assert content.held_bytes == 3
        assert b"".join(content) == b"xyz"


@pytest.mark.parametrize(("size_bytes", "is_sent"), [(99, True), (100, True), (101, False)])
def test_a_command_whose_answer_comes_behind_too_much_content_is_not_sent(size_bytes: int, *, is_sent: bool) -> None:
    client, stream = open_mailbox(limits=Limits(literal_bytes=100))
    stream.answer(FETCH, begins(size_bytes))
    stream.answer(b"A3 NOOP\r\n", b"x" * size_bytes + b")\r\nA2 OK\r\nA3 OK\r\n")

    with client.fetch_content(5) as content:
        if is_sent:
            client.run(Noop())
        else:
            with pytest.raises(LocalProtocolError, match="101 bytes of content would have to be held"):
                client.run(Noop())
            stream.feed(b"x" * size_bytes + b")\r\nA2 OK\r\n")
        assert len(b"".join(content)) == size_bytes
        if not is_sent:
            client.run(Noop())


# -- loops over messages


def test_messages_are_fetched_a_few_at_a_time_with_two_commands_on_their_way() -> None:
    client, stream = open_mailbox()
    stream.answer(b"A2 UID FETCH 1:3 (UID FLAGS)\r\nA3 UID FETCH 4:6 (UID FLAGS)\r\n", lines(1, 3) + b"A2 OK\r\n")
    stream.answer(b"A4 UID FETCH 7 (UID FLAGS)\r\n", lines(4, 6) + b"A3 OK\r\n" + lines(7, 7) + b"A4 OK\r\n")

    fetched = [one.uid for one in client.fetch(parse_sequence_set(b"1:7"), FLAGS, messages_per_command=3)]

    assert fetched == [1, 2, 3, 4, 5, 6, 7]


def test_leaving_the_loop_over_messages_early_drops_what_was_asked_for() -> None:
    client, stream = open_mailbox()
    stream.answer(b"A2 UID FETCH 1:2 (UID FLAGS)\r\nA3 UID FETCH 3:4 (UID FLAGS)\r\n", lines(1, 2) + b"A2 OK\r\n")
    stream.answer(b"A4 NOOP\r\n", lines(3, 4) + b"A3 OK\r\nA4 OK\r\n")

    for one in client.fetch(parse_sequence_set(b"1:9"), FLAGS, messages_per_command=2):
        assert one.uid == 1
        break
    client.run(Noop())

    assert not client._carrier._outcomes


def test_a_refusal_ends_the_loop_and_not_the_connection() -> None:
    client, stream = open_mailbox()
    stream.answer(b"A2 UID FETCH 9:* (UID FLAGS)\r\n", lines(5, 5) + b"A2 NO no\r\n")
    stream.answer(b"A3 NOOP\r\n", b"A3 OK\r\n")

    with pytest.raises(CommandRefused):
        list(client.fetch(SequenceSet.starting_at(9), FLAGS))
    client.run(Noop())


def test_another_mailbox_inside_the_loop_ends_it() -> None:
    client, stream = open_mailbox()
    stream.answer(
        b"A2 UID FETCH 1:2 (UID FLAGS)\r\nA3 UID FETCH 3:4 (UID FLAGS)\r\n",
        lines(1, 2) + b"A2 OK\r\n",
        lines(3, 4) + b"A3 OK\r\n",
    )
    stream.answer(b"A4 SELECT Archive\r\n", b"* 0 EXISTS\r\nA4 OK\r\n")
    messages = client.fetch(parse_sequence_set(b"1:9"), FLAGS, messages_per_command=2)
    next(messages)
    client.run(Select("Archive"))

    with pytest.raises(LocalProtocolError, match="another mailbox"):
        list(messages)


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


def ready_for(size_bytes: int) -> tuple[BlockingClient, AnsweringStream]:
    client, stream = open_mailbox()
    stream.answer(b"A2 APPEND INBOX {%d}\r\n" % size_bytes, b"+ go\r\n")
    return client, stream


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
        (b"abcd",),
    ],
    ids=type,
)
def test_content_is_uploaded_from_wherever_it_is(content) -> None:
    client, stream = ready_for(4)
    stream.answer(b"abcd\r\n", b"A2 OK [APPENDUID 1 9] done\r\n")

    assert client.upload(append(4), content).uids == SequenceSet.of((9,))


def test_a_large_piece_is_cut() -> None:
    data = bytes([7]) * (3 * PIECE_BYTES + 1)
    client, stream = ready_for(len(data))
    stream.answer(data + b"\r\n", b"A2 OK\r\n")

    assert client.upload(append(len(data)), data) is None


def test_nothing_is_taken_from_a_content_that_the_server_refuses() -> None:
    source = Source(b"abcd")
    client, stream = open_mailbox()
    stream.answer(b"A2 APPEND INBOX {4}\r\n", b"A2 NO [OVERQUOTA] full\r\n")

    with pytest.raises(CommandRefused, match="OVERQUOTA"):
        client.upload(append(4), source)
    assert source.taken == 0
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
def test_content_that_fails_closes_the_connection_and_is_never_completed(source, error, words) -> None:
    client, stream = ready_for(4)

    with pytest.raises(error, match=words):
        client.upload(append(4), source)

    assert client.state is State.LOGOUT
    assert stream.is_closed
    assert b"\r\n" not in stream.sent


def test_a_command_inside_the_content_is_refused_and_the_connection_closed() -> None:
    client, _ = ready_for(4)

    def content() -> Iterator[bytes]:
        client.run(Noop())
        yield b"abcd"

    with pytest.raises(LocalProtocolError, match="hands out its answer"):
        client.upload(append(4), content())
    assert client.state is State.LOGOUT


def test_too_few_contents_close_the_connection() -> None:
    client, _ = ready_for(4)

    with pytest.raises(LocalProtocolError, match="more literals than the 0 contents"):
        client.upload(append(4))
    assert client.state is State.LOGOUT


def test_what_is_uploaded_is_not_held() -> None:
    size = 32 * MIB

    def take(connection: socket.socket) -> None:
        connection.sendall(b"* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")
        connection.recv(100)
        connection.sendall(b"+ go\r\n")
        left = size + len(b"\r\n")
        while left > 0:
            left -= len(connection.recv(MIB))
        connection.sendall(b"A1 OK done\r\n")
        read_until_the_end(connection)

    with talking(take) as port, BlockingClient(open_blocking_stream(settings(port))) as client:
        tracemalloc.start()
        try:
            client.upload(append(size), (b"x" * MIB for _ in range(size // MIB)))
            _, most_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert most_bytes < 6 * MIB


def test_a_server_that_reads_no_content_runs_into_the_deadline() -> None:
    def read_nothing(connection: socket.socket) -> None:
        connection.sendall(b"* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")
        connection.recv(100)
        connection.sendall(b"+ go\r\n")
        client_gone.wait(20)

    client_gone = threading.Event()
    with (
        talking(read_nothing) as port,
        BlockingClient(open_blocking_stream(settings(port)), command_seconds=0.3) as client,
    ):
        try:
            with pytest.raises(ConnectionLost, match=r"without a reply for 0\.3 seconds"):
                client.upload(append(64 * MIB), (b"x" * MIB for _ in range(64)))
        finally:
            client_gone.set()
