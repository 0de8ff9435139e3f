"""What a preview says of mail that leaves for ever, at once or by the provider's hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.imap.quirks import trash_kept_days
from mailrules.plan.planner import DISPLAY_FIELDS
from mailrules.planning import plan_accounts
from mailrules.session import Scope
from mailrules.testing.builders import message
from tests.execution.household import HEAD, Household

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mailrules.plan.plan import Plan

TRASH = "rules:\n  - {name: old, in: [home/INBOX], if: always, do: [trash]}\n"
DELETE = """\
allow: [delete]
deletion: {min_age: 1d, max_messages: 2}
rules:
  - {name: old, in: [home/INBOX], if: always, do: [delete]}
"""


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    household = Household(folder=tmp_path, rules=TRASH)
    await household.open()
    yield household
    await household.close()


async def previewed(household: Household) -> Plan:
    return await plan_accounts(household.session, household.stores(), scope=Scope(), describe=DISPLAY_FIELDS)


@pytest.mark.parametrize(
    ("host", "days"),
    [
        ("imap.gmail.com", 30),
        ("IMAP.MAIL.ME.COM.", 30),
        ("outlook.office365.com", 30),
        ("imap.mail.yahoo.com", 7),
        ("imap.example.org", None),
        ("notgmail.com", None),
        ("", None),
    ],
)
def test_what_is_known_of_providers(host: str, days: int | None) -> None:
    assert trash_kept_days(host) == days


def test_a_provider_is_known_by_its_capability_too() -> None:
    assert trash_kept_days("mail.company.example", frozenset({"X-GM-EXT-1"})) == 30


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ("host: imap.mail.yahoo.com", "home: the provider empties Trash after 7 days; only until then undo brings"),
        ("host: imap.example, trash_days: 14", "after 14 days"),
        ("host: imap.mail.yahoo.com, trash_days: 0", ""),
        ("host: imap.example", ""),
    ],
)
async def test_a_preview_and_check_warn_where_the_trash_is_emptied(
    household: Household, monkeypatch: pytest.MonkeyPatch, account: str, words: str
) -> None:
    head = HEAD.replace("host: imap.example", account, 1)
    monkeypatch.setattr("tests.execution.household.HEAD", head)
    household.edit(TRASH)
    household.accounts["home"].add("INBOX", message())

    warnings = (await previewed(household)).warnings
    told = [one.message for one in household.session.configuration.warnings]

    assert bool(warnings) == bool(words) == any("empties the trash" in one for one in told)
    assert words in "".join(warnings)


async def test_nothing_is_said_where_nothing_goes_to_the_trash(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.execution.household.HEAD", HEAD.replace("imap.example", "imap.gmail.com", 1))
    household.edit(TRASH)

    assert (await previewed(household)).warnings == ()


async def test_deletions_beyond_the_limits_are_held_and_follow_in_the_next_runs(household: Household) -> None:
    household.edit(DELETE)
    for _ in range(5):
        household.accounts["home"].add("INBOX", message())
    young = household.accounts["home"].add("INBOX", message(), received=household.now)

    assert len((await previewed(household)).mailboxes[0].messages) == 2
    left = []
    for _ in range(4):
        await household.run()
        left.append(len(household.accounts["home"]["INBOX"].messages))

    assert left == [4, 2, 1, 1]
    assert list(household.accounts["home"]["INBOX"].messages) == [young.uid]


async def test_every_step_that_deletes_is_marked_irreversible(household: Household) -> None:
    household.edit(DELETE)
    household.accounts["home"].add("INBOX", message())

    assert [step.reversible for _, _, step in (await previewed(household)).steps()] == [False]
