"""What is asked at every arrival and every batch looks things up, however much the journal has come to hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.journal.records import Operation
from mailrules.plan.history import Remembered
from mailrules.plan.plan import StepKind
from tests.journal.builders import NOON, begin, command, intent, rule, verdict

if TYPE_CHECKING:
    import sqlite3

    from mailrules.journal.journal import Journal

LARGE = r"SCAN (s|c|l|steps|commands|ledger)\b"
WHOLE_LEDGER = "SELECT name, rule, action, target FROM ledger"
"""Read whole, and again only after it has changed."""


async def test_no_frequent_question_reads_a_large_table_from_end_to_end(journal: Journal) -> None:
    asked: list[str] = []
    await journal._database.read(lambda connection: connection.set_trace_callback(asked.append))

    run = await begin(journal)
    copying = command(StepKind.COPY, Operation.COPY)
    ringing = command(StepKind.EFFECT, Operation.EFFECT, target="", effect="ring")
    ids = await journal.intend(
        run,
        [intent(copying, content_key="k"), intent(command()), intent(ringing, content_key="k")],
        now=NOON,
    )
    await journal.judge([verdict(step, target_uidvalidity=9, target_uid=31) for step in ids])
    await journal.history(rules=[rule()], now=NOON)
    await journal.open_steps("home")
    await journal.in_doubt()
    await journal.given_up()
    await journal.waiting_deliveries()
    await journal.needed_spools()
    await journal.position("home", "INBOX")
    await journal.advance_position("home", "INBOX", uidvalidity=7, final=[1], pending=[2])
    await journal.placed_by_us("home", "Archive", uidvalidity=9, after_uid=0)
    await journal.renew_ledger([Remembered(("k",), "lists", "copy", "Archive", "home", "INBOX", 7, 1)], now=NOON)
    await journal.ledger_places("home", seen_before=NOON)
    await journal.touch_places("home", "INBOX", uidvalidity=7, uids=[1], now_in="INBOX", now=NOON)
    await journal.steps_of(run)
    await journal.steps_of_family(run)

    def plans(connection: sqlite3.Connection) -> dict[str, str]:
        connection.set_trace_callback(None)
        questions = [one for one in dict.fromkeys(asked) if re.match("SELECT|UPDATE|DELETE|INSERT", one)]
        return {one: " / ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {one}")) for one in questions}

    found = await journal._database.read(plans)

    assert len(found) > 20
    scans = [f"{plan}: {one}" for one, plan in found.items() if re.search(LARGE, plan) and one != WHOLE_LEDGER]
    assert scans == []
