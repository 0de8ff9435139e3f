"""What a plan is: every change a run would make, as values, in the order of execution."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.plan.identity import lasting_names
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mailrules.mailbox.message import UID
    from mailrules.plan.history import Remembered
    from mailrules.plan.search_truth import Untruth
    from mailrules.plan.shadow import ShadowEffect, ShadowRule


PENDING_KINDS = frozenset({"held", "unknowable"})
"""The findings of a plan for which a message is judged again."""
FAILED = "failed"
"""The finding of the run itself that has the same effect: something that the plan wanted is not done."""


class StepKind(StrEnum):
    """The kinds of the plan document (cli.md); DELETE_MAILBOX is made by undo only."""

    ADD_FLAGS = "add_flags"
    REMOVE_FLAGS = "remove_flags"
    COPY = "copy"
    MOVE = "move"
    DELETE = "delete"
    APPEND = "append"
    CREATE = "create"
    RENAME = "rename"
    SUBSCRIBE = "subscribe"
    SETACL = "setacl"
    SETMETADATA = "setmetadata"
    SETQUOTA = "setquota"
    EFFECT = "effect"
    DELETE_MAILBOX = "delete_mailbox"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of one message. ``reason`` is for people only; nothing decides by it.

    ``flags`` for add_flags and remove_flags, ``to`` for copy and move, ``effect`` and ``options``
    for an effect, whose ``to`` is whom or what it reaches outside. ``create`` says that ``to`` does
    not exist yet and may be made. ``account`` is the other account in which ``to`` lies, which then
    begins with its name: ``work/Archive``.
    """

    kind: StepKind
    rule: str
    reason: str = ""
    flags: tuple[str, ...] = ()
    to: str = ""
    account: str = ""
    create: bool = False
    effect: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    reversible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlan:
    """The steps of one message, in order of execution: flags, copies, effects, one disposition.

    ``snapshot`` hashes what ``apply`` re-checks. ``content_key`` keys the ledger ("" if no step
    needs it). ``object_id``, ``received`` and ``size_bytes`` identify it in recovery.
    """

    uid: UID
    rules: tuple[str, ...]
    steps: tuple[Step, ...]
    message_id: str = ""
    subject: str = ""
    from_: str = ""
    modseq: int | None = None
    snapshot: str = ""
    content_key: str = ""
    object_id: str = ""
    received: datetime | None = None
    size_bytes: int = 0
    flags: frozenset[str] = frozenset()
    """The flags at snapshot time: what undo restores towards."""

    @property
    def lasting_names(self) -> tuple[str, ...]:
        """How it is told again where its mailbox numbers its messages anew."""
        return lasting_names(
            object_id=self.object_id, message_id=self.message_id, received=self.received, size_bytes=self.size_bytes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a person should know of one message.

    ``moved_back``: a rule that moved it before leaves it where somebody put it back; that is final. ``declined``: a
    step of the plan will send nothing.
    """

    uid: UID
    rule: str
    kind: str
    """``unknowable``, ``too_complex``, ``shadowed``, ``held``, ``moved_back``, ``declined``."""
    reason: str
    names: tuple[str, ...] = field(default=(), compare=False)
    """The message's lasting names, where it is judged again and they are known."""


def approval_of(rule: str) -> str:
    """The command that releases what a rule's guard holds; where a reason says it, ``approve`` lists the message."""
    return f"mailrules approve {shlex.quote(rule)}"


def held_finding(message: MessagePlan, rule: str, reason: str) -> Finding:
    """What says that a message is held for this rule, and by which names it is told again."""
    return Finding(uid=message.uid, rule=rule, kind="held", reason=reason, names=message.lasting_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxPlan:
    """``messages`` holds only messages with steps, ascending by UID."""

    account: str
    mailbox: str
    uidvalidity: int
    messages: tuple[MessagePlan, ...]
    judged: int
    complete: bool = True
    left_out: int = 0
    """Messages among ``judged`` that were not read, since the server's SEARCH finds them outside of ``search``."""
    search: str = ""
    """The search that narrowed what was read, "" where all was."""
    highest_modseq: int | None = None
    findings: tuple[Finding, ...] = ()
    final_uids: tuple[UID, ...] = ()
    """Judged messages with a final outcome once this plan is carried out; what is held is not here."""
    moves_position: bool = True
    """False where only a part of the rules was judged: what is held by them is then not held for the others.

    Also where mail that was never judged was left out by a search: no position goes past it.
    """
    incomplete_reason: str = ""
    senders: tuple[tuple[str, str], ...] = ()
    """Senders whose mail was judged here and whom the journal does not know, or not lately, where a rule asks for first
    mail: each with his first message (digests)."""
    remembered: tuple[Remembered, ...] = ()
    """What is left out because it was done before; the run that goes by this plan keeps it in the ledger."""
    shadow: tuple[ShadowEffect, ...] = ()
    """What rules in shadow would do, by UID and in rule order; nothing of it is done."""
    shadow_left_out: str = ""
    """Why that is not known, or not of all messages; the rules that act are not concerned."""

    @property
    def pending_uids(self) -> tuple[UID, ...]:
        """Messages without a final outcome: held, or unknowable for a rule; they are judged again."""
        final = set(self.final_uids)
        found = {one.uid for one in self.findings if one.kind in PENDING_KINDS}
        return tuple(sorted(found - final))


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxStep:
    """A change of a mailbox itself: create, subscribe, setacl (and undo's inverses).

    For create ``identifier`` is what the mailbox is for, as in ``\\Archive``, "" where nothing is said.
    ``was`` is the prior rights of ``identifier`` for setacl. For setmetadata and setquota ``identifier`` is the
    entry or the resource, ``rights`` its value afterwards and ``was`` the one before.
    """

    account: str
    mailbox: str
    kind: StepKind
    rule: str = ""
    identifier: str = ""
    rights: str = ""
    was: str = ""
    to: str = ""
    """The new name of rename."""
    reversible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole run's intended changes. Mailbox steps come before message steps (undo: after)."""

    created: datetime
    rules_hash: str
    mailboxes: tuple[MailboxPlan, ...]
    mailbox_steps: tuple[MailboxStep, ...] = ()
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """What mailbox policies want and cannot be brought about, with the reasons; everything else goes on."""
    undo_of: str = ""
    """The run that this plan takes back, "" for a plan made from rules."""
    untruths: tuple[Untruth, ...] = ()
    """What servers were found to answer wrongly on the way, to be kept in the journal."""
    changed_rules: tuple[str, ...] = ()
    """Rules that have not acted as their files stand now, where a run looked that up: they are asked about earlier."""
    shadow_rules: tuple[ShadowRule, ...] = ()
    """The rules that only report now."""
    shadow_mailbox_steps: tuple[MailboxStep, ...] = ()
    """Changes of mailboxes that they would make; nothing of it is done."""

    @property
    def complete(self) -> bool:
        return all(one.complete for one in self.mailboxes)

    @property
    def is_empty(self) -> bool:
        return not self.mailbox_steps and not any(one.messages for one in self.mailboxes)

    def steps(self) -> Iterator[tuple[MailboxPlan, MessagePlan, Step]]:
        for mailbox in self.mailboxes:
            for message in mailbox.messages:
                for step in message.steps:
                    yield mailbox, message, step

    def count_by_kind(self) -> dict[str, int]:
        return dict(Counter(str(step.kind) for _, _, step in self.steps()))

    def count_by_rule(self) -> dict[str, int]:
        """Messages that each rule changes."""
        return dict(
            Counter(rule for mailbox in self.mailboxes for message in mailbox.messages for rule in message.rules)
        )

    @property
    def message_count(self) -> int:
        return sum(len(mailbox.messages) for mailbox in self.mailboxes)
