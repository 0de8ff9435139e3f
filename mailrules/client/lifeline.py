"""Which connection is the present one, and when may the next one be tried?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailrules.client.backoff import seconds_asked
from mailrules.errors import AuthenticationFailed, ConnectionLost, IMAPError, SecretError
from mailrules.imap.states import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mailrules.client.async_client import AsyncClient
    from mailrules.client.backoff import Pace

MOST_REFUSALS = 3
"""Servers in trouble refuse good logins now and then; more in a row may lock the account."""


class Lifeline:
    """One connection after the other, each made when somebody waits for it and the pace allows.

    ``lead`` brings a new connection to where the last one was; ``connected`` is called when it is the present one.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncClient]],
        *,
        pace: Pace,
        lead: Callable[[AsyncClient], Awaitable[None]],
        connected: Callable[[], None],
    ) -> None:
        self._connect, self._pace, self._lead, self._connected = connect, pace, lead, connected
        self._connecting = asyncio.Lock()
        self._refusals = 0
        self._failure: AuthenticationFailed | None = None
        self.client: AsyncClient | None = None
        """The present connection, or the last one while nobody has asked for the next."""
        self.is_closed = False
        self.connections = 0
        """How many there have been so far."""
        self.last_failure: IMAPError | SecretError | None = None
        """Why the last attempt failed."""

    async def start(self) -> None:
        """Connect for the first time. Raises at once what ``connect`` raises."""
        async with self._connecting:
            await self._attempt()

    async def close(self) -> None:
        """End it; who waits gets ConnectionLost. May be called twice."""
        self.is_closed = True
        if self.client is not None:
            await self.client.close()

    async def present(self) -> AsyncClient:
        """The present connection, or a new one when its time has come. Raises once there is no hope for one."""
        async with self._connecting:
            while True:
                self._require_hope()
                if self.client is not None and self.client.state is State.LOGOUT:
                    await self._leave(self.client)
                await self._pace.turn()
                if self.client is not None and self.client.state is not State.LOGOUT:
                    return self.client
                try:
                    await self._attempt()
                except AuthenticationFailed as error:
                    self._note_failure(error)
                    self._refusals += 1
                    if self._refusals >= MOST_REFUSALS:
                        self._failure = error
                except (IMAPError, SecretError) as error:
                    self._note_failure(error)

    def _require_hope(self) -> None:
        if self.is_closed:
            raise ConnectionLost("the supervisor was closed", may_have_run=False)
        if self._failure is not None:
            raise AuthenticationFailed(str(self._failure)) from self._failure

    def _note_failure(self, error: IMAPError | SecretError) -> None:
        self.last_failure = error
        self._pace.failed(at_least_seconds=seconds_asked(error))

    async def _leave(self, client: AsyncClient) -> None:
        self.client = None
        self._pace.lost()
        await client.close()

    async def _attempt(self) -> None:
        client = await self._connect()
        try:
            await self._lead(client)
            if self.is_closed:
                raise ConnectionLost("the supervisor was closed", may_have_run=False)
        except BaseException:
            await client.close()
            raise
        self.client = client
        self._refusals = 0
        self.connections += 1
        self._pace.connected()
        self._connected()
