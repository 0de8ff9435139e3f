"""What the journal remembers of runs, steps, copies, positions and approvals."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import PlanRefused
from mailrules.journal.records import Operation, Position, RunKind, RunOutcome, StepState
from mailrules.plan.history import LedgerKey
from mailrules.plan.plan import StepKind
from tests.journal.builders import EMPTY_PLAN, NOON, applied, begin, command, intent, rule, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.journal.journal import Journal


def content_entries(ledger: Iterable[LedgerKey]) -> set[LedgerKey]:
    """Those by content key; each stands there under the other names of its message too."""
    return {one for one in ledger if not one.name.startswith(("place:", "object:"))}


async def test_a_step_comes_back_as_it_was_meant(journal: Journal) -> None:
    run = await begin(journal)
    meant = intent(
        command(
            target_uidvalidity=9,
            target_uidnext=31,
            flags=("$Work", "\\Seen"),
            removes_flags=True,
            identifier="bob",
            rights="lr",
            prior_rights="l",
            effect="ring",
            capabilities=frozenset({"MOVE", "UIDPLUS"}),
        ),
        uid=12,
        flags=("\\Seen",),
        reason="list_id matched <a>",
        message_id="<1@example.org>",
        subject="Grüße",
        prior_flags=frozenset({"\\Flagged"}),
        modseq=80,
        object_id="M1",
        received=NOON,
        size_bytes=1234,
        content_key="key",
        options={"to": ["a", 1]},
    )

    (step,) = await journal.intend(run, [meant], now=NOON)

    (record,) = await journal.steps_of(run)
    assert (record.id, record.run, record.state, record.intent) == (step, run, StepState.INTENT, meant)
    assert (record.intended, record.judged, record.target_uid) == (NOON, None, 0)


async def test_neighbours_that_share_a_command_are_one_command(journal: Journal) -> None:
    run = await begin(journal)
    first, second = command(), command()

    await journal.intend(run, [intent(first, 1), intent(first, 2), intent(second, 3)], now=NOON)

    commands = [one.command_id for one in await journal.steps_of(run)]
    assert commands[0] == commands[1] != commands[2]


@pytest.mark.parametrize(
    ("state", "is_open"),
    [
        (StepState.APPLIED, False),
        (StepState.REFUSED, False),
        (StepState.UNKNOWN, True),
        (StepState.HALFWAY, True),
        (StepState.NOT_APPLIED, False),
        (StepState.VANISHED, False),
        (StepState.AMBIGUOUS, False),
    ],
)
async def test_a_verdict_closes_a_step_unless_it_is_to_be_settled(
    journal: Journal, state: StepState, is_open: bool
) -> None:
    run = await begin(journal)
    (step,) = await journal.intend(run, [intent(command())], now=NOON)

    await journal.judge([verdict(step, state, detail="why", target_uidvalidity=9, target_uid=31)])

    (record,) = await journal.steps_of(run)
    assert (record.state, record.detail, record.target_uidvalidity, record.target_uid) == (state, "why", 9, 31)
    assert bool(await journal.open_steps()) is is_open
    assert await journal.open_steps("work") == ()


async def test_runs_are_named_by_their_start_and_found_by_a_prefix(journal: Journal) -> None:
    first = await begin(journal)
    second = await begin(journal, RunKind.DAEMON)
    third = await begin(journal, RunKind.UNDO, at=NOON + timedelta(days=1), plan=replace(EMPTY_PLAN, undo_of=first))

    assert (first, second, third) == ("20261122-120000", "20261122-120000-2", "20261123-120000")
    assert (await journal.run("20261123")).undo_of == first
    assert (await journal.run(first)).id == first, "an exact name is not ambiguous"
    assert await journal.run("1999") is None
    with pytest.raises(PlanRefused, match="begins the names of 2 runs"):
        await journal.run("20261122")


async def test_runs_are_listed_newest_first_with_counts_and_outcome(journal: Journal) -> None:
    run = await begin(journal)
    await applied(journal, run, intent(command(), 1), intent(command(), 2))
    await journal.finish_run(run, ended=NOON + timedelta(seconds=3), outcome=RunOutcome.DONE)
    await begin(journal, at=NOON + timedelta(hours=1))

    newest, oldest = await journal.runs()

    assert (newest.outcome, newest.ended) == (None, None)
    assert (oldest.outcome, oldest.ended, oldest.counts) == (
        RunOutcome.DONE,
        NOON + timedelta(seconds=3),
        {StepState.APPLIED: 2},
    )
    assert [one.id for one in await journal.runs(limit=1)] == [newest.id]


async def test_the_steps_of_a_message_are_found_by_its_message_id(journal: Journal) -> None:
    run = await begin(journal)
    await applied(journal, run, intent(command(), 1, message_id="<a@b>"), intent(command(), 2))

    assert [one.intent.uid for one in await journal.steps_for_message("<a@b>")] == [1]
    assert await journal.steps_for_message("") == ()


async def test_only_proved_copies_enter_the_ledger(journal: Journal) -> None:
    run = await begin(journal)
    copying = command(StepKind.COPY, Operation.COPY)
    moving = command(StepKind.MOVE, Operation.COPY)
    ids = await journal.intend(
        run,
        [intent(copying, uid, content_key=f"k{uid}") for uid in (1, 2)] + [intent(moving, 3, content_key="k3")],
        now=NOON,
    )
    await journal.judge([verdict(ids[0]), verdict(ids[1], StepState.UNKNOWN), verdict(ids[2])])

    history = await journal.history(rules=(), now=NOON)

    assert content_entries(history.ledger) == {LedgerKey("k1", "lists", "copy", "Archive")}


async def test_an_effect_is_in_the_ledger_from_its_intent_on_until_it_surely_did_not_happen(journal: Journal) -> None:
    run = await begin(journal)
    ringing = command(StepKind.EFFECT, Operation.EFFECT, target="", effect="ring")
    (step,) = await journal.intend(run, [intent(ringing, content_key="k")], now=NOON)
    ledger = (await journal.history(rules=(), now=NOON)).ledger
    assert content_entries(ledger) == {LedgerKey("k", "lists", "ring", "")}

    await journal.judge([verdict(step, StepState.UNKNOWN)])
    assert (await journal.history(rules=(), now=NOON)).ledger
    assert [one.id for one in await journal.unknown_effects()] == [step]

    await journal.judge([verdict(step, StepState.REFUSED)])
    assert not (await journal.history(rules=(), now=NOON)).ledger


async def test_guards_count_messages_that_the_daemon_changed_within_the_rules_window(journal: Journal) -> None:
    daemon, once = await begin(journal, RunKind.DAEMON), await begin(journal)
    flagging, moving = command(StepKind.ADD_FLAGS, Operation.STORE, target=""), command()
    await applied(journal, daemon, intent(flagging, 1), intent(moving, 1), intent(moving, 2))
    await applied(journal, daemon, intent(moving, 3), at=NOON - timedelta(hours=2))
    await applied(journal, once, intent(moving, 4))
    (refused,) = await journal.intend(daemon, [intent(moving, 5)], now=NOON)
    await journal.judge([verdict(refused, StepState.REFUSED)])

    history = await journal.history(
        rules=(rule(), rule("other"), rule("lists-slow", per=timedelta(days=1))), now=NOON + timedelta(minutes=5)
    )
    assert history.changed == {"lists": 2, "other": 0, "lists-slow": 0}

    history = await journal.history(rules=(rule(per=timedelta(days=1)),), now=NOON + timedelta(minutes=5))
    assert history.changed == {"lists": 3}


async def test_a_guard_that_is_used_up_has_room_when_the_oldest_change_leaves_its_window(journal: Journal) -> None:
    daemon = await begin(journal, RunKind.DAEMON)
    await applied(journal, daemon, *(intent(command(), uid) for uid in range(1, 200)), at=NOON)
    now = NOON + timedelta(minutes=5)
    assert await journal.windows_end(rules=(rule(),), now=now) == {}

    await applied(journal, daemon, intent(command(), 200), at=now)

    assert await journal.windows_end(rules=(rule(), rule("other")), now=now) == {"lists": NOON + timedelta(hours=1)}


async def test_an_approval_holds_for_one_window_of_its_rule(journal: Journal) -> None:
    rules = (rule(), rule("other"))
    await journal.approve("lists", now=NOON)

    assert (await journal.history(rules=rules, now=NOON + timedelta(minutes=59))).approved == {"lists"}
    assert (await journal.history(rules=rules, now=NOON + timedelta(minutes=61))).approved == frozenset()

    await journal.approve(None, now=NOON)
    assert (await journal.history(rules=rules, now=NOON)).approved == {"lists", "other"}


async def test_a_position_passes_what_is_final_and_keeps_what_is_pending(journal: Journal) -> None:
    assert await journal.position("home", "INBOX") is None

    await journal.advance_position("home", "INBOX", uidvalidity=7, final=[1, 2, 4], pending=[3, 5])
    assert await journal.position("home", "INBOX") == Position(
        account="home", mailbox="INBOX", uidvalidity=7, last_uid=4, pending=frozenset({3, 5})
    )

    await journal.advance_position("home", "INBOX", uidvalidity=7, final=[3], pending=[])
    assert await journal.position("home", "INBOX") == Position(
        account="home", mailbox="INBOX", uidvalidity=7, last_uid=4, pending=frozenset({5})
    )


@pytest.mark.parametrize("seed", range(20))
async def test_each_step_of_a_batch_gets_its_own_verdict(journal: Journal, seed: int) -> None:
    """However targets, outcomes and times are mixed, and in whatever order they come."""
    random = Random(seed)
    run = await begin(journal)
    ids = await journal.intend(run, [intent(command(), uid=uid) for uid in range(1, 31)], now=NOON)
    verdicts = [
        verdict(
            step,
            random.choice((StepState.APPLIED, StepState.APPLIED, StepState.APPLIED, StepState.REFUSED)),
            at=NOON + timedelta(seconds=random.choice((0, 0, 0, 1))),
            detail=random.choice(("", "", "", "why")),
            target_uidvalidity=random.choice((9, 9, 9, 10)),
            target_uid=random.choice((step, step, step + 1, step + 1, 500 - step, 0)),
        )
        for step in random.sample(ids, 25)
    ]
    if seed % 2:
        verdicts.sort(key=lambda one: one.step)

    await journal.judge(verdicts)

    judged = {one.step: one for one in verdicts}
    for record in await journal.steps_of(run):
        wanted = judged.get(record.id)
        if wanted is None:
            assert (record.state, record.judged, record.target_uid) == (StepState.INTENT, None, 0)
        else:
            told = (record.state, record.judged, record.detail, record.target_uidvalidity, record.target_uid)
            meant = (wanted.state, wanted.judged, wanted.detail, wanted.target_uidvalidity, wanted.target_uid)
            assert told == meant


async def test_a_position_stays_where_nothing_is_final_and_keeps_what_is_to_be_judged_again(journal: Journal) -> None:
    await journal.advance_position("home", "INBOX", uidvalidity=7, final=[4], pending=[])

    await journal.advance_position("home", "INBOX", uidvalidity=7, final=[], pending=[9])

    position = await journal.position("home", "INBOX")
    assert (position.last_uid, position.pending) == (4, {9})


async def test_no_position_begins_where_nothing_is_final(journal: Journal) -> None:
    await journal.advance_position("home", "INBOX", uidvalidity=7, final=[], pending=[9])

    assert await journal.position("home", "INBOX") is None


async def test_a_new_uidvalidity_voids_the_position(journal: Journal) -> None:
    await journal.advance_position("home", "INBOX", uidvalidity=7, final=[100], pending=[90])

    await journal.advance_position("home", "INBOX", uidvalidity=8, final=[2], pending=[])

    position = await journal.position("home", "INBOX")
    assert (position.uidvalidity, position.last_uid, position.pending) == (8, 2, frozenset())


async def test_a_position_can_be_set(journal: Journal) -> None:
    position = Position(account="home", mailbox="INBOX", uidvalidity=7, last_uid=5, pending=frozenset({2}))

    await journal.save_position(position)

    assert await journal.position("home", "INBOX") == position


async def test_what_we_placed_in_a_mailbox_is_told_apart_from_arrivals(journal: Journal) -> None:
    run = await begin(journal)
    ids = await journal.intend(run, [intent(command(), uid) for uid in (1, 2, 3)], now=NOON)
    await journal.judge(
        [verdict(step, target_uidvalidity=9, target_uid=uid) for step, uid in zip(ids, (30, 31, 32), strict=True)]
    )

    assert await journal.placed_by_us("home", "Archive", uidvalidity=9, after_uid=30) == {31, 32}
    assert await journal.placed_by_us("home", "Archive", uidvalidity=8, after_uid=30) == frozenset()


async def test_plans_are_known_by_their_digest(journal: Journal) -> None:
    await journal.remember_plan("d1", created=NOON)

    assert await journal.knows_plan("d1")
    assert not await journal.knows_plan("d2")


async def test_everything_is_forgotten_after_400_days(journal: Journal) -> None:
    run = await begin(journal)
    await applied(journal, run, intent(command(StepKind.COPY, Operation.COPY), content_key="k"))
    await journal.finish_run(run, ended=NOON, outcome=RunOutcome.DONE)
    await journal.remember_plan("d1", created=NOON)

    await journal.prune(now=NOON + timedelta(days=400), looked_at={"home"}, configured={"home"})
    assert len(await journal.runs()) == 1

    await journal.prune(now=NOON + timedelta(days=401), looked_at={"home"}, configured={"home"})
    assert (await journal.runs(), await journal.open_steps(), await journal.knows_plan("d1")) == ((), (), False)
    assert (await journal.history(rules=(), now=NOON)).ledger == frozenset()


async def test_a_run_with_open_steps_is_not_forgotten(journal: Journal) -> None:
    run = await begin(journal)
    await journal.intend(run, [intent(command())], now=NOON)
    await journal.finish_run(run, ended=NOON, outcome=RunOutcome.PARTLY_DONE)

    await journal.prune(now=NOON + timedelta(days=500))

    assert len(await journal.open_steps()) == 1


async def test_eleven_thousand_steps_are_journalled_in_well_under_a_second(journal: Journal) -> None:
    run = await begin(journal)
    batches = []
    for start in range(1, 11_001, 250):
        sent = command()
        batches.append([intent(sent, uid, message_id=f"<{uid}@example.org>") for uid in range(start, start + 250)])

    before = time.process_time()
    for batch in batches:
        ids = await journal.intend(run, batch, now=NOON)
        await journal.judge([verdict(step, target_uidvalidity=9, target_uid=step) for step in ids])
    spent_seconds = time.process_time() - before

    assert spent_seconds < 1, "CPU seconds of all threads, so that a busy machine does not fail the test"
