"""The whole job on a real Dovecot, as a person runs it: dry run, run, second run, undo, over 20,000 messages."""

from __future__ import annotations

import imaplib
import json
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.expected_end import end_of
from tests.end_to_end.job import ending_of
from tests.jobs import large_mailbox
from tests.jobs.process import Process
from tests.servers.mailbox_state import contents_of, mailbox_names, read_mailboxes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.dovecot import DovecotAccount
    from tests.servers.mailbox_state import SeenMessage

NEW_MESSAGES = 5


class _Commands:
    """The program, run as a process of its own."""

    def __init__(self, account: DovecotAccount, folder: Path) -> None:
        self._config, self._state = folder / "mailrules.yaml", folder / "state"
        self._config.write_text(
            large_mailbox.configuration(
                host=account.host, port=account.port, user=account.user, password_file=account.server.password_file
            )
        )

    def run(self, *arguments: str, status: int = 0) -> str:
        ended = ending_of(Process("-c", str(self._config), "--state-dir", str(self._state), *arguments))
        assert ended.status == status, ended.all
        return ended.out


def _read(account: DovecotAccount) -> dict[str, tuple[SeenMessage, ...]]:
    return read_mailboxes(host=account.host, port=account.port, user=account.user, password=account.password)


def _deliver(account: DovecotAccount) -> None:
    """Messages that nobody has seen yet, so that \\Recent has something to lose."""
    with imaplib.IMAP4(account.host, account.port) as client:
        client.login(account.user, account.password)
        for number in range(NEW_MESSAGES):
            content = f"From: new@example.org\r\nSubject: new\r\nMessage-ID: <new-{number}@example.org>\r\n\r\nnew\r\n"
            client.append("INBOX", None, None, content.encode())


@pytest.mark.slow_server
def test_the_job_does_what_its_plan_says_and_undo_restores_the_first_state(
    dovecot: DovecotAccount, tmp_path: Path
) -> None:
    dovecot.fill("INBOX", large_mailbox.messages())
    mailrules = _Commands(dovecot, tmp_path)
    _read(dovecot)  # the server gives UIDs and MODSEQs to what was put into its folder
    _deliver(dovecot)
    start = _read(dovecot)
    names = mailbox_names(host=dovecot.host, port=dovecot.port, user=dovecot.user, password=dovecot.password)
    assert len(start["INBOX"]) == large_mailbox.MESSAGES + NEW_MESSAGES
    assert sum("\\recent" in one.flags for one in start["INBOX"]) >= NEW_MESSAGES

    plan = json.loads(mailrules.run("dry-run", "--json"))

    assert _read(dovecot) == start  # every message, flag, MODSEQ and \Recent
    assert plan["totals"]["messages"] > 10_000
    assert set(plan["totals"]["by_kind"]) == {"add_flags", "copy", "move"}
    assert len(plan["totals"]["by_rule"]) == 12

    mailrules.run("run", "--once", "--yes")

    assert contents_of(_read(dovecot)) == end_of(plan, start)

    second = mailrules.run("run", "--once", "--yes")

    assert "Nothing to do" in second
    assert contents_of(_read(dovecot)) == end_of(plan, start)

    mailrules.run("undo", "--yes")

    assert contents_of(_read(dovecot)) == contents_of(start)
    left = mailbox_names(host=dovecot.host, port=dovecot.port, user=dovecot.user, password=dovecot.password)
    assert left == names
