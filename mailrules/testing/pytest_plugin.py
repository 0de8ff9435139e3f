"""Which fixtures do plugin and rule authors get from mailrules?

They come with the package: pytest finds this module by its entry point. What a fixture needs is
imported when a test first asks for it, so that other test suites pay nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mailrules.settings import AccountSettings
    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from mailrules.testing.memory_store import MemoryStore


@pytest.fixture
def mail_account() -> MailAccount:
    """An account of user ``ann`` with INBOX, Archive, Junk and Trash, all empty."""
    from mailrules.testing.mail_state import MailAccount  # noqa: PLC0415 - see the module's docstring

    return MailAccount()


@pytest.fixture
def memory_store(mail_account: MailAccount) -> MemoryStore:
    """A ``MailStore`` over ``mail_account`` that needs no server."""
    from mailrules.testing.memory_store import MemoryStore  # noqa: PLC0415 - see the module's docstring

    return MemoryStore(mail_account)


@pytest.fixture
def imap_server(mail_account: MailAccount) -> Iterator[ImapServer]:
    """A running IMAP server over ``mail_account``, in a thread of its own: tests may block or not.

    Put mail in with ``mail_account.add("INBOX", message(...))``; add to ``imap_server.faults`` or
    replace ``imap_server.capabilities`` before connecting.
    """
    from mailrules.testing.imap_server import ImapServer  # noqa: PLC0415 - see the module's docstring
    from mailrules.testing.threaded_server import serve_in_thread  # noqa: PLC0415 - see the module's docstring

    with serve_in_thread(ImapServer(mail_account)) as server:
        yield server


@pytest.fixture
def imap_settings(imap_server: ImapServer, tmp_path: Path) -> AccountSettings:
    """Settings of an account named ``test`` that logs in to ``imap_server``."""
    from mailrules.settings import SecretReference  # noqa: PLC0415 - see the module's docstring

    password = tmp_path / "password"
    password.write_text(imap_server.mail.password)
    password.chmod(0o600)
    return imap_server.settings(SecretReference(kind="file", value=str(password)))
