"""How do many tasks share the few connections that a server allows?"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from contextlib import asynccontextmanager
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Self

from mailrules.client.connect import connect as connect_account
from mailrules.client.login_memory import LoginMemory
from mailrules.errors import ConnectionFailed, ConnectionLost, IMAPError
from mailrules.imap.mailbox_name import is_same_mailbox
from mailrules.imap.session_commands import Noop
from mailrules.imap.states import State
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mailrules.client.async_client import AsyncClient
    from mailrules.settings import AccountSettings

CHECK_AFTER_SECONDS = 60.0
"""A connection that was idle for longer may be half open: it is asked before it is lent."""
CHECK_SECONDS = 10.0


@dataclass(eq=False, slots=True)
class _Slot:
    """A place in the budget; ``client`` is None while its connection is being made."""

    account: AccountSettings
    client: AsyncClient | None = None
    is_lent: bool = True
    idle_since: float = 0.0
    displaced: _Slot | None = None
    """That of another account's connection, which has to go for this one."""

    @property
    def is_open(self) -> bool:
        return self.client is not None and self.client.state is not State.LOGOUT

    def has_open(self, mailbox: str) -> bool:
        selected = self.client.selected if self.client is not None else None
        return bool(mailbox) and selected is not None and is_same_mailbox(selected.mailbox, mailbox)


@dataclass(eq=False, slots=True)
class _Waiting:
    account: AccountSettings
    mailbox: str
    slot: asyncio.Future[_Slot] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Pool:
    """Connections, lent to one task at a time, at most ``account.connections`` of an account.

    ``host_connections`` bounds those of all accounts on one host and port (None: no bound); where it is reached, an
    idle connection of another account is closed for the task that waits. A server that refuses one more connection
    lowers the account's bound to those that it has; one that wants to be left alone is asked for no new connection
    until then, and who needs one gets ConnectionFailed with what is left of the wait. Tasks are served in the order
    in which they asked.

    ``now`` is a clock in seconds that only goes forward. ``connect`` makes a connection in another way than usual,
    which is that none logs in by a weaker way than one of the pool's before it.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        host_connections: int | None = None,
        connect: Callable[[AccountSettings], Awaitable[AsyncClient]] | None = None,
        check_after_seconds: float = CHECK_AFTER_SECONDS,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        self._now, self._connect = now, connect or partial(connect_account, memory=LoginMemory())
        self._host_connections = host_connections
        self._check_after_seconds, self._check_seconds = check_after_seconds, check_seconds
        self._slots: list[_Slot] = []
        self._waiting: deque[_Waiting] = deque()
        self._lowered: dict[str, int] = {}
        self._not_before: dict[str, float] = {}  # when the server may be asked for a connection of the account again
        self._is_closed = False

    @property
    def size(self) -> int:
        """How many connections there are now, lent, idle and being made."""
        return len(self._slots)

    @asynccontextmanager
    async def lend(self, account: AccountSettings, *, mailbox: str = "") -> AsyncIterator[AsyncClient]:
        """A connection for the time of the block; one that has ``mailbox`` open already, if there is one.

        Look at ``client.selected``, and open what you need. What was selected, enabled or set stays for the next
        task. Raises what ``connect`` does, and ConnectionLost once the pool is closed.
        """
        slot = await self._reserve(account, mailbox)
        try:
            yield await self._ready(slot)
        finally:
            self._give_back(slot)

    async def close(self) -> None:
        """Log out and close every connection, lent ones too; who waits gets ConnectionLost. May be called twice."""
        self._is_closed = True
        waiting, slots = list(self._waiting), list(self._slots)
        self._waiting.clear()
        for one in waiting:
            if not one.slot.done():
                one.slot.set_exception(ConnectionLost("the pool was closed", may_have_run=False))
        async with asyncio.TaskGroup() as group:
            for slot in slots:
                for client in (slot.client, slot.displaced.client if slot.displaced else None):
                    if client is not None:
                        group.create_task(_part(client, politely=not slot.is_lent))
        self._slots = [slot for slot in self._slots if slot.is_lent]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    # -- the budget -------------------------------------------------------------------------------

    async def _reserve(self, account: AccountSettings, mailbox: str) -> _Slot:
        if self._is_closed:
            raise ConnectionLost("the pool was closed", may_have_run=False)
        one = _Waiting(account, mailbox)
        self._waiting.append(one)
        self._serve()
        try:
            return await one.slot
        except BaseException:
            # Cancelled just when its turn had come: the turn is the next one's.
            if one.slot.done() and not one.slot.cancelled() and one.slot.exception() is None:
                self._give_back(one.slot.result())
            raise
        finally:
            if one in self._waiting:
                self._waiting.remove(one)
                self._serve()

    def _serve(self) -> None:
        """Give out what there is, first come first served; who waits for another account or host is passed by."""
        self._slots = [slot for slot in self._slots if slot.is_lent or slot.is_open]
        still_waiting: deque[_Waiting] = deque()
        full: set[str] = set()
        while self._waiting:
            one = self._waiting.popleft()
            if one.slot.done():
                continue
            slot = None if one.account.name in full else self._find(one)
            if slot is None:
                still_waiting.append(one)
                full.add(one.account.name)
            else:
                slot.is_lent = True
                one.slot.set_result(slot)
        self._waiting = still_waiting

    def _find(self, one: _Waiting) -> _Slot | None:
        idle = [slot for slot in self._slots if not slot.is_lent]
        own = [slot for slot in idle if slot.account == one.account]
        if own:
            return max(own, key=lambda slot: (slot.has_open(one.mailbox), slot.idle_since))
        counts = Counter(slot.account.name for slot in self._slots)
        most = min(one.account.connections, self._lowered.get(one.account.name, one.account.connections))
        if counts[one.account.name] >= max(1, most):
            return None
        slot = _Slot(one.account)
        host = self._host(one.account)
        on_host = [other for other in self._slots if self._host(other.account) == host]
        if self._host_connections is not None and len(on_host) >= self._host_connections:
            oldest = min((other for other in on_host if not other.is_lent), key=lambda x: x.idle_since, default=None)
            if oldest is None:
                return None
            self._slots.remove(oldest)
            slot.displaced = oldest
        self._slots.append(slot)
        return slot

    @staticmethod
    def _host(account: AccountSettings) -> tuple[str, int]:
        return (account.host.lower(), account.port)

    def _give_back(self, slot: _Slot) -> None:
        slot.is_lent = False
        slot.idle_since = self._now()
        if not slot.is_open:
            self._slots.remove(slot)
        if slot.displaced is not None:  # the task was cancelled before that had gone
            self._slots.append(slot.displaced)
        self._serve()

    # -- its connections --------------------------------------------------------------------------

    async def _ready(self, slot: _Slot) -> AsyncClient:
        """The slot's connection, known to live or new."""
        if slot.displaced is not None:
            displaced, slot.displaced = slot.displaced, None
            if displaced.client is not None:
                await _part(displaced.client, politely=True)
        if slot.client is not None and not await self._lives(slot):
            client, slot.client = slot.client, None
            await client.close()
        if slot.client is None:
            slot.client = await self._new(slot.account)
        if self._is_closed:
            await slot.client.close()
            raise ConnectionLost("the pool was closed", may_have_run=False)
        return slot.client

    async def _lives(self, slot: _Slot) -> bool:
        client = slot.client
        if client is None or client.state is State.LOGOUT:
            return False
        if self._now() - slot.idle_since < self._check_after_seconds:
            return True
        with contextlib.suppress(IMAPError, TimeoutError):
            async with asyncio.timeout(self._check_seconds):
                await client.run(Noop())
            return slot.is_open
        return False

    async def _new(self, account: AccountSettings) -> AsyncClient:
        left_seconds = self._not_before.get(account.name, 0.0) - self._now()
        if left_seconds > 0:
            raise ConnectionFailed(
                f"{account.name}: the server wants to be left alone for another {left_seconds:.0f} seconds",
                wait_seconds=left_seconds,
            )
        try:
            return await self._connect(account)
        except ConnectionFailed as error:
            if error.wait_seconds is not None:
                self._not_before[account.name] = self._now() + error.wait_seconds
            if error.is_out_of_connections:
                # The one that failed is still counted.
                others = sum(slot.account.name == account.name for slot in self._slots) - 1
                self._lowered[account.name] = max(1, others)
            raise


async def _part(client: AsyncClient, *, politely: bool) -> None:
    await (client.leave() if politely else client.close())
