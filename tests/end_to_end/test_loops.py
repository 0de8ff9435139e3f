"""Mail does not go round in circles: with two mailrules against each other, and with a client that moves mail back."""

from __future__ import annotations

import asyncio
import imaplib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.cli.configuration import load
from mailrules.cli.paths import ChosenPath
from mailrules.engine import preview, run_once, undo
from mailrules.journal.journal import Journal
from mailrules.session import Session
from mailrules.testing.builders import SampleMessage, message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mailrules.engine import RunReport
    from mailrules.plan.plan import Plan
    from tests.servers.dovecot import DovecotAccount

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


@pytest.fixture(params=["in memory", "Dovecot"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    content = message(message_id="<1@example.org>")
    if request.param == "Dovecot":
        dovecot: DovecotAccount = request.getfixturevalue("dovecot")
        dovecot.fill("INBOX", [SampleMessage(content=content)])
        yield Place(tmp_path, dovecot.port, dovecot.user, dovecot.server.password_file)
        return
    mail = MailAccount()
    mail.add("INBOX", content)
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text(mail.password)
    async with ImapServer(mail) as server:
        yield Place(tmp_path, server.port, mail.user, password)


FILE_IT = "  - {name: file it, if: always, do: [{move: {to: Filed, create: true}}]}\n"
TAKE_IT_BACK = "  - {name: take it back, in: home/Filed, if: always, do: [{move: INBOX}]}\n"


async def test_two_mailrules_against_each_other_come_to_rest(place: Place) -> None:
    ours = await place.mailrules("ours", FILE_IT)
    theirs = await place.mailrules("theirs", TAKE_IT_BACK)

    moves = [len((await one.run()).plan.mailboxes[0].messages) for _ in range(4) for one in (ours, theirs)]

    # There and back once; then the first of them leaves it alone.
    assert moves == [1, 1, 0, 0, 0, 0, 0, 0]
    assert await place.count("INBOX") == 1
    (finding,) = (await preview(ours.session)).mailboxes[0].findings
    assert finding.kind == "moved_back"
    for one in (ours, theirs):
        await one.session.journal.close()


async def test_what_another_client_moves_back_stays_there(place: Place) -> None:
    ours = await place.mailrules("ours", FILE_IT)
    await ours.run()
    assert await place.count("Filed") == 1

    await place.somebody_moves("Filed", "INBOX")
    ours.now += timedelta(days=30)
    again = await ours.run()

    assert again.plan.message_count == 0
    assert [one.kind for one in again.plan.mailboxes[0].findings] == ["moved_back"]
    assert await place.count("INBOX") == 1
    await ours.session.journal.close()


async def test_what_an_undo_moved_back_may_be_moved_again(place: Place) -> None:
    ours = await place.mailrules("ours", FILE_IT)
    await ours.run()
    await ours.undo_last()
    assert await place.count("INBOX") == 1

    await ours.run()

    assert await place.count("Filed") == 1
    await ours.session.journal.close()


async def test_a_third_move_within_a_day_waits(place: Place) -> None:
    rules = FILE_IT + (
        "  - {name: further, in: home/Filed, if: always, do: [{move: {to: Second, create: true}}]}\n"
        "  - {name: still further, in: home/Second, if: always, do: [{move: {to: Third, create: true}}]}\n"
    )
    first = await place.mailrules("ours", FILE_IT)
    await first.run()
    await first.session.journal.close()
    ours = await place.mailrules("ours", rules)
    await ours.run()
    held = await ours.run()

    assert await place.count("Second") == 1
    assert [one.kind for mailbox in held.plan.mailboxes for one in mailbox.findings] == ["held"]
    ours.now += timedelta(hours=25)
    await ours.run()
    assert await place.count("Third") == 1
    await ours.session.journal.close()
