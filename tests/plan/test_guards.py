"""How many messages a rule may change (rule-language, meaning 11)."""

from __future__ import annotations

from dataclasses import replace

from mailrules.diagnostics import Location
from mailrules.mailbox.message import UID
from mailrules.plan.guards import hold_excess
from mailrules.plan.history import History
from mailrules.plan.plan import MailboxPlan, MessagePlan, Step, StepKind
from mailrules.rules.conditions import Always
from mailrules.rules.rule import Guard, Rule

HERE = Location(file="rules.yaml", line=1, column=1)
RULE = Rule(name="lists", where=HERE, mailboxes=(), condition=Always(), branches=(), guard=Guard(max_messages=3))


def _plan(count: int) -> MailboxPlan:
    step = Step(kind=StepKind.MOVE, rule="lists", to="Lists")
    uids = [UID(number) for number in range(1, count + 1)]
    return MailboxPlan(
        account="home",
        mailbox="INBOX",
        uidvalidity=1,
        judged=count,
        messages=tuple(MessagePlan(uid=uid, rules=("lists",), steps=(step,)) for uid in uids),
        final_uids=tuple(uids),
    )


def test_up_to_the_limit_everything_passes() -> None:
    assert hold_excess(_plan(3), [RULE], History()) == _plan(3)


def test_the_excess_is_held_and_stays_pending() -> None:
    guarded = hold_excess(_plan(5), [RULE], History())

    assert [message.uid for message in guarded.messages] == [1, 2, 3]
    assert [(one.uid, one.kind) for one in guarded.findings] == [(4, "held"), (5, "held")]
    assert "mailrules approve lists" in guarded.findings[0].reason
    assert guarded.final_uids == (1, 2, 3)
    assert guarded.pending_uids == (4, 5)


def test_the_command_that_releases_it_can_be_pasted_into_a_shell() -> None:
    old = replace(RULE, name="old mail")
    plan = replace(_plan(5), messages=tuple(replace(one, rules=(old.name,)) for one in _plan(5).messages))

    guarded = hold_excess(plan, [old], History())

    assert guarded.findings[0].reason.endswith("mailrules approve 'old mail'")


def test_what_the_rule_changed_before_in_its_window_counts() -> None:
    guarded = hold_excess(_plan(5), [RULE], History(changed={"lists": 2}))

    assert [message.uid for message in guarded.messages] == [1]


def test_an_approved_rule_is_exempt() -> None:
    assert hold_excess(_plan(5), [RULE], History(approved=frozenset({"lists"}))) == _plan(5)
