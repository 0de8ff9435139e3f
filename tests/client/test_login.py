"""Logging in by each mechanism, over real sockets, to servers that play by the rules and to others."""

from __future__ import annotations

import base64
import hashlib
import ssl
from typing import TYPE_CHECKING

import pytest
import scramp
import trustme

from mailrules.client.connect import connect
from mailrules.client.login_memory import LoginMemory
from mailrules.client.transcript import Transcript
from mailrules.errors import AuthenticationFailed, ConnectionFailed
from mailrules.imap.login_methods import LoginMethod
from mailrules.settings import Security
from tests.client.scripted import (
    PASSWORD,
    authority_file,
    conversing_server,
    scripted_server,
    settings,
)

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from tests.client.scripted import Script

LOGGED_IN = b"$ OK [CAPABILITY IMAP4rev1] welcome\r\n"
FIRST = "r={nonce}server,s=" + base64.b64encode(b"salt").decode() + ",i=4096"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", PASSWORD)


def greeting(mechanisms: str) -> bytes:
    return f"* OK [CAPABILITY IMAP4rev1 SASL-IR {mechanisms}] ready\r\n".encode()


def scram_server(mechanism: str, *, offered: str, certificate: bytes = b"") -> Script:
    """A server that keeps SCRAM secrets and nothing else, bound to its certificate with -PLUS."""
    peer = scramp.ScramMechanism(mechanism)
    binding = ("tls-server-end-point", hashlib.sha256(certificate).digest()) if mechanism.endswith("-PLUS") else None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting(offered))
        tag, verb, name, first = (await reader.readline()).split()
        assert (verb, name) == (b"AUTHENTICATE", mechanism.encode())
        server = peer.make_server(lambda _: peer.make_auth_info(PASSWORD), channel_binding=binding)
        server.set_client_first(base64.b64decode(first).decode())
        writer.write(b"+ " + base64.b64encode(server.get_server_first().encode()) + b"\r\n")
        server.set_client_final(base64.b64decode(await reader.readline()).decode())
        writer.write(b"+ " + base64.b64encode(server.get_server_final().encode()) + b"\r\n")
        assert await reader.readline() == b"\r\n"
        writer.write(LOGGED_IN.replace(b"$", tag))
        await reader.read()

    return serve


async def test_scram_is_chosen_and_the_password_does_not_travel() -> None:
    transcript, memory = Transcript(), LoginMemory()
    script = scram_server("SCRAM-SHA-256", offered="AUTH=PLAIN AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256")
    async with scripted_server(script) as port:
        client = await connect(settings(port), transcript=transcript, memory=memory)
        await client.close()

    assert client.capabilities == {"IMAP4REV1"}
    assert "AUTHENTICATE ***" in str(transcript)


async def test_scram_is_bound_to_the_tls_connection_where_the_server_offers_it(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = authority.issue_cert("127.0.0.1")
    issued.configure_cert(context)
    certificate = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    script = scram_server(
        "SCRAM-SHA-256-PLUS", offered="AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS", certificate=certificate
    )
    async with scripted_server(script, tls=context) as port:
        account = settings(port, security=Security.TLS, ca_file=authority_file(authority, tmp_path))
        client = await connect(account)
        await client.close()


async def test_a_server_that_was_not_asked_for_its_proof_is_not_believed() -> None:
    """OK right after the first message: the server may be anybody's."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting("AUTH=SCRAM-SHA-256"))
        tag = (await reader.readline()).split()[0]
        writer.write(LOGGED_IN.replace(b"$", tag))
        assert await reader.read() == b""  # the client hangs up

    async with scripted_server(serve) as port:
        with pytest.raises(ConnectionFailed, match="has not proved that it knows the password"):
            await connect(settings(port))


async def test_a_server_with_a_false_proof_is_left() -> None:
    lines: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting("AUTH=SCRAM-SHA-256"))
        tag, _, _, first = (await reader.readline()).split()
        nonce = base64.b64decode(first).decode().partition(",r=")[2]
        writer.write(b"+ " + base64.b64encode(FIRST.format(nonce=nonce).encode()) + b"\r\n")
        await reader.readline()
        writer.write(b"+ " + base64.b64encode(b"v=" + base64.b64encode(b"false")) + b"\r\n")
        lines.append(await reader.readline())
        writer.write(tag + b" BAD cancelled\r\n")
        await reader.read()

    async with scripted_server(serve) as port:
        with pytest.raises(AuthenticationFailed, match=r"the server does not know the password"):
            await connect(settings(port))

    assert lines == [b"*\r\n"]


async def test_a_server_that_offered_scram_is_not_told_the_password_later() -> None:
    memory = LoginMemory()
    memory.remember(LoginMethod.SCRAM_SHA_256, place="127.0.0.1:0", user="alice")
    async with scripted_server(scram_server("SCRAM-SHA-256", offered="AUTH=SCRAM-SHA-256")) as port:
        client = await connect(settings(port), memory=memory)
        await client.close()
        place = f"127.0.0.1:{port}"
    with pytest.raises(AuthenticationFailed, match="offered scram-sha-256 before and now no more than plain"):
        memory.require_as_strong(LoginMethod.PLAIN, place=place, user="alice")

    memory.require_as_strong(LoginMethod.PLAIN, place=place, user="bob")
    memory.require_as_strong(LoginMethod.SCRAM_SHA_1, place=place, user="alice")


@pytest.mark.parametrize("seen", [LoginMethod.SCRAM_SHA_1, LoginMethod.OAUTHBEARER, LoginMethod.XOAUTH2])
async def test_a_weaker_login_than_the_one_before_is_refused_before_anything_is_sent(seen: LoginMethod) -> None:
    memory = LoginMemory()
    async with conversing_server(greeting("AUTH=PLAIN")) as port:
        memory.remember(seen, place=f"127.0.0.1:{port}", user="alice")

        with pytest.raises(AuthenticationFailed, match=f"offered {seen} before .* set mechanism: plain"):
            await connect(settings(port), memory=memory)


async def test_what_the_settings_name_is_used_whatever_was_before() -> None:
    memory = LoginMemory()
    response = base64.b64encode(f"\0alice\0{PASSWORD}".encode())
    async with conversing_server(greeting("AUTH=PLAIN"), (b"AUTHENTICATE PLAIN " + response, LOGGED_IN)) as port:
        memory.remember(LoginMethod.SCRAM_SHA_256, place=f"127.0.0.1:{port}", user="alice")
        client = await connect(settings(port, mechanism="plain"), memory=memory)
        await client.close()


async def test_a_refused_scram_is_not_followed_by_plain() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting("AUTH=SCRAM-SHA-256 AUTH=PLAIN"))
        tag = (await reader.readline()).split()[0]
        writer.write(tag + b" NO [AUTHENTICATIONFAILED] no such secret\r\n")
        assert await reader.read() == b""

    async with scripted_server(serve) as port:
        with pytest.raises(AuthenticationFailed, match="no such secret"):
            await connect(settings(port))


async def test_external_sends_the_user_and_no_secret() -> None:
    turn = (b"AUTHENTICATE EXTERNAL " + base64.b64encode(b"alice"), LOGGED_IN)
    async with conversing_server(greeting("AUTH=EXTERNAL LOGINDISABLED"), turn) as port:
        client = await connect(settings(port, mechanism="external", secret=None))
        await client.close()


async def test_login_and_cram_md5_wait_for_the_server_even_with_sasl_ir() -> None:
    questions = (
        (b"AUTHENTICATE LOGIN", b"+ VXNlcm5hbWU6\r\n"),
        (base64.b64encode(b"alice"), b"+ UGFzc3dvcmQ6\r\n"),
        (base64.b64encode(PASSWORD.encode()), b"A1 OK [CAPABILITY IMAP4rev1] in\r\n"),
    )
    async with conversing_server(greeting("AUTH=LOGIN"), *questions) as port:
        client = await connect(settings(port, mechanism="sasl-login"))
        await client.close()


async def test_oauthbearer_explains_a_refusal() -> None:
    challenge = base64.b64encode(b'{"status":"invalid_token","scope":"example_scope"}')

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting("AUTH=OAUTHBEARER"))
        tag, _, _, first = (await reader.readline()).split()
        assert base64.b64decode(first).startswith(b"n,a=alice,\x01host=127.0.0.1\x01port=")
        writer.write(b"+ " + challenge + b"\r\n")
        assert await reader.readline() == b"AQ==\r\n"
        writer.write(tag + b" NO SASL authentication failed\r\n")
        await reader.read()

    async with scripted_server(serve) as port:
        with pytest.raises(AuthenticationFailed, match="not accepted or has expired; it needs the scope example_scope"):
            await connect(settings(port, mechanism="oauthbearer"))


async def test_a_password_that_scram_cannot_carry_is_told_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", "bell\x07bell")
    async with conversing_server(greeting("AUTH=SCRAM-SHA-256")) as port:
        with pytest.raises(AuthenticationFailed, match="RFC 4013") as failure:
            await connect(settings(port))

    assert "bell" not in str(failure.value)


async def test_a_mechanism_without_a_secret_is_refused() -> None:
    async with conversing_server(greeting("AUTH=PLAIN")) as port:
        with pytest.raises(AuthenticationFailed, match="has no secret"):
            await connect(settings(port, secret=None, mechanism="plain"))
