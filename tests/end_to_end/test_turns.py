"""How often a run waits for its server, counted on the line between them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.cli.configuration import load
from mailrules.cli.paths import ChosenPath
from mailrules.cli.session import local_now
from mailrules.engine import run_once
from mailrules.journal.journal import Journal
from mailrules.journal.records import RunOutcome
from mailrules.plan.plan import StepKind
from mailrules.session import Session
from mailrules.testing.builders import message
from mailrules.testing.capabilities import with_more
from tests.servers.proxy import Line, Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from mailrules.engine import RunReport
    from mailrules.plan.plan import Plan
    from mailrules.settings import AccountSettings
    from mailrules.testing.imap_server import ImapServer

MESSAGES = 400
OLD = 1000
"""Days; every hundredth message is older."""
TURNS = 6


@pytest.fixture
def line(imap_server: ImapServer) -> Iterator[Proxy]:
    """Slow enough that whatever is sent without waiting is one turn."""
    imap_server.capabilities = with_more("COMPRESS=DEFLATE")
    with Proxy(Line(server_port=imap_server.port, round_trip_seconds=0.04)) as proxy:
        yield proxy


@pytest.fixture
async def session(imap_settings: AccountSettings, line: Proxy, tmp_path: Path) -> AsyncIterator[Session]:
    assert imap_settings.secret is not None
    rules = tmp_path / "mailrules.yaml"
    rules.write_text(
        f"""version: 1
accounts:
  home:
    host: 127.0.0.1
    port: {line.port}
    user: {imap_settings.user}
    security: none
    secret: {{file: {imap_settings.secret.value}}}
    compress: true
defaults: {{in: [home/INBOX]}}
rules:
  - name: retention
    if: {{received: {{older_than: {OLD}d}}}}
    do: [{{trash: true}}]
"""
    )
    configuration, plugins = load(ChosenPath(path=rules, reason="the test's"))
    journal = await Journal.open(tmp_path / "state" / "journal.sqlite")
    yield Session(
        configuration=configuration,
        plugins=plugins,
        journal=journal,
        now=local_now,
        state_directory=tmp_path / "state",
    )
    await journal.close()


async def test_a_sweep_waits_for_its_server_no_more_often_than_it_has_to(
    session: Session, imap_server: ImapServer, line: Proxy
) -> None:
    _fill(imap_server)

    report = await run_once(session, confirm=_yes)

    assert _moved(report) == MESSAGES // 100
    assert line.traffic.turns == TURNS, " ".join(imap_server.commands_seen)


async def test_a_target_that_is_not_there_is_told_of_as_ever(session: Session, imap_server: ImapServer) -> None:
    _fill(imap_server)

    async def confirm_without_trash(plan: Plan) -> bool:
        imap_server.mail.delete("Trash")
        return await _yes(plan)

    report = await run_once(session, confirm=confirm_without_trash)

    assert report.outcome is RunOutcome.PARTLY_DONE
    assert report.execution is not None
    assert [one.count for one in report.execution.shortfalls] == [MESSAGES // 100]
    assert len(imap_server.mail["INBOX"].messages) == MESSAGES


def _fill(server: ImapServer) -> None:
    now = local_now()
    for number in range(MESSAGES):
        age = timedelta(days=OLD + 30 if number % 100 == 0 else OLD - 30)
        server.mail.add(
            "INBOX", message(subject=f"Number {number}", message_id=f"<{number}@example.org>"), received=now - age
        )


async def _yes(_plan: Plan) -> bool:
    return True


def _moved(report: RunReport) -> int:
    assert report.execution is not None
    return report.execution.applied[StepKind.MOVE]
