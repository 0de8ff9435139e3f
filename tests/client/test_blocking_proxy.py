"""The blocking client behind proxies, real ones and such as misbehave."""

from __future__ import annotations

import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.client.blocking_connect import connect_blocking
from mailrules.client.proxy import MOST_HEADER_BYTES
from mailrules.client.transcript import Transcript
from mailrules.errors import ConnectionFailed
from mailrules.imap.session_commands import Noop
from mailrules.settings import ProxyKind, ProxySettings, Security, Timeouts
from tests.client.scripted import settings
from tests.client.talking import read_until_the_end, talking
from tests.servers.network_proxies import PASSWORD, SECRET, USER, microsocks, tinyproxy

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from mailrules.settings import AccountSettings
    from tests.servers.dovecot import DovecotAccount


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", "pass")
    monkeypatch.setenv(SECRET.value, PASSWORD)


@pytest.fixture(scope="module", params=["microsocks", "tinyproxy"])
def real_proxy(request: pytest.FixtureRequest) -> Iterator[ProxySettings]:
    with microsocks() if request.param == "microsocks" else tinyproxy() as proxy:
        yield proxy


def through(port: int, kind: ProxyKind, **changes: object) -> AccountSettings:
    return settings(143, proxy=ProxySettings(kind=kind, host="127.0.0.1", port=port), **changes)


@pytest.mark.parametrize("security", list(Security))
def test_a_dovecot_is_reached_through_a_real_proxy_in_every_way(
    dovecot: DovecotAccount, real_proxy: ProxySettings, security: Security
) -> None:
    with connect_blocking(replace(dovecot.settings(security=security), proxy=real_proxy)) as client:
        client.run(Noop())

        assert "MOVE" in client.capabilities


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        (ProxyKind.SOCKS5, b"", "it hung up before the server was connected"),
        (ProxyKind.SOCKS5, b"\x05\xff", "it wants another authentication"),
        (ProxyKind.HTTP, b"HTTP/1.1 503 Busy\r\n\r\n", "503 Busy"),
        (ProxyKind.HTTP, b"HTTP/1.1 200 OK\r\n" + b"x" * 600_000, f"over {MOST_HEADER_BYTES:,} bytes"),
    ],
)
def test_a_proxy_that_misbehaves_is_told_with_server_and_proxy(kind: ProxyKind, data: bytes, reason: str) -> None:
    def say(connection: socket.socket) -> None:
        connection.recv(65536)
        try:
            connection.sendall(data)
        except OSError:  # the client has read enough
            return

    with talking(say) as port, pytest.raises(ConnectionFailed) as failure:
        connect_blocking(through(port, kind))

    assert str(failure.value).startswith(f"127.0.0.1:143: proxy {kind} 127.0.0.1:{port}: ")
    assert reason in str(failure.value)


@pytest.mark.parametrize("kind", list(ProxyKind))
def test_a_proxy_that_falls_silent_is_given_up_in_time(kind: ProxyKind) -> None:
    with (
        talking(read_until_the_end) as port,
        pytest.raises(ConnectionFailed, match=f"no connection in 0.1 seconds through proxy {kind}"),
    ):
        connect_blocking(through(port, kind, timeouts=Timeouts(connect_seconds=0.1)))


def test_a_proxy_that_repeats_the_credentials_does_not_reveal_them() -> None:
    transcript = Transcript()

    def repeat(connection: socket.socket) -> None:
        credentials = connection.recv(65536).partition(b"Basic ")[2].strip()
        connection.sendall(b"HTTP/1.1 407 not %b, %b\r\n\r\n" % (credentials, PASSWORD.encode()))

    with talking(repeat) as port:
        proxy = ProxySettings(kind=ProxyKind.HTTP, host="127.0.0.1", port=port, user=USER, secret=SECRET)
        with pytest.raises(ConnectionFailed, match=r"407 not \*\*\*, \*\*\*") as failure:
            connect_blocking(settings(143, proxy=proxy), transcript=transcript)

    assert PASSWORD not in "".join(traceback.format_exception(failure.value)) + str(transcript)


def test_a_greeting_in_the_same_packet_as_the_proxys_answer_is_not_lost() -> None:
    def connect_and_greet(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n* OK [CAPABILITY IMAP4rev1] ready\r\n")
        connection.recv(65536)
        connection.sendall(b"A1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n")
        read_until_the_end(connection)

    with talking(connect_and_greet) as port, connect_blocking(through(port, ProxyKind.HTTP)) as client:
        assert "MOVE" in client.capabilities
