"""A rule with a schedule sweeps what the daemon has judged before, and reads what it has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.arrivals import Watch
from mailrules.narrowing import WORTH_A_SEARCH
from mailrules.rules.rule import MailboxRef
from mailrules.testing.builders import message
from tests.execution.household import Household

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

RULES = """\
defaults: {first_run: act, guard: {max_messages: 500, per: 1h}}
rules:
  - {name: tidy, in: [home/INBOX], events: [{every: 1d}], if: {flag: flagged}, do: [{move: Archive}]}
"""
INBOX = MailboxRef(account="home", mailbox="INBOX")
COUNT = WORTH_A_SEARCH + 20


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    household = Household(folder=tmp_path, rules=RULES)
    for number in range(COUNT):
        _deliver(household, number)
    await household.open()
    yield household
    await household.close()


async def test_a_schedule_asks_which_of_the_old_messages_it_has_to_read(household: Household) -> None:
    store = household.stores()["home"]
    watch = await Watch.begin(household.session, store, INBOX)
    _deliver(household, COUNT + 10)
    rules = household.session.configuration.rules.rules

    report = await watch.judge_due(rules)
    again = await watch.judge_due(rules)

    (plan,) = report.plan.mailboxes
    assert [one.uid for one in plan.messages] == [*range(1, COUNT, 50), COUNT + 1]
    assert (plan.judged, plan.left_out, plan.search) == (COUNT + 1, COUNT - 5, "FLAGGED")
    assert again.plan.mailboxes[0].messages == ()
    assert len(household.accounts["home"]["Archive"].messages) == 6


def _deliver(household: Household, number: int) -> None:
    flags = {"\\Flagged"} if number % 50 == 0 or number > COUNT else frozenset[str]()
    mail = message(subject=f"Number {number}", message_id=f"<{number}@example.org>")
    household.accounts["home"].add("INBOX", mail, flags=flags)
