"""Which commands carry a mailbox's plan, and which messages go together in one of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from mailrules.imap.sequence_set import cut_by_bytes
from mailrules.journal.records import CommandIntent, Operation, StepIntent
from mailrules.mailbox.message import UID
from mailrules.plan.plan import StepKind
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mailrules.mailbox.store import MailboxStatus
    from mailrules.plan.plan import MailboxPlan, MessagePlan, Step

MAX_MESSAGES = 500
"""In one command: sets of 100,000 have killed servers, and sets of 250 make one rewrite its index too often
(docs/decisions/0005). Two of them fill the window of messages in flight."""

MAX_SET_BYTES = 4000
"""Length of one command's UID set; servers are only bound to take lines of 8,000 bytes (RFC 7162 section 4)."""

DELETED = "\\Deleted"


class Stage(IntEnum):
    """The order of a message's commands (rule-language, meaning 7)."""

    ADD_FLAGS = 1
    REMOVE_FLAGS = 2
    COPY = 3
    EFFECT = 4
    DISPOSITION = 5


class CommandKey(NamedTuple):
    """What messages must have in common to share a command; a tuple, since each message asks for one."""

    stage: Stage
    kind: StepKind
    operation: Operation
    flags: tuple[str, ...] = ()
    target: str = ""
    effect: str = ""
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """One message's part in a command, and the steps of the plan that it fulfils."""

    message: MessagePlan
    steps: tuple[Step, ...]

    @property
    def uid(self) -> UID:
        return self.message.uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One command to be sent. Shares are ascending by UID."""

    key: CommandKey
    shares: tuple[Share, ...]
    uids: tuple[UID, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "uids", tuple([share.message.uid for share in self.shares]))

    @property
    def removes_by_flag(self) -> bool:
        """Whether the messages will be removed by \\Deleted and UID EXPUNGE."""
        kind = self.key.kind
        return kind is StepKind.DELETE or (kind is StepKind.MOVE and self.key.operation is not Operation.MOVE)


def batches_of(plan: MailboxPlan, *, capabilities: frozenset[str]) -> list[Batch]:
    """All commands of a mailbox's plan, in an order that keeps each message's own."""
    shares: defaultdict[CommandKey, list[Share]] = defaultdict(list)
    for message in plan.messages:
        for key, share in _commands_of(message, plan=plan, capabilities=capabilities):
            shares[key].append(share)
    return [batch for key in sorted(shares, key=lambda key: key.stage) for batch in _cut(key, shares[key])]


def command_intent(
    key: CommandKey, plan: MailboxPlan, *, target: MailboxStatus | None, capabilities: frozenset[str]
) -> CommandIntent:
    """The journal's record of a command; ``target`` is the target as it was before."""
    return CommandIntent(
        kind=key.kind,
        operation=key.operation,
        account=plan.account,
        mailbox=plan.mailbox,
        uidvalidity=plan.uidvalidity,
        target=key.target,
        target_uidvalidity=target.uidvalidity if target else 0,
        target_uidnext=(target.uidnext or 0) if target else 0,
        flags=key.flags,
        removes_flags=key.stage is Stage.REMOVE_FLAGS,
        effect=key.effect,
        capabilities=capabilities,
    )


def step_intents(share: Share, command: CommandIntent) -> Iterator[StepIntent]:
    """The journal's record of a share: one for each step of the plan that it fulfils."""
    message = share.message
    for step in share.steps:
        yield StepIntent(
            command=command,
            rule=step.rule,
            uid=message.uid,
            flags=step.flags,
            reason=step.reason,
            message_id=message.message_id,
            subject=message.subject,
            prior_flags=message.flags,
            modseq=message.modseq,
            object_id=message.object_id,
            received=message.received,
            size_bytes=message.size_bytes,
            content_key=message.content_key,
            options=step.options,
        )


def _commands_of(
    message: MessagePlan, *, plan: MailboxPlan, capabilities: frozenset[str]
) -> Iterator[tuple[CommandKey, Share]]:
    for stage, kind in ((Stage.ADD_FLAGS, StepKind.ADD_FLAGS), (Stage.REMOVE_FLAGS, StepKind.REMOVE_FLAGS)):
        if steps := [step for step in message.steps if step.kind is kind]:
            # One STORE for all rules' flags: two on one message could not be in flight together.
            flags = steps[0].flags if len(steps) == 1 else {flag for step in steps for flag in step.flags}
            key = CommandKey(stage=stage, kind=kind, operation=Operation.STORE, flags=tuple(sorted(flags)))
            yield key, Share(message, tuple(steps))
    for step in message.steps:
        match step.kind:
            case StepKind.COPY:
                operation = Operation.APPEND if step.account else Operation.COPY
                key = CommandKey(stage=Stage.COPY, kind=step.kind, operation=operation, target=step.to)
            case StepKind.APPEND:
                key = CommandKey(
                    stage=Stage.COPY, kind=step.kind, operation=Operation.APPEND, target=f"{plan.account}/{step.to}"
                )
            case StepKind.EFFECT:
                key = CommandKey(
                    stage=Stage.EFFECT,
                    kind=step.kind,
                    operation=Operation.EFFECT,
                    target=step.to,
                    effect=step.effect,
                )
            case StepKind.MOVE:
                operation = Operation.MOVE if "MOVE" in capabilities else Operation.COPY
                operation = Operation.APPEND if step.account else operation
                key = CommandKey(stage=Stage.DISPOSITION, kind=step.kind, operation=operation, target=step.to)
            case StepKind.DELETE:
                key = CommandKey(
                    stage=Stage.DISPOSITION,
                    kind=step.kind,
                    operation=Operation.STORE,
                    flags=(DELETED,),
                    unchanged_since=_unchanged_since(message, plan=plan, capabilities=capabilities),
                )
            case _:
                continue
        yield key, Share(message, (step,))


def _unchanged_since(message: MessagePlan, *, plan: MailboxPlan, capabilities: frozenset[str]) -> int | None:
    """A message that somebody touched after it was judged is not deleted, unless we touched it ourselves.

    The mailbox's MODSEQ serves for all messages that are not newer than it, so that they share a command.
    """
    touched_by_us = any(step.kind in {StepKind.ADD_FLAGS, StepKind.REMOVE_FLAGS} for step in message.steps)
    if "CONDSTORE" not in capabilities or touched_by_us or message.modseq is None:
        return None
    # One below HIGHESTMODSEQ: with HIGHESTMODSEQ itself Dovecot lets both of two racing clients win (fact 5).
    return max(message.modseq, (plan.highest_modseq or 1) - 1)


def _cut(key: CommandKey, shares: Sequence[Share]) -> Iterator[Batch]:
    if key.operation in {Operation.EFFECT, Operation.APPEND}:
        # Each has its own intent: after a crash only the one that was under way is unknown.
        yield from (Batch(key=key, shares=(share,)) for share in shares)
        return
    by_uid = {share.message.uid: share for share in shares}
    for uids in cut_uids(by_uid):
        yield Batch(key=key, shares=tuple(by_uid[uid] for uid in uids))


def cut_uids(uids: Iterable[UID]) -> Iterator[tuple[UID, ...]]:
    """UIDs in pieces that each fit one command, ascending."""
    for piece in cut_by_bytes(uids, max_bytes=MAX_SET_BYTES, max_count=MAX_MESSAGES):
        yield tuple(UID(uid) for uid in piece)
