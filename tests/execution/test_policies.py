"""Mailbox policies from the difference to the undo, whatever breaks in between."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.engine import carry_out
from mailrules.journal.database import Database
from mailrules.journal.records import RunKind, RunOutcome
from mailrules.plan.document import plan_from_json, plan_to_json
from mailrules.plan.plan import StepKind
from mailrules.plan.planner import IDENTITY_FIELDS
from mailrules.planning import plan_accounts
from mailrules.session import Scope
from mailrules.testing.builders import message
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_faults import MemoryFault, Moment
from mailrules.testing.memory_store import MemoryStore
from tests.execution.household import Household
from tests.execution.test_crashes import Death, Killed, MortalJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


OFFERED = EVERY_CAPABILITY | {"METADATA", "QUOTA", "QUOTASET", "CREATE-SPECIAL-USE"}
POLICIES = """\
mailboxes:
  "home/Shared/*":
    rights: {bob: lrs, anyone: "", eve: lr}
    except: home/Shared/Private
  home/Shared/Bills: {create: true, subscribed: true, metadata: {/shared/comment: pay, /private/old: ""}}
  home/Shared/Private: {rights: {bob: lr}, others: remove, subscribed: false}
  home/Sent Mail: {create: true, special_use: sent}
  home/INBOX: {quota: {storage: 2MiB, messages: none}}
"""


def shared_account() -> MailAccount:
    """Mailboxes that are not yet as the policies say, each in another way."""
    mail = MailAccount()
    for name in ("Shared/Old", "Shared/Private", "Elsewhere"):
        mail.create(name)
    mail["Shared/Old"].rights |= {"anyone": "lr", "bob": "lrswi", "eve": "rl"}
    mail["Shared/Private"].rights |= {"bob": "lr", "carol": "lrs", "-dan": "r"}
    mail["Elsewhere"].rights |= {"anyone": "l"}
    mail.subscriptions |= {"Shared/Private", "Elsewhere"}
    mail.quota = [("STORAGE", 1, 512), ("MESSAGE", 3, 9)]
    return mail


def state_of(mail: MailAccount) -> object:
    """All that policies can change."""
    mailboxes = {
        name: ({who: frozenset(letters) for who, letters in one.rights.items()}, dict(one.metadata), one.special_use)
        for name, one in mail.mailboxes.items()
    }
    return copy.deepcopy((mailboxes, set(mail.subscriptions), sorted((name, limit) for name, _, limit in mail.quota)))


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    household = Household(tmp_path, rules=POLICIES, capabilities=OFFERED, accounts={"home": shared_account()})
    await household.open()
    yield household
    await household.close()


async def test_only_the_difference_is_planned_and_a_saved_plan_keeps_it(household: Household) -> None:
    plan = await household.plan()

    assert [(one.kind, one.mailbox, one.identifier, one.was, one.rights, one.rule) for one in plan.mailbox_steps] == [
        (StepKind.SETACL, "Shared/Old", "bob", "lrswi", "lrs", "home/Shared/*"),
        (StepKind.SETACL, "Shared/Old", "anyone", "lr", "", "home/Shared/*"),
        (StepKind.SETACL, "Shared/Bills", "bob", "", "lrs", "home/Shared/*"),
        (StepKind.SETACL, "Shared/Bills", "eve", "", "lr", "home/Shared/*"),
        (StepKind.CREATE, "Shared/Bills", "", "", "", "home/Shared/Bills"),
        (StepKind.SETMETADATA, "Shared/Bills", "/shared/comment", "", "pay", "home/Shared/Bills"),
        (StepKind.SUBSCRIBE, "Shared/Bills", "", "", "", "home/Shared/Bills"),
        (StepKind.SETACL, "Shared/Private", "carol", "lrs", "", "home/Shared/Private"),
        (StepKind.SETACL, "Shared/Private", "-dan", "r", "", "home/Shared/Private"),
        (StepKind.UNSUBSCRIBE, "Shared/Private", "", "", "", "home/Shared/Private"),
        (StepKind.CREATE, "Sent Mail", "\\Sent", "", "", "home/Sent Mail"),
        (StepKind.SETQUOTA, "INBOX", "STORAGE", "512", "2048", "home/INBOX"),
        (StepKind.SETQUOTA, "INBOX", "MESSAGE", "9", "", "home/INBOX"),
    ]
    assert plan.left_out == plan.warnings == ()
    assert plan_from_json(plan_to_json(plan)).mailbox_steps == plan.mailbox_steps


async def test_a_run_brings_it_about_a_second_finds_nothing_and_undo_restores_it_exactly(household: Household) -> None:
    mail = household.accounts["home"]
    before = state_of(mail)

    report = await household.run()
    again = await household.plan()

    assert report.outcome is RunOutcome.DONE
    assert mail["Shared/Old"].rights == {"ann": mail["INBOX"].rights["ann"], "bob": "lrs", "eve": "rl"}
    assert set(mail["Shared/Private"].rights) == {"ann", "bob"}
    assert mail["Elsewhere"].rights["anyone"] == "l"
    assert mail["Shared/Bills"].metadata == {"/shared/comment": b"pay"}
    assert mail["Sent Mail"].special_use == "\\Sent"
    assert [(name, limit) for name, _, limit in mail.quota] == [("STORAGE", 2048)]
    assert mail["Shared/Bills"].rights["bob"] == "lrs"
    assert again.is_empty

    await household.undo(report.run)

    assert state_of(mail) == before


async def test_a_plan_applied_twice_says_that_the_second_time_did_nothing(household: Household) -> None:
    plan = await household.plan()
    await carry_out(household.session, plan, household.stores(), kind=RunKind.APPLY)

    again = await carry_out(household.session, plan, household.stores(), kind=RunKind.APPLY)

    assert again.outcome is RunOutcome.DONE
    assert again.execution is not None
    assert again.execution.applied == {}


async def test_what_somebody_set_after_the_plan_was_made_stays_and_is_told(household: Household) -> None:
    mail = household.accounts["home"]
    plan = await household.plan()
    mail["Shared/Old"].rights["bob"] = "lr"

    report = await carry_out(household.session, plan, household.stores(), kind=RunKind.APPLY)

    assert mail["Shared/Old"].rights["bob"] == "lr"
    assert report.outcome is RunOutcome.PARTLY_DONE
    assert report.execution is not None
    assert [(one.mailbox, one.reason) for one in report.execution.shortfalls] == [
        ("Shared/Old", "bob has 'lr' now: somebody changed it since, so it stays")
    ]
    assert [(one.mailbox, one.was) for one in (await household.plan()).mailbox_steps] == [("Shared/Old", "lr")]


@pytest.mark.parametrize("prior", [None, b"", b"old", b"\xff\x00\x01", b"base64:x"])
async def test_metadata_that_was_empty_missing_or_no_text_is_restored_to_the_byte(
    household: Household, prior: bytes | None
) -> None:
    metadata = household.accounts["home"]["Elsewhere"].metadata
    if prior is not None:
        metadata["/shared/comment"] = prior
    before = dict(metadata)
    household.edit("mailboxes: {home/Elsewhere: {metadata: {/shared/comment: new}}}\n")

    report = await household.run()
    assert metadata == {"/shared/comment": b"new"}
    await household.undo(report.run)

    assert metadata == before


async def test_one_policy_alone_can_be_looked_at_by_its_key_and_by_its_mailbox(household: Household) -> None:
    by_key = await household.plan(scope=Scope(rule="home/INBOX"))
    by_mailbox = await household.plan(scope=Scope(mailbox="Shared/Private"))

    assert {one.rule for one in by_key.mailbox_steps} == {"home/INBOX"}
    assert {one.rule for one in by_mailbox.mailbox_steps} == {"home/Shared/Private"}


async def test_our_own_rights_stay_under_any_name(household: Household) -> None:
    private = household.accounts["home"]["Shared/Private"]
    own = private.rights["ann"]
    household.edit('mailboxes: {"home/Shared/*": {rights: {bob: lr, ann@example: l}, others: remove}}\n')
    private.rights["ann@example"] = own  # as where the server adds a domain to the login name

    plan = await household.plan()
    report = await household.run()

    assert private.rights["ann"] == own
    assert private.rights["ann@example"] == own
    assert report.outcome is RunOutcome.PARTLY_DONE
    assert "ann" not in {one.identifier for one in plan.mailbox_steps}
    assert report.execution is not None
    assert [one.reason for one in report.execution.shortfalls] == [
        "ann@example has our own rights; taking a away is refused"
    ]


@pytest.mark.parametrize(
    ("lacking", "left"),
    [
        ({"ACL"}, "home/Shared/* (2 mailboxes): rights stay as they are: the server has no ACL (RFC 4314)"),
        (
            {"METADATA"},
            "home/Shared/Bills: metadata stay as they are: the server has no METADATA (RFC 5464)",
        ),
        ({"QUOTA"}, "home/INBOX: quotas stay as they are: the server has no QUOTA (RFC 9208)"),
        (
            {"CREATE-SPECIAL-USE"},
            "home/Sent Mail: it does not become the mailbox for sent: the server lacks CREATE-SPECIAL-USE (RFC 6154)",
        ),
    ],
)
async def test_what_a_server_lacks_is_left_out_with_the_reason_and_the_rest_goes_on(
    household: Household, lacking: set[str], left: str
) -> None:
    household.capabilities = OFFERED - lacking

    plan = await household.plan()
    report = await household.run()

    assert any(one.startswith(left) for one in plan.left_out), plan.left_out
    assert report.outcome is RunOutcome.PARTLY_DONE
    assert "Shared/Bills" in household.accounts["home"].subscriptions
    assert report.execution is not None
    assert report.execution.shortfalls == ()


async def test_a_mailbox_that_is_not_there_and_one_that_shows_nothing_are_left_out(household: Household) -> None:
    household.edit(
        "mailboxes: {home/Gone: {rights: {bob: lr}}, 'home/Nowhere/*': {subscribed: true}, "
        "home/Elsewhere: {rights: {anyone: l}}}\n"
    )
    fault = MemoryFault(call="get_rights", moment=Moment.REFUSED, code="NOPERM")
    store = MemoryStore(household.accounts["home"], account="home", capabilities=OFFERED, faults=[fault])

    plan = await plan_accounts(household.session, {"home": store}, scope=Scope(), describe=IDENTITY_FIELDS)

    assert plan.mailbox_steps == ()
    assert plan.left_out[0] == "home/Gone: there is no such mailbox; make it, or add create: true"
    assert plan.left_out[1].startswith("home/Elsewhere: rights stay as they are: GET_RIGHTS refused: NO [NOPERM]")
    assert plan.warnings == ("the policy home/Nowhere/* means no mailbox",)


async def test_two_limits_of_one_quota_root_are_both_left_out(household: Household) -> None:
    household.edit("mailboxes: {home/INBOX: {quota: {storage: 1MiB}}, home/Elsewhere: {quota: {storage: 2MiB}}}\n")

    plan = await household.plan()

    assert plan.mailbox_steps == ()
    assert 'share the quota root "", which cannot have two limits of STORAGE' in plan.left_out[0]


@pytest.mark.parametrize("is_written", [False, True], ids=["before the write", "after the write"])
async def test_a_process_killed_at_any_write_of_the_journal_converges_all_the_same(
    household: Household, is_written: bool
) -> None:
    await household.run()
    wanted = state_of(household.accounts["home"])

    at_write, was_killed = 0, True
    while was_killed:
        at_write += 1
        household.accounts["home"] = shared_account()
        household.accounts["home"].create("Other")
        was_killed = await run_until_killed(household, Death(at_write=at_write, is_written=is_written))
        await household.go_on()

        assert state_of(household.accounts["home"]) == wanted, f"killed at write {at_write}"
        assert (await household.plan()).is_empty
    assert at_write > 3


async def run_until_killed(household: Household, death: Death) -> bool:
    await household.close()
    database = Database(household.folder / "state" / "journal.sqlite3")
    await database.open()
    journal = MortalJournal(database)
    journal.death = death
    session = replace(household.session, journal=journal)
    stores = household.stores()
    plan = await plan_accounts(session, stores, scope=Scope(), describe=IDENTITY_FIELDS)
    try:
        await carry_out(session, plan, stores, kind=RunKind.ONCE)
    except Killed:
        return True
    finally:
        await journal.close()
        await household.reopen(is_closed=True)
    return False


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
async def test_a_connection_lost_at_any_call_converges_all_the_same(household: Household, moment: Moment) -> None:
    await household.run()
    wanted = state_of(household.accounts["home"])

    async for nth in household.lose_each_call(shared_account, moment=moment):
        await household.go_on()

        assert state_of(household.accounts["home"]) == wanted, f"{moment} call {nth}"
        assert (await household.plan()).is_empty
    assert nth > 20


async def test_thousands_of_mailboxes_are_read_and_shared_side_by_side(household: Household) -> None:
    mail = household.accounts["home"]
    for number in range(1_000):
        mail.create(f"Many/{number}")
    household.edit('mailboxes: {"home/Many/*": {rights: {bob: lr}, subscribed: true}}\n')
    store = WaitingStore(mail, account="home", capabilities=OFFERED)

    plan = await plan_accounts(household.session, {"home": store}, scope=Scope(), describe=IDENTITY_FIELDS)
    rounds_to_plan = store.rounds
    report = await carry_out(household.session, plan, {"home": store}, kind=RunKind.ONCE)

    assert len(plan.mailbox_steps) == 2_000
    assert report.outcome is RunOutcome.DONE
    assert rounds_to_plan <= 3
    # The subscriptions once, then 8 batches of 250: read, send, read back.
    assert store.rounds - rounds_to_plan <= 1 + 8 * 3
    assert all(mail[f"Many/{number}"].rights["bob"] == "lr" for number in range(1_000))


class WaitingStore(MemoryStore):
    """Counts the rounds in which calls go out together: a call that begins when none is under way begins one."""

    rounds = 0
    _under_way = 0

    async def _begin(self, name: str, **what: object) -> object:  # type: ignore[override]  # only counted
        self.rounds += not self._under_way
        self._under_way += 1
        return await super()._begin(name, **what)  # type: ignore[arg-type]  # handed on

    def _end(self, call: object) -> None:  # type: ignore[override]  # only counted
        self._under_way -= 1
        super()._end(call)  # type: ignore[arg-type]  # handed on


class Dotted(MailAccount):
    """A server with "." between the levels of a name."""

    delimiter = "."


async def test_policies_and_templates_reach_another_account_by_its_own_delimiter(tmp_path: Path) -> None:
    home, work = MailAccount(), Dotted()
    work.create("Shared.A.B")
    home.add("INBOX", message(subject="a.b/../*c", from_="x@A.Example"))
    household = Household(
        tmp_path,
        rules=(
            'mailboxes: {"home/INBOX": {subscribed: true}, "work/Shared/*": {rights: {bob: lr}}, '
            "work/Lists/New: {create: true}}\n"
            'rules: [{name: r, in: home/INBOX, if: always, do: [{copy: {to: "work/By/{from.domain}", create: true}}, '
            '{move: {to: "work/Lists/{subject}", create: true}}]}]\n'
        ),
        accounts={"home": home, "work": work},
    )
    await household.open()
    before = state_of(home), state_of(work)

    report = await household.run()
    again = await household.plan()

    assert report.outcome is RunOutcome.DONE
    assert home.subscriptions == {"INBOX"}
    assert work["Shared.A.B"].rights["bob"] == "lr"
    assert {"Lists.New", "Lists.a-b-----c", "By.a-example"} <= set(work.mailboxes)
    assert again.is_empty
    only_work = await household.plan(scope=Scope(account="work"))
    assert only_work.is_empty

    undone = await household.undo(report.run)

    assert undone.outcome is RunOutcome.DONE
    assert (state_of(home), state_of(work)) == before
    await household.close()
