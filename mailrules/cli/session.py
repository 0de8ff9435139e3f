"""How a verb gets what a run needs: configuration, plugins, journal, lock and clock."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import socket
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import click

from mailrules.cache.fact_cache import DIRECTORY, FactCache
from mailrules.cli.configuration import load, load_to_act
from mailrules.cli.paths import JOURNAL_NAME
from mailrules.journal.journal import Journal
from mailrules.journal.lock import state_lock
from mailrules.journal.reader import JournalReader
from mailrules.rules.quantities import QuantityError, parse_duration, parse_moment
from mailrules.session import Leases, ReadingSession, Scope, Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Coroutine
    from pathlib import Path

    from mailrules.cli.invocation import Invocation
    from mailrules.execution.report import Progress
    from mailrules.rules.loader import LoadedConfiguration

T = TypeVar("T")

allow_failing_option = click.option(
    "--allow-failing",
    multiple=True,
    metavar="EXAMPLE",
    help="Act although this example fails; may stand several times.",
)
"""For the verbs that judge by the rules and act."""


def local_now() -> datetime:
    """The time, aware, in the zone of this machine: where the clock enters the program."""
    return datetime.now(UTC).astimezone()  # noqa: TID251 -- this is the one place that reads it


def run_until_done(work: Coroutine[object, object, T]) -> T:
    """Run a verb's work. SIGTERM ends it as Ctrl-C does: what is open is journalled, connections are closed."""

    outcome: list[T] = []

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 -- a coroutine that runs is run by a task
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        # Not returned: asyncio.run makes a repr() of the task with its result as it ends
        # (signal.getsignal looks for the handler in an enum), and a large plan takes half a second for that.
        outcome.append(await work)

    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    return outcome[0]


@asynccontextmanager
async def open_session(
    invocation: Invocation,
    *,
    locked_for: str,
    progress: Callable[[Progress], None] | None = None,
    may_fail: Collection[str] | None = (),
) -> AsyncIterator[Session]:
    """A session for a verb that acts: ``locked_for`` names it to whoever finds the state lock held.

    All examples have to hold but those that ``may_fail``; None for a verb that judges by no rule.
    """
    if may_fail is None:
        configuration, plugins = load(invocation.config_path)
    else:
        configuration, plugins = load_to_act(invocation.config_path, may_fail=may_fail)
    async with open_journal(invocation, locked_for=locked_for) as journal:
        leases = Leases(token=_token(invocation.state_path.path), now=local_now)
        try:
            yield Session(
                configuration=configuration,
                plugins=plugins,
                journal=journal,
                now=local_now,
                facts=_facts(invocation, configuration),
                wait=invocation.wait or asyncio.sleep,
                progress=progress,
                state_directory=invocation.state_path.path,
                leases=leases,
            )
        finally:
            await leases.close()


@asynccontextmanager
async def open_reading_session(invocation: Invocation) -> AsyncIterator[ReadingSession]:
    """A session for a verb that only looks; it needs no lock, and writes to the cache of facts at most."""
    configuration, plugins = load(invocation.config_path)
    async with read_journal(invocation) as journal:
        yield ReadingSession(
            configuration=configuration,
            plugins=plugins,
            journal=journal,
            now=local_now,
            facts=_facts(invocation, configuration),
            state_directory=invocation.state_path.path,
        )


@asynccontextmanager
async def open_journal(invocation: Invocation, *, locked_for: str = "") -> AsyncIterator[Journal]:
    """The journal to write in; without the lock only what no run is at."""
    state_dir = invocation.state_path.path
    with state_lock(state_dir, purpose=locked_for) if locked_for else nullcontext():
        journal = await Journal.open(state_dir / JOURNAL_NAME)
        try:
            yield journal
        finally:
            await journal.close()


@asynccontextmanager
async def read_journal(invocation: Invocation) -> AsyncIterator[JournalReader]:
    """The journal as it is, beside whoever writes it."""
    journal = await JournalReader.open(invocation.state_path.path / JOURNAL_NAME)
    try:
        yield journal
    finally:
        await journal.close()


def _facts(invocation: Invocation, configuration: LoadedConfiguration) -> FactCache | None:
    """The cache of facts; what it holds goes where nothing may be kept any more."""
    cache = FactCache(invocation.state_path.path / DIRECTORY, limit_bytes=configuration.cache_bytes)
    if not configuration.cache_bytes:
        cache.forget_all()
        return None
    return cache


def _token(state_dir: Path) -> str:
    """Names this machine's state directory in a lease, without telling what either is called."""
    return hashlib.sha256(f"{socket.gethostname()}\0{state_dir.resolve()}".encode()).hexdigest()[:32]


def scope_of(
    configuration: LoadedConfiguration,
    *,
    account: str,
    mailbox: str,
    rule: str,
    newest: int | None,
    only_new: bool,
    since: datetime | None = None,
) -> Scope:
    """The part of the rules that the options name; UsageError for a name that the rules do not have.

    ``mailbox`` may be written with its account, as in rule files. A policy goes by its key, as a rule by its name.
    """
    references, policies = configuration.rules.mailboxes, configuration.rules.policies
    if mailbox and not any(mailbox == one.mailbox for one in references):
        matches = [one for one in references if mailbox == str(one)]
        head, _, rest = mailbox.partition("/")
        if matches:
            account, mailbox = matches[0].account, matches[0].mailbox
        elif any(one.account == head and one.means(rest) for one in policies):
            account, mailbox = head, rest
        elif not any(one.means(mailbox) for one in policies):
            known = ", ".join(str(one) for one in references)
            raise click.UsageError(f"no rule looks at the mailbox {mailbox!r}; the rules' mailboxes are: {known}")
    if account and account not in configuration.accounts:
        raise click.UsageError(f"no account {account!r}; the accounts are: {', '.join(configuration.accounts)}")
    names = [*(one.name for one in configuration.rules.rules), *(one.name for one in policies)]
    if rule and rule not in names:
        raise click.UsageError(f"no rule {rule!r}; the rules are: {', '.join(names)}")
    return Scope(account=account, mailbox=mailbox, rule=rule, newest=newest, only_new=only_new, since=since)


def time_since(written: str) -> datetime:
    """When ``--since`` begins: the start of a day here, an instant, or so long ago. UsageError for anything else."""
    now = local_now()
    try:
        return now - parse_duration(written)
    except QuantityError:
        pass
    except OverflowError as error:
        raise click.UsageError(f"--since {written} is before all mail") from error
    try:
        moment = parse_moment(written)
    except QuantityError as error:
        cure = "write a date (2026-01-31), an instant with its zone, or an age (30d)"
        raise click.UsageError(f"--since {written}: {error}; {cure}") from error
    if isinstance(moment, datetime):
        return moment
    return datetime(moment.year, moment.month, moment.day, tzinfo=now.tzinfo)
