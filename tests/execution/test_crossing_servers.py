"""Moves between accounts of real servers, broken off on either side, and of messages of any size."""

from __future__ import annotations

import os
import tracemalloc
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from mailrules.execution.executor import execute
from mailrules.execution.recovery import recover
from mailrules.journal.journal import Journal
from mailrules.journal.records import RunKind
from mailrules.plan.plan import Step, StepKind
from mailrules.testing.builders import A_DAY, SampleMessage
from mailrules.testing.memory_faults import Moment
from tests.execution.broken_off import BrokenOff
from tests.execution.each_server import SAMPLES, Place, place_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from mailrules.mailbox.store import MailStore
    from mailrules.plan.plan import MessagePlan, Plan
    from tests.servers.dovecot import DovecotAccount

MIB = 1 << 20
LARGE_BYTES = (1024 if "MAILRULES_EVERY_POINT" in os.environ else 40) * MIB
MOST_MEMORY_BYTES = 32 * MIB if "MAILRULES_EVERY_POINT" in os.environ else 8 * MIB
PAIRS = [("dovecot", "cyrus"), ("cyrus", "courier"), ("courier", "dovecot_sdbox"), ("dovecot_mdbox", "dovecot")]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await Journal.open(tmp_path / "state" / "journal.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path, journal: Journal) -> Iterator[tuple[Place, Place]]:
    with ExitStack() as stack:
        home, work = request.param
        yield (
            stack.enter_context(place_on(request, home, tmp_path, journal)),
            stack.enter_context(place_on(request, work, tmp_path, journal, name="work")),
        )


async def carry_out(home: Place, work: Place, plan: Plan, *, source: MailStore, target: MailStore) -> None:
    run = await home.journal.begin_run(kind=RunKind.ONCE, started=home.now(), plan=plan)
    stores = {"home": source, "work": target}
    report = await execute(plan, run=run, stores=stores, journal=home.journal, effects={}, now=home.now)
    await home.journal.finish_run(run, ended=home.now(), outcome=report.outcome)
    for store in (source, target):
        await store.close()


@pytest.mark.parametrize("pair", PAIRS, indirect=True, ids=" to ".join)
async def test_messages_of_one_server_arrive_once_on_the_other(pair: tuple[Place, Place]) -> None:
    home, work = pair
    source, target = f"{home.prefix}From", f"{work.prefix}To"
    await home.fill(source, SAMPLES[:4], flags=frozenset({"\\Seen"}))
    await work.fill(target, ())
    step = Step(kind=StepKind.MOVE, rule="mover", to=f"work/{target}", account="work")

    def wanted(_uid: int, _message: MessagePlan) -> list[Step]:
        return [step]

    breaks = ((home, "store_flags", Moment.AFTER), (work, "append", Moment.AFTER), (work, "append", Moment.BEFORE))
    for side, command, moment in breaks:
        stores = {
            one.settings.name: (
                await BrokenOff.connected(one.settings, at=command, moment=moment, nth=2 if one is work else 1)
                if one is side
                else await one.connect()
            )
            for one in (home, work)
        }
        plan = await home.plan(source, wanted)
        await carry_out(home, work, plan, source=stores["home"], target=stores["work"])
        here, there = await home.connect(), await work.connect()
        await recover(home.journal, {"home": here}, now=home.now, wait=home.wait, others={"work": there})
        await here.close()
        await there.close()
        assert await home.journal.open_steps() == (), command
    plan = await home.plan(source, wanted)
    await carry_out(home, work, plan, source=await home.connect(), target=await work.connect())

    assert await home.contents(source) == []
    assert await work.contents(target) == [
        (f"<{number}@example.org>", frozenset({"\\seen"})) for number in (1, 2, 3, 4)
    ]
    await home.leave()
    await work.leave()


@pytest.mark.parametrize("pair", [("dovecot", "dovecot_mdbox")], indirect=True, ids=" to ".join)
async def test_a_large_message_moves_in_constant_memory(pair: tuple[Place, Place], dovecot: DovecotAccount) -> None:
    home, work = pair
    line = b"0123456789" * 7 + b"\r\n"
    head = b"Message-ID: <large@example.org>\r\nSubject: large\r\n\r\n"
    dovecot.fill("INBOX", [SampleMessage(content=head + line * (LARGE_BYTES // len(line)), received=A_DAY)])
    home.settings = dovecot.settings(name="home")
    await work.fill("To", ())
    step = Step(kind=StepKind.MOVE, rule="mover", to="work/To", account="work")
    plan = await home.plan("INBOX", lambda *_: [step])
    source, target = await home.connect(), await work.connect()

    tracemalloc.start()
    await carry_out(home, work, plan, source=source, target=target)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < MOST_MEMORY_BYTES
    assert await home.contents("INBOX") == []
    assert await work.contents("To") == [("<large@example.org>", frozenset())]
    await home.leave()
    await work.leave()
