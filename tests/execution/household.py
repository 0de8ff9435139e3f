"""Two accounts in memory with a rule file, a person who moves things about, and a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mailrules.cli.configuration import Loaded, load
from mailrules.cli.paths import ChosenPath
from mailrules.engine import carry_out
from mailrules.errors import ConnectionLost
from mailrules.execution.recovery import recover
from mailrules.execution.undo import plan_undo
from mailrules.execution.undo_check import still_possible
from mailrules.journal.journal import Journal
from mailrules.journal.records import RunId, RunKind
from mailrules.plan.planner import IDENTITY_FIELDS
from mailrules.planning import plan_accounts
from mailrules.session import Scope, Session
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_faults import MemoryFault
from mailrules.testing.memory_store import MemoryStore
from mailrules.upkeep import tidy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from mailrules.engine import RunReport
    from mailrules.plan.plan import Plan
    from mailrules.testing.memory_faults import Moment

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HEAD = """\
version: 1
accounts:
  home: {host: imap.example, user: ann, secret: {env: X}}
  work: {host: imap.example, user: ann, secret: {env: X}}
"""
KEEP_COPIES = """\
rules:
  - name: keep
    in: [home/INBOX, home/Other, work/INBOX]
    if: {subject: Keep}
    do: [{copy: {to: Copies, create: true}}]
"""


@dataclass
class Household:
    """Accounts ``home`` and ``work``; ``run`` is ``run --once``."""

    folder: Path
    rules: str = KEEP_COPIES
    capabilities: frozenset[str] = EVERY_CAPABILITY
    accounts: dict[str, MailAccount] = field(
        default_factory=lambda: {"home": MailAccount(), "work": MailAccount()},
    )
    now: datetime = NOON
    _session: Session | None = None

    async def open(self) -> None:
        for account in self.accounts.values():
            account.create("Other")
        journal = await Journal.open(self.folder / "state" / "journal.sqlite3")
        configuration, plugins = self._load()
        self._session = Session(
            configuration=configuration, plugins=plugins, journal=journal, now=lambda: self.now, wait=at_once
        )

    async def reopen(self, *, is_closed: bool = False) -> None:
        """What another start of the program finds."""
        if not is_closed:
            await self.close()
        journal = await Journal.open(self.folder / "state" / "journal.sqlite3")
        self._session = replace(self.session, journal=journal)

    async def close(self) -> None:
        await self.session.journal.close()

    @property
    def session(self) -> Session:
        assert self._session is not None
        return self._session

    def edit(self, rules: str) -> None:
        """Put another rule file in force."""
        self.rules = rules
        configuration, plugins = self._load()
        self._session = replace(self.session, configuration=configuration, plugins=plugins)

    def pass_time(self, days: float) -> None:
        self.now += timedelta(days=days)

    def stores(self, *faults: MemoryFault) -> dict[str, MemoryStore]:
        return {
            name: MemoryStore(account, account=name, capabilities=self.capabilities, faults=faults)
            for name, account in self.accounts.items()
        }

    async def plan(self, stores: dict[str, MemoryStore] | None = None, *, scope: Scope | None = None) -> Plan:
        """What a run would do."""
        return await plan_accounts(
            self.session, stores or self.stores(), scope=scope or Scope(), describe=IDENTITY_FIELDS
        )

    async def run(self) -> RunReport:
        """Judge all mail, act, and do the day's chores, as ``run --once``."""
        stores = self.stores()
        plan = await self.plan(stores)
        report = await carry_out(self.session, plan, stores, kind=RunKind.ONCE)
        await tidy(self.session, stores)
        return report

    async def go_on(self) -> None:
        """What the next start does: recover, then look again and act."""
        await recover(self.session.journal, self.stores(), now=lambda: self.now, wait=at_once)
        assert await self.session.journal.open_steps("home") == ()
        await self.run()

    async def lose_each_call(self, fresh: Callable[[], MailAccount], *, moment: Moment) -> AsyncIterator[int]:
        """Run after run on a ``fresh`` home whose connection is lost at the first call, the second, ...; its number."""
        number, was_lost = 0, True
        while was_lost:
            number += 1
            home = self.accounts["home"] = fresh()
            home.create("Other")
            fault = MemoryFault(call="*", moment=moment, nth=number)
            store = MemoryStore(home, account="home", capabilities=self.capabilities, faults=[fault])
            try:
                await carry_out(self.session, await self.plan({"home": store}), {"home": store}, kind=RunKind.ONCE)
            except* ConnectionLost:
                pass  # while it was only looking
            was_lost = store.lost
            yield number

    async def undo(self, run: str) -> RunReport:
        """What ``undo --yes`` does."""
        stores = self.stores()
        planned = await plan_undo(self.session.journal, RunId(run), now=self.now)
        way_back = await still_possible(planned, stores, journal=self.session.journal)
        return await carry_out(self.session, way_back.plan, stores, kind=RunKind.UNDO)

    def move(self, uid: int, source: tuple[str, str], target: tuple[str, str]) -> int:
        """What a person's client does; within an account the message keeps its object id. The new UID."""
        came_from = self.accounts[source[0]][source[1]]
        goes_to = self.accounts[target[0]][target[1]]
        if source[0] == target[0]:
            stored = self.accounts[source[0]].copy(came_from, uid, goes_to)
        else:
            old = came_from.messages[uid]
            stored = self.accounts[target[0]].add(target[1], old.content, flags=old.flags, received=old.received)
        came_from.remove(uid)
        return stored.uid

    def copies(self) -> list[bytes]:
        """The messages in every mailbox named Copies."""
        return [
            stored.content
            for account in self.accounts.values()
            if "Copies" in account
            for stored in account["Copies"].messages.values()
        ]

    def _load(self) -> Loaded:
        path = self.folder / "mailrules.yaml"
        path.write_text(HEAD + self.rules, encoding="utf-8")
        return load(ChosenPath(path=path, reason="the test's"))


async def at_once(_seconds: float) -> None:
    """The settle wait: nobody else is at work."""
