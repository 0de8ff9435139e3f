"""The blocking client: the same commands, deadlines and errors as the asyncio client's, without a loop or a thread."""

from __future__ import annotations

import socket
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trustme

from mailrules.client.blocking_client import BlockingClient
from mailrules.client.blocking_connect import connect_blocking
from mailrules.client.blocking_stream import _Connected, open_blocking_stream
from mailrules.client.transcript import Transcript
from mailrules.errors import CommandRefused, ConnectionFailed, ConnectionLost, LocalProtocolError
from mailrules.imap.append_commands import Append
from mailrules.imap.copy_commands import UidMove
from mailrules.imap.mailbox_commands import Examine, Select, Status
from mailrules.imap.message_commands import FetchItem, UidFetch
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Compress, Idle, Logout, Noop
from mailrules.imap.states import State
from mailrules.imap.writer import BodySection
from mailrules.settings import Security, Timeouts
from mailrules.testing.builders import SampleMessage, message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.server_faults import AtCommand, Drop, Silence
from mailrules.testing.threaded_server import serve_in_thread
from tests.client.scripted import authority_file, server_context, settings
from tests.client.talking import read_until_the_end, talking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailrules.settings import AccountSettings
    from mailrules.testing.mail_state import MailAccount
    from tests.servers.dovecot import DovecotAccount

ITEMS = (FetchItem.UID, FetchItem.FLAGS, FetchItem.ENVELOPE)
FIVE = [SampleMessage(content=message(subject=f"number {number}")) for number in range(1, 6)]
SHORT = Timeouts(connect_seconds=0.3, tls_seconds=0.3, greeting_seconds=0.3, login_seconds=0.3, command_seconds=0.3)
TUNNEL = """
import socket, threading, os
connection = socket.create_connection(("127.0.0.1", {port}))
def up():
    while data := os.read(0, 65536):
        connection.sendall(data)
    connection.shutdown(1)
threading.Thread(target=up, daemon=True).start()
while data := connection.recv(65536):
    os.write(1, data)
"""


def client_of(port: int, **changes: float) -> BlockingClient:
    return BlockingClient(open_blocking_stream(settings(port)), place=f"127.0.0.1:{port}", **changes)


@pytest.fixture(params=["dovecot", "memory"])
def account(request: pytest.FixtureRequest) -> AccountSettings:
    if request.param == "dovecot":
        dovecot: DovecotAccount = request.getfixturevalue("dovecot")
        dovecot.fill("INBOX", FIVE)
        return dovecot.settings()
    mail: MailAccount = request.getfixturevalue("mail_account")
    mail.fill("INBOX", FIVE)
    settings_: AccountSettings = request.getfixturevalue("imap_settings")
    return settings_


def test_commands_run_one_after_the_other(account: AccountSettings) -> None:
    with connect_blocking(account) as client:
        opened = client.run(Select("INBOX"))
        fetched = client.run(UidFetch(SequenceSet.of([2, 3]), ITEMS))
        client.run(UidMove(SequenceSet.of([2]), "Archive"))
        left = client.run(Status("INBOX"))
        client.run(Logout())

        assert opened.exists == 5
        assert [(one.uid, one.envelope.subject) for one in fetched] == [(2, b"number 2"), (3, b"number 3")]
        assert left.messages == 4
        assert client.state is State.LOGOUT


def test_commands_that_may_overlap_share_a_round_trip(account: AccountSettings) -> None:
    with connect_blocking(account) as client:
        turns = client.counters.turns

        told = client.run_all(Status(name) for name in ("INBOX", "Archive", "No such mailbox"))

        assert [one.messages for one in told[:2]] == [5, 0]
        assert isinstance(told[2], CommandRefused)
        assert client.counters.turns == turns + 1


def test_fetches_of_the_same_messages_at_once_each_get_theirs(account: AccountSettings) -> None:
    everything, third = SequenceSet.starting_at(1), SequenceSet.of((3,))
    with connect_blocking(account) as client:
        client.run(Select("INBOX"))

        of_all, of_one, again = client.run_all(
            (
                UidFetch(everything, (FetchItem.UID, FetchItem.FLAGS)),
                UidFetch(third, (FetchItem.UID, BodySection())),
                UidFetch(third, (FetchItem.UID, FetchItem.FLAGS)),
            )
        )

    assert not isinstance(of_all, CommandRefused)
    assert not isinstance(of_one, CommandRefused)
    assert not isinstance(again, CommandRefused)
    assert [one.uid for one in of_all] == [1, 2, 3, 4, 5]
    assert all(one.flags is not None for one in (*of_all, *again))
    assert [(one.uid, one.sections[""]) for one in of_one] == [(3, FIVE[2].content)]
    assert [one.uid for one in again] == [3]


def test_a_command_is_not_held_back_until_the_one_before_is_acknowledged() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connection = socket.create_connection(listening.getsockname())
        connected = _Connected(connection)

        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        connected.close()


def test_the_connection_stays_usable_after_a_refusal(account: AccountSettings) -> None:
    with connect_blocking(account) as client:
        with pytest.raises(CommandRefused):
            client.run(Select("No such mailbox"))

        assert client.run(Examine("INBOX")).exists == 5


def test_compression_goes_both_ways(dovecot: DovecotAccount) -> None:
    dovecot.fill("INBOX", FIVE)
    with connect_blocking(replace(dovecot.settings(), compress=False)) as client:
        client.run(Compress())

        assert client.run(Examine("INBOX")).exists == 5


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_tls_is_verified_for_the_host(dovecot: DovecotAccount, security: Security) -> None:
    protected = dovecot.settings(security=security)
    with connect_blocking(protected) as client:
        client.run(Noop())

    with pytest.raises(ConnectionFailed, match="certificate is not verified"):
        connect_blocking(replace(protected, ca_file=""))


def test_a_tunnel_command_carries_the_connection(imap_server: ImapServer, imap_settings: AccountSettings) -> None:
    script = TUNNEL.format(port=imap_server.port)

    with connect_blocking(replace(imap_settings, tunnel=(sys.executable, "-c", script))) as client:
        assert client.run(Select("INBOX")).exists == 0


def test_idle_tells_of_a_change_and_of_none(imap_server: ImapServer, imap_settings: AccountSettings) -> None:
    with connect_blocking(imap_settings) as client:
        client.run(Select("INBOX"))
        assert not client.idle(timeout_seconds=0.05)

        imap_server.mail.add("INBOX", message(subject="News"))

        assert client.idle(timeout_seconds=10)
        assert client.selected is not None
        assert client.selected.exists == 1
        client.run(Noop())


def test_idle_that_the_network_has_lost_ends(imap_server: ImapServer, imap_settings: AccountSettings) -> None:
    imap_server.faults.append(AtCommand(command="IDLE", reaction=Drop()))
    with connect_blocking(imap_settings) as client:
        client.run(Select("INBOX"))

        with pytest.raises(ConnectionLost):
            client.idle(timeout_seconds=60)


def test_a_command_without_a_reply_ends_the_connection(imap_server: ImapServer, imap_settings: AccountSettings) -> None:
    imap_server.faults.append(AtCommand(command="NOOP", reaction=Silence()))
    with connect_blocking(replace(imap_settings, timeouts=Timeouts(command_seconds=0.3, login_seconds=60))) as client:
        with pytest.raises(ConnectionLost, match=r"127\.0\.0\.1:\d+: .*without a reply for 0\.3 seconds") as lost:
            client.run(Noop())
        assert lost.value.may_have_run

        with pytest.raises(ConnectionLost) as later:
            client.run(Noop())
        assert not later.value.may_have_run


def test_a_trickle_does_not_keep_the_deadline_from_striking() -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"* OK ready\r\n")
        connection.recv(100)
        try:
            while True:
                connection.sendall(b"* ")
                connection.settimeout(0.02)
                try:
                    if not connection.recv(1):
                        return
                except TimeoutError:
                    continue
        except OSError:
            return

    with (
        talking(trickle) as port,
        client_of(port, command_seconds=0.3) as client,
        pytest.raises(ConnectionLost, match=r"without a reply for 0\.3 seconds"),
    ):
        client.run(Noop())


def test_a_server_that_says_nothing_is_given_up_with_a_cure() -> None:
    with talking(read_until_the_end) as port, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAILRULES_TEST_SECRET", "x")

        with pytest.raises(ConnectionFailed, match=r"greeting: the server said nothing in 0\.3 seconds; is this a TLS"):
            connect_blocking(settings(port, timeouts=SHORT))


def test_a_plain_port_is_no_tls_port() -> None:
    with (
        talking(read_until_the_end) as port,
        pytest.raises(ConnectionFailed, match=r"TLS: no handshake in 0\.3 seconds"),
    ):
        open_blocking_stream(settings(port, security=Security.TLS, timeouts=SHORT))


def test_both_socket_buffers_may_be_full_at_once() -> None:
    size = 8 << 20

    def send_before_reading(connection: socket.socket) -> None:
        connection.sendall(b"* OK [CAPABILITY IMAP4rev1 LITERAL+] ready\r\n")
        connection.recv(1)
        connection.sendall((b"* OK still here " + b"." * 1000 + b"\r\n") * (size // 1000))
        left = size
        while left > 0:
            left -= len(connection.recv(1 << 20))
        connection.sendall(b"A1 OK done\r\n")
        read_until_the_end(connection)

    with talking(send_before_reading) as port, client_of(port, command_seconds=20) as client:
        client._connection._session.state = State.AUTHENTICATED  # the server of this test knows no login

        client.run(Append("INBOX", b"x" * size))

        assert client.counters.bytes_in > size


def test_a_failed_handshake_after_starttls_ends_the_command() -> None:
    def agree_and_go(connection: socket.socket) -> None:
        connection.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
        connection.recv(100)
        connection.sendall(b"A1 OK begin\r\n")
        connection.recv(65536)

    with talking(agree_and_go) as port, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAILRULES_TEST_SECRET", "x")

        with pytest.raises(ConnectionFailed, match="hung up during the handshake"):
            connect_blocking(settings(port, security=Security.STARTTLS))


def test_a_command_inside_a_sink_is_refused(account: AccountSettings) -> None:
    with connect_blocking(account) as client:
        client.run(Select("INBOX"))

        with pytest.raises(ConnectionLost, match="hands out its answer"):
            client.run(UidFetch(SequenceSet.starting_at(1), ITEMS, sink=lambda _: client.run(Noop())))

        assert client.state is State.LOGOUT


def test_an_exception_that_breaks_in_closes_the_connection(account: AccountSettings) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with connect_blocking(account) as client:
        client.run(Select("INBOX"))

        with pytest.raises(KeyboardInterrupt):
            client.run(UidFetch(SequenceSet.starting_at(1), ITEMS, sink=interrupt))

        assert client.state is State.LOGOUT


def test_threads_take_turns(account: AccountSettings) -> None:
    counts: list[int | None] = []
    with connect_blocking(account) as client:
        threads = [
            threading.Thread(target=lambda: counts.append(client.run(Status("INBOX")).messages)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert counts == [5] * 8


class Seen:
    """An observer that tells when the client has sent a line."""

    def __init__(self, line: bytes) -> None:
        self._line, self.is_sent = line, threading.Event()

    def sent(self, data: bytes, *, secret: bool) -> None:
        if not secret and self._line in data:
            self.is_sent.set()

    def received(self, data: bytes) -> None:
        pass  # only what was sent is waited for


def wait_for_news(client: BlockingClient) -> None:
    client.idle(timeout_seconds=60)


def wait_for_a_reply(client: BlockingClient) -> None:
    client.run(Noop())


@pytest.mark.parametrize("way", ["tcp", "tls", "tunnel"])
@pytest.mark.parametrize(("use", "line"), [(wait_for_news, b"IDLE"), (wait_for_a_reply, b"NOOP")])
def test_close_ends_a_call_of_another_thread_at_once(
    tmp_path: Path, *, use: Callable[[BlockingClient], None], line: bytes, way: str
) -> None:
    authority = trustme.CA()
    context = server_context(authority, "127.0.0.1")
    errors: list[ConnectionLost] = []

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) if way == "tls" else connection as server:
            server.sendall(b"* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi\r\n")
            read_until_the_end(server)

    def call() -> None:
        with pytest.raises(ConnectionLost, match="the connection was closed") as lost:
            use(client)
        errors.append(lost.value)

    with talking(serve) as port:
        account = replace(
            settings(port),
            security=Security.TLS if way == "tls" else Security.NONE,
            ca_file=authority_file(authority, tmp_path),
            tunnel=(sys.executable, "-c", TUNNEL.format(port=port)) if way == "tunnel" else (),
        )
        seen = Seen(line)
        client = BlockingClient(open_blocking_stream(account), observer=seen)
        client.start()
        caller = threading.Thread(target=call)
        caller.start()
        assert seen.is_sent.wait(10)

        client.close()

        caller.join(10)
        assert not caller.is_alive()
        assert len(errors) == 1


def test_no_password_is_in_the_transcript(account: AccountSettings) -> None:
    transcript = Transcript()
    with connect_blocking(account, transcript=transcript) as client:
        client.run(Logout())

    login = [line for line in transcript.lines if b"AUTHENTICATE" in line.text]
    assert [line.text.split()[-1] for line in login] == [b"***"]


def test_idle_is_no_command_to_run(account: AccountSettings) -> None:
    with connect_blocking(account) as client, pytest.raises(LocalProtocolError, match=r"call idle\(\)"):
        client.run(Idle())


async def test_an_event_loop_is_not_stopped(imap_settings: AccountSettings) -> None:
    with pytest.raises(LocalProtocolError, match="use connect"):
        connect_blocking(imap_settings)


def test_starttls_in_memory_protects_the_login(
    mail_account: MailAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    monkeypatch.setenv("MAILRULES_TEST_SECRET", mail_account.password)
    server = ImapServer(mail_account, tls=server_context(authority, "127.0.0.1"), requires_tls=True)

    with serve_in_thread(server):
        protected = settings(
            server.port, user=mail_account.user, security=Security.STARTTLS, ca_file=authority_file(authority, tmp_path)
        )
        with connect_blocking(protected) as client:
            assert client.run(Select("INBOX")).exists == 0


def test_keep_alive_is_on_so_that_a_dead_peer_is_noticed_in_about_two_minutes() -> None:
    with talking(read_until_the_end) as port:
        stream = open_blocking_stream(settings(port))
        try:
            connection = stream._channel._socket
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)

            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert [connection.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [60, 20, 4]
        finally:
            stream.close()
