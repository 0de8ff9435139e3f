"""A journal with one of everything, and how it is kept as SQL beside the tests of upgrading.

``python -m tests.journal.sample`` writes ``schemas/NNNN.sql`` for today's schema. Run it once after a migration
was added, and never again for an older one: those files are what earlier versions really wrote.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from mailrules.journal.journal import Journal
from mailrules.journal.migrations import all_migrations
from mailrules.journal.records import Operation, Position, RunKind, RunOutcome, StepState
from mailrules.mailbox.message import UID
from mailrules.plan.plan import StepKind
from tests.journal.builders import EMPTY_PLAN, NOON, begin, command, intent, verdict

SCHEMAS = Path(__file__).parent / "schemas"


async def fill(journal: Journal) -> None:
    """Write one of everything that the journal keeps: the same in every version, so that upgrades can be compared."""
    run = await begin(journal)
    moving = command(target_uidvalidity=9, target_uidnext=31, capabilities=frozenset({"MOVE", "UIDPLUS"}))
    copying = command(StepKind.COPY, Operation.COPY, target="Copies")
    ringing = command(StepKind.EFFECT, Operation.EFFECT, target="", effect="ring")
    sharing = command(
        StepKind.SETACL, Operation.SETACL, target="", mailbox="Shared", identifier="bob", rights="lr", prior_rights="l"
    )
    ids = await journal.intend(
        run,
        [
            intent(
                moving,
                12,
                reason="list_id matched <a>",
                message_id="<1@example.org>",
                subject="Grüße; 'quoted'\nand more",
                prior_flags=frozenset({"\\Flagged", "$Work"}),
                modseq=80,
                object_id="M1",
                received=NOON,
                size_bytes=1234,
            ),
            intent(copying, 13, rule="keep", content_key="k13", message_id="<2@example.org>"),
            intent(ringing, 13, rule="bell", content_key="k13", options={"to": ["a", 1]}),
            intent(sharing, 0, rule="share"),
            intent(moving, 14, message_id="<3@example.org>"),
            intent(moving, 15),
        ],
        now=NOON,
    )
    await journal.judge(
        [
            verdict(ids[0], target_uidvalidity=9, target_uid=31),
            verdict(ids[1], target_uidvalidity=4, target_uid=2),
            verdict(ids[2], StepState.UNKNOWN, detail="no answer"),
            verdict(ids[3]),
            verdict(ids[4], StepState.AMBIGUOUS, detail="UIDVALIDITY was 7 and is 8"),
        ]
    )
    await journal.finish_run(run, ended=NOON + timedelta(seconds=3), outcome=RunOutcome.PARTLY_DONE)
    back = await begin(
        journal, RunKind.UNDO, at=NOON + timedelta(hours=1), plan=replace(EMPTY_PLAN, undo_of=run, rules_hash="")
    )
    (undone,) = await journal.intend(
        back, [intent(command(mailbox="Archive", uidvalidity=9, target="INBOX"), 31)], now=NOON + timedelta(hours=1)
    )
    await journal.judge([verdict(undone, target_uidvalidity=7, target_uid=20)])
    await journal.finish_run(back, ended=NOON + timedelta(hours=1), outcome=RunOutcome.DONE)
    await begin(journal, RunKind.DAEMON, at=NOON + timedelta(hours=2))
    await journal.save_position(
        Position(
            account="home", mailbox="INBOX", uidvalidity=7, last_uid=15, pending=frozenset({UID(14), UID(15), UID(19)})
        )
    )
    await journal.approve("lists", now=NOON)
    await journal.approve(None, now=NOON)
    await journal.remember_plan("d1", created=NOON)


def dumped(path: Path) -> str:
    """The database as SQL, with the numbers that tell whose it is and which schema it has."""
    with closing(sqlite3.connect(path)) as connection:
        pragmas = [
            f"PRAGMA {name} = {connection.execute(f'PRAGMA {name}').fetchone()[0]};"
            for name in ("application_id", "user_version")
        ]
        return "\n".join([*pragmas, *connection.iterdump()]) + "\n"


def load(dump: Path, path: Path) -> None:
    """Make the journal file that the dump was taken of."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))


async def _write_todays() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite3"
        journal = await Journal.open(path)
        journal._instance = "host:1"
        await fill(journal)
        await journal.close()
        target = SCHEMAS / f"{all_migrations()[-1].version:04}.sql"
        target.write_text(dumped(path), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(_write_todays())
