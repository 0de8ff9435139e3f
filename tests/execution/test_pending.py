"""Whether what is held stays to be judged, with its reason, until it is released or gone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import structlog

from mailrules.arrivals import Watch
from mailrules.client.imap_store import connect_store
from mailrules.engine import carry_out
from mailrules.journal.records import RunKind
from mailrules.plan.planner import IDENTITY_FIELDS
from mailrules.planning import plan_accounts
from mailrules.rules.rule import MailboxRef
from mailrules.session import Scope
from mailrules.testing.builders import message
from mailrules.testing.capabilities import without
from mailrules.testing.memory_faults import MemoryFault, Moment
from tests.execution.household import Household

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mailrules.journal.records import Pending
    from mailrules.rules.rule import Rule
    from tests.servers.dovecot import DovecotAccount

GUARDED = """\
defaults: {guard: {max_messages: 1, per: 1h}, first_run: act}
rules:
  - {name: sort, in: [home/INBOX], if: {subject: Sort}, do: [{move: Archive}]}
"""
NO_TARGET = """\
defaults: {first_run: act}
rules:
  - {name: sort, in: [home/INBOX], if: {subject: Sort}, do: [{move: Nowhere}]}
"""
INBOX = MailboxRef(account="home", mailbox="INBOX")


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    household = Household(folder=tmp_path, rules=GUARDED)
    await household.open()
    yield household
    await household.close()


async def restarted(household: Household) -> Watch:
    """The daemon on a new connection, after another start of the program."""
    await household.reopen()
    return await Watch.begin(household.session, household.stores()["home"], INBOX)


def deliver(household: Household, count: int, *, start: int = 1) -> None:
    for number in range(start, start + count):
        mail = message(subject=f"Sort {number}", message_id=f"<{number}@example.org>")
        household.accounts["home"].add("INBOX", mail)


async def warnings(household: Household) -> tuple[str, ...]:
    """What a plan of all mail says beforehand."""
    plan = await plan_accounts(household.session, household.stores(), scope=Scope(), describe=IDENTITY_FIELDS)
    return plan.warnings


async def held(household: Household) -> list[Pending]:
    return list(await household.session.journal.pending())


async def test_what_a_guard_holds_is_released_by_a_yes_after_a_restart(household: Household) -> None:
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)
    deliver(household, 3)
    await watch.judge_arrivals()
    assert [(one.uid, one.kind, one.rule) for one in await held(household)] == [
        (2, "held", "sort"),
        (3, "held", "sort"),
    ]

    watch = await restarted(household)
    await watch.judge_arrivals()
    assert [one.uid for one in await held(household)] == [2, 3], "the window is still used up"

    await household.session.journal.approve("sort", now=household.now)
    watch = await restarted(household)
    await watch.judge_arrivals()

    assert await held(household) == []
    assert len(household.accounts["home"]["Archive"].messages) == 3


async def test_what_a_guard_holds_goes_on_when_its_window_has_passed(household: Household) -> None:
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)
    deliver(household, 3)
    await watch.judge_arrivals()

    household.now += timedelta(hours=1, minutes=1)
    await (await restarted(household)).judge_arrivals()

    assert [one.uid for one in await held(household)] == [3]


async def test_the_reason_why_mail_is_held_is_kept_and_kept_up_to_date(household: Household) -> None:
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)
    deliver(household, 2)
    await watch.judge_arrivals()
    assert "mailrules approve sort" in (await held(household))[0].reason

    household.edit(NO_TARGET)
    await (await restarted(household)).judge_arrivals()

    assert "does not exist" in (await held(household))[0].reason


async def test_held_mail_that_a_person_took_away_is_no_longer_held(household: Household) -> None:
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)
    deliver(household, 3)
    await watch.judge_arrivals()

    household.accounts["home"]["INBOX"].remove(2)
    await (await restarted(household)).judge_arrivals()
    assert [one.uid for one in await held(household)] == [3]

    household.accounts["home"]["INBOX"].remove(3)
    await household.run()
    assert await held(household) == []


async def test_only_what_is_held_is_remembered_where_nothing_else_came(household: Household) -> None:
    household.edit(NO_TARGET)
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)
    deliver(household, 2)

    await watch.judge_arrivals()

    assert [one.uid for one in await held(household)] == [1, 2]


RETENTION = """\
allow: [delete]
rules:
  - {name: purge, in: [home/INBOX], events: [{every: 1d}], if: always, do: [delete], guard: {max_messages: 500}}
  - {name: mark, in: [home/INBOX], if: always, do: [{keyword: Judged}]}
"""


async def known_rules(household: Household) -> list[Rule]:
    """The rules with a schedule, which have been at work there before."""
    rules = household.session.configuration.rules
    await household.session.journal.know_rules({INBOX: ["purge", "mark"]}, rules_hash=rules.hash)
    return [rule for rule in household.session.configuration.rules.rules if rule.name == "purge"]


async def test_what_a_schedule_holds_is_no_new_mail_for_other_rules(household: Household) -> None:
    deliver(household, 3)
    household.edit(RETENTION.replace("max_messages: 500", "max_messages: 1"))
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)

    await watch.judge_due(await known_rules(household))
    await watch.judge_arrivals()

    assert await held(household) == []
    assert {one.flags for one in household.accounts["home"]["INBOX"].messages.values()} == {frozenset()}


@pytest.mark.parametrize(("count", "left"), [(50, 0), (51, 51)])
async def test_a_schedule_empties_no_mailbox_without_a_yes(household: Household, count: int, left: int) -> None:
    deliver(household, count)
    household.edit(RETENTION)
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)

    report = await watch.judge_due(await known_rules(household))
    assert len(household.accounts["home"]["INBOX"].messages) == left
    if left:
        assert "all 51 messages of the mailbox would be deleted" in report.plan.mailboxes[0].findings[0].reason

    await household.session.journal.approve("purge", now=household.now)
    await watch.judge_due(await known_rules(household))
    assert len(household.accounts["home"]["INBOX"].messages) == 0


async def test_a_schedule_that_leaves_mail_behind_needs_no_yes(household: Household) -> None:
    deliver(household, 60)
    household.accounts["home"].add("INBOX", message(subject="Keep"))
    household.edit(RETENTION.replace("if: always, do: [delete]", "if: {subject: Sort}, do: [delete]"))
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)

    await watch.judge_due(await known_rules(household))

    assert len(household.accounts["home"]["INBOX"].messages) == 1


def lose_index(account: DovecotAccount) -> None:
    """Dovecot makes a new UIDVALIDITY where the file that keeps it is gone."""
    for one in account.server.maildir(account.user).glob("dovecot*"):
        if one.name != "dovecot-keywords":
            one.unlink()


def renumber(household: Household) -> None:
    """What a mailbox that was restored from a backup shows: the same mail, in another order, under new UIDs."""
    account = household.accounts["home"]
    account.change_uidvalidity("INBOX")
    for uid in reversed(tuple(account["INBOX"].messages)):
        account.copy(account["INBOX"], uid, account["INBOX"])
        account["INBOX"].remove(uid)


@pytest.mark.parametrize("lacking", [(), ("OBJECTID",)])
async def test_what_was_held_is_found_again_in_a_new_uidvalidity(
    household: Household, lacking: tuple[str, ...]
) -> None:
    household.capabilities = without(*lacking)
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)
    deliver(household, 3)
    household.accounts["home"].add("INBOX", message(subject="Other", message_id="<other@example.org>"))
    await watch.judge_arrivals()
    before = await held(household)
    renumber(household)

    told = await warnings(household)
    with structlog.testing.capture_logs() as logged:
        watch = await restarted(household)
    await watch.judge_arrivals()

    after = await held(household)
    subjects = [household.accounts["home"]["INBOX"].messages[one.uid].content for one in after]
    assert [b"Sort 3" in one for one in subjects] == [True, False]
    assert [b"Sort 2" in one for one in subjects] == [False, True]
    assert [(one.kind, one.rule, one.reason) for one in after] == [(one.kind, one.rule, one.reason) for one in before]
    assert not [one for one in told if "not known any more" in one]
    assert not [one for one in logged if one["event"] == "held.forgotten"]

    await household.session.journal.approve("sort", now=household.now)
    await (await restarted(household)).judge_arrivals()

    assert await held(household) == []
    assert len(household.accounts["home"]["Archive"].messages) == 3
    assert len(household.accounts["home"]["INBOX"].messages) == 1


async def test_a_yes_given_while_the_mailbox_was_numbered_anew_counts_in_a_single_run(household: Household) -> None:
    """``run --once --new``: the held mail is acted on, and mail that was judged before is not."""
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)
    deliver(household, 3)
    await watch.judge_arrivals()
    renumber(household)
    judged = household.accounts["home"].add("INBOX", message(subject="Sort too", message_id="<late@example.org>"))
    await household.session.journal.approve("sort", now=household.now)

    plan = await plan_accounts(
        household.session,
        household.stores(),
        scope=Scope(only_new=True),
        describe=IDENTITY_FIELDS,
        renew=household.session.journal.renumber,
    )
    await carry_out(household.session, plan, household.stores(), kind=RunKind.ONCE)

    assert list(household.accounts["home"]["INBOX"].messages) == [judged.uid]
    assert len(household.accounts["home"]["Archive"].messages) == 3
    assert await held(household) == []


async def test_the_daemon_logs_what_a_run_warns_of(household: Household) -> None:
    household.capabilities = without("MOVE", "UIDPLUS")
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)
    deliver(household, 1)

    with structlog.testing.capture_logs() as logged:
        await watch.judge_arrivals()

    (warned,) = [line for line in logged if line["event"] == "run.warned"]
    assert warned["log_level"] == "warning"
    assert "no UIDPLUS" in warned["reason"]


async def test_what_failed_is_found_again_in_a_new_uidvalidity(household: Household) -> None:
    watch = await Watch.begin(
        household.session,
        household.stores(MemoryFault(call="move", moment=Moment.REFUSED))["home"],
        INBOX,
    )
    deliver(household, 1)
    await watch.judge_arrivals()
    (failed,) = await held(household)
    assert failed.kind == "failed"
    assert failed.reason.startswith("an earlier step failed: ")
    renumber(household)

    await (await restarted(household)).judge_arrivals()

    assert len(household.accounts["home"]["Archive"].messages) == 1


async def test_what_was_held_and_cannot_be_told_from_judged_mail_is_said_to_be_forgotten(household: Household) -> None:
    """Nothing is done to either of two that look the same; and what was held is not dropped without a word."""
    household.capabilities = without("OBJECTID")
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX)
    deliver(household, 2)
    await watch.judge_arrivals()
    account = household.accounts["home"]
    account.copy(account["INBOX"], 2, account["INBOX"])
    renumber(household)

    told = await warnings(household)
    with structlog.testing.capture_logs() as logged:
        watch = await restarted(household)
    await watch.judge_arrivals()

    assert [one for one in told if "UID 2 (sort: " in one and "not known any more" in one]
    assert [one["uids"] for one in logged if one["event"] == "held.forgotten"] == [[2]]
    assert await held(household) == []
    assert len(account["INBOX"].messages) == 2
    assert not [one for one in await warnings(household) if "not known any more" in one]


async def test_what_was_held_is_found_again_on_a_dovecot_that_lost_its_index(
    household: Household, dovecot: DovecotAccount
) -> None:
    # Dovecot takes a new UIDVALIDITY from the clock, and a second has room for two: the first one is from long ago.
    dovecot.fill("INBOX", [])
    settings = dovecot.settings(name="home")
    store = await connect_store(settings)
    await store.create("Archive")
    watch = await Watch.begin(household.session, store, INBOX)
    for number in (1, 2, 3):
        await store.append("INBOX", message(subject=f"Sort {number}", message_id=f"<{number}@example.org>"))
    await watch.judge_arrivals()
    validity = (await store.open("INBOX")).uidvalidity
    assert len(await held(household)) == 2
    await store.close()
    lose_index(dovecot)

    store = await connect_store(settings)
    await household.session.journal.approve("sort", now=household.now)
    watch = await Watch.begin(household.session, store, INBOX)
    assert [one.rule for one in await held(household)] == ["sort", "sort"]
    await watch.judge_arrivals()

    inbox = await store.open("INBOX")
    archive = await store.open("Archive")
    await store.close()
    assert inbox.uidvalidity != validity
    assert (inbox.messages, archive.messages) == (0, 3)
    assert await held(household) == []
