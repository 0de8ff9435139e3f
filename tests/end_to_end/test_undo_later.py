"""Whether an undo on a real server does what is still possible after another client was there, and lists the rest."""

from __future__ import annotations

import imaplib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailrules.cli.configuration import load
from mailrules.cli.paths import ChosenPath
from mailrules.engine import RunReport, run_once, undo
from mailrules.journal.journal import Journal
from mailrules.journal.records import RunId, RunOutcome
from mailrules.session import Session
from mailrules.testing.builders import message
from tests.end_to_end.test_ledger import append, done, other_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mailrules.plan.plan import Plan
    from tests.servers.dovecot import DovecotAccount

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
async def session(dovecot: DovecotAccount, tmp_path: Path) -> AsyncIterator[Session]:
    config = tmp_path / "mailrules.yaml"
    config.write_text(
        f"""\
version: 1
accounts:
  home: {{host: {dovecot.host}, port: {dovecot.port}, security: none, user: {dovecot.user},
         secret: {{file: {dovecot.server.password_file}}}}}
rules:
  - name: file
    in: [home/INBOX]
    if: always
    do: [{{flag: seen}}, {{copy: {{to: Copies, create: true}}}}, {{move: {{to: Filed, create: true}}}}]
""",
        encoding="utf-8",
    )
    configuration, plugins = load(ChosenPath(path=config, reason="the test's"))
    journal = await Journal.open(tmp_path / "state" / "journal.sqlite3")
    yield Session(configuration=configuration, plugins=plugins, journal=journal, now=lambda: NOW)
    await journal.close()


async def run(session: Session) -> RunReport:
    async def agree(_plan: Plan) -> bool:
        return True

    return await run_once(session, confirm=agree)


async def taken_back(session: Session, name: str) -> tuple[tuple[str, ...], RunReport]:
    """What was listed beforehand, and what came of it."""
    listed: list[str] = []

    async def agree(_plan: Plan, cannot: tuple[str, ...]) -> bool:
        listed.extend(cannot)
        return True

    report = await undo(session, RunId(name), confirm=agree)
    return tuple(listed), report


def mail_of(account: DovecotAccount) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """Message-IDs with flags by mailbox, empty mailboxes included."""
    found: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    with other_client(account) as client:
        names = [line.rpartition(b" ")[2].decode().strip('"') for line in client.list()[1]]
        for name in names:
            done(client.select(name, readonly=True))
            _, answers = client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
            found[name] = sorted(
                (
                    answer[1].decode().partition("<")[2].partition("@")[0],
                    tuple(sorted(flag.decode() for flag in imaplib.ParseFlags(answer[0]) if flag != b"\\Recent")),
                )
                for answer in answers
                if isinstance(answer, tuple)
            )
    return found


def deliver(account: DovecotAccount) -> None:
    with other_client(account) as client:
        for number in range(1, 6):
            append(client, "INBOX", message(subject=f"Number {number}", message_id=f"<{number}@example.org>"))


async def test_a_run_is_undone_and_done_again_whole(dovecot: DovecotAccount, session: Session) -> None:
    deliver(dovecot)
    before = mail_of(dovecot)
    first = await run(session)
    after = mail_of(dovecot)
    assert len(after["Filed"]) == len(after["Copies"]) == 5

    last = first.run
    for turn in range(4):
        listed, report = await taken_back(session, last)
        assert (listed, report.outcome) == ((), RunOutcome.DONE), turn
        assert mail_of(dovecot) == (after if turn % 2 else before), turn
        last = report.run


async def test_what_another_client_did_since_stays_and_the_rest_is_undone(
    dovecot: DovecotAccount, session: Session
) -> None:
    deliver(dovecot)
    first = await run(session)
    with other_client(dovecot) as client:
        done(client.create("Elsewhere"))
        done(client.select("Filed"))
        done(client.uid("MOVE", "1", "Elsewhere"))
        done(client.uid("STORE", "2", "+FLAGS", "(\\Deleted)"))
        done(client.uid("EXPUNGE", "2"))
        done(client.uid("STORE", "3", "FLAGS", "(\\Flagged)"))
        done(client.unselect())
        done(client.rename("Filed", "Store"))
        done(client.delete("Copies"))

    listed, report = await taken_back(session, first.run)

    assert sorted(listed) == [
        "2 x add_flags in home/Filed: it is no longer there: somebody moved or removed it since",
        "2 x move in home/Filed: it is no longer there: somebody moved or removed it since",
        "5 x copy in home/Copies: Copies does not exist any more",
    ]
    assert report.outcome is RunOutcome.PARTLY_DONE
    assert report.execution is not None
    assert report.execution.shortfalls == ()
    found = mail_of(dovecot)
    assert found["INBOX"] == [("3", ("\\Flagged",)), ("4", ()), ("5", ())]
    assert [name for name, _ in found["Elsewhere"]] == ["1"]
    assert found["Store"] == []
