"""An account in memory, a journal and an outbox on disk, and a process that can be killed between any two steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from mailrules.execution.effects import OutsideSettings
from mailrules.execution.executor import execute
from mailrules.execution.outbox import Outbox
from mailrules.execution.spool import Spool
from mailrules.journal.journal import Journal
from mailrules.journal.records import RunKind
from mailrules.mailbox.message import UID
from mailrules.plan.plan import MailboxPlan, MessagePlan, Plan, Step, StepKind
from mailrules.plugin_manager import PluginManager
from mailrules.settings import OutboxSettings, Security, SmtpSettings, WebhookSettings
from mailrules.testing.builders import message
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mailrules.execution.effects import EffectHandler, OutboxHandler
    from mailrules.execution.report import ExecutionReport
    from mailrules.journal.deliveries import Delivery
    from mailrules.journal.records import StepVerdict
    from tests.outbox.mail_sink import MailSink

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ME, BO = "me@example.org", "bo@friends.example"
HEADER = {"Return-Path": "<al@elsewhere.example>", "To": ME}


@cache
def built_in_effects() -> Mapping[str, EffectHandler | OutboxHandler]:
    """They keep nothing, so all tests share them."""
    return PluginManager.create().effects()


@dataclass
class World:
    """``clock`` moves only when a test moves it."""

    folder: Path
    mail: MailAccount = field(default_factory=MailAccount)
    clock: datetime = NOON
    allow: frozenset[str] = frozenset({"forward", "reply", "notify", "webhook", "pipe"})
    smtp: SmtpSettings | None = None
    webhooks: Mapping[str, WebhookSettings] = field(default_factory=dict)
    limits: OutboxSettings = field(default_factory=OutboxSettings)
    journal: Journal | None = None
    effects: Mapping[str, EffectHandler | OutboxHandler] = field(default_factory=built_in_effects)

    def now(self) -> datetime:
        return self.clock

    def pass_time(self, **amount: float) -> None:
        self.clock += timedelta(**amount)

    def mail_goes_to(self, sink: MailSink, **more: object) -> None:
        values: dict[str, object] = {"security": Security.NONE, "timeout_seconds": 15.0}
        self.smtp = SmtpSettings(host="127.0.0.1", port=sink.port, sender=ME, **(values | more))

    async def open_journal(self) -> Journal:
        if self.journal is None:
            self.journal = await Journal.open(self.folder / "journal.sqlite")
        return self.journal

    async def kill(self) -> None:
        """Forget all that is only in memory, as a killed process does."""
        if self.journal is not None:
            await self.journal.close()
            self.journal = None

    def deliver(self, *, mailbox: str = "INBOX", content: bytes = b"", **options: object) -> int:
        headers = {**HEADER, **options.pop("headers", {})}
        options = {"from_": "Al <al@elsewhere.example>", "to": None, **options}
        stored = self.mail.add(mailbox, content or message(headers=headers, **options))
        return stored.uid

    async def outbox(self) -> Outbox:
        spool = Spool(self.folder)
        settings = OutsideSettings(
            allow=self.allow,
            smtp=self.smtp,
            webhooks=self.webhooks,
            own_addresses=frozenset({ME}),
            loop_key=spool.loop_key(),
            now=self.now,
        )
        return Outbox(
            await self.open_journal(),
            self.effects,
            spool=spool,
            settings_of=lambda _: settings,
            limits=self.limits,
            now=self.now,
            random=lambda: 0.5,
        )

    async def run(self, *steps: Step, uid: int = 1, key: str = "", store: MemoryStore | None = None) -> ExecutionReport:
        """Carry out these steps for one message, as a run of its own."""
        journal = await self.open_journal()
        stored = self.mail["INBOX"].messages[uid]
        one = MessagePlan(
            uid=UID(uid),
            rules=tuple(dict.fromkeys(step.rule for step in steps)),
            steps=steps,
            content_key=key or f"key-{uid}",
            received=stored.received,
            size_bytes=len(stored.content),
            flags=stored.flags,
        )
        mailbox = MailboxPlan(
            account="home",
            mailbox="INBOX",
            uidvalidity=self.mail["INBOX"].uidvalidity,
            messages=(one,),
            judged=1,
            final_uids=(UID(uid),),
        )
        plan = Plan(created=self.clock, rules_hash="hash", mailboxes=(mailbox,))
        run = await journal.begin_run(kind=RunKind.ONCE, started=self.clock, plan=plan)
        report = await execute(
            plan,
            run=run,
            stores={"home": store or MemoryStore(self.mail, account="home")},
            journal=journal,
            effects=self.effects,
            outbox=await self.outbox(),
            now=self.now,
        )
        await journal.finish_run(run, ended=self.clock, outcome=report.outcome)
        return report

    async def work(self) -> tuple[StepVerdict, ...]:
        return await (await self.outbox()).work()

    async def states(self) -> list[str]:
        """The states of all effects, in the order of their intents."""
        journal = await self.open_journal()
        runs = reversed(await journal.runs())
        steps = [step for run in runs for step in await journal.steps_of(run.id)]
        return [str(step.state) for step in steps if step.intent.command.effect]

    async def details(self) -> list[str]:
        journal = await self.open_journal()
        runs = reversed(await journal.runs())
        steps = [step for run in runs for step in await journal.steps_of(run.id)]
        return [step.detail for step in steps if step.intent.command.effect]

    async def waiting(self) -> tuple[Delivery, ...]:
        return await (await self.open_journal()).waiting_deliveries()

    def spooled(self) -> list[str]:
        """The names of the files that hold what goes out."""
        folder = self.folder / "outbox"
        return sorted(path.name for path in folder.glob("*.out")) if folder.exists() else []

    def mailboxes_with_mail(self) -> list[str]:
        return sorted(name for name, mailbox in self.mail.mailboxes.items() if mailbox.messages)


def forward(to: str = BO, *, form: str = "attachment", rule: str = "forwarder") -> Step:
    return _effect("forward", to=to, rule=rule, form=form)


def reply(text: str = "I am away.", *, every_seconds: float = 604800.0, rule: str = "vacation") -> Step:
    return _effect("reply", to="", rule=rule, text=text, subject="", every_seconds=every_seconds)


def notify(to: str = BO, *, text: str = "New: {subject}", rule: str = "notifier") -> Step:
    return _effect("notify", to=to, rule=rule, text=text, subject="")


def webhook(name: str = "hook", *, rule: str = "caller") -> Step:
    return _effect("webhook", to=name, rule=rule)


def pipe(*command: str, seconds: float = 10.0, rule: str = "piper") -> Step:
    return _effect("pipe", to=command[0], rule=rule, command=list(command), seconds=seconds)


def move(to: str = "Done") -> Step:
    return Step(kind=StepKind.MOVE, rule="mover", to=to, create=True)


def _effect(name: str, *, to: str, rule: str, **options: object) -> Step:
    return Step(kind=StepKind.EFFECT, rule=rule, effect=name, to=to, options=options, reversible=False)
