"""Whether a copy is made once on a real server, though another client moves, renames and makes mailboxes anew."""

from __future__ import annotations

import imaplib
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailrules.cli.configuration import load
from mailrules.cli.paths import ChosenPath
from mailrules.engine import run_once
from mailrules.journal.journal import Journal
from mailrules.session import Session
from mailrules.testing.builders import message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mailrules.plan.plan import Plan
    from tests.servers.dovecot import DovecotAccount

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MAIL = message(subject="Keep this", message_id="<a@example.org>")
NAMELESS = b"Subject: Keep this\r\n\r\nneither Message-ID nor Date nor From\r\n"


async def run(account: DovecotAccount, folder: Path, *mailboxes: str) -> int:
    """Run once by a rule that copies what is to be kept in these mailboxes; how many copies there are then."""
    config = folder / "mailrules.yaml"
    config.write_text(
        f"""\
version: 1
accounts:
  home: {{host: {account.host}, port: {account.port}, security: none, user: {account.user},
         secret: {{file: {account.server.password_file}}}}}
rules:
  - name: keep
    in: [{", ".join(f"home/{name}" for name in mailboxes)}]
    if: {{subject: Keep}}
    do: [{{copy: {{to: Copies, create: true}}}}]
""",
        encoding="utf-8",
    )
    configuration, plugins = load(ChosenPath(path=config, reason="the test's"))
    journal = await Journal.open(folder / "state" / "journal.sqlite3")

    async def agree(_plan: Plan) -> bool:
        return True

    session = Session(configuration=configuration, plugins=plugins, journal=journal, now=lambda: NOW)
    report = await run_once(session, confirm=agree)
    await journal.close()
    assert report.plan.complete
    with other_client(account) as client:
        _, (count,) = client.select("Copies", readonly=True)
        return int(count)


@contextmanager
def other_client(account: DovecotAccount) -> Iterator[imaplib.IMAP4]:
    with imaplib.IMAP4(account.host, account.port) as client:
        client.login(account.user, account.password)
        yield client


def done(answer: tuple[str, list[object]]) -> None:
    assert answer[0] == "OK", answer


def append(client: imaplib.IMAP4, mailbox: str, mail: bytes) -> None:
    done(client.append(mailbox, "()", imaplib.Time2Internaldate(NOW), mail))


@pytest.mark.parametrize("mail", [MAIL, NAMELESS], ids=["mail", "nameless"])
async def test_what_another_client_moves_or_renames_is_not_copied_again(
    dovecot: DovecotAccount, tmp_path: Path, mail: bytes
) -> None:
    with other_client(dovecot) as client:
        done(client.create("Other"))
        append(client, "Other", mail)
    assert await run(dovecot, tmp_path, "INBOX", "Other") == 1

    with other_client(dovecot) as client:
        done(client.select("Other"))
        done(client.uid("MOVE", "1", "INBOX"))
    assert await run(dovecot, tmp_path, "INBOX", "Other") == 1

    with other_client(dovecot) as client:
        done(client.select("INBOX"))
        done(client.uid("MOVE", "1", "Other"))
        done(client.unselect())
        done(client.rename("Other", "Third"))
    assert await run(dovecot, tmp_path, "INBOX", "Third") == 1


async def test_mail_that_comes_back_in_a_mailbox_made_anew_is_not_copied_again(
    dovecot: DovecotAccount, tmp_path: Path
) -> None:
    with other_client(dovecot) as client:
        done(client.create("Other"))
        append(client, "Other", MAIL)
        before = client.status("Other", "(UIDVALIDITY)")
    assert await run(dovecot, tmp_path, "Other") == 1

    with other_client(dovecot) as client:
        done(client.delete("Other"))
        done(client.create("Other"))
        append(client, "Other", MAIL)
        assert client.status("Other", "(UIDVALIDITY)") != before
        append(client, "Other", message(subject="Keep that", message_id="<b@example.org>"))

    assert await run(dovecot, tmp_path, "Other") == 2, "only what is new"
