"""Short ways to say what a journal test is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mailrules.diagnostics import Location
from mailrules.journal.records import CommandIntent, Operation, RunKind, StepIntent, StepState, StepVerdict
from mailrules.mailbox.message import UID
from mailrules.plan.plan import Plan, StepKind
from mailrules.rules.conditions import Always
from mailrules.rules.rule import Guard, Rule

if TYPE_CHECKING:
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunId, StepId

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EMPTY_PLAN = Plan(created=NOON, rules_hash="abc", mailboxes=())


def command(kind: StepKind = StepKind.MOVE, operation: Operation = Operation.MOVE, **more: object) -> CommandIntent:
    values: dict[str, object] = {"account": "home", "mailbox": "INBOX", "uidvalidity": 7, "target": "Archive"}
    return CommandIntent(kind=kind, operation=operation, **(values | more))


def intent(of: CommandIntent, uid: int = 1, **more: object) -> StepIntent:
    return StepIntent(command=of, uid=UID(uid), **({"rule": "lists"} | more))


def verdict(step: StepId, state: StepState = StepState.APPLIED, *, at: datetime = NOON, **more: object) -> StepVerdict:
    return StepVerdict(step=step, state=state, judged=at, **more)


def rule(name: str = "lists", *, per: timedelta = timedelta(hours=1)) -> Rule:
    return Rule(
        name=name,
        where=Location(file="rules.yaml"),
        mailboxes=(),
        condition=Always(),
        branches=(),
        guard=Guard(per=per),
    )


async def begin(
    journal: Journal, kind: RunKind = RunKind.ONCE, *, at: datetime = NOON, plan: Plan = EMPTY_PLAN
) -> RunId:
    return await journal.begin_run(kind=kind, started=at, plan=plan)


async def applied(journal: Journal, run: RunId, *intents: StepIntent, at: datetime = NOON) -> tuple[StepId, ...]:
    """Intend and confirm."""
    ids = await journal.intend(run, intents, now=at)
    await journal.judge([verdict(step, at=at) for step in ids])
    return ids
