"""Sweeps of a mailbox in memory, with a cache and without one."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from mailrules.cache.fact_cache import FactCache
from mailrules.plan.directory import directory_of
from mailrules.plan.history import History
from mailrules.recall import FactSource
from mailrules.rules.conditions import Environment
from mailrules.settings import AccountSettings
from mailrules.survey import Surroundings, survey_mailbox
from tests.plan.planned import load

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.mailbox.store import MailboxStatus, MailReader
    from mailrules.plan.plan import MailboxPlan
    from mailrules.rules.rule import Rule
    from mailrules.testing.memory_reader import MemoryReader

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOME = AccountSettings(name="home", user="me@example.org", secret=None, host="imap.example.org")
LIMIT = 64 << 20
FACTS = {"fetch", "fetch_from", "fetch_changed", "search_as_written"}


async def sweep(
    reader: MailReader,
    rules: str,
    cache: FactCache | None = None,
    *,
    mailbox: str = "INBOX",
    opens: bool = True,
    now: datetime = NOW,
    acts: bool = False,
) -> MailboxPlan:
    """Plan a mailbox. Without ``opens`` it is open already, and may have changed since."""
    directory = directory_of(await reader.list_mailboxes(), account="home", user="me@example.org")
    status = await reader.open(mailbox) if opens or reader.opened is None else reader.opened

    def source(one: MailReader, opened: MailboxStatus) -> FactSource:
        kept = cache.open(HOME, opened, now=now) if cache is not None else None
        return FactSource(one, opened, kept, just_opened=opens)

    planner = await survey_mailbox(
        reader,
        status,
        _rules(rules),
        surroundings=Surroundings(
            directory=directory, environment=Environment(now=NOW), history=History(), source=source, acts=acts
        ),
    )
    return planner.finish()


@lru_cache
def _rules(text: str) -> tuple[Rule, ...]:
    return tuple(load(text).rules.rules)


def cache_in(folder: Path, *, limit_bytes: int = LIMIT) -> FactCache:
    return FactCache(folder / "cache", limit_bytes=limit_bytes)


def asked(reader: MemoryReader) -> list[tuple[str, int]]:
    """The calls that ask for facts, and of how many messages by name; it forgets them."""
    calls = [(call.name, len(call.uids)) for call in reader.calls if call.name in FACTS]
    reader.calls.clear()
    return calls
