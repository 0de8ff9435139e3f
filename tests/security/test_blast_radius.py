"""What nobody has seen yet does not act by itself: new rules in the daemon, and changed rules that would touch much."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.cli.questions import why_yes_is_needed
from mailrules.journal.journal import Journal
from mailrules.plan.blast_radius import MANY_MESSAGES, hold_untried, is_large
from mailrules.plan.plan import MailboxPlan, MessagePlan, Plan, Step, StepKind
from mailrules.rules.rule import MailboxRef
from mailrules.testing.builders import message
from tests.daemon.conftest import NOW, RULES
from tests.plan.planned import load

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.rules.rule import Rule
    from tests.cli.conftest import Program
    from tests.daemon.conftest import Daemon

INBOX = MailboxRef(account="home", mailbox="INBOX")
OLD, NOW_HASH = "hash of before", "hash of now"


def rules_of(*, first_run: str = "preview") -> tuple[Rule, ...]:
    text = "rules: [" + ", ".join(
        f"{{name: {name}, if: always, do: [{{keyword: {name}}}], first_run: {first_run}}}" for name in ("one", "two")
    )
    return load(text + "]").rules.rules


def plan_of(count: int, *rules: str) -> MailboxPlan:
    steps = tuple(Step(kind=StepKind.ADD_FLAGS, rule=rule, flags=("x",)) for rule in rules)
    messages = tuple(MessagePlan(uid=uid, rules=rules, steps=steps) for uid in range(1, count + 1))
    return MailboxPlan(
        account="home",
        mailbox="INBOX",
        uidvalidity=1,
        messages=messages,
        judged=count,
        final_uids=tuple(range(1, count + 1)),
    )


@pytest.mark.parametrize(
    ("count", "mailbox", "is_changed", "large"),
    [
        (500, 100_000, True, False),
        (501, 100_000, True, True),
        (501, 100_000, False, True),
        (10, 10, True, False),
        (11, 110, True, False),
        (11, 109, True, True),
        (50, 50, False, False),
        (51, 510, False, False),
        (51, 509, False, True),
    ],
)
def test_more_than_500_messages_or_a_tenth_is_large(count: int, mailbox: int, *, is_changed: bool, large: bool) -> None:
    assert is_large(count, of=mailbox, by_changed_rules=is_changed) is large


def test_rules_that_have_acted_as_they_stand_are_let_through_however_many() -> None:
    plan = plan_of(MANY_MESSAGES + 1, "one")

    tried = hold_untried(
        plan, rules_of(), {"one": NOW_HASH, "two": NOW_HASH}, rules_hash=NOW_HASH, mailbox_messages=501
    )

    assert tried.plan is plan


def test_changed_rules_that_touch_much_are_held_and_stay_pending() -> None:
    seen = {"one": OLD, "two": OLD}

    tried = hold_untried(plan_of(20, "one"), rules_of(), seen, rules_hash=NOW_HASH, mailbox_messages=100)

    assert tried.plan.messages == ()
    assert tried.plan.pending_uids == tuple(range(1, 21))
    assert tried.known == ()
    assert "20 of 100 messages would be touched" in tried.plan.findings[0].reason
    assert "mailrules approve one" in tried.plan.findings[0].reason


def test_changed_rules_that_touch_little_act_and_are_known_from_then_on() -> None:
    seen = {"one": OLD, "two": OLD}

    tried = hold_untried(plan_of(10, "one"), rules_of(), seen, rules_hash=NOW_HASH, mailbox_messages=100)

    assert len(tried.plan.messages) == 10
    assert tried.known == ("one", "two")


def test_a_new_rule_holds_what_it_touches_and_only_that() -> None:
    plan = plan_of(2, "one")
    both = replace(plan, messages=(*plan.messages[:1], replace(plan.messages[1], rules=("one", "two"))))

    tried = hold_untried(both, rules_of(), {"one": NOW_HASH}, rules_hash=NOW_HASH, mailbox_messages=100)

    assert [one.uid for one in tried.plan.messages] == [1]
    assert [(one.uid, one.rule, one.kind) for one in tried.plan.findings] == [(2, "two", "held")]
    assert tried.known == ()
    assert tried.held_rules == {"two"}


def test_a_new_rule_that_says_so_acts_at_once() -> None:
    tried = hold_untried(plan_of(1, "two"), rules_of(first_run="act"), {}, rules_hash=NOW_HASH, mailbox_messages=100)

    assert len(tried.plan.messages) == 1
    assert tried.known == ("one", "two")


@pytest.mark.parametrize(("count", "asks"), [(10, False), (11, True)])
def test_run_once_asks_earlier_where_rules_have_changed(count: int, *, asks: bool) -> None:
    plan = Plan(created=NOW, rules_hash="", mailboxes=(replace(plan_of(count, "one"), judged=100),))

    assert why_yes_is_needed(plan) == ""
    assert bool(why_yes_is_needed(replace(plan, changed_rules=("one",)))) is asks


async def test_the_daemon_previews_a_new_rule_until_it_is_approved(daemon: Daemon) -> None:
    daemon.config.write_text(daemon.config.read_text().replace(", first_run: act", ""), "utf-8")
    async with daemon.running():
        daemon.mail.add("INBOX", message(from_="boss@work.example"))
        told = await daemon.log.saw("rule.held")
        assert "Work" not in daemon.mail
        rules = daemon.service()._session.configuration.rules
        await daemon.journal.know_rules({INBOX: ["boss"]}, rules_hash=rules.hash)
        daemon.mail.add("INBOX", message(from_="someone@else.example"))
        await daemon.moved("Work")

    assert (told["rule"], told["messages"]) == ("boss", 1)


async def test_the_daemon_waits_with_a_change_that_touches_much(daemon: Daemon) -> None:
    for number in range(20):
        daemon.mail.add("INBOX", message(message_id=f"<{number}@x.example>"))
    async with daemon.running(backlog=True):
        await daemon.log.saw("mailbox.watched")
    daemon.control.stop.clear()
    daemon.write(RULES.replace("{from: boss@work.example}", "always"))
    await daemon.journal.know_rules({INBOX: ["boss"]}, rules_hash=OLD)
    daemon.mail.add("INBOX", message())
    for number in range(20):
        daemon.mail.add("INBOX", message(message_id=f"<new-{number}@x.example>"))

    async with daemon.running(watchers=2):
        await daemon.log.saw("rule.held")

    assert "Work" not in daemon.mail


def test_what_a_person_has_run_or_approved_is_known(served: Program) -> None:
    served.run("run", "--once", "--rule", "boss")
    known = read(served)
    served.run("approve", "lists")

    assert set(known) == {"boss"}
    assert set(read(served)) == {"boss", "lists"}


def test_applying_a_plan_makes_its_rules_known(served: Program) -> None:
    served.run("dry-run", "--rule", "lists", "--save", str(served.folder / "plan.json"))

    served.run("apply", str(served.folder / "plan.json"), "--yes")

    assert set(read(served)) == {"lists"}


def read(program: Program) -> dict[str, str]:
    async def runs() -> dict[str, str]:
        journal = await Journal.open(program.state / "journal.sqlite3")
        try:
            return await journal.rule_runs(INBOX)
        finally:
            await journal.close()

    return asyncio.run(runs())


async def test_the_newest_hash_counts(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.sqlite3")

    await journal.know_rules({INBOX: ["one"]}, rules_hash=OLD)
    await journal.know_rules({INBOX: ["one", "two"]}, rules_hash=NOW_HASH)

    assert await journal.rule_runs(INBOX) == {"one": NOW_HASH, "two": NOW_HASH}
    await journal.close()
