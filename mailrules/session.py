"""What every run is given, and how its accounts are connected."""

from __future__ import annotations

import asyncio
import contextlib
import random
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from mailrules.client.imap_store import connect_reader, connect_store
from mailrules.errors import IMAPError, LeaseLost, PlanRefused
from mailrules.execution.lease import Lease
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from mailrules.cache.fact_cache import FactCache
    from mailrules.execution.report import Progress
    from mailrules.journal.journal import Journal
    from mailrules.journal.reader import JournalReader
    from mailrules.mailbox.store import MailReader, MailStore
    from mailrules.plugin_manager import PluginManager
    from mailrules.rules.loader import LoadedConfiguration
    from mailrules.rules.rule import MailboxRef
    from mailrules.settings import AccountSettings

R = TypeVar("R", bound="MailReader")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingSession:
    """What looking needs: the rules, the plugins, what the journal says, and the clock as an argument."""

    configuration: LoadedConfiguration
    plugins: PluginManager
    journal: JournalReader
    now: Callable[[], datetime]
    facts: FactCache | None = None
    """What is kept of messages between runs; None: everything is asked of the server each time."""
    state_directory: Path | None = None
    """Where what goes out is kept until it is settled; None: nothing goes out."""
    connect_reader: Callable[[AccountSettings], Awaitable[MailReader]] = connect_reader
    """How ``preview`` comes to its connections."""


class Leases:
    """The leases of this process, one an account, each on a connection of its own, taken when first asked for."""

    def __init__(self, *, token: str, now: Callable[[], datetime]) -> None:
        self._token, self._now = token, now
        self._held: dict[str, Lease] = {}
        self._turn = asyncio.Lock()

    async def guards(self, accounts: Iterable[AccountSettings]) -> dict[str, Callable[[], Awaitable[None]]]:
        """What to call before each batch, for the accounts that have a lease. Raises LeaseHeld and ConnectionLost."""
        guards: dict[str, Callable[[], Awaitable[None]]] = {}
        for account in accounts:
            if account.lease:
                guards[account.name] = partial(self._check, account)
                await self._check(account)
        return guards

    async def close(self) -> None:
        """Give all back."""
        for name in list(self._held):
            await self._drop(name, released=True)

    async def _check(self, account: AccountSettings) -> None:
        async with self._turn:
            if account.name not in self._held:
                store = await connect_store(account)
                lease = Lease(store, mailbox=account.lease, token=self._token, now=self._now)
                try:
                    await lease.acquire()
                except BaseException:
                    await store.close()
                    raise
                self._held[account.name] = lease
            try:
                await self._held[account.name].check()
            except (IMAPError, LeaseLost):
                await self._drop(account.name, released=False)
                raise

    async def _drop(self, name: str, *, released: bool) -> None:
        lease = self._held.pop(name)
        with contextlib.suppress(IMAPError):
            if released:
                await lease.release()
        await lease.store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(ReadingSession):
    """What every run needs besides: the journal to write in, how to wait, whom to tell how far it is."""

    journal: Journal
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    progress: Callable[[Progress], None] | None = None
    random: Callable[[], float] = random.random
    """Between 0 and 1: keeps retries apart."""
    leases: Leases | None = None
    """Those of the accounts that several machines act on; None: no account has one."""
    connect: Callable[[AccountSettings], Awaitable[MailStore]] = connect_store
    """How ``run_once`` comes to its connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What part of the rules' mailboxes a run looks at; empty fields mean all.

    ``mailbox`` is as written in the rules. ``only_new`` leaves out what has been judged before.
    """

    account: str = ""
    mailbox: str = ""
    rule: str = ""
    newest: int | None = None
    only_new: bool = False
    since: datetime | None = None
    """Only what the server got from then on."""

    def includes(self, ref: MailboxRef) -> bool:
        return self.account in {"", ref.account} and self.mailbox in {"", ref.mailbox}


@asynccontextmanager
async def dialled(session: Session, scope: Scope) -> AsyncIterator[Session]:
    """The session with the scope's connections underway, each for whoever asks for it first.

    What is loaded and read meanwhile takes no time of its own. Raises ReadOnlyMode before it connects.
    """
    session.journal.kill_switch.check()
    async with _underway(accounts_in(session, scope), session.connect) as connect:
        yield replace(session, connect=connect)


@asynccontextmanager
async def dialled_to_read(session: ReadingSession, scope: Scope) -> AsyncIterator[ReadingSession]:
    """The same for ``preview``, which changes nothing."""
    async with _underway(accounts_in(session, scope), session.connect_reader) as connect:
        yield replace(session, connect_reader=connect)


@asynccontextmanager
async def _underway(
    accounts: Sequence[AccountSettings], connect: Callable[[AccountSettings], Awaitable[R]]
) -> AsyncIterator[Callable[[AccountSettings], Awaitable[R]]]:
    underway = {one.name: asyncio.ensure_future(connect(one)) for one in accounts}

    async def take(account: AccountSettings) -> R:
        return await (underway.pop(account.name) if account.name in underway else connect(account))

    try:
        yield take
    finally:
        for one in underway.values():
            one.cancel()
        for reader in await asyncio.gather(*underway.values(), return_exceptions=True):
            if not isinstance(reader, BaseException):
                await reader.close()


def accounts_in(session: ReadingSession, scope: Scope) -> tuple[AccountSettings, ...]:
    """The accounts of the rules' mailboxes and policies, and those that their rules move or copy to."""
    refs = [ref for ref in session.configuration.rules.mailboxes if scope.includes(ref)]
    ruled = [one.account for one in session.configuration.rules.policies if scope.account in {"", one.account}]
    names = dict.fromkeys([*(ref.account for ref in refs), *accounts_reached(session, refs), *ruled])
    return tuple(session.configuration.accounts[name] for name in names)


def accounts_reached(session: ReadingSession, refs: Iterable[MailboxRef]) -> tuple[str, ...]:
    """The other accounts that the rules of these mailboxes move or copy to, as in ``work/Archive``."""
    found: dict[str, None] = {}
    for ref in refs:
        for rule in session.configuration.rules.for_mailbox(ref):
            for target in (one for branch in rule.branches for use in branch.actions for one in use.value.targets):
                account, slash, _ = target.literal_prefix.partition("/")
                if slash and account != ref.account and account in session.configuration.accounts:
                    found[account] = None
    return tuple(found)


def accounts_named(session: ReadingSession, names: Collection[str]) -> tuple[AccountSettings, ...]:
    """The settings of these accounts, each once. Raises PlanRefused for one that the configuration lacks."""
    accounts = session.configuration.accounts
    unknown = [name for name in names if name not in accounts]
    if unknown:
        raise PlanRefused(f"account {unknown[0]!r} is not in the configuration; add it again, as it was")
    return tuple(accounts[name] for name in dict.fromkeys(names))


@asynccontextmanager
async def also_connected(
    session: ReadingSession,
    readers: Mapping[str, R],
    names: Iterable[str],
    connect: Callable[[AccountSettings], Awaitable[R]],
) -> AsyncIterator[dict[str, R]]:
    """These connections, and for as long as it lasts one to each account named that has none."""
    missing = [name for name in dict.fromkeys(names) if name not in readers]
    async with connected(accounts_named(session, missing), connect) as more:
        yield {**readers, **more}


@asynccontextmanager
async def connected(
    accounts: Sequence[AccountSettings], connect: Callable[[AccountSettings], Awaitable[R]]
) -> AsyncIterator[dict[str, R]]:
    """Connections to these accounts, made side by side and closed whatever happens."""
    async with AsyncExitStack() as stack:

        async def one(account: AccountSettings) -> R:
            reader = await connect(account)
            stack.push_async_callback(reader.close)
            return reader

        connected = await asyncio.gather(*(one(account) for account in accounts), return_exceptions=True)
        readers: dict[str, R] = {}
        for account, reader in zip(accounts, connected, strict=True):
            if isinstance(reader, BaseException):
                raise reader
            readers[account.name] = reader
        yield readers
