"""mailrules as a user has it installed, run in this process, against an account that others use too."""

from __future__ import annotations

import asyncio
import imaplib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailrules.cli.configuration import load
from mailrules.cli.paths import ChosenPath
from mailrules.engine import run_once, undo
from mailrules.journal.journal import Journal
from mailrules.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.engine import RunReport
    from mailrules.plan.plan import Plan

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Mailrules:
    """One installation, with a journal of its own."""

    session: Session
    now: datetime = START

    async def run(self) -> RunReport:
        async def yes(_: Plan) -> bool:
            return True

        return await run_once(self.session, confirm=yes)

    async def undo_last(self) -> RunReport:
        async def yes(_: Plan, __: tuple[str, ...]) -> bool:
            return True

        (run, *_) = await self.session.journal.runs()
        return await undo(self.session, run.id, confirm=yes)


@dataclass
class Place:
    """An account with one message in INBOX, on whichever server, and a folder for files."""

    folder: Path
    port: int
    user: str
    password_file: Path

    async def mailrules(self, name: str, rules: str) -> Mailrules:
        account = f"home: {{host: 127.0.0.1, port: {self.port}, security: none, user: {self.user}, "
        config = self.folder / f"{name}.yaml"
        config.write_text(
            f"version: 1\naccounts:\n  {account}secret: {{file: {self.password_file}}}}}\n"
            f"defaults: {{in: [home/INBOX]}}\nrules:\n{rules}"
        )
        configuration, plugins = load(ChosenPath(path=config, reason="the test's"))
        journal = await Journal.open(self.folder / f"{name}.sqlite3")
        installed = Mailrules(
            Session(configuration=configuration, plugins=plugins, journal=journal, now=lambda: installed.now)
        )
        return installed

    async def somebody_moves(self, source: str, target: str) -> None:
        """Another client moves everything from one mailbox to another."""
        await asyncio.to_thread(self._move, source, target)

    async def count(self, mailbox: str) -> int:
        return await asyncio.to_thread(self._count, mailbox)

    async def flags(self, mailbox: str) -> set[str]:
        """Those of its messages, all together, but for \\Recent."""
        return await asyncio.to_thread(self._flags, mailbox)

    async def has(self, mailbox: str) -> bool:
        return await asyncio.to_thread(self._has, mailbox)

    def _flags(self, mailbox: str) -> set[str]:
        with self._client() as client:
            client.select(mailbox, readonly=True)
            _, found = client.uid("FETCH", "1:*", "(FLAGS)")
            return {flag.decode() for line in found for flag in imaplib.ParseFlags(line)} - {"\\Recent"}

    def _has(self, mailbox: str) -> bool:
        with self._client() as client:
            _, found = client.list('""', mailbox)
            return found != [None]

    def _client(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.port)
        client.login(self.user, self.password_file.read_text().strip())
        return client

    def _move(self, source: str, target: str) -> None:
        with self._client() as client:
            client.select(source)
            client.uid("MOVE", "1:*", target)

    def _count(self, mailbox: str) -> int:
        with self._client() as client:
            _, (messages,) = client.select(mailbox, readonly=True)
            return int(messages or b"0")
