"""Which messages would be treated differently by two rule sets, and how: two plans of the same mail, side by side."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mailrules.mailbox.message import UID
    from mailrules.plan.plan import Finding, MailboxPlan, MailboxStep, MessagePlan, Plan, Step

_TELLING = frozenset({"held", "unknowable", "too_complex"})
"""The findings that are a treatment of their own: the message waits, or nothing may dispose of it."""


class Described(NamedTuple):
    """What a person knows a message by."""

    message_id: str
    subject: str
    sender: str
    received: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What one rule set does with a message, and what it holds or cannot know of it."""

    rules: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def outcome(self) -> tuple[object, ...]:
        """What comes of it, by whichever rule and for whatever reason."""
        steps = [(one.kind, one.to, one.account, one.flags, one.effect, one.options) for one in self.steps]
        return (*steps, frozenset(one.kind for one in self.findings if one.kind in _TELLING))

    @property
    def all_rules(self) -> tuple[str, ...]:
        """The rules that act, then those that hold or cannot tell."""
        return tuple(dict.fromkeys([*self.rules, *(one.rule for one in self.findings)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDifference:
    uid: UID
    described: Described
    old: Treatment
    new: Treatment

    @property
    def rules(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The rules before and after, by which differences are grouped."""
        return (self.old.all_rules, self.new.all_rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxDifference:
    """``messages`` are those that are treated differently, ascending by UID."""

    account: str
    mailbox: str
    uidvalidity: int
    judged: int
    messages: tuple[MessageDifference, ...]
    unknowable: tuple[Finding, ...] = ()
    """What the new rules cannot tell, also where the old ones cannot either."""
    incomplete_reason: str = ""

    def groups(self) -> list[tuple[tuple[tuple[str, ...], tuple[str, ...]], list[MessageDifference]]]:
        """The messages by the rules before and after, the largest group first."""
        found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[MessageDifference]] = {}
        for one in self.messages:
            found.setdefault(one.rules, []).append(one)
        return sorted(found.items(), key=lambda group: -len(group[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two plans of the same mailboxes at the same moment. ``old_only`` and ``new_only`` are changes of mailboxes."""

    created: datetime
    old_rules_hash: str
    new_rules_hash: str
    mailboxes: tuple[MailboxDifference, ...]
    by_rule: tuple[tuple[str, int, int], ...] = ()
    """Each rule, with the number of messages that it changes before and after."""
    old_only: tuple[MailboxStep, ...] = ()
    new_only: tuple[MailboxStep, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return not any(one.incomplete_reason for one in self.mailboxes)

    @property
    def judged(self) -> int:
        return sum(one.judged for one in self.mailboxes)

    @property
    def changed(self) -> int:
        """How many messages are treated differently."""
        return sum(len(one.messages) for one in self.mailboxes)

    @property
    def is_empty(self) -> bool:
        return not (self.changed or self.old_only or self.new_only)


def difference(old: Plan, new: Plan, *, describe: Callable[[str, str, UID], Described], rule: str = "") -> Difference:
    """Compare two plans that were made of the same facts; both have the same mailboxes in the same order.

    ``describe`` tells of a message by account, mailbox and UID. With ``rule``, only what that rule has a part in.
    """
    counts = old.count_by_rule(), new.count_by_rule()
    names = [name for name in dict.fromkeys([*counts[0], *counts[1]]) if rule in {"", name}]
    steps = [[one for one in plan.mailbox_steps if rule in {"", one.rule}] for plan in (old, new)]
    return Difference(
        created=new.created,
        old_rules_hash=old.rules_hash,
        new_rules_hash=new.rules_hash,
        mailboxes=tuple(
            _of_mailbox(one, other, describe=describe, rule=rule)
            for one, other in zip(old.mailboxes, new.mailboxes, strict=True)
        ),
        by_rule=tuple((name, counts[0].get(name, 0), counts[1].get(name, 0)) for name in names),
        old_only=_missing(steps[0], among=steps[1]),
        new_only=_missing(steps[1], among=steps[0]),
        warnings=tuple(dict.fromkeys([*old.warnings, *new.warnings])),
    )


def _of_mailbox(
    old: MailboxPlan, new: MailboxPlan, *, describe: Callable[[str, str, UID], Described], rule: str
) -> MailboxDifference:
    before, after = _treatments(old), _treatments(new)
    messages = []
    for uid in sorted(before.keys() | after.keys()):
        one, other = before.get(uid, Treatment()), after.get(uid, Treatment())
        if one.outcome != other.outcome and (not rule or rule in {*one.all_rules, *other.all_rules}):
            described = describe(new.account, new.mailbox, uid)
            messages.append(MessageDifference(uid=uid, described=described, old=one, new=other))
    return MailboxDifference(
        account=new.account,
        mailbox=new.mailbox,
        uidvalidity=new.uidvalidity,
        judged=max(old.judged, new.judged),
        messages=tuple(messages),
        unknowable=tuple(one for one in new.findings if one.kind == "unknowable" and rule in {"", one.rule}),
        incomplete_reason=new.incomplete_reason or old.incomplete_reason,
    )


def _treatments(plan: MailboxPlan) -> dict[UID, Treatment]:
    planned: dict[UID, MessagePlan] = {one.uid: one for one in plan.messages}
    found: dict[UID, list[Finding]] = {}
    for finding in plan.findings:
        found.setdefault(finding.uid, []).append(finding)
    return {
        uid: Treatment(
            rules=planned[uid].rules if uid in planned else (),
            steps=planned[uid].steps if uid in planned else (),
            findings=tuple(found.get(uid, ())),
        )
        for uid in planned.keys() | found.keys()
    }


def _missing(steps: Sequence[MailboxStep], *, among: Sequence[MailboxStep]) -> tuple[MailboxStep, ...]:
    """The changes of mailboxes that the others lack, whichever rule wants them."""
    others = Counter(map(_change, among))
    return tuple(one for one in steps if not others[_change(one)])


def _change(step: MailboxStep) -> tuple[object, ...]:
    return (step.account, step.mailbox, step.kind, step.identifier, step.rights)
