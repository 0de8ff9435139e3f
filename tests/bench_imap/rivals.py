"""imap_tools and aioimaplib as contenders: a process of its own for each run, which leaves nothing behind in ours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.bench_imap.apart import measured

if TYPE_CHECKING:
    from mailrules.settings import AccountSettings

AIOIMAPLIB_MESSAGES = 2_000
"""Its time grows with the square of the messages of a command."""
AIOIMAPLIB_MESSAGES_PER_COMMAND = 100
"""It recurses for each line that has arrived, and Python's stack ends before a thousand short messages do."""


def imap_tools_envelope(account: AccountSettings, password: str) -> tuple[float, int]:
    return _run("imap_tools_envelope", account, password)


def imap_tools_header(account: AccountSettings, password: str) -> tuple[float, int]:
    return _run("imap_tools_header", account, password)


def aioimaplib_envelope(account: AccountSettings, password: str) -> tuple[float, int]:
    return _run("aioimaplib_envelope", account, password)


def aioimaplib_header(account: AccountSettings, password: str) -> tuple[float, int]:
    return _run("aioimaplib_header", account, password)


def _run(name: str, account: AccountSettings, password: str) -> tuple[float, int]:
    module = "tests.bench_imap.rival_clients"
    return measured([sys.executable, "-m", module, name, str(account.port), account.user, password])
