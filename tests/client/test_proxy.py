"""Proxies: what is said to them byte for byte, what each refusal means, and real ones in front of real servers."""

from __future__ import annotations

import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.proxy import MOST_HEADER_BYTES, Turn, handshake
from mailrules.client.transcript import Transcript
from mailrules.errors import ConnectionFailed, MailrulesError
from mailrules.imap.session_commands import Noop
from mailrules.secret import Secret
from mailrules.settings import ProxyKind, ProxySettings, Security, Timeouts
from mailrules.testing.imap_server import ImapServer
from tests.client.scripted import scripted_server, settings
from tests.servers.network_proxies import PASSWORD, SECRET, USER, microsocks, tinyproxy

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from mailrules.client.proxy import Handshake
    from mailrules.settings import AccountSettings
    from tests.client.scripted import Script
    from tests.servers.dovecot import DovecotAccount

SOCKS5 = ProxySettings(kind=ProxyKind.SOCKS5, host="proxy.example", port=1080)
HTTP = ProxySettings(kind=ProxyKind.HTTP, host="proxy.example", port=8080)
OPEN_SESAME = Secret("open sesame")


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", "pass")
    monkeypatch.setenv(SECRET.value, PASSWORD)


def drive(turns: Handshake, *answers: bytes) -> list[Turn]:
    """What the client says when the proxy answers so; every answer is used up."""
    said = [next(turns), *(turns.send(answer) for answer in answers[:-1])]
    with pytest.raises(StopIteration):
        turns.send(answers[-1])
    return said


def refusal(turns: Handshake, *answers: bytes) -> str:
    """The error after the last of these answers."""
    next(turns)
    for answer in answers[:-1]:
        turns.send(answer)
    with pytest.raises(ConnectionFailed) as failure:
        turns.send(answers[-1])
    return str(failure.value)


# -- SOCKS 5, RFC 1928 ------------------------------------------------------------------------------


def test_socks5_lets_the_proxy_look_the_name_up() -> None:
    said = drive(
        handshake(SOCKS5, host="imap.example.org", port=993),
        b"\x05\x00",
        b"\x05\x00\x00\x01",
        b"\x0a\x00\x00\x01\x04\x38",
    )

    assert said == [
        Turn(data=b"\x05\x01\x00", wanted_bytes=2),
        Turn(data=b"\x05\x01\x00\x03\x10imap.example.org\x03\xe1", wanted_bytes=4),
        Turn(data=b"", wanted_bytes=6),
    ]


def test_socks5_logs_in_with_user_and_password_where_the_proxy_wants_it() -> None:
    proxy = replace(SOCKS5, user="me")

    said = drive(
        handshake(proxy, host="imap.example.org", port=143, secret=OPEN_SESAME),
        b"\x05\x02",
        b"\x01\x00",
        b"\x05\x00\x00\x03",
        b"\x05",
        b"proxy\x04\x38",
    )

    assert [one.data for one in said] == [
        b"\x05\x02\x00\x02",
        b"\x01\x02me\x0bopen sesame",
        b"\x05\x01\x00\x03\x10imap.example.org\x00\x8f",
        b"",
        b"",
    ]
    assert [one.wanted_bytes for one in said] == [2, 2, 4, 1, 7]


def test_a_secret_is_not_told_to_a_socks_proxy_that_does_not_ask() -> None:
    said = drive(
        handshake(replace(SOCKS5, user="me"), host="h.example", port=143, secret=OPEN_SESAME),
        b"\x05\x00",
        b"\x05\x00\x00\x04",
        bytes(18),
    )

    assert not any(b"sesame" in one.data for one in said)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", b"\x01\xc0\x00\x02\x07"),
        ("2001:db8::1", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
        ("[2001:db8::1]", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
        ("bücher.example", b"\x03\x15xn--bcher-kva.example"),
    ],
)
def test_socks5_has_three_kinds_of_address(host: str, address: bytes) -> None:
    said = drive(handshake(SOCKS5, host=host, port=1), b"\x05\x00", b"\x05\x00\x00\x01", bytes(6))

    assert said[1].data == b"\x05\x01\x00" + address + b"\x00\x01"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([b"HT"], "it does not speak SOCKS 5; check its port, and whether it is kind: http"),
        ([b"\x05\xff"], "it wants another authentication; set user and secret of the proxy"),
        ([b"\x05\x02"], "it wants another authentication; set user and secret of the proxy"),
        ([b"\x05\x01"], "it wants another authentication"),
        ([b"\x05\x00", b"\x04\x00\x00\x01"], "its answer is not SOCKS 5"),
        ([b"\x05\x00", b"\x05\x00\x00\x09"], "its answer has an address of unknown type 9"),
        ([b"\x05\x00", b"\x05\x01\x00\x01"], "no connection to h.example:993: general failure"),
        ([b"\x05\x00", b"\x05\x02\x00\x01"], "its rules do not allow this connection"),
        ([b"\x05\x00", b"\x05\x03\x00\x01"], "network cannot be reached"),
        ([b"\x05\x00", b"\x05\x04\x00\x01"], "its name cannot be resolved"),
        ([b"\x05\x00", b"\x05\x05\x00\x01"], "nothing listens at the server's port"),
        ([b"\x05\x00", b"\x05\x06\x00\x01"], "time to live"),
        ([b"\x05\x00", b"\x05\x07\x00\x01"], "does not know CONNECT"),
        ([b"\x05\x00", b"\x05\x08\x00\x01"], "does not know this type of address"),
        ([b"\x05\x00", b"\x05\x99\x00\x01"], "reply 153"),
    ],
)
def test_each_socks5_refusal_is_told(answers: list[bytes], reason: str) -> None:
    told = refusal(handshake(SOCKS5, host="h.example", port=993), *answers)

    assert told.startswith("proxy socks5 proxy.example:1080: ")
    assert reason in told


def test_a_refused_socks5_login_is_told_without_the_secret() -> None:
    proxy = replace(SOCKS5, user="me")

    told = refusal(handshake(proxy, host="h.example", port=993, secret=OPEN_SESAME), b"\x05\x02", b"\x01\x01")

    assert "it refused user and secret" in told
    assert "sesame" not in told


@pytest.mark.parametrize(("length", "is_accepted"), [(1, True), (255, True), (256, False)])
def test_a_socks5_secret_has_at_most_255_bytes(*, length: int, is_accepted: bool) -> None:
    turns = handshake(replace(SOCKS5, user="me"), host="h.example", port=993, secret=Secret("x" * length))
    next(turns)

    if is_accepted:
        assert len(turns.send(b"\x05\x02").data) == 5 + length
    else:
        with pytest.raises(ConnectionFailed, match="1 to 255 bytes"):
            turns.send(b"\x05\x02")


# -- HTTP CONNECT, RFC 9110 section 9.3.6 -------------------------------------------------------------


def test_http_connect_names_the_target_twice() -> None:
    said = drive(handshake(HTTP, host="imap.example.org", port=993), b"HTTP/1.1 200 Connection established\r\n\r\n")

    assert said == [
        Turn(data=b"CONNECT imap.example.org:993 HTTP/1.1\r\nHost: imap.example.org:993\r\n\r\n", wanted_bytes=None)
    ]


def test_http_connect_carries_basic_credentials() -> None:
    # The pair of RFC 7617 section 2.
    proxy = replace(HTTP, user="Aladdin")

    (said,) = drive(
        handshake(proxy, host="imap.example.org", port=993, secret=Secret("open sesame")), b"HTTP/1.0 200 OK\r\n\r\n"
    )

    assert b"\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n" in said.data


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("192.0.2.7", b"192.0.2.7:1"),
        ("2001:db8::1", b"[2001:db8::1]:1"),
        ("bücher.example", b"xn--bcher-kva.example:1"),
    ],
)
def test_http_connect_writes_addresses_as_urls_do(host: str, target: bytes) -> None:
    (said,) = drive(handshake(HTTP, host=host, port=1), b"HTTP/1.1 200\r\n\r\n")

    assert said.data == b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, target)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"\x05\x00\r\n\r\n", "it does not speak HTTP; check its port, and whether it is kind: socks5"),
        (b"* OK IMAP4rev1 ready\r\n\r\n", "it does not speak HTTP"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy Authentication Required; check the proxy's"),
        (b"HTTP/1.1 403 Access violation\r\n\r\n", "403 Access violation; its rules may not allow this port"),
        (b"HTTP/1.1 405 No\r\n\r\n", "405 No; it may be no proxy for CONNECT"),
        (b"HTTP/1.1 502 \x1b[2J\xff\r\n\r\n", "502 ?[2J?"),
        (b"HTTP/1.1 302\r\n\r\n", "no connection to h.example:993: 302"),
    ],
)
def test_each_http_refusal_is_told_without_control_characters(answer: bytes, reason: str) -> None:
    told = refusal(handshake(HTTP, host="h.example", port=993), answer)

    assert told.startswith("proxy http proxy.example:8080: ")
    assert reason in told


def test_a_long_http_refusal_is_cut() -> None:
    told = refusal(handshake(HTTP, host="h.example", port=993), b"HTTP/1.1 500 " + b"x" * 5000 + b"\r\n\r\n")

    assert len(told) < 400


def test_http_takes_no_user_with_a_colon() -> None:
    with pytest.raises(ConnectionFailed, match="no user with a colon"):
        next(handshake(replace(HTTP, user="a:b"), host="h.example", port=993, secret=OPEN_SESAME))


@pytest.mark.parametrize("host", ["", "h\r\nX: y", "a b", "h\0", "h\x7f"])
@pytest.mark.parametrize("proxy", [SOCKS5, HTTP])
def test_a_host_cannot_become_protocol(proxy: ProxySettings, host: str) -> None:
    with pytest.raises(ConnectionFailed, match="is no host name"):
        next(handshake(proxy, host=host, port=993))


@pytest.mark.parametrize("host", ["a" * 64 + ".example", ".".join(["a" * 60] * 5)])
@pytest.mark.parametrize("proxy", [SOCKS5, HTTP])
def test_a_name_that_is_too_long_is_refused(proxy: ProxySettings, host: str) -> None:
    with pytest.raises(ConnectionFailed, match="is no host name"):
        drive(handshake(proxy, host=host, port=993), b"\x05\x00")


# -- over the network ---------------------------------------------------------------------------------


def through(port: int, kind: ProxyKind, **changes: object) -> AccountSettings:
    """An account behind a scripted proxy that listens on ``port``."""
    return settings(143, proxy=ProxySettings(kind=kind, host="127.0.0.1", port=port), **changes)


async def failure_of(account: AccountSettings) -> MailrulesError:
    """The error of a connection that must fail; neither it nor the transcript shows the proxy's secret."""
    transcript = Transcript()
    with pytest.raises(MailrulesError) as failure:
        await connect(account, transcript=transcript)
    shown = "".join(traceback.format_exception(failure.value)) + str(transcript)
    assert PASSWORD not in shown
    assert "cHJveHktdXNlcjpwcm94eS1wYXNz" not in shown
    return failure.value


def says(data: bytes) -> Script:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(data)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return say


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        (ProxyKind.SOCKS5, b"", "it hung up before the server was connected"),
        (ProxyKind.SOCKS5, b"\x05", "it hung up before the server was connected"),
        (ProxyKind.SOCKS5, b"\x05\xff", "it wants another authentication"),
        (ProxyKind.HTTP, b"HTTP/1.1 200 OK\r\n", "it hung up before the server was connected"),
        (ProxyKind.HTTP, b"HTTP/1.1 503 Busy\r\n\r\n", "503 Busy"),
        (ProxyKind.HTTP, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 3000 + b"\r\n", f"over {MOST_HEADER_BYTES:,} bytes"),
        (ProxyKind.HTTP, b"HTTP/1.1 200 OK\r\n" + b"x" * 600_000, f"over {MOST_HEADER_BYTES:,} bytes"),
    ],
)
async def test_a_proxy_that_misbehaves_is_told_with_server_and_proxy(kind: ProxyKind, data: bytes, reason: str) -> None:
    async with scripted_server(says(data)) as port:
        error = await failure_of(through(port, kind))

    assert isinstance(error, ConnectionFailed)
    assert str(error).startswith(f"127.0.0.1:143: proxy {kind} 127.0.0.1:{port}: ")
    assert reason in str(error)


async def test_a_proxy_that_is_not_there_is_told() -> None:
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:143: proxy http 127\.0\.0\.1:1: nothing listens there"):
        await connect(through(1, ProxyKind.HTTP))


@pytest.mark.parametrize("kind", list(ProxyKind))
async def test_a_proxy_that_falls_silent_is_given_up_in_time(kind: ProxyKind) -> None:
    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with scripted_server(say_nothing) as port:
        error = await failure_of(through(port, kind, timeouts=Timeouts(connect_seconds=0.1)))

    assert f"no connection in 0.1 seconds through proxy {kind}" in str(error)


async def test_a_proxy_that_repeats_the_credentials_does_not_reveal_them() -> None:
    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header = await reader.readuntil(b"\r\n\r\n")
        credentials = header.partition(b"Basic ")[2].strip()
        writer.write(b"HTTP/1.1 407 not %b, %b\r\n\r\n" % (credentials, PASSWORD.encode()))

    async with scripted_server(repeat) as port:
        proxy = ProxySettings(kind=ProxyKind.HTTP, host="127.0.0.1", port=port, user=USER, secret=SECRET)
        error = await failure_of(settings(143, proxy=proxy))

    assert "407 not ***, ***" in str(error)


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        (ProxyKind.SOCKS5, [(3, b"\x05\x00"), (10, b"\x05\x00\x00\x01" + bytes(6))]),
        (ProxyKind.HTTP, [(None, b"HTTP/1.1 200 OK\r\n\r\n")]),
    ],
)
async def test_a_greeting_in_the_same_packet_as_the_proxys_answer_is_not_lost(
    kind: ProxyKind, answers: list[tuple[int | None, bytes]]
) -> None:
    async def connect_and_greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        *first, last = answers
        for length, answer in first:
            await reader.readexactly(length or 0)
            writer.write(answer)
        await (reader.readexactly(last[0]) if last[0] else reader.readuntil(b"\r\n\r\n"))
        writer.write(last[1] + b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        await reader.readline()
        writer.write(b"A1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n")
        await reader.read()

    async with scripted_server(connect_and_greet) as port:
        client = await connect(through(port, kind))
        assert "MOVE" in client.capabilities
        await client.close()


async def test_a_localhost_behind_another_machines_proxy_is_not_this_machine() -> None:
    far = ProxySettings(kind=ProxyKind.SOCKS5, host="192.0.2.1", port=1080)

    with pytest.raises(ConnectionFailed, match="without TLS"):
        await connect(settings(143, host="localhost", proxy=far))


# -- real proxies in front of real servers ------------------------------------------------------------


@pytest.fixture(scope="module", params=["microsocks", "tinyproxy"])
def real_proxy(request: pytest.FixtureRequest) -> Iterator[ProxySettings]:
    with microsocks() if request.param == "microsocks" else tinyproxy() as proxy:
        yield proxy


@pytest.mark.parametrize("security", list(Security))
async def test_a_dovecot_is_reached_through_a_real_proxy_in_every_way(
    dovecot: DovecotAccount, real_proxy: ProxySettings, security: Security
) -> None:
    client = await connect(replace(dovecot.settings(security=security), proxy=real_proxy))

    await client.run(Noop())

    assert "MOVE" in client.capabilities
    await client.close()


async def test_a_real_proxy_resolves_the_name(real_proxy: ProxySettings) -> None:
    async with ImapServer() as server:
        account = replace(server.settings(SECRET), host="localhost", proxy=real_proxy)
        client = await connect(replace(account, secret=settings(0).secret))

        await client.run(Noop())
        await client.close()


async def test_a_real_proxy_refuses_a_wrong_secret(real_proxy: ProxySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET.value, "wrong")

    with pytest.raises(
        ConnectionFailed, match=r"it refused user and secret|40[17] .*check the proxy's user and secret"
    ):
        await connect(settings(143, proxy=real_proxy))


async def test_a_real_proxy_tells_that_nothing_listens(real_proxy: ProxySettings) -> None:
    with pytest.raises(ConnectionFailed, match=r"nothing listens at the server's port|no connection to 127\.0\.0\.1:1"):
        await connect(settings(1, proxy=real_proxy))
