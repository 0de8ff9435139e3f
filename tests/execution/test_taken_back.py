"""What a person takes back while our command is in doubt stays taken back, though a rule still wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.arrivals import Watch
from mailrules.journal.records import RunOutcome, StepState
from mailrules.journal.taken_back import TAKEN_BACK
from mailrules.rules.rule import MailboxRef
from mailrules.testing.builders import message
from mailrules.testing.capabilities import without
from mailrules.testing.memory_faults import MemoryFault, Moment
from tests.execution.household import Household

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mailrules.journal.records import StepRecord

RULES = """\
allow: [delete]
defaults: {first_run: act}
rules:
  - {name: mark, in: [home/INBOX], if: {subject: Mark}, do: [{flag: seen}]}
  - {name: plain, in: [home/INBOX], if: {subject: Plain}, do: [{unflag: flagged}]}
  - {name: purge, in: [home/INBOX], if: {subject: Purge}, do: [delete]}
"""
INBOX = MailboxRef(account="home", mailbox="INBOX")
LOST_ANSWER = MemoryFault(call="store_flags", moment=Moment.AFTER)


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    household = Household(folder=tmp_path, rules=RULES)
    await household.open()
    yield household
    await household.close()


async def lose_the_answer(household: Household, fault: MemoryFault = LOST_ANSWER) -> None:
    """The daemon acts on what is there, and loses the connection at its STORE."""
    watch = await Watch.begin(household.session, household.stores(fault)["home"], INBOX, backlog=True)
    report = await watch.judge_arrivals()
    assert report.execution is not None
    assert report.execution.outcome is RunOutcome.PARTLY_DONE


async def start_again(household: Household) -> list[StepRecord]:
    """Another start of the daemon, which recovers and judges what is left; all STOREs there were."""
    await household.reopen()
    watch = await Watch.begin(household.session, household.stores()["home"], INBOX, backlog=True)
    await watch.judge_arrivals()
    runs = await household.session.journal.runs()
    return [one for run in runs for one in await household.session.journal.steps_of(run.id)]


def deliver(household: Household, subject: str, *flags: str) -> int:
    mail = message(subject=subject, message_id="<1@example.org>")
    return household.accounts["home"].add("INBOX", mail, flags=flags).uid


@pytest.mark.parametrize(
    ("subject", "before"), [("Mark", frozenset()), ("Plain", frozenset({"\\Flagged"})), ("Purge", frozenset())]
)
async def test_what_a_person_took_back_before_recovery_looks_is_left_so(
    household: Household, subject: str, before: frozenset[str]
) -> None:
    inbox = household.accounts["home"]["INBOX"]
    uid = deliver(household, subject, *before)
    await lose_the_answer(household)
    assert inbox.messages[uid].flags != before, "the command was carried out"
    inbox.set_flags(uid, before)

    steps = await start_again(household)
    steps = await start_again(household)

    assert inbox.messages[uid].flags == before
    assert [(one.state, one.detail) for one in steps] == [(StepState.NOT_APPLIED, TAKEN_BACK)]
    assert await household.session.journal.pending() == ()


async def test_what_never_came_through_is_set_though_a_person_changed_something_else(household: Household) -> None:
    inbox = household.accounts["home"]["INBOX"]
    uid = deliver(household, "Mark")
    await lose_the_answer(household, MemoryFault(call="store_flags", moment=Moment.BEFORE))
    inbox.set_flags(uid, {"\\Answered"})

    await start_again(household)

    assert inbox.messages[uid].flags == {"\\Seen", "\\Answered"}


async def test_without_condstore_nobody_can_tell_and_the_rule_decides_anew(household: Household) -> None:
    household.capabilities = without("CONDSTORE", "OBJECTID")
    inbox = household.accounts["home"]["INBOX"]
    uid = deliver(household, "Mark")
    await lose_the_answer(household)
    inbox.set_flags(uid, set())

    await start_again(household)

    assert inbox.messages[uid].flags == {"\\Seen"}
