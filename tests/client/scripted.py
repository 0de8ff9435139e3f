"""Small TCP servers that say what a test lays down, with TLS where it says so."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.settings import AccountSettings, SecretReference, Security, Timeouts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    import trustme

    Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PASSWORD = 'tr0ub4dor&3 \\"'
"""Needs quoting, so that an escaped form would be noticed too."""


@asynccontextmanager
async def scripted_server(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run ``script`` for each connection to the port given back; errors of a hung-up client are its end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """A TLS server's context with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def settings(port: int, **changes: object) -> AccountSettings:
    """An account on loopback whose secret is in the variable MAILRULES_TEST_SECRET."""
    account = AccountSettings(
        name="test",
        user="alice",
        secret=SecretReference(kind="env", value="MAILRULES_TEST_SECRET"),
        host="127.0.0.1",
        port=port,
        security=Security.NONE,
        timeouts=Timeouts(
            connect_seconds=60, tls_seconds=60, greeting_seconds=60, login_seconds=60, command_seconds=60
        ),
    )
    return replace(account, **changes)  # type: ignore[arg-type]  # each test names fields that exist


def authority_file(authority: trustme.CA, folder: Path) -> str:
    """The authority's certificate as a PEM file."""
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def conversation(greeting: bytes, *turns: tuple[bytes, bytes]) -> Script:
    """A server that greets and then, turn by turn, reads one line and answers it.

    Each turn is what the line must hold after its tag, and the answer, in which ``$`` stands for
    the tag. After the last turn it waits for the client to hang up. A line that differs ends the connection.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        for expected, answer in turns:
            line = (await reader.readline()).removesuffix(b"\r\n")
            tag, _, rest = line.partition(b" ")
            if expected not in (line, rest):
                writer.write(b"* BYE the test expected %r and got %r\r\n" % (expected, line))
                return
            writer.write(answer.replace(b"$", tag))
        await reader.read()

    return serve


@asynccontextmanager
async def conversing_server(
    greeting: bytes, *turns: tuple[bytes, bytes], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """``scripted_server`` with a ``conversation``."""
    async with scripted_server(conversation(greeting, *turns), tls=tls) as port:
        yield port
