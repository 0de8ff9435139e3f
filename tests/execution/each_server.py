"""The servers that each kind of step is run on: real ones, and the in-memory server with and without extensions."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mailrules.client.imap_store import connect_store
from mailrules.execution.executor import execute
from mailrules.execution.identity import IDENTITY_REQUEST, message_id_in
from mailrules.execution.recovery import recover
from mailrules.journal.records import RunKind
from mailrules.mailbox.message import FactRequest
from mailrules.plan.history import LedgerKey
from mailrules.plan.plan import MailboxPlan, MessagePlan, Plan, Step, StepKind
from mailrules.settings import SecretReference
from mailrules.testing.builders import A_DAY, message
from mailrules.testing.capabilities import EVERY_CAPABILITY, without
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.threaded_server import serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pytest

    from mailrules.client.imap_store import ImapStore
    from mailrules.execution.recovery import RecoveryReport
    from mailrules.execution.report import ExecutionReport
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunId
    from mailrules.mailbox.store import MailStore
    from mailrules.plan.plan import MailboxStep
    from mailrules.settings import AccountSettings

REAL_SERVERS = ("dovecot", "dovecot_sdbox", "dovecot_mdbox", "cyrus", "courier")
IN_MEMORY = {
    "in memory": EVERY_CAPABILITY,
    "in memory, no MOVE": without("MOVE"),
    "in memory, no UIDPLUS": without("UIDPLUS"),
    "in memory, no MOVE, no UIDPLUS": without("MOVE", "UIDPLUS"),
    "in memory, no CONDSTORE": without("CONDSTORE"),
    "in memory, no ESEARCH": without("ESEARCH"),
    "in memory, no OBJECTID": without("OBJECTID"),
    "in memory, no MOVE, no OBJECTID": without("MOVE", "OBJECTID"),
}
SERVERS = (*REAL_SERVERS, *IN_MEMORY)

SAMPLES = [
    message(message_id=f"<{number}@example.org>", subject=f"Number {number}", body=f"{number}\r\n" * number)
    for number in range(1, 6)
] + [message(message_id="<1@example.org>", subject="Number 1", body="1\r\n")]
"""Five messages, and the first of them once more: mail is delivered twice at times."""

Contents = list[tuple[str, frozenset[str]]]
"""Message-ID and flags of each message, sorted; ``\\Recent`` and what only marks removal left out."""


@dataclass
class Place:
    """An account on one of the servers, a journal, and the steps between a plan and its end."""

    settings: AccountSettings
    journal: Journal
    prefix: str = ""
    _clock: datetime = datetime(2026, 11, 28, 12, tzinfo=UTC)
    waits: list[float] = field(default_factory=list)
    _looking: ImapStore | None = None

    async def looking(self) -> ImapStore:
        """A connection that only sets the scene and looks; the runs' own are made and lost beside it."""
        if self._looking is None:
            self._looking = await self.connect()
        return self._looking

    async def leave(self) -> None:
        if self._looking is not None:
            await self._looking.close()

    def now(self) -> datetime:
        self._clock += timedelta(seconds=1)
        return self._clock

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def connect(self) -> ImapStore:
        return await connect_store(self.settings)

    async def fill(
        self, mailbox: str, contents: Sequence[bytes] = SAMPLES, *, flags: frozenset[str] = frozenset()
    ) -> None:
        """Make a mailbox with these messages, all from one minute."""
        store = await self.looking()
        await store.create(mailbox)
        for content in contents:
            await store.append(mailbox, content, flags=flags, received=A_DAY)

    async def plan(self, mailbox: str, steps: Callable[[int, MessagePlan], Sequence[Step]], **more: object) -> Plan:
        """What the planner would plan: the steps for each message by its number, but what is done already."""
        store = await self.looking()
        status = await store.open(mailbox)
        ledger = (await self.journal.history(rules=(), now=self.now())).ledger
        request = FactRequest(
            flags=True,
            size=True,
            received=True,
            modseq="CONDSTORE" in store.capabilities,
            header_fields=IDENTITY_REQUEST.header_fields,
        )
        plans = []
        for facts in await store.fetch(request):
            assert isinstance(facts.header, bytes)
            assert isinstance(facts.received, datetime)
            flags = (facts.flags or frozenset()) - {"\\Recent"}
            if "\\Deleted" in flags:
                continue  # invisible to rules
            bare = MessagePlan(
                uid=facts.uid,
                rules=("rule",),
                steps=(),
                message_id=message_id_in(facts.header),
                content_key=f"{self.settings.name} {mailbox} {facts.uid}",
                object_id=facts.object_id,
                received=facts.received,
                size_bytes=facts.size_bytes or 0,
                flags=flags,
                modseq=facts.modseq,
            )
            wanted = tuple(
                step for step in steps(facts.uid, bare) if not _is_so(step, flags) and _key(bare, step) not in ledger
            )
            if wanted:
                plans.append(replace(bare, steps=wanted))
        mailbox_plan = MailboxPlan(
            account=self.settings.name,
            mailbox=mailbox,
            uidvalidity=status.uidvalidity,
            highest_modseq=status.highest_modseq,
            messages=tuple(plans),
            judged=status.messages,
            final_uids=tuple(one.uid for one in plans),
        )
        return Plan(created=self.now(), rules_hash="", mailboxes=(mailbox_plan,), **more)  # type: ignore[arg-type]  # mailbox steps

    async def run(self, plan: Plan, store: MailStore | None = None) -> tuple[RunId, ExecutionReport]:
        used = store or await self.connect()
        run = await self.journal.begin_run(kind=RunKind.ONCE, started=self.now(), plan=plan)
        report = await execute(
            plan, run=run, stores={self.settings.name: used}, journal=self.journal, effects={}, now=self.now
        )
        await self.journal.finish_run(run, ended=self.now(), outcome=report.outcome)
        await used.close()
        return run, report

    async def recover(self) -> RecoveryReport:
        store = await self.connect()
        report = await recover(self.journal, {self.settings.name: store}, now=self.now, wait=self.wait)
        await store.close()
        return report

    async def contents(self, mailbox: str) -> Contents:
        """As a person sees it: what is marked for removal, where it cannot be removed, does not count."""
        store = await self.looking()
        await store.examine(mailbox)
        found = []
        for facts in await store.fetch(IDENTITY_REQUEST):
            assert isinstance(facts.header, bytes)
            flags = frozenset(flag.lower() for flag in facts.flags or ())
            if "\\deleted" not in flags or "UIDPLUS" in store.capabilities:
                found.append((message_id_in(facts.header), flags - {"\\recent"}))
        return sorted(found, key=lambda one: (one[0], sorted(one[1])))


@contextmanager
def place_on(
    request: pytest.FixtureRequest, server: str, folder: Path, journal: Journal, *, name: str = "home"
) -> Iterator[Place]:
    """A new account on the server of this name; ``name`` is the account's in the configuration."""
    if server in REAL_SERVERS:
        account = request.getfixturevalue(server)
        yield Place(account.settings(name=name), journal, prefix=getattr(account, "prefix", ""))
        return
    mail = MailAccount()
    password = folder / "password"
    password.write_text(mail.password)
    password.chmod(0o600)
    with serve_in_thread(ImapServer(mail, capabilities=IN_MEMORY[server])) as running:
        settings = running.settings(SecretReference(kind="file", value=str(password)))
        yield Place(replace(settings, name=name), journal)


def _is_so(step: Step, flags: frozenset[str]) -> bool:
    present = {flag.lower() for flag in flags}
    named = {flag.lower() for flag in step.flags}
    if step.kind is StepKind.ADD_FLAGS:
        return present >= named
    return step.kind is StepKind.REMOVE_FLAGS and present.isdisjoint(named)


def _key(message: MessagePlan, step: Step) -> LedgerKey:
    return LedgerKey(message.content_key, step.rule, step.effect or str(step.kind), step.to)


def on_mailbox(place: Place, step: MailboxStep) -> Plan:
    """A plan of one mailbox step."""
    return Plan(created=place.now(), rules_hash="", mailboxes=(), mailbox_steps=(step,))
