"""How to take a run back: its steps read backwards, as a plan like any other."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mailrules.execution.flag_words import folded
from mailrules.journal.records import OPEN_STATES, Operation, StepState
from mailrules.mailbox.message import UID
from mailrules.plan.plan import MailboxPlan, MailboxStep, MessagePlan, Plan, Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunId, StepIntent, StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan:
    """``cannot`` lists, one sentence each, what stays as it is and why."""

    plan: Plan
    cannot: tuple[str, ...]


async def plan_undo(
    journal: Journal, run: RunId, *, now: datetime, rule: str | None = None, message_id: str | None = None
) -> UndoPlan:
    """Plan the way back of a run, or of one rule's or one message's part in it.

    The plan stands on the mailboxes where the messages are now. It is executed by ``execute`` in a
    run of kind undo begun with it. What an earlier undo took back is not taken back twice.
    """
    way_back = _WayBack(await journal.steps_of(run), await journal.steps_of_undos(run))
    for record in way_back.steps:
        intent = record.intent
        if (rule is None or intent.rule == rule) and (message_id is None or intent.message_id == message_id):
            way_back.take_back(record)
    plan = Plan(
        created=now,
        rules_hash="",
        mailboxes=way_back.mailbox_plans(),
        mailbox_steps=tuple(reversed(way_back.mailbox_steps)),
        undo_of=run,
    )
    return UndoPlan(plan=plan, cannot=way_back.cannot())


class _Place(NamedTuple):
    """One message in one mailbox."""

    account: str
    mailbox: str
    uidvalidity: int
    uid: int


_INVERSE_MAILBOX_STEPS = {
    Operation.CREATE: StepKind.DELETE_MAILBOX,
    Operation.DELETE_MAILBOX: StepKind.CREATE,
    Operation.SUBSCRIBE: StepKind.UNSUBSCRIBE,
    Operation.UNSUBSCRIBE: StepKind.SUBSCRIBE,
    Operation.SETACL: StepKind.SETACL,
}
_FLAG_STEPS = frozenset({StepKind.ADD_FLAGS, StepKind.REMOVE_FLAGS})


class _WayBack:
    """Collects the inverse of each step at the place where its message is now."""

    def __init__(self, steps: Sequence[StepRecord], undone: Sequence[StepRecord]) -> None:
        # What follows the first command of a step serves the same step.
        self.steps = tuple(one for one in steps if not _is_follow_up(one))
        self.mailbox_steps: list[MailboxStep] = []
        self._next_place: dict[_Place, _Place] = {}
        self._undone: defaultdict[_Place, list[StepRecord]] = defaultdict(list)
        self._undone_mailbox_steps: set[tuple[str, str, StepKind, str]] = set()
        self._steps: defaultdict[_Place, list[Step]] = defaultdict(list)
        self._intents: dict[_Place, StepIntent] = {}
        self._cannot: Counter[str] = Counter()
        self._flag_steps: defaultdict[_Place, list[StepRecord]] = defaultdict(list)
        for record in self.steps:
            if record.state is StepState.APPLIED and record.intent.command.kind in _FLAG_STEPS:
                self._flag_steps[_place(record)].append(record)
        for record in (*self.steps, *undone):
            if record.state is StepState.APPLIED and record.intent.command.kind is StepKind.MOVE and record.target_uid:
                self._next_place[_place(record)] = _target_place(record)
        for record in undone:
            if record.state is StepState.APPLIED:
                command = record.intent.command
                self._undone[_place(record)].append(record)
                self._undone_mailbox_steps.add((command.account, command.mailbox, command.kind, command.identifier))

    def take_back(self, record: StepRecord) -> None:
        """Plan the inverse of one step, or note why there is none."""
        command = record.intent.command
        if record.state in OPEN_STATES or record.state is StepState.AMBIGUOUS:
            self._refuse(record, f"is {record.state}: what became of it is not known")
        elif record.state is not StepState.APPLIED:
            return
        elif command.operation in _INVERSE_MAILBOX_STEPS:
            self._take_back_mailbox_step(record)
        elif command.kind is StepKind.DELETE:
            self._refuse(record, "cannot be taken back: the messages are gone for ever")
        elif command.kind is StepKind.EFFECT:
            self._refuse(record, f"cannot be taken back: {command.effect} was carried out")
        elif command.kind is StepKind.COPY:
            self._take_back_copy(record)
        elif command.kind is StepKind.MOVE:
            self._take_back_move(record)
        else:
            self._take_back_flags(record)

    def mailbox_plans(self) -> tuple[MailboxPlan, ...]:
        """The planned inverses by mailbox."""
        by_mailbox: defaultdict[tuple[str, str, int], list[MessagePlan]] = defaultdict(list)
        for place in sorted(self._steps):
            by_mailbox[place[:3]].append(self._message_plan(place))
        return tuple(
            MailboxPlan(
                account=account,
                mailbox=mailbox,
                uidvalidity=uidvalidity,
                messages=tuple(messages),
                judged=len(messages),
            )
            for (account, mailbox, uidvalidity), messages in by_mailbox.items()
        )

    def cannot(self) -> tuple[str, ...]:
        """What stays, with the number of messages."""
        return tuple(f"{count} x {sentence}" if count > 1 else sentence for sentence, count in self._cannot.items())

    def _take_back_flags(self, record: StepRecord) -> None:
        intent = record.intent
        prior = folded(intent.prior_flags)
        if intent.command.kind is StepKind.ADD_FLAGS:
            kind, flags = StepKind.REMOVE_FLAGS, [flag for flag in intent.flags if flag.lower() not in prior]
        else:
            kind, flags = StepKind.ADD_FLAGS, [flag for flag in intent.flags if flag.lower() in prior]
        chain = self._chain(_place(record))
        if flags and not any(self._was_undone(place, kind, flags) for place in chain):
            self._plan(chain[-1], record, kind=kind, flags=tuple(flags))

    def _take_back_move(self, record: StepRecord) -> None:
        chain = self._chain(_place(record))
        if len(chain) == 1:
            self._refuse(record, "cannot be taken back: the server did not say where the messages went")
        elif chain[-1].mailbox != record.intent.command.mailbox:
            self._plan(chain[-1], record, kind=StepKind.MOVE, to=record.intent.command.mailbox)

    def _take_back_copy(self, record: StepRecord) -> None:
        if not record.target_uid:
            self._refuse(record, "cannot be taken back: the server did not say which message the copy is")
            return
        place = _target_place(record)
        if not self._was_undone(place, StepKind.DELETE, ()):
            self._plan(place, record, kind=StepKind.DELETE, reversible=False)

    def _take_back_mailbox_step(self, record: StepRecord) -> None:
        command = record.intent.command
        kind = _INVERSE_MAILBOX_STEPS[command.operation]
        if (command.account, command.mailbox, kind, command.identifier) in self._undone_mailbox_steps:
            return
        self.mailbox_steps.append(
            MailboxStep(
                account=command.account,
                mailbox=command.mailbox,
                kind=kind,
                rule=record.intent.rule,
                identifier=command.identifier,
                rights=command.prior_rights,
                was=command.rights,
            )
        )

    def _chain(self, place: _Place) -> list[_Place]:
        """Where the message was, step by step; the last is where we left it."""
        chain = [place]
        while (after := self._next_place.get(chain[-1])) is not None and after not in chain:
            chain.append(after)
        return chain

    def _was_undone(self, place: _Place, kind: StepKind, flags: Iterable[str]) -> bool:
        return any(
            one.intent.command.kind is kind and folded(frozenset(one.intent.flags)) >= folded(frozenset(flags))
            for one in self._undone.get(place, ())
        )

    def _plan(
        self,
        place: _Place,
        record: StepRecord,
        *,
        kind: StepKind,
        flags: tuple[str, ...] = (),
        to: str = "",
        reversible: bool = True,
    ) -> None:
        reason = f"takes back {record.intent.command.kind} of run {record.run}"
        step = Step(kind=kind, rule=record.intent.rule, reason=reason, flags=flags, to=to, reversible=reversible)
        self._steps[place].append(step)
        self._intents.setdefault(place, record.intent)

    def _message_plan(self, place: _Place) -> MessagePlan:
        intent = self._intents[place]
        # Flags are set right before the message leaves, as in every plan.
        steps = sorted(self._steps[place], key=lambda step: step.kind is StepKind.MOVE)
        return MessagePlan(
            uid=UID(place.uid),
            rules=tuple(dict.fromkeys(step.rule for step in steps)),
            steps=tuple(steps),
            message_id=intent.message_id,
            subject=intent.subject,
            content_key=intent.content_key,
            object_id=intent.object_id,
            received=intent.received,
            size_bytes=intent.size_bytes,
            flags=self._flags_now(intent),
        )

    def _flags_now(self, intent: StepIntent) -> frozenset[str]:
        """The flags as the run left them: what an undo of this undo restores towards."""
        flags = set(intent.prior_flags)
        for one in self._flag_steps.get(_place_of(intent), ()):
            changed = set(one.intent.flags)
            flags = flags - changed if one.intent.command.removes_flags else flags | changed
        return frozenset(flags)

    def _refuse(self, record: StepRecord, why: str) -> None:
        command = record.intent.command
        self._cannot[f"{command.kind} in {command.account}/{command.mailbox} {why}"] += 1


def _is_follow_up(record: StepRecord) -> bool:
    """Whether the command only finishes a move or a delete that another record stands for."""
    command = record.intent.command
    if command.kind is StepKind.MOVE:
        return command.operation in {Operation.STORE, Operation.EXPUNGE}
    return command.kind is StepKind.DELETE and command.operation is Operation.EXPUNGE


def _place(record: StepRecord) -> _Place:
    return _place_of(record.intent)


def _place_of(intent: StepIntent) -> _Place:
    command = intent.command
    return _Place(command.account, command.mailbox, command.uidvalidity, intent.uid)


def _target_place(record: StepRecord) -> _Place:
    command = record.intent.command
    return _Place(command.account, command.target, record.target_uidvalidity, record.target_uid)
