"""Dovecot whose mailboxes keep no mod-sequences, as it is where its indexes are in memory: it answers BAD to MODSEQ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules import engine
from mailrules.plan.document import plan_digest, plan_to_json
from mailrules.testing.builders import SampleMessage, message
from tests.end_to_end.installed import Place
from tests.servers.dovecot import Dovecot
from tests.torture.cases import CASES
from tests.torture.full_disks import FullDiskWorld
from tests.torture.judge import judge
from tests.torture.real_servers import commands_of, new_account
from tests.torture.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with Dovecot(keeps_indexes=False) as server:
        yield server


async def test_a_saved_plan_is_applied(server: Dovecot, tmp_path: Path) -> None:
    account = new_account(server)
    account.fill("INBOX", [SampleMessage(content=message(message_id="<1@example.org>"))])
    place = Place(tmp_path, account.port, account.user, server.password_file)
    session = (
        await place.mailrules("one", '  - {name: r, if: {from: {contains: "@"}}, do: [{move: Archive}]}\n')
    ).session
    plan = await engine.preview(session)
    document = plan_to_json(plan)
    await session.journal.remember_plan(plan_digest(document), created=plan.created)

    report = await engine.apply_plan(session, document)

    assert report.left_out == ()
    assert await place.count("Archive") == 1
    await session.journal.close()


@pytest.mark.parametrize("command", ["UID STORE", "UID MOVE"])
async def test_what_a_lost_connection_left_open_is_settled(server: Dovecot, command: str) -> None:
    undisturbed = FullDiskWorld(CASES["moves"], server)
    try:
        at = (await commands_of(undisturbed)).index(command) + 1
    finally:
        await undisturbed.close()
    world = FullDiskWorld(CASES["moves"], server)

    async def lose(relay: Relay) -> None:
        relay.lose()

    try:
        async with Relay(world.account.port, at=at, act=lose) as world.relay:
            await world.run_through()
            await world.run_through()

        assert world.watcher.doubtful() == []
        assert judge(world.evidence()) == []
    finally:
        await world.close()
