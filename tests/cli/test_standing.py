"""Tests of what a person is told of open, doubtful and held things, and of settling them by hand."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import pytest

from mailrules.cli.paths import JOURNAL_NAME
from mailrules.journal.journal import Journal
from mailrules.journal.lock import state_lock
from mailrules.journal.records import Operation, RunKind, RunOutcome, StepState
from mailrules.plan.history import LedgerKey
from mailrules.plan.plan import Finding, StepKind
from mailrules.testing.server_faults import AtCommand, DropBeforeTagged
from tests.journal.builders import EMPTY_PLAN, NOON, begin, command, intent, verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program

T = TypeVar("T")
ME = pwd.getpwuid(os.getuid()).pw_name
RINGING = command(StepKind.EFFECT, Operation.EFFECT, target="", effect="ring")


def with_journal(program: Program, work: Callable[[Journal], Awaitable[T]]) -> T:
    async def main() -> T:
        journal = await Journal.open(program.state / JOURNAL_NAME)
        try:
            return await work(journal)
        finally:
            await journal.close()

    return asyncio.run(main())


async def doubts(journal: Journal) -> None:
    """Step 1 is applied, 2 open, 3 an effect in doubt, 4 given up, 5 an effect that is tried no more."""
    run = await begin(journal)
    ids = await journal.intend(
        run,
        [
            intent(command(), 1),
            intent(command(), 2, subject="Open"),
            intent(RINGING, 3, rule="bell", content_key="k3"),
            intent(command(), 4),
            intent(RINGING, 5, rule="bell", content_key="k5"),
        ],
        now=NOON,
    )
    await journal.judge(
        [
            verdict(ids[0]),
            verdict(ids[2], StepState.UNKNOWN, detail="no answer after the final dot"),
            verdict(ids[3], StepState.AMBIGUOUS, detail="UIDVALIDITY was 7 and is 8"),
            verdict(ids[4], StepState.GIVEN_UP, detail="550 no such user"),
        ]
    )
    await journal.advance_position("home", "INBOX", uidvalidity=7, final=range(1, 6), pending=[])
    await journal.advance_position(
        "home",
        "INBOX",
        uidvalidity=7,
        final=[6],
        pending=[7, 8, 9],
        findings=[
            Finding(uid=uid, rule="lists", kind="held", reason="the guard of rule 'lists' is used up") for uid in (7, 8)
        ],
    )


@contextmanager
def at_work(program: Program) -> Iterator[None]:
    with state_lock(program.state, purpose="daemon"):
        yield


def test_status_of_nothing(program: Program) -> None:
    told = program.run("status")

    assert told.exit_code == 0
    assert told.stdout == "Nothing is at work.\nNothing has been done yet.\n"
    assert not program.state.exists()


def test_status_tells_what_is_open_and_what_to_do(program: Program) -> None:
    with_journal(program, doubts)

    told = program.run("status")

    assert told.exit_code == 0
    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert "was killed: run 20261122-120000 ended without saying how; the next run settles what it left open" in lines
    assert "1 step open: the next run settles it: mailrules run --once" in lines
    assert "1 step in doubt: only a person can say whether it happened: mailrules unknown" in lines
    assert "2 steps given up: nothing more is done by itself: mailrules unknown" in lines
    assert "2 messages held: in INBOX by rule lists: the guard of rule 'lists' is used up" in lines
    assert "1 message failed: in INBOX: it is judged again at the next run; see: mailrules history" in lines
    assert "INBOX 6 3" in lines


async def killed(journal: Journal, kind: RunKind = RunKind.ONCE) -> str:
    """A run that was killed, and of which everything is settled by now."""
    undone = await begin(journal) if kind is RunKind.UNDO else ""
    run = await begin(journal, kind, plan=replace(EMPTY_PLAN, undo_of=undone))
    (step,) = await journal.intend(run, [intent(command(), 1)], now=NOON)
    await journal.judge([verdict(step)])
    return run


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        (RunKind.ONCE, "the next run does the rest"),
        (RunKind.DAEMON, "the next run does the rest"),
        (RunKind.APPLY, "for the rest, apply the plan again"),
        (RunKind.UNDO, "for the rest of it: mailrules undo 20261122-120000"),
    ],
)
def test_status_tells_what_to_do_where_a_killed_run_left_nothing_open(
    program: Program, kind: RunKind, cure: str
) -> None:
    run = with_journal(program, lambda journal: killed(journal, kind))

    told = program.run("status")

    assert f"was killed: run {run} ended without saying how; {cure}\n" in told.stdout
    assert json.loads(program.run("status", "--json").stdout)["killed_runs"] == [run]


def test_status_is_silent_about_a_killed_run_once_a_later_one_has_settled_it(program: Program) -> None:
    async def kill_and_run(journal: Journal) -> None:
        await killed(journal)
        await journal.finish_run(await begin(journal), outcome=RunOutcome.DONE, ended=NOON)

    with_journal(program, kill_and_run)

    told = program.run("status")

    assert "was killed" not in told.stdout
    assert json.loads(program.run("status", "--json").stdout)["killed_runs"] == []


def test_status_as_a_document(program: Program) -> None:
    with_journal(program, doubts)

    document = json.loads(program.run("status", "--json").stdout)

    (home,) = document["accounts"]
    assert (document["version"], document["at_work"], document["read_only"]) == (1, None, None)
    assert document["killed_runs"] == [document["last_run"]["id"]]
    assert home["steps"] == {"under_way": 0, "open": 1, "waiting": 0, "in_doubt": 1, "given_up": 2}
    assert home["positions"] == [{"mailbox": "INBOX", "uidvalidity": 7, "last_uid": 6, "pending": 3}]
    assert [one["messages"] for one in home["pending"]] == [2, 1]
    assert {one["what"] for one in home["to_do"]} == {"open", "in_doubt", "given_up", "held", "failed"}


def test_status_beside_a_daemon_names_it_and_knows_what_it_is_at(program: Program) -> None:
    with_journal(program, doubts)

    with at_work(program):
        text = program.run("status").stdout
        document = json.loads(program.run("status", "--json").stdout)
        history = program.run("history").stdout

    assert text.startswith("at work: daemon, process ")
    assert document["at_work"]["purpose"] == "daemon"
    assert document["killed_runs"] == []
    assert document["accounts"][0]["steps"]["under_way"] == 1
    assert " running " in history


def test_the_kill_switch_shows_in_the_status(program: Program) -> None:
    with_journal(program, doubts)
    (program.state / "READ_ONLY").touch()

    assert "kill switch: nothing is changed" in program.run("status").stdout
    assert "READ_ONLY exists" in json.loads(program.run("status", "--json").stdout)["read_only"]


def test_unknown_lists_each_step_with_its_number_and_what_is_known(program: Program) -> None:
    assert program.run("unknown").stdout == "The outcome of every step is known.\n"
    with_journal(program, doubts)

    told = program.run("unknown")

    assert told.exit_code == 0
    text = " ".join(told.stdout.split())
    assert "no answer after the final dot" in text
    assert "mailrules unknown resolve STEP --as applied|not-applied" in text
    steps = json.loads(program.run("unknown", "--json").stdout)["steps"]
    assert [(one["id"], one["concern"]) for one in steps] == [
        (2, "open"),
        (3, "in_doubt"),
        (4, "given_up"),
        (5, "given_up"),
    ]
    assert json.loads(program.run("unknown", "--account", "work", "--json").stdout)["steps"] == []


def test_a_step_that_happened_is_settled_and_the_ledger_keeps_it(program: Program) -> None:
    with_journal(program, doubts)

    told = program.run("unknown", "resolve", "3", "--as", "applied")

    assert told.exit_code == 0, told.output
    assert told.stdout == "noted: 1 step happened\n"
    record = next(one for one in with_journal(program, lambda it: it.steps_of("20261122-120000")) if one.id == 3)
    assert record.state is StepState.APPLIED
    assert record.detail == f"{ME} says that it happened (before: no answer after the final dot)"
    steps = json.loads(program.run("history", "20261122", "--json").stdout)["steps"]
    assert steps[2]["resolved"]["who"] == ME
    assert steps[2]["resolved"]["was"] == "unknown"
    ledger = with_journal(program, lambda it: it.history(rules=(), now=NOON)).ledger
    assert LedgerKey("k3", "bell", "ring", "") in ledger


def test_a_step_that_did_not_happen_is_forgotten_by_the_ledger_and_judged_again(program: Program) -> None:
    with_journal(program, doubts)

    told = program.run("unknown", "resolve", "3", "5", "--as", "not-applied")

    assert told.exit_code == 0, told.output
    ledger = with_journal(program, lambda it: it.history(rules=(), now=NOON)).ledger
    assert ledger == frozenset()
    pending = with_journal(program, lambda it: it.pending())
    reasons = {one.uid: one.reason for one in pending}
    assert reasons[3] == reasons[5] == f"ring did not happen, as {ME} says"


@pytest.mark.parametrize(
    ("filters", "left"),
    [((), [2]), (("--rule", "bell"), [2, 4]), (("--account", "work"), [2, 3, 4, 5]), (("--run", "2027"), [2, 3, 4, 5])],
)
def test_all_that_waits_for_a_person_is_settled_within_the_filters(
    program: Program, filters: tuple[str, ...], left: list[int]
) -> None:
    with_journal(program, doubts)

    assert program.run("unknown", "resolve", "--all", *filters, "--as", "applied").exit_code == 0

    assert [one["id"] for one in json.loads(program.run("unknown", "--json").stdout)["steps"]] == left


def test_beside_a_daemon_only_what_it_does_not_look_at_is_settled(program: Program) -> None:
    with_journal(program, doubts)

    async def left_by_another(journal: Journal) -> None:
        journal._instance = "host:1"
        run = await begin(journal, RunKind.DAEMON)
        await journal.intend(run, [intent(command(), 11)], now=NOON)

    with_journal(program, left_by_another)
    with at_work(program):
        doubtful = program.run("unknown", "resolve", "3", "--as", "applied")
        under_way = program.run("unknown", "resolve", "2", "--as", "applied")
        another = program.run("unknown", "resolve", "6", "--as", "applied")

    assert doubtful.exit_code == 0, doubtful.output
    assert (under_way.exit_code, "a run is at step 2 now" in under_way.stderr) == (6, True)
    assert (another.exit_code, "another mailrules is at work" in another.stderr) == (1, True)


def test_what_is_not_in_doubt_is_not_settled(program: Program) -> None:
    with_journal(program, doubts)

    for step in ("1", "99"):
        told = program.run("unknown", "resolve", step, "--as", "applied")
        assert (told.exit_code, "is not in doubt" in told.stderr) == (6, True)

    assert program.run("unknown", "resolve", "--as", "applied").exit_code == 2
    assert program.run("unknown", "resolve", "3", "--all", "--as", "applied").exit_code == 2
    assert program.run("unknown", "resolve", "3", "--rule", "bell", "--as", "applied").exit_code == 2
    assert program.run("unknown", "--json", "resolve", "3", "--as", "applied").exit_code == 2


def test_history_lists_what_is_not_settled_with_the_reason(program: Program) -> None:
    with_journal(program, doubts)

    told = program.run("history")

    assert "unknown: ring in home/INBOX (run 20261122-120000): no answer after the final dot" in told.stdout
    assert "given up: ring in home/INBOX (run 20261122-120000): 550 no such user" in told.stdout
    assert "intent: move to Archive in home/INBOX (run 20261122-120000)" in told.stdout
    unsettled = json.loads(program.run("history", "--json").stdout)["unsettled"]
    assert [one["id"] for one in unsettled] == [2, 3, 4, 5]


def test_the_steps_of_a_run_that_did_not_go_as_meant_are_never_cut_off(program: Program) -> None:
    async def many(journal: Journal) -> None:
        run = await begin(journal)
        ids = await journal.intend(run, [intent(command(), uid) for uid in range(1, 61)], now=NOON)
        await journal.judge([verdict(step) for step in ids[:-1]])
        await journal.judge([verdict(ids[-1], StepState.REFUSED, detail="OVERQUOTA")])

    with_journal(program, many)

    assert "OVERQUOTA" in program.run("history", "20261122").stdout


def test_a_server_that_dies_leaves_steps_that_status_tells_and_the_next_run_settles(
    served: Program, server: ImapServer, mail: MailAccount
) -> None:
    server.faults.append(AtCommand(command="UID MOVE", reaction=DropBeforeTagged()))
    served.run("run", "--once")
    server.faults.clear()

    before = json.loads(served.run("status", "--json").stdout)["accounts"][0]["steps"]
    served.run("run", "--once")
    after = json.loads(served.run("status", "--json").stdout)["accounts"][0]["steps"]

    assert before["open"] > 0
    assert set(after.values()) == {0}
    assert len(mail["Lists/gardening"].messages) == 3


@pytest.mark.parametrize("verb", [("dry-run",), ("history",), ("status",), ("unknown",), ("explain", "home/INBOX:5")])
def test_what_only_reads_works_beside_a_run_and_changes_nothing_in_the_state_directory(
    served: Program, verb: tuple[str, ...]
) -> None:
    served.run("run", "--once")
    before = {one.name: one.read_bytes() for one in served.state.iterdir() if one.is_file()}

    with at_work(served):
        told = served.run(*verb, "--json")

    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["version"] == 1
    # The cache is no state: a dry run may fill it.
    files = [one for one in served.state.iterdir() if one.is_file() and not one.name.endswith(("-shm", "-wal"))]
    after = {one.name: one.read_bytes() for one in files}
    assert after == before | {"lock": after["lock"]}


def test_undo_lists_first_what_it_cannot_take_back(served: Program, mail: MailAccount) -> None:
    served.run("run", "--once")
    mail["Lists/gardening"].remove(1)

    told = served.run("undo", "--yes")

    assert told.exit_code == 7
    first, *_ = told.stderr.splitlines()
    assert "cannot be taken back: move in home/Lists/gardening: it is no longer there" in first
    assert len(mail["INBOX"].messages) == 4
