"""The action ``append``: one note for each message, whatever breaks, taken back by undo, and never about notes."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest

from mailrules.engine import carry_out
from mailrules.errors import ConnectionLost
from mailrules.execution.recovery import recover
from mailrules.journal.records import RunKind, RunOutcome
from mailrules.plan.document import plan_from_json, plan_to_json
from mailrules.plan.plan import StepKind
from mailrules.plan.planner import IDENTITY_FIELDS
from mailrules.planning import plan_accounts
from mailrules.session import Scope
from mailrules.testing.builders import message
from mailrules.testing.capabilities import EVERY_CAPABILITY, without
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_faults import MemoryFault, Moment
from mailrules.testing.memory_store import MemoryStore
from tests.execution.household import NOON, Household, at_once
from tests.rules.loading import HEAD, load, mistakes_of, rules_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from email.message import EmailMessage
    from pathlib import Path

RULES = """\
rules:
  - name: bills
    in: home/INBOX
    if: {subject: Bill}
    do:
      - append: {to: "Reports/{from.domain}", text: "{from.name} wrote:\\n{subject}", flags: [seen], create: true}
      - move: Done
"""


def account(*subjects: str) -> MailAccount:
    mail = MailAccount()
    mail.create("Done")
    for number, subject in enumerate(subjects or ("Bill 1", "Bill 2", "Other"), 1):
        mail.add("INBOX", message(from_="Bo <bo@a.example>", subject=subject, message_id=f"<{number}@a.example>"))
    return mail


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    household = Household(tmp_path, rules=RULES, accounts={"home": account()})
    await household.open()
    yield household
    await household.close()


def notes(household: Household, mailbox: str = "Reports/a.example") -> list[EmailMessage]:
    mail = household.accounts["home"]
    stored = mail[mailbox].messages.values() if mailbox in mail else ()
    return [message_from_bytes(one.content, policy=policy.default) for one in stored]  # type: ignore[misc]  # as told


async def plan_with(household: Household, store: MemoryStore) -> None:
    plan = await plan_accounts(household.session, {"home": store}, scope=Scope(), describe=IDENTITY_FIELDS)
    plan = plan_from_json(plan_to_json(plan))
    await carry_out(household.session, plan, {"home": store}, kind=RunKind.ONCE)


async def test_each_message_gets_one_note_before_it_moves_and_undo_takes_it_back(household: Household) -> None:
    mail = household.accounts["home"]

    report = await household.run()
    written = notes(household)
    mail.copy(mail["Done"], 1, mail["INBOX"])
    again = await household.run()

    assert report.outcome is RunOutcome.DONE
    assert report.plan.count_by_kind() == {"append": 2, "move": 2}
    assert [(str(one["subject"]), one.get_content()) for one in written] == [
        ("Bill 1", "Bo wrote:\r\nBill 1"),
        ("Bill 2", "Bo wrote:\r\nBill 2"),
    ]
    assert all(one["Auto-Submitted"] == "auto-generated" for one in written)
    assert {one.flags for one in mail["Reports/a.example"].messages.values()} == {frozenset({"\\Seen"})}
    assert again.plan.count_by_kind().get("append") is None  # the ledger has it

    undone = await household.undo(report.run)

    assert undone.outcome is RunOutcome.DONE
    assert notes(household) == []


async def test_what_strangers_write_stays_in_its_line_and_its_field(household: Household) -> None:
    household.accounts["home"] = account("Bill \u202eevil\x1b[31m \u2028{from}" + "x" * 5_000 + " \U0001f4e7")

    await household.run()

    (note,) = notes(household)
    assert "{from}" in str(note["subject"])
    assert not set(str(note["subject"])) & {"\x1b", "\u202e", "\u2028", "\r", "\n"}
    assert len(str(note["subject"])) <= 200
    (stored,) = household.accounts["home"]["Reports/a.example"].messages.values()
    assert all(len(line) <= 78 and line.isascii() for line in stored.content.split(b"\r\n"))


@pytest.mark.parametrize(
    ("server", "moment"),
    [
        (EVERY_CAPABILITY, Moment.BEFORE),
        (EVERY_CAPABILITY, Moment.AFTER),
        (without("UIDPLUS", "MOVE"), Moment.AFTER),
    ],
    ids=["nothing done", "all done", "all done, no UIDPLUS, no MOVE"],
)
async def test_a_connection_lost_at_any_call_writes_each_note_once(
    tmp_path: Path, moment: Moment, server: frozenset[str]
) -> None:
    nth, was_lost = 0, True
    while was_lost:
        nth += 1
        folder = tmp_path / str(nth)
        folder.mkdir()
        household = Household(folder, rules=RULES, capabilities=server, accounts={"home": account()})
        await household.open()
        fault = MemoryFault(call="*", moment=moment, nth=nth)
        store = MemoryStore(household.accounts["home"], account="home", capabilities=server, faults=[fault])
        try:
            await plan_with(household, store)
        except* ConnectionLost:
            pass  # while it was only looking
        was_lost = store.lost
        stores = household.stores()
        await recover(household.session.journal, stores, now=noon, wait=at_once)
        await household.run()
        await household.run()
        await household.close()

        subjects = sorted(str(one["subject"]) for one in notes(household))
        assert subjects == ["Bill 1", "Bill 2"], f"{moment} call {nth}: {store.calls[-1]}"
    assert nth > 8


def noon() -> datetime:
    return NOON


async def test_a_mailbox_that_is_not_there_holds_the_message(household: Household) -> None:
    household.edit(RULES.replace(", create: true", ""))

    report = await household.run()

    assert [one.kind for one in report.plan.mailboxes[0].findings] == ["held", "held"]
    assert all(step.kind is not StepKind.MOVE for _, _, step in report.plan.steps())


@pytest.mark.parametrize(
    ("action", "mistake"),
    [
        ("{append: Notes}", "append takes a mapping, not text; "),
        ("{append: {to: Notes}}", 'append lacks the key "text"; add text: ...'),
        ("{append: {to: Notes, text: ''}}", "text is a text, not text"),
        ("{append: {to: Notes, text: '{body}'}}", 'this text has no field "body"; it may have subject, '),
        ("{append: {to: '{from}', text: x}}", "begins with a field, so any message could choose any mailbox"),
        ("{append: {to: Notes, text: x, flags: urgent}}", 'unknown flag "urgent"'),
        ("{append: {to: Notes, text: x, from: me}}", 'unknown operator "from" under append'),
        ("{append: {to: INBOX, text: x}}", "its notes can come back to home/INBOX, where this rule writes notes"),
    ],
)
def test_a_mistake_is_told(action: str, mistake: str) -> None:
    mistakes = mistakes_of(f"rules: [{{name: r, if: always, do: [{action}]}}]\n")

    assert any(mistake in one for one in mistakes), mistakes


def test_notes_that_other_rules_bring_back_are_an_error_unless_the_author_knows_better() -> None:
    text = (
        "rules:\n"
        "  - {name: one, if: {subject: a}, do: [{append: {to: 'Notes/{from.domain}', text: x}}]%s}\n"
        "  - {name: two, in: home/Notes/b, if: {subject: b}, do: [{move: INBOX}]}\n"
    )

    (mistake,) = mistakes_of(text % "")

    assert "its notes can come back to home/INBOX" in mistake
    assert rules_of(text % ", may_loop: true").warnings == ()
    assert load(HEAD + (text % "").replace("home/Notes/b", "home/Other")).warnings == ()
