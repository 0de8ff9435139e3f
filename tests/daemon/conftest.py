"""What the daemon's tests ask for: a running service on a server in memory, and its log to wait on."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import structlog

from mailrules.cli.configuration import load
from mailrules.cli.paths import ChosenPath
from mailrules.daemon.service import Control, Service
from mailrules.journal.journal import Journal
from mailrules.session import Session
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, MutableMapping
    from pathlib import Path

RULES = """
rules:
  - name: boss
    if: {from: boss@work.example}
    do: [{move: {to: Work, create: true}}]
"""
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PATIENCE_SECONDS = 60


@dataclass
class Log:
    """Every line that was logged; ``saw`` waits for one."""

    lines: list[MutableMapping[str, object]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, _logger: object, method: str, line: MutableMapping[str, object]) -> MutableMapping[str, object]:
        self.lines.append({**line, "level": method})
        self._news.set()
        raise structlog.DropEvent

    def count(self, event: str) -> int:
        return sum(line["event"] == event for line in self.lines)

    async def saw(self, event: str, *, times: int = 1) -> MutableMapping[str, object]:
        """Wait until the event has come so often; its last line."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.count(event) < times:
                self._news.clear()
                await self._news.wait()
        return [line for line in self.lines if line["event"] == event][times - 1]


@pytest.fixture
def log() -> Log:
    assert not structlog.is_configured(), "an earlier test left its logging behind"
    lines = Log()
    structlog.configure(processors=[lines], cache_logger_on_first_use=False)
    return lines


@dataclass
class Clock:
    """A clock that the test moves; waits for a moment end at once and are written down."""

    now: datetime = NOW
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Daemon:
    """A daemon with its files, not yet running."""

    folder: Path
    server: ImapServer
    mail: MailAccount
    log: Log
    clock: Clock
    journal: Journal
    control: Control = field(default_factory=Control)

    @property
    def config(self) -> Path:
        return self.folder / "mailrules.yaml"

    def write(self, rules: str, *, mailboxes: str = "home/INBOX", connections: int = 3) -> None:
        account = (
            f"home: {{host: 127.0.0.1, port: {self.server.port}, security: none, user: ann, "
            f"secret: {{file: {self.folder / 'password'}}}, limits: {{connections: {connections}}}}}"
        )
        header = f"version: 1\naccounts:\n  {account}\ndefaults: {{in: [{mailboxes}], first_run: act}}\n"
        self.config.write_text(header + rules, "utf-8")

    def service(self, *, backlog: bool = False) -> Service:
        chosen = ChosenPath(path=self.config, reason="the test's")
        configuration, plugins = load(chosen)
        session = Session(
            configuration=configuration,
            plugins=plugins,
            journal=self.journal,
            now=self.clock,
            wait=self.clock.wait,
        )
        return Service(session, load=lambda: load(chosen), random=lambda: 0.5, backlog=backlog)

    @asynccontextmanager
    async def running(self, *, backlog: bool = False, watchers: int = 1) -> AsyncIterator[None]:
        """Run the service until the block ends, from when its watchers watch."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.service(backlog=backlog).run(self.control))
            if watchers:
                await self.log.saw("mailbox.watched", times=watchers)
            yield
            self.control.stop.set()

    async def moved(self, mailbox: str, *, count: int = 1) -> None:
        """Wait until so many messages are in a mailbox."""
        runs = self.log.count("run.finished")
        while mailbox not in self.mail or len(self.mail[mailbox].messages) < count:
            runs += 1
            await self.log.saw("run.finished", times=runs)


@pytest.fixture
async def daemon(tmp_path: Path, log: Log) -> AsyncIterator[Daemon]:
    mail = MailAccount()
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text(mail.password)
    journal = await Journal.open(tmp_path / "journal.sqlite3")
    async with ImapServer(mail) as server:
        daemon = Daemon(folder=tmp_path, server=server, mail=mail, log=log, clock=Clock(), journal=journal)
        daemon.write(RULES)
        yield daemon
    await journal.close()
