"""How to take a run back: its steps read backwards, as a plan like any other."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import field, replace
from typing import TYPE_CHECKING, NamedTuple

from mailrules.execution.flag_words import folded
from mailrules.execution.mailbox_commands import PERHAPS_ANOTHERS
from mailrules.journal.deliveries import UNSETTLED_STATES
from mailrules.journal.records import Operation, StepState
from mailrules.mailbox.message import UID
from mailrules.plan.plan import MailboxPlan, MailboxStep, MessagePlan, Plan, Step, StepKind
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mailrules.journal.reader import JournalReader
    from mailrules.journal.records import RunId, StepIntent, StepRecord


class Place(NamedTuple):
    """One message in one mailbox."""

    account: str
    mailbox: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan:
    """``cannot`` lists, one sentence each, what stays as it is and why.

    ``origins`` are the mailboxes to which messages go back, by account and name, with the UIDVALIDITY they had.
    """

    plan: Plan
    cannot: tuple[str, ...]
    origins: Mapping[tuple[str, str], int] = field(default_factory=dict)


async def plan_undo(
    journal: JournalReader, run: RunId, *, now: datetime, rule: str | None = None, message_id: str | None = None
) -> UndoPlan:
    """Plan the way back of a run, or of one rule's or one message's part in it.

    The plan stands on the mailboxes where the messages are now, as far as the journal knows; ``undo_check`` looks.
    It is executed by ``execute`` in a run of kind undo begun with it. What an undo took back is not taken back
    twice; what an undo of that undo did again is. The undo of an undo is the same thing.
    """
    family = await journal.steps_of_family(run)
    record = await journal.run(run)
    way_back = _WayBack(run, family, is_undo=record is not None and bool(record.undo_of))
    for step in way_back.steps:
        intent = step.intent
        if (rule is None or intent.rule == rule) and (message_id is None or intent.message_id == message_id):
            way_back.take_back(step)
    plan = Plan(
        created=now,
        rules_hash="",
        mailboxes=way_back.mailbox_plans(),
        mailbox_steps=tuple(reversed(way_back.mailbox_steps)),
        undo_of=run,
    )
    return UndoPlan(plan=plan, cannot=way_back.cannot(), origins=way_back.origins)


_INVERSE_MAILBOX_STEPS = {
    Operation.CREATE: StepKind.DELETE_MAILBOX,
    Operation.RENAME: StepKind.RENAME,
    Operation.DELETE_MAILBOX: StepKind.CREATE,
    Operation.SUBSCRIBE: StepKind.UNSUBSCRIBE,
    Operation.UNSUBSCRIBE: StepKind.SUBSCRIBE,
    Operation.SETACL: StepKind.SETACL,
    Operation.SETMETADATA: StepKind.SETMETADATA,
    Operation.SETQUOTA: StepKind.SETQUOTA,
}
_FLAG_STEPS = frozenset({StepKind.ADD_FLAGS, StepKind.REMOVE_FLAGS})
_STAGES = {StepKind.COPY: 1, StepKind.DELETE: 2, StepKind.MOVE: 2}
"""Flags are set first, and a message leaves last, as in every plan."""


class _WayBack:
    """Collects the inverse of each step at the place where its message is now.

    ``family`` are the run's steps with those of all undos around it: the last word on a thing is theirs.
    """

    def __init__(self, run: RunId, family: Sequence[StepRecord], *, is_undo: bool) -> None:
        # What follows the first command of a step serves the same step.
        steps = [one for one in family if not _is_follow_up(one)]
        self.steps = tuple(one for one in steps if one.run == run)
        self.mailbox_steps: list[MailboxStep] = []
        self.origins: dict[tuple[str, str], int] = {}
        self._is_undo = is_undo
        self._next_place: dict[Place, Place] = {}
        self._done: defaultdict[Place, list[StepRecord]] = defaultdict(list)
        """What was done to a message at a place, but for moves."""
        self._copied_from: dict[Place, StepRecord] = {}
        self._mailbox_history: defaultdict[tuple[str, str, str, str], list[StepRecord]] = defaultdict(list)
        self._steps: defaultdict[Place, list[Step]] = defaultdict(list)
        self._intents: dict[Place, StepIntent] = {}
        self._cannot: Counter[str] = Counter()
        for record in steps:
            if record.state is StepState.APPLIED:
                self._note(record)

    def _note(self, record: StepRecord) -> None:
        command = record.intent.command
        if command.operation in _INVERSE_MAILBOX_STEPS:
            self._mailbox_history[_mailbox_subject(record)].append(record)
        elif command.kind is StepKind.MOVE:
            if record.target_uid:
                self._next_place[_place(record)] = _target_place(record)
        else:
            self._done[_place(record)].append(record)
            if command.kind is StepKind.COPY and record.target_uid:
                self._copied_from[_target_place(record)] = record

    def take_back(self, record: StepRecord) -> None:
        """Plan the inverse of one step, or note why there is none."""
        command = record.intent.command
        if record.state in UNSETTLED_STATES or record.state is StepState.AMBIGUOUS:
            self._refuse(record, f"is {record.state}: what became of it is not known")
        elif record.state is not StepState.APPLIED:
            return
        elif record.detail == PERHAPS_ANOTHERS:
            self._refuse(record, "stays: whether we made the mailbox is not known")
        elif command.operation in _INVERSE_MAILBOX_STEPS:
            self._take_back_mailbox_step(record)
        elif command.kind is StepKind.DELETE:
            self._take_back_delete(record)
        elif command.kind is StepKind.EFFECT:
            self._refuse(record, f"cannot be taken back: {command.effect} was carried out")
        elif command.kind is StepKind.COPY:
            self._take_back_copy(record)
        elif command.kind is StepKind.APPEND:
            self._take_back_note(record)
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
        standing = [flag for flag in flags if self._last_word(record, chain, flag) is not kind]
        if standing:
            self._plan(chain[-1], record, kind=kind, flags=tuple(standing))

    def _last_word(self, record: StepRecord, chain: Sequence[Place], flag: str) -> StepKind:
        """What was done last with a flag of this message, by this step or by an undo after it."""
        last = record
        for place in chain:
            for one in self._done.get(place, ()):
                is_same = one.intent.command.kind in _FLAG_STEPS and flag.lower() in folded(frozenset(one.intent.flags))
                if is_same and one.id > last.id:
                    last = one
        return last.intent.command.kind

    def _take_back_move(self, record: StepRecord) -> None:
        command = record.intent.command
        chain = self._chain(_place(record))
        if len(chain) == 1:
            self._refuse(record, "cannot be taken back: the server did not say where the messages went")
        elif chain[-1][:2] != (command.account, command.mailbox):
            self.origins[command.account, command.mailbox] = command.uidvalidity
            self._plan(chain[-1], record, kind=StepKind.MOVE, to=command.mailbox)

    def _take_back_copy(self, record: StepRecord) -> None:
        if not record.target_uid:
            self._refuse(record, "cannot be taken back: the server did not say which message the copy is")
            return
        place = self._standing_copy(record)
        if place is not None:
            self._plan(place, record, kind=StepKind.DELETE, reversible=False)

    def _take_back_note(self, record: StepRecord) -> None:
        """Where somebody has moved it to, or the UIDVALIDITY is new, it stays: nothing but its UID tells it."""
        if not record.target_uid:
            self._refuse(record, "cannot be taken back: the server did not say which message the note is")
            return
        place = self._chain(_target_place(record))[-1]
        if not self._was_deleted(place):
            about = record.intent
            nothing = {"message_id": "", "object_id": "", "received": None, "size_bytes": 0}
            self._intents[place] = replace(about, **nothing)  # type: ignore[arg-type]  # fields of their types
            self._plan(place, record, kind=StepKind.DELETE, reversible=False)

    def _take_back_delete(self, record: StepRecord) -> None:
        """What an undo deleted is a copy: it is made again of the original."""
        copied = self._copied_from.get(_place(record)) if self._is_undo else None
        if copied is None:
            self._refuse(record, "cannot be taken back: the messages are gone for ever")
        elif self._standing_copy(copied) is None:
            original = self._chain(_place(copied))[-1]
            self._plan(original, record, kind=StepKind.COPY, to=copied.intent.command.target_place[1])
            self._intents[original] = copied.intent

    def _standing_copy(self, record: StepRecord) -> Place | None:
        """Where the copy that this step made is now, perhaps made again by an undo of an undo; None if it is gone."""
        found = None
        for place in self._chain(_place(record)):
            for one in self._done.get(place, ()):
                command = one.intent.command
                is_same = command.kind is StepKind.COPY and command.target == record.intent.command.target
                if is_same and one.id >= record.id and one.target_uid and not self._was_deleted(_target_place(one)):
                    found = _target_place(one)
        return found

    def _was_deleted(self, place: Place) -> bool:
        return any(one.intent.command.kind is StepKind.DELETE for one in self._done.get(place, ()))

    def _take_back_mailbox_step(self, record: StepRecord) -> None:
        command = record.intent.command
        kind = _INVERSE_MAILBOX_STEPS[command.operation]
        last = self._mailbox_history[_mailbox_subject(record)][-1].intent.command
        is_value = command.operation not in {Operation.SUBSCRIBE, Operation.UNSUBSCRIBE}  # those say it by their names
        if last.operation is not command.operation or (is_value and last.rights != command.rights):
            return
        if command.operation is Operation.RENAME and last.mailbox != command.mailbox:
            return  # an undo has given it the old name again
        is_rename = command.operation is Operation.RENAME
        self.mailbox_steps.append(
            MailboxStep(
                account=command.account,
                mailbox=command.target if is_rename else command.mailbox,
                to=command.mailbox if is_rename else "",
                kind=kind,
                rule=record.intent.rule,
                identifier=command.identifier,
                rights=command.prior_rights,
                was=command.rights,
            )
        )

    def _chain(self, place: Place) -> list[Place]:
        """Where the message was, step by step; the last is where we left it."""
        chain = [place]
        while (after := self._next_place.get(chain[-1])) is not None and after not in chain:
            chain.append(after)
        return chain

    def _plan(
        self,
        place: Place,
        record: StepRecord,
        *,
        kind: StepKind,
        flags: tuple[str, ...] = (),
        to: str = "",
        reversible: bool = True,
    ) -> None:
        reason = f"takes back {record.intent.command.kind} of run {record.run}"
        home = record.intent.command.account
        account = home if to and home != place.account else ""
        to = f"{account}/{to}" if account else to
        step = Step(
            kind=kind,
            rule=record.intent.rule,
            reason=reason,
            flags=flags,
            to=to,
            account=account,
            reversible=reversible,
        )
        self._steps[place].append(step)
        self._intents.setdefault(place, record.intent)

    def _message_plan(self, place: Place) -> MessagePlan:
        intent = self._intents[place]
        steps = sorted(self._steps[place], key=lambda step: _STAGES.get(step.kind, 0))
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
        for one in self._done.get(_place_of(intent), ()):
            if one.intent.command.kind not in _FLAG_STEPS:
                continue
            changed = set(one.intent.flags)
            flags = flags - changed if one.intent.command.removes_flags else flags | changed
        return frozenset(flags)

    def _refuse(self, record: StepRecord, why: str) -> None:
        command = record.intent.command
        self._cannot[f"{command.kind} in {command.account}/{command.mailbox} {why}"] += 1


def _mailbox_subject(record: StepRecord) -> tuple[str, str, str, str]:
    """What two mailbox steps must have in common for the later one to have the last word."""
    command = record.intent.command
    match command.operation:
        case Operation.CREATE | Operation.DELETE_MAILBOX:
            subject = "mailbox"
        case Operation.RENAME:
            return command.account, " ".join(sorted((command.mailbox, command.target))), "name", ""
        case Operation.SETACL:
            subject = "rights"
        case _:
            subject = "subscription"
    return command.account, command.mailbox, subject, command.identifier


def _is_follow_up(record: StepRecord) -> bool:
    """Whether the command only finishes a move or a delete that another record stands for."""
    command = record.intent.command
    if command.kind is StepKind.MOVE:
        return command.operation in {Operation.STORE, Operation.EXPUNGE}
    return command.kind is StepKind.DELETE and command.operation is Operation.EXPUNGE


def _place(record: StepRecord) -> Place:
    return _place_of(record.intent)


def _place_of(intent: StepIntent) -> Place:
    command = intent.command
    return Place(command.account, command.mailbox, command.uidvalidity, intent.uid)


def _target_place(record: StepRecord) -> Place:
    command = record.intent.command
    return Place(*command.target_place, record.target_uidvalidity, record.target_uid)
