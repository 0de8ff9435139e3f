"""How many round trips the job's reading takes, and a new message from its arrival to its move.

A turn is a write of the client after it has waited for bytes. Reading is counted by the proxy, from outside;
a new message by the client's own counter, from its delivery while the client idles: ending IDLE counts.
"""

from __future__ import annotations

import asyncio
import imaplib
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mailrules.arrivals import Watch
from mailrules.cli.configuration import load
from mailrules.cli.paths import ChosenPath
from mailrules.cli.session import local_now
from mailrules.client.imap_store import connect_store
from mailrules.journal.journal import Journal
from mailrules.plan.plan import StepKind
from mailrules.session import Session
from tests.bench.contenders import Place, mailrules_command
from tests.servers.proxy import Line, Proxy

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot

MOST_READING = 12
MOST_ARRIVAL = 3

_LIST_MAIL = (
    b"From: Ann <ann@example.org>\r\nList-Id: Chess <chess.lists.example.org>\r\nSubject: e4\r\n"
    b"Message-ID: <%d@example.org>\r\nDate: Mon, 1 Jun 2026 10:00:00 +0000\r\n\r\ne4\r\n"
)


def reading_turns(server: Dovecot, user: str, folder: Path) -> int:
    """Turns of a whole dry run, from the login to the logout."""
    with Proxy(Line(server_port=server.port)) as proxy:
        place = Place(server=server, user=user, port=proxy.port, folder=folder)
        subprocess.run([*mailrules_command(place), "dry-run", "--json"], check=True, capture_output=True, timeout=120)
        return proxy.traffic.turns


async def arrival_turns(server: Dovecot, user: str, folder: Path) -> int:
    """Turns from the news of a list message until its move is confirmed, the second time (the mailbox exists)."""
    place = Place(server=server, user=user, port=server.port, folder=folder)
    config = Path(mailrules_command(place)[4])
    configuration, plugins = load(ChosenPath(path=config, reason="the benchmark's"))
    with TemporaryDirectory() as state:
        journal = await Journal.open(Path(state) / "state" / "journal.sqlite")
        session = Session(configuration=configuration, plugins=plugins, journal=journal, now=local_now)
        store = await connect_store(configuration.accounts["home"])
        watch = await Watch.begin(session, store, configuration.rules.mailboxes[0])
        turns = []
        for number in range(2):
            before = store.client.counters.turns
            news = asyncio.create_task(store.wait_for_news(timeout_seconds=10))
            while store.client.counters.turns == before:  # noqa: ASYNC110 -- nothing tells that IDLE has been sent
                await asyncio.sleep(0)
            await asyncio.to_thread(_deliver, server, user, _LIST_MAIL % number)
            before = store.client.counters.turns
            assert await news
            report = await watch.judge_arrivals()
            assert report.execution is not None
            assert report.execution.applied[StepKind.MOVE] == 1
            turns.append(store.client.counters.turns - before)
        await store.close()
        await journal.close()
    return turns[-1]


def _deliver(server: Dovecot, user: str, content: bytes) -> None:
    with imaplib.IMAP4("127.0.0.1", server.port) as client:
        client.login(user, server.password_file.read_text())
        client.append("INBOX", None, None, content)
