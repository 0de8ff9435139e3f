"""How a connection to an SMTP server is protected, and that a password goes nowhere unprotected."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from mailrules.settings import SecretReference, Security
from tests.client.scripted import scripted_server
from tests.outbox.mail_sink import DROP, MailSink, mail_sink
from tests.outbox.world import forward

if TYPE_CHECKING:
    from pathlib import Path

    from tests.outbox.world import World

PASSWORD = "planted-password"


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def login(world: World, sink: MailSink, folder: Path, authority: trustme.CA) -> None:
    secret, ca_file = folder / "password", folder / "ca.pem"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    authority.cert_pem.write_to_path(str(ca_file))
    world.mail_goes_to(
        sink,
        security=Security.STARTTLS,
        user="me",
        secret=SecretReference(kind="file", value=str(secret)),
        ca_file=str(ca_file),
    )


async def test_mail_is_handed_in_after_starttls_and_login(
    world: World, tmp_path: Path, authority: trustme.CA, context: ssl.SSLContext
) -> None:
    world.deliver()
    async with mail_sink(MailSink(tls=context, users={"me": PASSWORD})) as sink:
        login(world, sink, tmp_path, authority)

        await world.run(forward())

    assert (await world.states(), len(sink.taken), sink.logins) == (["applied"], 1, [("me", PASSWORD)])


@pytest.mark.parametrize(
    ("point", "reply"),
    [
        ("starttls", DROP),
        ("starttls", "454 4.7.0 not now"),
        ("auth", DROP),
        ("auth", "535 5.7.8 no"),
        ("auth", "454 4.7.0 later"),
    ],
)
async def test_what_fails_before_the_envelope_waits_and_shows_no_password(
    world: World, tmp_path: Path, authority: trustme.CA, context: ssl.SSLContext, point: str, reply: str
) -> None:
    world.deliver()
    async with mail_sink(MailSink(tls=context, users={"me": PASSWORD}, failing={point: reply})) as sink:
        login(world, sink, tmp_path, authority)

        report = await world.run(forward())

    assert (await world.states(), sink.taken) == (["waiting"], [])
    assert PASSWORD not in f"{report} {await world.details()}"
    (waiting,) = await world.waiting()
    wanted = 900.0 if reply.startswith("535") else 60.0
    assert (waiting.due - world.clock).total_seconds() == wanted


async def test_where_starttls_is_not_offered_nothing_is_said_in_the_clear(
    world: World, tmp_path: Path, authority: trustme.CA
) -> None:
    world.deliver()
    async with mail_sink(MailSink()) as sink:
        login(world, sink, tmp_path, authority)

        await world.run(forward())

    assert (await world.states(), sink.taken) == (["waiting"], [])
    assert not [command for command in sink.commands if command.startswith(("auth", "mail"))]


async def test_a_secret_that_cannot_be_read_is_told_and_nothing_is_sent(
    world: World, tmp_path: Path, authority: trustme.CA
) -> None:
    world.deliver()
    async with mail_sink(MailSink()) as sink:
        login(world, sink, tmp_path, authority)
        (tmp_path / "password").unlink()

        await world.run(forward())

    assert (await world.states(), sink.commands) == (["waiting"], [])
    assert "password" in (await world.details())[0]


@pytest.mark.parametrize(
    ("pieces", "is_tampered_with"),
    [
        ([b"220 go ahead\r\n250-evil.example\r\n250 AUTH PLAIN\r\n"], True),
        ([b"220-go\r\n220 ahead\r\n2"], True),
        ([b"220 go a", b"head\r\n250 AUTH PLAIN\r\n"], True),
        ([b"220-go\r\n220 ahead\r\n"], False),
        ([b"220 go a", b"head\r\n"], False),
    ],
)
async def test_what_comes_in_the_clear_behind_the_leave_for_tls_ends_the_connection(
    world: World,
    tmp_path: Path,
    authority: trustme.CA,
    context: ssl.SSLContext,
    pieces: list[bytes],
    *,
    is_tampered_with: bool,
) -> None:
    """Somebody on the way adds words to the server's 220, to have them taken for what it said under TLS."""
    world.deliver()
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org\r\n")
        while line := await reader.readline():
            heard.append(line.split()[0])
            if line.startswith(b"EHLO"):
                writer.write(b"250-mail.example.org\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n")
            elif line.startswith(b"STARTTLS"):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                await writer.start_tls(context)
            else:
                writer.write(b"502 no\r\n")

    async with scripted_server(serve) as port:
        sink = MailSink()
        sink.port = port
        login(world, sink, tmp_path, authority)
        await world.run(forward())

    assert await world.states() == ["waiting"]
    assert ("somebody on the way" in " ".join(await world.details())) is is_tampered_with
    assert (b"AUTH" in heard) is not is_tampered_with
