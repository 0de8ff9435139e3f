"""What rules in shadow would have done is kept once for each message, within bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailrules.journal import shadow_effects
from mailrules.journal.journal import KEPT
from mailrules.journal.reader import JournalReader
from mailrules.mailbox.message import UID
from mailrules.plan.plan import MailboxPlan, Step, StepKind
from mailrules.plan.shadow import ShadowEffect
from mailrules.rules.rule import Shadow
from tests.journal.builders import EMPTY_PLAN, NOON, rule
from tests.journal.sample import load

if TYPE_CHECKING:
    from mailrules.journal.journal import Journal
    from mailrules.plan.plan import Plan

LATER = NOON + timedelta(days=1)


def plan(*uids: int, name: str = "new", mailbox: str = "INBOX", reason: str = "", uidvalidity: int = 7) -> Plan:
    move = Step(kind=StepKind.MOVE, rule=name, to="Archive")
    effects = tuple(
        ShadowEffect(uid=UID(uid), rule=name, steps=(move,), reason=reason, message_id=f"<{uid}@example.org>")
        for uid in uids
    )
    made = MailboxPlan(
        account="home", mailbox=mailbox, uidvalidity=uidvalidity, messages=(), judged=len(uids), shadow=effects
    )
    return replace(EMPTY_PLAN, mailboxes=(made,))


async def test_a_message_counts_once_however_often_it_is_judged(journal: Journal) -> None:
    first = await journal.note_shadow(plan(1, 2), now=NOON)
    again = await journal.note_shadow(plan(1, 2, 3, reason="held: x"), now=LATER)

    assert first == {("new", "home", "INBOX"): 2}
    assert again == {("new", "home", "INBOX"): 1}
    (tally,) = await journal.shadow_tallies()
    assert (tally.messages, tally.kinds, tally.held, tally.last) == (3, {StepKind.MOVE: 3}, 1, LATER)


async def test_each_rule_and_mailbox_has_a_tally_of_its_own(journal: Journal) -> None:
    await journal.note_shadow(plan(1), now=NOON)
    await journal.note_shadow(plan(1, mailbox="Other"), now=NOON)
    await journal.note_shadow(plan(1, 2, name="another"), now=NOON)

    assert [(one.rule, one.mailbox, one.messages) for one in await journal.shadow_tallies()] == [
        ("another", "INBOX", 2),
        ("new", "INBOX", 1),
        ("new", "Other", 1),
    ]


async def test_it_is_found_by_message(journal: Journal) -> None:
    await journal.note_shadow(plan(1, 2), now=NOON)

    (note,) = await journal.shadow_of_message("<2@example.org>")

    assert (note.rule, note.uid, note.noted) == ("new", 2, NOON)
    assert [(step.kind, step.to) for step in note.steps] == [(StepKind.MOVE, "Archive")]


async def test_so_many_messages_of_a_rule_are_kept_and_no_more(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_effects, "MOST_KEPT", 3)

    await journal.note_shadow(plan(1, 2), now=NOON)
    await journal.note_shadow(plan(2, 3, 4), now=NOON)

    (tally,) = await journal.shadow_tallies()
    assert (tally.messages, tally.is_cut) == (3, True)


async def test_a_rule_that_begins_anew_forgets_what_it_would_have_done(journal: Journal) -> None:
    await journal.see_rules([replace(rule("new"), shadow=Shadow(lasts=timedelta(days=7), digest="d1"))], now=NOON)
    await journal.note_shadow(plan(1), now=NOON)
    await journal.see_rules([replace(rule("new"), shadow=Shadow(lasts=timedelta(days=7), digest="d2"))], now=LATER)

    assert await journal.shadow_tallies() == ()


@pytest.mark.parametrize(("age", "is_kept"), [(KEPT, True), (KEPT + timedelta(days=1), False)])
async def test_it_is_forgotten_with_old_runs(journal: Journal, age: timedelta, *, is_kept: bool) -> None:
    await journal.note_shadow(plan(1), now=NOON)

    await journal.prune(now=NOON + age)

    assert bool(await journal.shadow_tallies()) is is_kept


async def test_a_journal_of_before_knows_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.sqlite3"
    load(Path(__file__).parent / "schemas" / "0010.sql", path)

    reader = await JournalReader.open(path)

    assert await reader.shadow_tallies() == ()
    assert await reader.shadow_of_message("<1@example.org>") == ()
    await reader.close()
