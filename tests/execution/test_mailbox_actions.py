"""The actions on mailboxes, each carried out once and taken back exactly, and renaming through broken connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.engine import carry_out
from mailrules.journal.records import RunKind, RunOutcome
from mailrules.plan.plan import StepKind
from mailrules.testing.builders import message
from mailrules.testing.memory_faults import Moment
from tests.execution.household import Household
from tests.execution.test_policies import OFFERED, shared_account, state_of
from tests.rules.loading import mistakes_of, rules_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mailrules.testing.mail_state import MailAccount

RULE = "rules: [{name: r, in: home/INBOX, if: always, do: [%s]}]\n"
RENAME = "{rename: {mailbox: Shared, to: Archive/Shared}}"
ACTIONS = {
    "create": "{create: Made/Here}",
    "subscribe": "{subscribe: Shared/Old}",
    "unsubscribe_mailbox": "{unsubscribe_mailbox: Shared/Private}",
    "setacl": "{setacl: {mailbox: Shared/Old, rights: {bob: l, new: lr, eve: ''}}}",
    "deleteacl": "{deleteacl: {mailbox: Shared/Old, identifiers: [bob, eve, nobody]}}",
    "setmetadata": "{setmetadata: {mailbox: Elsewhere, entry: /private/comment, value: new}}",
    "setmetadata to nothing": "{setmetadata: {mailbox: Elsewhere, entry: /shared/comment, value: ''}}",
    "setquota": "{setquota: {mailbox: INBOX, storage: 4MiB}}",
    "rename": RENAME,
}


def account() -> MailAccount:
    mail = shared_account()
    mail.create("Shared")
    mail.subscriptions.add("Shared")
    mail["Elsewhere"].metadata["/shared/comment"] = b""
    mail.add("INBOX", message())
    return mail


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    household = Household(tmp_path, rules=RULE % RENAME, capabilities=OFFERED, accounts={"home": account()})
    await household.open()
    yield household
    await household.close()


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
async def test_each_action_is_done_once_taken_back_exactly_and_done_again_by_undoing_that(
    household: Household, action: str
) -> None:
    household.edit(RULE % action)
    mail = household.accounts["home"]
    before = state_of(mail)

    report = await household.run()
    after = state_of(mail)
    again = await household.plan()
    undone = await household.undo(report.run)
    restored = state_of(mail)
    await household.undo(undone.run)

    assert report.outcome is undone.outcome is RunOutcome.DONE
    assert after != before
    assert again.is_empty
    assert restored == before
    assert state_of(mail) == after


async def test_a_renamed_mailbox_takes_what_is_below_it_and_its_subscriptions_along(household: Household) -> None:
    report = await household.run()

    mail = household.accounts["home"]
    assert [(one.kind, one.mailbox, one.to) for one in report.plan.mailbox_steps] == [
        (StepKind.RENAME, "Shared", "Archive/Shared"),
        (StepKind.SUBSCRIBE, "Archive/Shared", ""),
        (StepKind.UNSUBSCRIBE, "Shared", ""),
        (StepKind.SUBSCRIBE, "Archive/Shared/Private", ""),
        (StepKind.UNSUBSCRIBE, "Shared/Private", ""),
    ]
    assert {"Archive/Shared", "Archive/Shared/Old", "Archive/Shared/Private"} <= set(mail.mailboxes)
    assert mail.subscriptions == {"Archive/Shared", "Archive/Shared/Private", "Elsewhere"}


async def test_where_both_names_are_there_or_neither_is_nothing_is_done_and_it_is_told(household: Household) -> None:
    mail = household.accounts["home"]
    mail.create("Archive/Shared")
    both = await household.run()
    mail.delete("Archive/Shared")
    for name in ("Shared", "Shared/Old", "Shared/Private"):
        mail.delete(name)
    neither = await household.run()

    assert both.run == neither.run == ""
    assert both.plan.warnings == ("'Shared' keeps its name: there is a mailbox 'Archive/Shared' already",)
    assert neither.plan.warnings == ("there is no mailbox 'Shared' that could be renamed to 'Archive/Shared'",)


async def test_a_name_that_was_taken_since_the_plan_is_left_alone(household: Household) -> None:
    mail = household.accounts["home"]
    plan = await household.plan()
    mail.create("Archive/Shared")

    report = await carry_out(household.session, plan, household.stores(), kind=RunKind.ONCE)

    assert report.execution is not None
    assert report.execution.shortfalls[0].reason == "Archive/Shared exists already"
    assert "Shared" in mail


async def test_an_undo_that_finds_the_old_name_taken_says_so(household: Household) -> None:
    report = await household.run()
    household.accounts["home"].create("Shared")

    undone = await household.undo(report.run)

    assert "Archive/Shared" in household.accounts["home"]
    assert all(one.kind is not StepKind.RENAME for one in undone.plan.mailbox_steps)


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
async def test_a_rename_whose_connection_was_lost_at_any_call_is_done_once(
    household: Household, moment: Moment
) -> None:
    await household.run()
    wanted = state_of(household.accounts["home"])

    async for nth in household.lose_each_call(account, moment=moment):
        await household.go_on()

        mailboxes = set(household.accounts["home"].mailboxes)
        assert mailboxes == set(wanted[0]), f"{moment} call {nth}"  # type: ignore[index]  # the first part of a state


@pytest.mark.parametrize(
    ("actions", "mistake"),
    [
        ("{rename: Old}", "rename takes mailbox and to, not text; "),
        ("{rename: {mailbox: Old}}", 'rename lacks the key "to"; add to: ...'),
        ("{rename: {mailbox: Old, to: New, from: X}}", 'unknown operator "from" under rename; '),
        ("{rename: {mailbox: inbox, to: New}}", "INBOX keeps its name and its place; "),
        ("{rename: {mailbox: Old, to: INBOX}}", "INBOX keeps its name and its place; "),
        ("{rename: {mailbox: Old, to: Old/New}}", '"Old/New" is "Old" itself, or below it; name another place'),
        ("{rename: {mailbox: Old, to: 'New/{subject}'}}", "rename takes a fixed mailbox; "),
        ("{rename: {mailbox: A, to: B}}, {rename: {mailbox: B, to: A}}", "so the names would not come to rest; "),
        ("{rename: {mailbox: A, to: B}}, {rename: {mailbox: B/C, to: D}}", None),
        (
            "{rename: {mailbox: A, to: B}}, {rename: {mailbox: B, to: C}}, {rename: {mailbox: C/D, to: A}}",
            "so the names would not come to rest; ",
        ),
        ("{rename: {mailbox: A, to: B}}, {rename: {mailbox: A, to: C}}", 'renames "A" to "B"; rename it in one rule'),
    ],
)
def test_what_cannot_be_renamed_is_told(actions: str, mistake: str | None) -> None:
    text = f"rules: [{{name: r, if: always, do: [{actions}]}}]\n"
    if mistake is None:
        assert rules_of(text).warnings == ()
        return
    assert any(mistake in one for one in mistakes_of(text)), mistakes_of(text)


def test_a_policy_that_makes_the_old_mailbox_again_is_an_error() -> None:
    (mistake,) = mistakes_of("mailboxes: {home/A: {create: true}}\n" + RULE % "{rename: {mailbox: A, to: B}}")

    assert 'the policy home/A at main.yaml:6:13 makes "A" again' in mistake


def test_rules_that_look_for_the_old_name_are_warned_of() -> None:
    loaded = rules_of(
        "rules:\n"
        "  - {name: one, if: always, do: [{rename: {mailbox: A, to: B}}]}\n"
        "  - {name: two, in: home/A/X, if: always, do: [keep]}\n"
        "  - {name: three, if: {subject: x}, do: [{move: A}]}\n"
    )

    assert sorted(one.message for one in loaded.warnings) == [
        'the rule "three" puts mail into "A", which has another name then',
        'the rule "two" watches "A", which has another name then',
    ]
