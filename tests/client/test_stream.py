"""The byte stream: TCP, TLS, tunnels and compression, and what is said when one of them fails."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING

import pytest
import trustme

from mailrules.client.compression import DeflateLayer
from mailrules.client.stream import NetworkStream, open_stream
from mailrules.errors import ConnectionFailed, ConnectionLost
from mailrules.settings import Security, Timeouts, is_loopback
from tests.client.scripted import authority_file, scripted_server, server_context, settings

if TYPE_CHECKING:
    from pathlib import Path

GREETING = b"* OK ready\r\n"
SHORT = Timeouts(connect_seconds=0.2, tls_seconds=0.2)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING)


async def greet_and_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING)
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def wait_for_the_end(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def read_bytes(stream: NetworkStream, count: int) -> bytes:
    data = b""
    while len(data) < count and (piece := await stream.read()):
        data += piece
    return data


async def read_in_pieces(stream: NetworkStream, *, max_bytes: int) -> None:
    while piece := await stream.read():
        assert len(piece) <= max_bytes


async def test_plain_bytes_go_both_ways_on_loopback() -> None:
    async with scripted_server(greet_and_echo) as port:
        stream = await open_stream(settings(port))

        assert await read_bytes(stream, len(GREETING)) == GREETING
        stream.write(b"A1 NOOP\r\n")
        await stream.drain()
        assert await read_bytes(stream, 9) == b"A1 NOOP\r\n"
        await stream.close()


async def test_keep_alive_is_on() -> None:
    async with scripted_server(greet_and_echo) as port:
        stream = await open_stream(settings(port))

        connection: socket.socket = stream._writer.get_extra_info("socket")
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [connection.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [60, 20, 4]
        await stream.close()


async def test_the_end_is_an_empty_read_and_close_may_be_repeated() -> None:
    async with scripted_server(greet) as port:
        stream = await open_stream(settings(port))

        assert await read_bytes(stream, 10_000) == GREETING
        assert await stream.read() == b""
        await stream.close()
        await stream.close()


async def test_a_waiting_read_ends_when_the_stream_is_closed() -> None:
    async with scripted_server(wait_for_the_end) as port:
        stream = await open_stream(settings(port))
        waiting = asyncio.ensure_future(stream.read())
        await asyncio.sleep(0)

        await stream.close()

        async with asyncio.timeout(60):
            assert await waiting == b""


async def test_implicit_tls_is_verified_against_ca_file(authority: trustme.CA, tmp_path: Path) -> None:
    async with scripted_server(greet_and_echo, tls=server_context(authority, "127.0.0.1")) as port:
        stream = await open_stream(settings(port, security=Security.TLS, ca_file=authority_file(authority, tmp_path)))

        assert await read_bytes(stream, len(GREETING)) == GREETING
        sent = bytes(range(256)) * 10_000
        stream.write(sent)
        assert await read_bytes(stream, len(sent)) == sent
        await stream.close()


async def test_an_unknown_authority_is_told_with_ca_file_as_the_cure(authority: trustme.CA) -> None:
    async with scripted_server(greet, tls=server_context(authority, "127.0.0.1")) as port:
        with pytest.raises(ConnectionFailed) as failure:
            await open_stream(settings(port, security=Security.TLS))

    message = str(failure.value)
    assert f"127.0.0.1:{port}: TLS: the certificate is not verified for 127.0.0.1" in message
    assert "unable to get local issuer certificate" in message
    assert "ca_file" in message


async def test_a_certificate_for_another_name_is_told_with_both(authority: trustme.CA, tmp_path: Path) -> None:
    async with scripted_server(greet, tls=server_context(authority, "mail.example.org")) as port:
        with pytest.raises(ConnectionFailed, match=r"not verified for localhost: Hostname mismatch.*'localhost'"):
            await open_stream(
                settings(port, host="localhost", security=Security.TLS, ca_file=authority_file(authority, tmp_path))
            )


async def test_tls_to_a_plain_port_says_so() -> None:
    async def greet_and_wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.read()

    async with scripted_server(greet_and_wait) as port:
        with pytest.raises(ConnectionFailed, match="this looks like a plain port: set security: starttls"):
            await open_stream(settings(port, security=Security.TLS))


async def test_a_silent_server_ends_the_handshake_in_time() -> None:
    async with scripted_server(wait_for_the_end) as port:
        with pytest.raises(ConnectionFailed, match=r"no handshake in 0\.2 seconds; is this a TLS port"):
            await open_stream(settings(port, security=Security.TLS, timeouts=SHORT))


async def test_a_server_that_hangs_up_during_the_handshake_is_told() -> None:
    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1000)

    async with scripted_server(hang_up) as port:
        with pytest.raises(ConnectionFailed, match=r"TLS: .*(hung up|broke off)"):
            await open_stream(settings(port, security=Security.TLS))


async def test_tls_can_be_put_on_an_open_stream(authority: trustme.CA, tmp_path: Path) -> None:
    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"A1 STARTTLS\r\n"
        writer.write(b"A1 OK go\r\n")
        await writer.start_tls(server_context(authority, "127.0.0.1"))
        writer.write(b"* secret\r\n")

    async with scripted_server(upgrade) as port:
        account = settings(port, security=Security.STARTTLS, ca_file=authority_file(authority, tmp_path))
        stream = await open_stream(account)
        stream.write(b"A1 STARTTLS\r\n")
        assert await read_bytes(stream, 10) == b"A1 OK go\r\n"

        await stream.start_tls()

        assert await read_bytes(stream, 10) == b"* secret\r\n"
        await stream.close()


async def test_plain_bytes_sent_before_the_handshake_spoil_it(authority: trustme.CA, tmp_path: Path) -> None:
    async def inject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"A1 OK go\r\n")
        await reader.readexactly(1)
        writer.write(b"* PREAUTH you are in\r\n")
        await reader.read()

    async with scripted_server(inject) as port:
        account = settings(port, security=Security.STARTTLS, ca_file=authority_file(authority, tmp_path))
        stream = await open_stream(account)
        stream.write(b"A1 STARTTLS\r\n")
        await stream.read()

        with pytest.raises(ConnectionFailed, match="TLS"):
            await stream.start_tls()
        await stream.close()


async def test_another_authority_in_the_file_counts_for_the_next_connection_at_once(
    authority: trustme.CA, tmp_path: Path
) -> None:
    async with scripted_server(greet_and_echo, tls=server_context(authority, "127.0.0.1")) as port:
        account = settings(port, security=Security.TLS, ca_file=authority_file(authority, tmp_path))
        first, second = await open_stream(account), await open_stream(account)

        authority_file(trustme.CA(), tmp_path)

        with pytest.raises(ConnectionFailed, match="the certificate is not verified"):
            await open_stream(account)
        for stream in (first, second):
            assert await read_bytes(stream, len(GREETING)) == GREETING
            await stream.close()


async def test_compression_runs_inside_tls(authority: trustme.CA, tmp_path: Path) -> None:
    async def echo_deflated(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        layer = DeflateLayer()
        writer.write(layer.encode(GREETING))
        while data := await reader.read(65536):
            layer.feed(data)
            while plain := layer.decode(max_bytes=65536):
                writer.write(layer.encode(plain))

    async with scripted_server(echo_deflated, tls=server_context(authority, "127.0.0.1")) as port:
        account = settings(port, security=Security.TLS, ca_file=authority_file(authority, tmp_path))
        stream = await open_stream(account)
        first = await stream.read()

        stream.start_compression(first)

        assert await read_bytes(stream, len(GREETING)) == GREETING
        sent = b"* 1 FETCH (FLAGS ())\r\n" * 50_000
        stream.write(sent)
        assert await read_bytes(stream, len(sent)) == sent
        await stream.close()


async def test_a_compression_bomb_comes_in_bounded_pieces_and_then_ends_the_connection() -> None:
    async def explode(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        layer = DeflateLayer()
        for _ in range(100):
            writer.write(layer.encode(bytes(1 << 20)))

    async with scripted_server(explode) as port:
        stream = await open_stream(settings(port))
        stream.start_compression(b"")

        with pytest.raises(ConnectionLost, match="grows more than"):
            await read_in_pieces(stream, max_bytes=256 << 10)
        await stream.close()


async def test_a_refused_connection_is_told_with_the_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        with pytest.raises(ConnectionFailed, match=f"127.0.0.1:{port}: nothing listens there"):
            await open_stream(settings(port))


async def test_a_name_that_does_not_resolve_is_told() -> None:
    with pytest.raises(ConnectionFailed, match=r"mail\.invalid:993: the name cannot be resolved"):
        await open_stream(settings(993, host="mail.invalid", security=Security.TLS))


async def test_a_host_that_is_no_name_is_told() -> None:
    with pytest.raises(ConnectionFailed, match=r"this is no host name|cannot be resolved"):
        await open_stream(settings(993, host="a" * 70 + ".example", security=Security.TLS))


async def test_a_missing_or_broken_ca_file_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")

    async with scripted_server(greet) as port:
        with pytest.raises(ConnectionFailed, match=r"none\.pem cannot be read"):
            await open_stream(settings(port, security=Security.TLS, ca_file=str(tmp_path / "none.pem")))
        with pytest.raises(ConnectionFailed, match=r"broken\.pem holds no certificates"):
            await open_stream(settings(port, security=Security.TLS, ca_file=str(broken)))


async def test_without_tls_only_loopback_is_connected_to() -> None:
    with pytest.raises(ConnectionFailed, match=r"mail\.example\.org:143: without TLS.*insecure: true"):
        await open_stream(settings(143, host="mail.example.org"))


async def test_insecure_by_name_allows_other_hosts() -> None:
    with pytest.raises(ConnectionFailed, match="cannot be resolved"):
        await open_stream(settings(143, host="mail.invalid", insecure=True))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("LocalHost", True),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_loopback_is_localhost_or_a_literal_address(*, host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


async def test_a_tunnel_is_a_commands_stdin_and_stdout() -> None:
    echo = "import sys; print('* PREAUTH hello', flush=True); print('got', sys.stdin.readline(), end='', flush=True)"
    stream = await open_stream(settings(0, tunnel=(sys.executable, "-c", echo)))

    assert await read_bytes(stream, 16) == b"* PREAUTH hello\n"
    stream.write(b"A1 NOOP\r\n")
    assert await read_bytes(stream, 100) == b"got A1 NOOP\r\n"
    await stream.close()
    assert stream._process is not None
    assert stream._process.returncode == 0


async def test_a_tunnel_that_cannot_start_is_told() -> None:
    with pytest.raises(ConnectionFailed, match="tunnel no-such-command-here -x: cannot be started"):
        await open_stream(settings(0, tunnel=("no-such-command-here", "-x")))


async def test_a_reset_is_a_lost_connection() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with scripted_server(reset) as port:
        stream = await open_stream(settings(port))
        stream.write(b"A1 NOOP\r\n")

        with pytest.raises(ConnectionLost, match="receiving failed"):
            await stream.read()
        await stream.close()


async def test_a_reset_during_the_handshake_is_told() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with scripted_server(reset) as port:
        with pytest.raises(ConnectionFailed, match="TLS: the handshake broke off"):
            await open_stream(settings(port, security=Security.TLS))


async def test_garbage_inside_tls_ends_the_connection(authority: trustme.CA, tmp_path: Path) -> None:
    async def break_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"go\r\n")
        await writer.start_tls(server_context(authority, "127.0.0.1"))
        writer.write(GREETING)
        await writer.drain()
        assert await reader.readline() == b"A1 NOOP\r\n"
        connection: asyncio.Transport = writer.transport._ssl_protocol._transport  # type: ignore[attr-defined]  # below TLS
        connection.write(b"* OK this is not TLS\r\n")

    async with scripted_server(break_tls) as port:
        stream = await open_stream(
            settings(port, security=Security.STARTTLS, ca_file=authority_file(authority, tmp_path))
        )
        assert await read_bytes(stream, 4) == b"go\r\n"
        await stream.start_tls()
        assert await read_bytes(stream, len(GREETING)) == GREETING
        stream.write(b"A1 NOOP\r\n")

        with pytest.raises(ConnectionLost, match="TLS broke off"):
            await stream.read()
        await stream.close()


async def test_a_host_that_does_not_answer_is_given_up_in_time() -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):  # they fill the queue, so that later ones get no answer
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())

        with pytest.raises(ConnectionFailed, match=r"no connection in 0\.2 seconds; check host and port"):
            await open_stream(settings(full.getsockname()[1], timeouts=SHORT))


async def test_a_host_that_cannot_be_reached_is_told() -> None:
    with pytest.raises(ConnectionFailed, match=r"255\.255\.255\.255:143: cannot be reached \("):
        await open_stream(settings(143, host="255.255.255.255", insecure=True))


FLOOD = "import fcntl, os, signal; fcntl.fcntl(1, 1031, 1 << 20); os.write(1, b'y' * (1 << 20)); signal.pause()"
"""F_SETPIPE_SZ makes the pipe take 1 MiB at once: far more than a reader takes before it pauses."""


async def test_a_tunnel_that_floods_and_does_not_end_is_killed_all_the_same() -> None:
    stream = await open_stream(settings(0, tunnel=(sys.executable, "-c", FLOOD)))
    assert (await read_bytes(stream, 5)).startswith(b"yyyyy")

    await stream.close()

    assert stream._process is not None
    assert stream._process.returncode == -9


async def test_a_tunnel_that_does_not_end_is_killed() -> None:
    stubborn = "import signal; print('* OK', flush=True); signal.pause()"
    stream = await open_stream(settings(0, tunnel=(sys.executable, "-c", stubborn)))
    assert await read_bytes(stream, 5) == b"* OK\n"

    await stream.close()

    assert stream._process is not None
    assert stream._process.returncode == -9
