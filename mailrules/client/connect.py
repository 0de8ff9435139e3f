"""How does an account become a connection that is logged in, safely and in few round trips?"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from mailrules.client import credentials
from mailrules.client.async_client import AsyncClient
from mailrules.client.deadline import Deadline
from mailrules.client.login import log_in
from mailrules.client.redaction import spellings_of, without
from mailrules.client.stream import open_stream, place_of
from mailrules.errors import (
    CommandRefused,
    ConnectionFailed,
    ConnectionLost,
    MissingCapability,
    RemoteProtocolError,
)
from mailrules.imap.quirks import wants_id_first
from mailrules.imap.responses import Status
from mailrules.imap.session_commands import Capability, Id, StartTls
from mailrules.secret import Secret
from mailrules.settings import SecretReference, Security, stays_here

if TYPE_CHECKING:
    from mailrules.client.login_memory import LoginMemory
    from mailrules.client.stream import NetworkStream
    from mailrules.client.transcript import Transcript
    from mailrules.settings import AccountSettings

SecretResolver: TypeAlias = Callable[[SecretReference], Awaitable[Secret]]


async def connect(
    account: AccountSettings,
    *,
    resolve_secret: SecretResolver = credentials.resolve,
    transcript: Transcript | None = None,
    memory: LoginMemory | None = None,
) -> AsyncClient:
    """A client that is logged in, its capabilities known; the caller closes it.

    On most servers this takes one round trip, the login; COMPRESS goes behind the first commands. With ``memory``, a
    login that would be weaker than one before it, to the same place, is refused. Raises SecretError, ConnectionFailed,
    and AuthenticationFailed where the server refuses the credentials or none may be sent.
    """
    if account.client_certificate:
        credentials.require_private_key(account.client_certificate)
    # Before anything else: a password manager may need a minute, and servers hang up on silent clients.
    secret = await resolve_secret(account.secret) if account.secret else None
    hidden = spellings_of(secret, user=account.user) if secret else ()
    if transcript:
        transcript.begin()
        transcript.hide(hidden)
    stream = await _open_stream(account, resolve_secret, transcript)
    client = AsyncClient(
        stream,
        command_seconds=account.timeouts.command_seconds,
        idle_renew_seconds=account.timeouts.idle_renew_seconds,
        observer=transcript,
        place=place_of(account),
    )
    try:
        await _get_ready(client, account, secret, stream=stream, hidden=hidden, memory=memory)
    except BaseException:
        await client.close()
        raise
    return client


async def _open_stream(
    account: AccountSettings, resolve_secret: SecretResolver, transcript: Transcript | None
) -> NetworkStream:
    """The stream, through the proxy where there is one, whose words may repeat its secret but no error does."""
    proxy = account.proxy
    if proxy is None or proxy.secret is None:
        return await open_stream(account)
    secret = await resolve_secret(proxy.secret)
    hidden = spellings_of(secret, user=proxy.user)
    if transcript:
        transcript.hide(hidden)
    try:
        return await open_stream(account, proxy_secret=secret)
    except ConnectionFailed as error:
        raise ConnectionFailed(without(hidden, str(error))) from None


async def _get_ready(
    client: AsyncClient,
    account: AccountSettings,
    secret: Secret | None,
    *,
    stream: NetworkStream,
    hidden: tuple[str, ...],
    memory: LoginMemory | None,
) -> None:
    is_known = await _greet(client, account)
    place, phase = place_of(account), "login"
    try:
        async with Deadline(account.timeouts.login_seconds):
            if account.security is Security.STARTTLS and not account.tunnel:
                phase = "STARTTLS"
                await _start_tls(client, place, is_known=is_known)
                phase = "login"
            await _learn_capabilities(client)
            if is_known:
                _accept_preauth(account)
            else:
                await _introduce_to_the_strict(client)
                certificate = stream.server_certificate
                await log_in(
                    client, account, secret, place=place, hidden=hidden, certificate=certificate, memory=memory
                )
                await _learn_capabilities(client)
                await _introduce_to_the_strict(client)
            if _is_worth_compressing(account) and "COMPRESS=DEFLATE" in client.capabilities:
                client.compress_soon()
    except TimeoutError:
        seconds = account.timeouts.login_seconds
        raise ConnectionFailed(f"{place}: {phase}: not done in {seconds:g} seconds") from None
    except (CommandRefused, ConnectionLost, MissingCapability, RemoteProtocolError) as error:
        # No cause: the server's words may repeat the secret.
        told = without(hidden, str(error)).removeprefix(f"{place}: ")
        raise ConnectionFailed(f"{place}: {phase}: {told}") from None


async def _greet(client: AsyncClient, account: AccountSettings) -> bool:
    """Wait for the greeting; whether the server knows us already (PREAUTH)."""
    place, seconds = place_of(account), account.timeouts.greeting_seconds
    try:
        # The deadline stands here and not in the client, so that its passing can be told with a cure.
        async with Deadline(seconds):
            greeting = await client.start(greeting_seconds=2 * seconds)
    except TimeoutError:
        cure = "" if account.security is Security.TLS else "; is this a TLS port (usual 993)? Then set security: tls"
        raise ConnectionFailed(f"{place}: greeting: the server said nothing in {seconds:g} seconds{cure}") from None
    except (ConnectionLost, RemoteProtocolError) as error:
        raise ConnectionFailed(f"{place}: greeting: {str(error).removeprefix(f'{place}: ')}") from error
    return greeting.status is Status.PREAUTH


async def _start_tls(client: AsyncClient, place: str, *, is_known: bool) -> None:
    """Protect the connection, or give it up; no server and nobody on the way can talk us out of it."""
    if is_known:
        raise ConnectionFailed(
            f"{place}: STARTTLS: the server starts with PREAUTH, which leaves no way to TLS; set security: tls"
        )
    await _learn_capabilities(client)
    if "STARTTLS" not in client.capabilities:
        raise ConnectionFailed(
            f"{place}: STARTTLS: the server does not offer it, or somebody on the way took the offer out; "
            "set security: tls, with the TLS port (usual 993)"
        )
    await client.run(StartTls())


def _accept_preauth(account: AccountSettings) -> None:
    if account.security is Security.NONE and not account.tunnel:
        raise ConnectionFailed(
            f"{place_of(account)}: greeting: PREAUTH without TLS is refused, since anybody could be the server"
        )


async def _introduce_to_the_strict(client: AsyncClient) -> None:
    """Say by ID who we are, before the login and after it, to servers that open no mailbox otherwise."""
    if wants_id_first(client.greeting) and "ID" in client.capabilities:
        with contextlib.suppress(CommandRefused):
            await client.run(Id((("name", "mailrules"),)))


async def _learn_capabilities(client: AsyncClient) -> None:
    """Ask only if the greeting, or the reply to the login, did not tell them."""
    if not client.capabilities_are_current:
        await client.run(Capability())


def _is_worth_compressing(account: AccountSettings) -> bool:
    """On one machine, compression only costs both sides processor time."""
    if account.compress is not None:
        return account.compress
    return bool(account.tunnel) or not stays_here(account.host, account.proxy)
