"""An account on each of two servers: one in memory, and Dovecot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.testing.builders import SampleMessage, message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from tests.end_to_end.installed import Place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers.dovecot import DovecotAccount


@pytest.fixture(params=["in memory", "Dovecot"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """One message in INBOX."""
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
