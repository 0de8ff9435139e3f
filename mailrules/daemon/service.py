"""The daemon as a whole: watchers for all mailboxes, rules that follow their files, a clean end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from dataclasses import field, replace
from typing import TYPE_CHECKING

from mailrules.client.imap_store import connect_store
from mailrules.daemon.assignments import assignments
from mailrules.daemon.reload import changes, load_or_keep
from mailrules.daemon.retries import Retries
from mailrules.daemon.watch import Watcher
from mailrules.errors import JournalError
from mailrules.logs import get_logger
from mailrules.outgoing import tidy_outbox
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from mailrules.daemon.watch import Assignment
    from mailrules.mailbox.store import MailStore
    from mailrules.plugin_manager import PluginManager
    from mailrules.rules.loader import LoadedConfiguration
    from mailrules.session import Session
    from mailrules.settings import AccountSettings

GRACE_SECONDS = 30.0
"""How long a batch that is under way may take to finish when the daemon is told to end."""


@dataclass(frozen=True, slots=True)
class Control:
    """How the outside tells the daemon something; both are set from signal handlers or tests."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reload: asyncio.Event = field(default_factory=asyncio.Event)


@contextmanager
def heed_signals(control: Control) -> Iterator[None]:
    """SIGTERM and SIGINT end the daemon, SIGHUP reloads the rules."""
    loop = asyncio.get_running_loop()
    events = {signal.SIGTERM: control.stop, signal.SIGINT: control.stop, signal.SIGHUP: control.reload}
    for number, event in events.items():
        loop.add_signal_handler(number, event.set)
    try:
        yield
    finally:
        for number in events:
            loop.remove_signal_handler(number)


class Service:
    """Watches every mailbox that the rules name until told to stop.

    ``load`` reads the rule files again. ``random`` answers between 0 and 1.
    """

    def __init__(
        self,
        session: Session,
        *,
        load: Callable[[], tuple[LoadedConfiguration, PluginManager]],
        random: Callable[[], float],
        connect: Callable[[AccountSettings], Awaitable[MailStore]] = connect_store,
        backlog: bool = False,
    ) -> None:
        self._session = session
        self._load = load
        self._random = random
        self._connect = connect
        self._backlog = backlog
        self._watchers: dict[Assignment, tuple[Watcher, asyncio.Task[None]]] = {}
        self._log = get_logger()

    async def run(self, control: Control) -> None:
        """Watch until ``control.stop``; then finish what is under way and log out."""
        self._log.info("daemon.started", mailboxes=[str(ref) for ref in self._session.configuration.rules.mailboxes])
        await tidy_outbox(self._session)
        await self._see_rules()
        retries = Retries(lambda: self._session)
        async with asyncio.TaskGroup() as group:
            self._put_in_force(group)
            retrying = group.create_task(retries.run())
            reloading = group.create_task(self._follow_files(group, control))
            await control.stop.wait()
            self._log.info("stop.requested")
            reloading.cancel()
            retries.stop()
            await self._end_watchers()
            await _end(retrying)
        self._log.info("daemon.stopped")

    async def _follow_files(self, group: asyncio.TaskGroup, control: Control) -> None:
        """Put changed rules in force; a broken file keeps the old ones."""
        async with asyncio.TaskGroup() as inner:
            watching = inner.create_task(self._watch_files(control))
            while True:
                await control.reload.wait()
                control.reload.clear()
                kept = (self._session.configuration, self._session.plugins)
                loaded = load_or_keep(self._load, kept)
                if loaded is kept:
                    continue
                self._session = replace(self._session, configuration=loaded[0], plugins=loaded[1])
                self._log.info("rules.reloaded", rules=len(loaded[0].rules.rules), files=len(loaded[0].rules.files))
                try:
                    await self._see_rules()
                except JournalError as error:
                    # What is not written down was not seen, so its time begins later.
                    self._log.error("task.failed", error=str(error))
                self._put_in_force(group)
                watching.cancel()
                watching = inner.create_task(self._watch_files(control))

    async def _see_rules(self) -> None:
        """New rules with `shadow` count from now on."""
        await self._session.journal.see_rules(self._session.configuration.rules.rules, now=self._session.now())

    async def _watch_files(self, control: Control) -> None:
        async for _ in changes(self._session.configuration.rules.files):
            control.reload.set()

    def _put_in_force(self, group: asyncio.TaskGroup) -> None:
        """Start, renew and stop watchers so that they are those of the session's rules."""
        wanted = assignments(self._session.configuration)
        for assignment, (watcher, _) in list(self._watchers.items()):
            if assignment in wanted:
                watcher.renew(self._session)
            else:
                watcher.stop()
                del self._watchers[assignment]
        for assignment in wanted:
            if assignment not in self._watchers:
                watcher = Watcher(
                    assignment, self._session, connect=self._connect, random=self._random, backlog=self._backlog
                )
                self._watchers[assignment] = (watcher, group.create_task(watcher.run()))

    async def _end_watchers(self) -> None:
        for watcher, _ in self._watchers.values():
            watcher.stop()
        tasks = [task for _, task in self._watchers.values()]
        await _end(*tasks)


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Wait for tasks that were told to end, and cancel those that take too long."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        for task in late:
            task.cancel()
