"""A mailbox of every hostile mail, on the server in memory and on a real one, and the program set up for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.testing.builders import SampleMessage
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.threaded_server import serve_in_thread
from tests.cli.conftest import Program, account_text
from tests.hostile_mail.corpus import MAILS
from tests.hostile_mail.judging import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.servers.dovecot import DovecotAccount


@pytest.fixture(params=["memory", "dovecot"])
def besieged(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Program]:
    """The program, on an account whose INBOX holds them with UIDs from 1, in the corpus's order; on Dovecot all."""
    program = Program(folder=tmp_path)
    if request.param == "memory":
        with _server() as server:
            password_file = tmp_path / "password"
            password_file.touch(mode=0o600)
            password_file.write_text(server.mail.password, encoding="utf-8")
            program.config.write_text(account_text(server.port, password_file=password_file) + RULES, "utf-8")
            yield program
    else:
        account: DovecotAccount = request.getfixturevalue("dovecot")
        account.fill("INBOX", [SampleMessage(content=make()) for make in MAILS.values()])
        text = account_text(account.port, password_file=account.server.password_file)
        program.config.write_text(text.replace("user: ann", f"user: {account.user}") + RULES, "utf-8")
        yield program


SMALL_BYTES = 20_000
"""The server in memory reads structure in Python, on this process's time: it gets the small mails only."""


def _server() -> AbstractContextManager[ImapServer]:
    mail = MailAccount()
    for content in (make() for make in MAILS.values()):
        if len(content) <= SMALL_BYTES:
            mail.add("INBOX", content)
    return serve_in_thread(ImapServer(mail))
