"""Which fixtures do plugin and rule authors get from mailrules?"""

from __future__ import annotations

import pytest

from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_store import MemoryStore


@pytest.fixture
def mail_account() -> MailAccount:
    """An account of user ``ann`` with INBOX, Archive, Junk and Trash, all empty."""
    return MailAccount()


@pytest.fixture
def memory_store(mail_account: MailAccount) -> MemoryStore:
    """A ``MailStore`` over ``mail_account`` that needs no server."""
    return MemoryStore(mail_account)
