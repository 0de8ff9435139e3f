"""How does an account become a connection for code that blocks, logged in as safely as the asyncio client's is?"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

from mailrules.client import connect as asyncio_connect
from mailrules.client import credentials
from mailrules.client.blocking_client import BlockingClient
from mailrules.client.blocking_stream import open_blocking_stream
from mailrules.client.redaction import spellings_of, without
from mailrules.client.stream import NetworkStream, place_of
from mailrules.errors import CommandRefused, ConnectionFailed, ConnectionLost, LocalProtocolError
from mailrules.imap.session_commands import Compress

if TYPE_CHECKING:
    from mailrules.client.async_client import AsyncClient
    from mailrules.client.blocking_client import R
    from mailrules.client.connect import SecretResolver
    from mailrules.client.login_memory import LoginMemory
    from mailrules.client.transcript import Transcript
    from mailrules.imap.command import Command
    from mailrules.imap.responses import StatusResponse
    from mailrules.settings import AccountSettings


def connect_blocking(
    account: AccountSettings,
    *,
    resolve_secret: SecretResolver = credentials.resolve,
    transcript: Transcript | None = None,
    memory: LoginMemory | None = None,
) -> BlockingClient:
    """A client that is logged in, its capabilities known; the caller closes it.

    The arguments and the errors are those of ``connect``. Not for a thread that runs an event loop, which it
    would stop: raises LocalProtocolError there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_connect(account, resolve_secret, transcript, memory))
    raise LocalProtocolError("connect_blocking would stop the event loop of this thread: use connect")


async def _connect(
    account: AccountSettings,
    resolve_secret: SecretResolver,
    transcript: Transcript | None,
    memory: LoginMemory | None,
) -> BlockingClient:
    """The steps of the login are the asyncio client's own; each of them blocks until it is done."""
    if account.client_certificate:
        credentials.require_private_key(account.client_certificate)
    secret = await resolve_secret(account.secret) if account.secret else None
    hidden = spellings_of(secret, user=account.user) if secret else ()
    proxy = account.proxy
    proxy_secret = await resolve_secret(proxy.secret) if proxy and proxy.secret else None
    proxy_hidden = spellings_of(proxy_secret, user=proxy.user) if proxy and proxy_secret else ()
    if transcript:
        transcript.hide((*hidden, *proxy_hidden))
    try:
        stream = open_blocking_stream(account, proxy_secret=proxy_secret)
    except ConnectionFailed as error:
        if not proxy_hidden:
            raise
        raise ConnectionFailed(without(proxy_hidden, str(error))) from None
    client = BlockingClient(
        stream,
        command_seconds=account.timeouts.command_seconds,
        idle_renew_seconds=account.timeouts.idle_renew_seconds,
        observer=transcript,
        place=place_of(account),
    )
    login = cast("AsyncClient", _Login(client, account))  # what the steps use of it
    served = cast("NetworkStream", stream)  # of which they ask for the certificate only
    try:
        await asyncio_connect._get_ready(login, account, secret, stream=served, hidden=hidden, memory=memory)  # noqa: SLF001 - the asyncio client's own steps, which have no other name
    except BaseException:
        client.close()
        raise
    return client


class _Login:
    """What the steps of a login use of a client. Nothing here waits by the event loop, so they never do either."""

    def __init__(self, client: BlockingClient, account: AccountSettings) -> None:
        self._client, self._seconds = client, account.timeouts

    @property
    def greeting(self) -> str:
        return self._client.greeting

    @property
    def capabilities(self) -> frozenset[str]:
        return self._client.capabilities

    @property
    def capabilities_are_current(self) -> bool:
        return self._client.capabilities_are_current

    async def start(self, *, greeting_seconds: float) -> StatusResponse:
        """Raises TimeoutError where the steps' own deadline would have passed."""
        del greeting_seconds
        try:
            return self._client.start(greeting_seconds=self._seconds.greeting_seconds)
        except ConnectionLost as error:
            if self._client.is_late:
                raise TimeoutError from error
            raise

    def compress_soon(self) -> None:
        """At once, for this client waits for each command anyway."""
        with contextlib.suppress(CommandRefused):  # TLS may compress already (RFC 4978, COMPRESSIONACTIVE)
            self._run(Compress())

    async def run(self, command: Command[R]) -> R:
        """Raises TimeoutError where the server leaves a step of the login without a reply."""
        return self._run(command)

    def _run(self, command: Command[R]) -> R:
        try:
            return self._client.run(command, seconds=self._seconds.login_seconds)
        except ConnectionLost as error:
            if self._client.is_late:
                raise TimeoutError from error
            raise
