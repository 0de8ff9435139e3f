"""A mail account in memory, a journal on disk, and the steps between a plan and its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mailrules.execution.effects import EffectCall, EffectOutcome
from mailrules.execution.executor import execute
from mailrules.execution.recovery import RecoveryReport, recover
from mailrules.journal.journal import Journal
from mailrules.journal.records import RunKind
from mailrules.mailbox.message import UID
from mailrules.plan.identity import snapshot_hash
from mailrules.plan.plan import MailboxPlan, MailboxStep, MessagePlan, Plan, Step, StepKind
from mailrules.testing.builders import A_DAY, message
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mailrules.execution.report import ExecutionReport, Progress
    from mailrules.journal.records import RunId
    from mailrules.testing.mail_state import StoredMessage
    from mailrules.testing.memory_faults import MemoryFault

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACCOUNT = "home"


@dataclass
class Recorder:
    """An effect that writes down what it was asked."""

    name: str = "ring"
    calls: list[EffectCall] = field(default_factory=list)
    outcome: EffectOutcome | Exception = field(default_factory=lambda: EffectOutcome(done=True))

    async def perform(self, call: EffectCall) -> EffectOutcome:
        self.calls.append(call)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@dataclass
class World:
    """Everything a test of the executor needs; time moves by a second at each look."""

    path: Path
    mail: MailAccount = field(default_factory=MailAccount)
    capabilities: frozenset[str] = EVERY_CAPABILITY
    effect: Recorder = field(default_factory=Recorder)
    journal: Journal | None = None
    waits: list[float] = field(default_factory=list)
    stores: list[MemoryStore] = field(default_factory=list)
    _clock: datetime = NOON

    def now(self) -> datetime:
        self._clock += timedelta(seconds=1)
        return self._clock

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def open_journal(self) -> Journal:
        if self.journal is None:
            self.journal = await Journal.open(self.path)
        return self.journal

    async def close(self) -> None:
        if self.journal is not None:
            await self.journal.close()
            self.journal = None

    def store(self, *faults: MemoryFault, **options: object) -> MemoryStore:
        store = MemoryStore(self.mail, account=ACCOUNT, capabilities=self.capabilities, faults=faults, **options)
        self.stores.append(store)
        return store

    def deliver(self, count: int, *, mailbox: str = "INBOX", start: int = 1, **options: object) -> list[StoredMessage]:
        return [
            self.mail.add(
                mailbox,
                message(message_id=f"<{number}@example.org>", subject=f"Number {number}", body=f"{number}\r\n"),
                received=A_DAY + timedelta(minutes=number),
                **options,
            )
            for number in range(start, start + count)
        ]

    def message_plan(self, uid: int, *steps: Step, mailbox: str = "INBOX") -> MessagePlan:
        stored = self.mail[mailbox].messages[uid]
        head = stored.content.decode().split("\r\n")
        message_id = next((line[12:] for line in head if line.startswith("Message-ID: ")), "")
        return MessagePlan(
            uid=UID(uid),
            rules=tuple(dict.fromkeys(step.rule for step in steps)),
            steps=steps,
            message_id=message_id,
            content_key=f"key-of-{message_id}",
            object_id=stored.object_id if "OBJECTID" in self.capabilities else "",
            received=stored.received,
            size_bytes=len(stored.content),
            flags=stored.flags,
            modseq=stored.modseq,
            snapshot=snapshot_hash(stored.flags),
        )

    def mailbox_plan(
        self, steps: Mapping[int, Iterable[Step]], *, mailbox: str = "INBOX", **more: object
    ) -> MailboxPlan:
        there = self.mail[mailbox]
        return MailboxPlan(
            account=ACCOUNT,
            mailbox=mailbox,
            uidvalidity=there.uidvalidity,
            highest_modseq=there.highest_modseq,
            messages=tuple(self.message_plan(uid, *steps[uid], mailbox=mailbox) for uid in sorted(steps)),
            judged=len(there.messages),
            final_uids=tuple(UID(uid) for uid in there.messages),
            **more,
        )

    def plan(
        self,
        steps: Mapping[int, Iterable[Step]],
        *,
        mailbox_steps: tuple[MailboxStep, ...] = (),
        mailbox: str = "INBOX",
    ) -> Plan:
        return Plan(
            created=NOON,
            rules_hash="hash",
            mailboxes=(self.mailbox_plan(steps, mailbox=mailbox),),
            mailbox_steps=mailbox_steps,
        )

    async def run(
        self,
        plan: Plan,
        *faults: MemoryFault,
        kind: RunKind = RunKind.ONCE,
        store: MemoryStore | None = None,
        progress: list[Progress] | None = None,
    ) -> ExecutionReport:
        _, report = await self.run_named(plan, *faults, kind=kind, store=store, progress=progress)
        return report

    async def run_named(
        self,
        plan: Plan,
        *faults: MemoryFault,
        kind: RunKind = RunKind.ONCE,
        store: MemoryStore | None = None,
        progress: list[Progress] | None = None,
    ) -> tuple[RunId, ExecutionReport]:
        journal = await self.open_journal()
        run = await journal.begin_run(kind=kind, started=self.now(), plan=plan)
        report = await execute(
            plan,
            run=run,
            stores={ACCOUNT: store or self.store(*faults)},
            journal=journal,
            effects={self.effect.name: self.effect},
            now=self.now,
            progress=progress.append if progress is not None else None,
        )
        await journal.finish_run(run, ended=self.now(), outcome=report.outcome)
        return run, report

    async def recover(self, store: MemoryStore | None = None) -> RecoveryReport:
        journal = await self.open_journal()
        return await recover(journal, {ACCOUNT: store or self.store()}, now=self.now, wait=self.wait)

    def ids(self, mailbox: str = "INBOX") -> list[str]:
        """The Message-IDs in a mailbox without brackets and host, sorted."""
        found = []
        for stored in self.mail[mailbox].messages.values():
            found += [
                line[13:].partition(b"@")[0].decode()
                for line in stored.content.split(b"\r\n")
                if line.startswith(b"Message-ID: ")
            ]
        return sorted(found)

    def flags(self, uid: int, mailbox: str = "INBOX") -> frozenset[str]:
        return self.mail[mailbox].messages[uid].flags


def move(to: str, *, create: bool = False, rule: str = "mover") -> Step:
    return Step(kind=StepKind.MOVE, rule=rule, to=to, create=create)


def copy(to: str, *, create: bool = False, rule: str = "copier") -> Step:
    return Step(kind=StepKind.COPY, rule=rule, to=to, create=create)


def add(*flags: str, rule: str = "marker") -> Step:
    return Step(kind=StepKind.ADD_FLAGS, rule=rule, flags=flags)


def remove(*flags: str, rule: str = "marker") -> Step:
    return Step(kind=StepKind.REMOVE_FLAGS, rule=rule, flags=flags)


def delete(*, rule: str = "purger") -> Step:
    return Step(kind=StepKind.DELETE, rule=rule, reversible=False)


def ring(*, rule: str = "ringer") -> Step:
    return Step(kind=StepKind.EFFECT, rule=rule, effect="ring", reversible=False)


def mailbox_step(kind: StepKind, mailbox: str, **more: str) -> MailboxStep:
    return MailboxStep(account=ACCOUNT, mailbox=mailbox, kind=kind, rule="keeper", **more)
