"""Why does a rule that matches a message do nothing with it, or less than it says?"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.plan.actions import AddFlags, Expire, Keep, RemoveFlags
from mailrules.plan.message_steps import moves
from mailrules.plan.plan import approval_of
from mailrules.rules.spelling import duration
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mailrules.plan.plan import MailboxPlan
    from mailrules.rules.rule import Branch, Event, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the journal says of a message, and of the rules in its mailbox.

    ``pending`` has the reason why each rule left the message to be judged again. ``untried`` are rules that have
    not acted there as the files stand now, ``used_up`` those whose guard lets nothing more pass for a while.
    """

    pending: Mapping[str, str] = field(default_factory=dict)
    untried: frozenset[str] = frozenset()
    used_up: frozenset[str] = frozenset()


def why_nothing_happens(
    rule: Rule, branch: Branch, plan: MailboxPlan, *, flags: frozenset[str], standing: Standing
) -> tuple[str, ...]:
    """What keeps a rule that acts on the one message of ``plan`` from all that it says, a sentence each.

    ``flags`` are those that the message carries.
    """
    return (
        *_in_the_plan(rule, branch, plan),
        *_already_so(rule, branch, plan, flags=flags),
        *_in_the_daemon(rule, standing),
    )


def _in_the_plan(rule: Rule, branch: Branch, plan: MailboxPlan) -> Iterator[str]:
    held_by_others = [one for one in plan.findings if one.kind == "held" and one.rule != rule.name]
    for finding in plan.findings:
        if finding.rule == rule.name:
            word = {"held": "held", "shadowed": "shadowed", "moved_back": "left here"}.get(finding.kind, finding.kind)
            yield f"{word}: {finding.reason}"
    if held_by_others and branch.disposes and not _steps(rule, plan, disposing=True):
        other = held_by_others[0]
        yield f"the message stays, since rule {other.rule!r} holds it: {other.reason}"
    for remembered in plan.remembered:
        if remembered.rule == rule.name:
            beyond = f" to {remembered.target}" if remembered.target else ""
            yield f"its {remembered.action}{beyond} was done before and is not repeated (the journal's ledger)"


def _already_so(rule: Rule, branch: Branch, plan: MailboxPlan, *, flags: frozenset[str]) -> Iterator[str]:
    """What the message is already, or what the rule means to leave."""
    found_something = any(one.rule == rule.name or one.kind == "held" for one in plan.findings)
    present = {flag.lower() for flag in flags}
    for use in branch.actions:
        match use.value:
            case AddFlags(flags=names) if all(name.lower() in present for name in names):
                yield f"it carries {' '.join(names)} already"
            case RemoveFlags(flags=names) if not any(name.lower() in present for name in names):
                yield f"it carries no {' '.join(names)} that could be removed"
            case AddFlags(flags=names) | RemoveFlags(flags=names) if not found_something:
                yield from _overruled(rule, plan, names)
            case Keep():
                yield "it keeps the message where it is, and no later rule is asked"
            case Expire() if not found_something and not _steps(rule, plan, disposing=True):
                yield "the message is not old enough to expire"
            case value if moves(value) and not found_something and not _steps(rule, plan, disposing=True):
                yield "the message is in that mailbox already"
            case _:
                pass


def _in_the_daemon(rule: Rule, standing: Standing) -> Iterator[str]:
    """What would keep the daemon from it, and not a run that a person confirms."""
    if rule.name in standing.pending:
        yield f"an earlier run left the message to be judged again: {standing.pending[rule.name]}"
    if rule.events and all(event.kind != "new" for event in rule.events):
        yield f"the daemon asks this rule only {' and '.join(map(_when, rule.events))}, not when mail comes in"
    if rule.name in standing.untried and not rule.first_run_acts:
        yield (
            "the daemon only reports what it would do: the rule has not acted in this mailbox yet; "
            f"release it with: {approval_of(rule.name)}"
        )
    if rule.name in standing.used_up:
        guard = f"{rule.guard.max_messages} messages in {duration(rule.guard.per)}"
        yield f"the daemon holds it for now: the rule has changed {guard}; wait, or: {approval_of(rule.name)}"


def _overruled(rule: Rule, plan: MailboxPlan, names: Sequence[str]) -> Iterator[str]:
    """Which rule's wish for one of these flags came after this rule's."""
    wished = {name.lower() for name in names}
    steps = [step for message in plan.messages for step in message.steps if step.flags]
    writers = [step.rule for step in steps if not wished.isdisjoint(map(str.lower, step.flags))]
    if rule.name not in writers:
        other = f"the rule {writers[0]!r}" if writers else "a later rule"
        yield f"{other} has the last word on {' '.join(names)}"


def _steps(rule: Rule, plan: MailboxPlan, *, disposing: bool) -> bool:
    kinds = {"move", "delete"} if disposing else None
    return any(
        step.rule == rule.name and (kinds is None or step.kind in kinds)
        for message in plan.messages
        for step in message.steps
    )


def _when(event: Event) -> str:
    return f"at {event.at}" if event.every is None else f"every {duration(event.every)}"
