"""Logging in: safely, in few round trips, and with errors that say what to do and show no secret."""

from __future__ import annotations

import base64
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trustme

from mailrules.client.connect import connect
from mailrules.client.transcript import Transcript
from mailrules.errors import AuthenticationFailed, ConnectionFailed, MailrulesError, SecretError
from mailrules.imap.session_commands import Capability, Noop
from mailrules.settings import AccountSettings, SecretReference, Security, Timeouts
from tests.client.scripted import (
    PASSWORD,
    authority_file,
    conversing_server,
    scripted_server,
    server_context,
    settings,
)

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from tests.servers.dovecot import DovecotAccount

GREETING = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN STARTTLS] ready\r\n"
BARE_GREETING = b"* OK ready\r\n"
RESPONSE = base64.b64encode(f"\0alice\0{PASSWORD}".encode())
PLAIN = b"AUTHENTICATE PLAIN " + RESPONSE
LOGIN = b'LOGIN alice "%b"' % PASSWORD.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
LOGGED_IN = b"$ OK [CAPABILITY IMAP4rev1 IDLE] welcome\r\n"
SHORT = Timeouts(greeting_seconds=0.2, login_seconds=0.2, command_seconds=0.2)


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", PASSWORD)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def capabilities_after_login(account: AccountSettings) -> frozenset[str]:
    client = await connect(account)
    await client.close()
    return client.capabilities


async def refusal_of(account: AccountSettings) -> MailrulesError:
    """The error of a login that must fail; nothing of it, and no transcript, may show the password."""
    transcript = Transcript()
    with pytest.raises(MailrulesError) as failure:
        await connect(account, transcript=transcript)
    shown = "".join(traceback.format_exception(failure.value)) + str(transcript) + repr(failure.value)
    for secret in (PASSWORD, RESPONSE.decode(), LOGIN.decode().removeprefix("LOGIN alice ")):
        assert secret not in shown
    return failure.value


async def test_a_server_that_tells_its_capabilities_by_itself_is_logged_into_in_one_turn() -> None:
    async with conversing_server(GREETING, (PLAIN, LOGGED_IN)) as port:
        client = await connect(settings(port))

    assert client.capabilities == {"IMAP4REV1", "IDLE"}
    assert client.counters.turns == 1
    await client.close()


async def test_capabilities_are_asked_for_where_they_are_not_told() -> None:
    async with conversing_server(
        BARE_GREETING,
        (b"CAPABILITY", b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n$ OK\r\n"),
        (PLAIN, b"$ OK welcome\r\n"),
        (b"CAPABILITY", b"* CAPABILITY IMAP4rev1 MOVE\r\n$ OK\r\n"),
    ) as port:
        assert await capabilities_after_login(settings(port)) == {"IMAP4REV1", "MOVE"}


async def test_capabilities_told_untagged_before_the_ok_count() -> None:
    async with conversing_server(
        GREETING, (PLAIN, b"* CAPABILITY IMAP4rev1 X-GM-EXT-1\r\n$ OK alice authenticated\r\n")
    ) as port:
        assert await capabilities_after_login(settings(port)) == {"IMAP4REV1", "X-GM-EXT-1"}


async def test_without_sasl_ir_the_response_waits_for_the_server() -> None:
    async with conversing_server(
        b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n",
        (b"AUTHENTICATE PLAIN", b"+ \r\n"),
        (RESPONSE, b"A1 OK [CAPABILITY IMAP4rev1] welcome\r\n"),
    ) as port:
        assert await capabilities_after_login(settings(port)) == {"IMAP4REV1"}


async def test_login_is_used_where_plain_is_not_offered() -> None:
    async with conversing_server(b"* OK [CAPABILITY IMAP4rev1] ready\r\n", (LOGIN, LOGGED_IN)) as port:
        assert "IDLE" in await capabilities_after_login(settings(port))


async def test_the_settings_may_ask_for_login() -> None:
    async with conversing_server(GREETING, (LOGIN, LOGGED_IN)) as port:
        assert "IDLE" in await capabilities_after_login(settings(port, mechanism="login"))


async def test_xoauth2_sends_the_token_and_explains_the_refusal() -> None:
    token = base64.b64encode(f"user=alice\1auth=Bearer {PASSWORD}\1\1".encode())
    challenge = base64.b64encode(b'{"status":"401","schemes":"bearer","scope":"https://mail.example.org/"}')
    async with conversing_server(
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready\r\n",
        (b"AUTHENTICATE XOAUTH2 " + token, b"+ " + challenge + b"\r\n"),
        (b"", b"A1 NO [AUTHENTICATIONFAILED] Invalid credentials\r\n"),
    ) as port:
        error = await refusal_of(settings(port, mechanism="xoauth2"))

    assert isinstance(error, AuthenticationFailed)
    assert "the token is not accepted or has expired; it needs the scope https://mail.example.org/" in str(error)


async def test_a_wrong_password_is_an_authentication_failure() -> None:
    async with conversing_server(GREETING, (PLAIN, b"$ NO [AUTHENTICATIONFAILED] Authentication failed.\r\n")) as port:
        error = await refusal_of(settings(port))

    assert isinstance(error, AuthenticationFailed)
    assert str(error).startswith(f"127.0.0.1:{port}: login of alice: ")
    assert "check user and secret" in str(error)


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INUSE", "LIMIT"])
async def test_a_server_in_trouble_is_no_authentication_failure(code: str) -> None:
    async with conversing_server(GREETING, (PLAIN, b"$ NO [%b] later\r\n" % code.encode())) as port:
        error = await refusal_of(settings(port))

    assert isinstance(error, ConnectionFailed)
    assert "try again later" in str(error)


@pytest.mark.parametrize("status", [b"NO", b"BAD"])
async def test_a_server_that_repeats_the_password_does_not_make_us_show_it(status: bytes) -> None:
    async with conversing_server(
        b"* OK [CAPABILITY IMAP4rev1] ready\r\n", (LOGIN, b"$ %b cannot do " % status + LOGIN + b"\r\n")
    ) as port:
        error = await refusal_of(settings(port))

    assert isinstance(error, AuthenticationFailed)


async def test_a_server_that_hangs_up_during_the_login_is_a_failed_connection() -> None:
    async with conversing_server(GREETING, (PLAIN, b"* BYE going down\r\n")) as port:
        error = await refusal_of(settings(port))

    assert isinstance(error, ConnectionFailed)
    assert "login: the server said BYE: going down" in str(error)


async def test_a_login_without_reply_ends_in_time() -> None:
    async with conversing_server(GREETING, (PLAIN, b"")) as port:
        error = await refusal_of(settings(port, timeouts=SHORT))

    assert isinstance(error, ConnectionFailed)


async def test_logindisabled_is_obeyed() -> None:
    async with conversing_server(b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED STARTTLS] ready\r\n") as port:
        error = await refusal_of(settings(port))

    assert isinstance(error, AuthenticationFailed)
    assert "LOGINDISABLED" in str(error)
    assert "set security: tls or starttls" in str(error)


async def test_a_mechanism_that_is_not_offered_is_told_with_what_is() -> None:
    async with conversing_server(GREETING) as port:
        error = await refusal_of(settings(port, mechanism="xoauth2"))

    assert isinstance(error, AuthenticationFailed)
    assert "does not offer XOAUTH2 here; it offers AUTH=PLAIN" in str(error)


async def test_an_account_without_secret_cannot_log_in() -> None:
    async with conversing_server(GREETING) as port:
        error = await refusal_of(settings(port, secret=None))

    assert isinstance(error, AuthenticationFailed)
    assert "the account has no secret" in str(error)


async def test_a_secret_that_cannot_be_read_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILRULES_TEST_SECRET")

    assert isinstance(await refusal_of(settings(1)), SecretError)


async def test_preauth_without_tls_is_refused() -> None:
    async with conversing_server(b"* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n") as port:
        error = await refusal_of(settings(port))

    assert isinstance(error, ConnectionFailed)
    assert "PREAUTH without TLS is refused" in str(error)


async def test_preauth_over_tls_needs_no_login(authority: trustme.CA, tmp_path: Path) -> None:
    async with conversing_server(
        b"* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n", tls=server_context(authority, "127.0.0.1")
    ) as port:
        account = settings(port, security=Security.TLS, ca_file=authority_file(authority, tmp_path), secret=None)
        assert await capabilities_after_login(account) == {"IMAP4REV1"}


async def test_preauth_through_a_tunnel_needs_no_login() -> None:
    shell = "printf '* PREAUTH [CAPABILITY IMAP4rev1] welcome\\r\\n'; cat >/dev/null"
    account = settings(0, tunnel=("sh", "-c", shell), secret=None)

    assert await capabilities_after_login(account) == {"IMAP4REV1"}


async def test_starttls_forgets_what_was_told_before_it(authority: trustme.CA, tmp_path: Path) -> None:
    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n")
        assert await reader.readline() == b"A1 STARTTLS\r\n"
        writer.write(b"A1 OK go\r\n")
        await writer.start_tls(server_context(authority, "127.0.0.1"))
        assert await reader.readline() == b"A2 CAPABILITY\r\n"
        writer.write(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\nA2 OK\r\n")
        assert await reader.readline() == b"A3 " + PLAIN + b"\r\n"
        writer.write(b"A3 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n")
        await reader.read()

    async with scripted_server(upgrade) as port:
        account = settings(port, security=Security.STARTTLS, ca_file=authority_file(authority, tmp_path))
        assert await capabilities_after_login(account) == {"IMAP4REV1", "MOVE"}


async def test_starttls_is_demanded_even_if_the_offer_has_vanished() -> None:
    async with conversing_server(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n") as port:
        error = await refusal_of(settings(port, security=Security.STARTTLS))

    assert isinstance(error, ConnectionFailed)
    assert "STARTTLS: the server does not offer it" in str(error)


async def test_starttls_after_preauth_is_refused() -> None:
    async with conversing_server(b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome\r\n") as port:
        error = await refusal_of(settings(port, security=Security.STARTTLS))

    assert isinstance(error, ConnectionFailed)
    assert "PREAUTH, which leaves no way to TLS" in str(error)


async def test_a_refused_starttls_ends_the_connection() -> None:
    async with conversing_server(GREETING, (b"STARTTLS", b"$ NO not now\r\n")) as port:
        error = await refusal_of(settings(port, security=Security.STARTTLS))

    assert isinstance(error, ConnectionFailed)


async def test_bytes_behind_starttls_ok_are_refused() -> None:
    async with conversing_server(GREETING, (b"STARTTLS", b"$ OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")) as port:
        error = await refusal_of(settings(port, security=Security.STARTTLS))

    assert isinstance(error, ConnectionFailed)
    assert "came without TLS" in str(error)


async def test_a_certificate_that_is_not_verified_ends_starttls(authority: trustme.CA) -> None:
    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.readline()
        writer.write(b"A1 OK go\r\n")
        await writer.start_tls(server_context(authority, "127.0.0.1"))

    async with scripted_server(upgrade) as port:
        error = await refusal_of(settings(port, security=Security.STARTTLS))

    assert isinstance(error, ConnectionFailed)
    assert "the certificate is not verified for 127.0.0.1" in str(error)
    assert str(error).count(f"127.0.0.1:{port}") == 1


async def test_a_silent_plain_server_may_be_a_tls_port() -> None:
    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with scripted_server(say_nothing) as port:
        error = await refusal_of(settings(port, timeouts=SHORT))

    assert isinstance(error, ConnectionFailed)
    assert "greeting: the server said nothing in 0.2 seconds; is this a TLS port" in str(error)


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (b"* BYE [UNAVAILABLE] overloaded\r\n", "refused the connection: overloaded"),
        (b"220 mail.example.org ESMTP\r\n", "greeting: "),
        (b"\x15\x03\x01\x00\x02\x02\x46", "greeting: "),
    ],
)
async def test_a_server_that_does_not_greet_is_a_failed_connection(greeting: bytes, reason: str) -> None:
    async def greet_and_go(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)

    async with scripted_server(greet_and_go) as port:
        error = await refusal_of(settings(port))

    assert isinstance(error, ConnectionFailed)
    assert reason in str(error)


async def test_a_refused_compress_leaves_the_connection_as_it_is() -> None:
    logged_in = b"$ OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in\r\n"
    async with conversing_server(
        GREETING,
        (PLAIN, logged_in),
        (b"NOOP", b"$ OK\r\n"),
        (b"COMPRESS DEFLATE", b"$ NO [COMPRESSIONACTIVE] TLS does it\r\n"),
        (b"NOOP", b"$ OK\r\n"),
    ) as port:
        client = await connect(settings(port, compress=True))
        await client.run(Noop())
        await client.run(Noop())
        await client.close()

    assert (client.counters.turns, client.counters.commands) == (3, 4)


async def test_compression_is_not_used_where_the_settings_say_so() -> None:
    logged_in = b"$ OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in\r\n"
    async with conversing_server(GREETING, (PLAIN, logged_in)) as port:
        assert "COMPRESS=DEFLATE" in await capabilities_after_login(settings(port, compress=False))


async def test_the_transcript_of_a_login_shows_everything_but_the_secret() -> None:
    transcript = Transcript()
    async with conversing_server(
        b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n",
        (b"AUTHENTICATE PLAIN", b"+ \r\n"),
        (RESPONSE, b"A1 OK [CAPABILITY IMAP4rev1] welcome\r\n"),
    ) as port:
        client = await connect(settings(port), transcript=transcript)
        await client.close()

    assert str(transcript).splitlines() == [
        "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready",
        "C: A1 AUTHENTICATE ***",
        "S: + ",
        "C: ***",
        "S: A1 OK [CAPABILITY IMAP4rev1] welcome",
    ]


@pytest.mark.parametrize("security", list(Security))
async def test_a_real_dovecot_is_logged_into_in_every_way(dovecot: DovecotAccount, security: Security) -> None:
    transcript = Transcript()

    account = replace(dovecot.settings(security=security), compress=True)
    client = await connect(account, transcript=transcript)

    assert "MOVE" in client.capabilities
    assert await client.run(Capability()) == client.capabilities
    assert any(line.text.endswith(b"COMPRESS DEFLATE") for line in transcript.lines)
    await client.close()


async def test_a_connection_within_this_machine_is_not_compressed(dovecot: DovecotAccount) -> None:
    transcript = Transcript()

    client = await connect(dovecot.settings(), transcript=transcript)

    assert not any(line.text.endswith(b"COMPRESS DEFLATE") for line in transcript.lines)
    await client.close()


async def test_a_real_dovecot_refuses_a_wrong_password(dovecot: DovecotAccount) -> None:
    account = replace(dovecot.settings(), secret=SecretReference(kind="env", value="MAILRULES_TEST_SECRET"))

    assert isinstance(await refusal_of(account), AuthenticationFailed)
