"""A real server's process for our connection is killed in mid-command, or runs on while we recover."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.torture.cases import CASES
from tests.torture.real_servers import WRITING, DovecotWorld, commands_of, strike
from tests.torture.suites import Tally
from tests.torture.tallies import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.dovecot import Dovecot, DovecotAccount

KILLS, OLD_PROCESSES = 20, 10


@pytest.mark.parametrize(("noun", "count"), [("server kills", KILLS), ("old processes", OLD_PROCESSES)])
async def test_no_promise_is_broken_by_what_becomes_of_the_servers_process(
    noun: str, count: int, dovecot_server: Dovecot, record_property: Callable[[str, object], None]
) -> None:
    tally = Tally()
    case = CASES["everything"]
    undisturbed = DovecotWorld(case, account_of(dovecot_server))
    try:
        commands = await commands_of(undisturbed)
    finally:
        await undisturbed.close()
    places = [number for number, name in enumerate(commands, 1) if name in WRITING]

    try:
        for attempt in range(count):
            world = DovecotWorld(case, account_of(dovecot_server))
            at = places[attempt % len(places)]
            findings, story, struck = await strike(world, at=at, kills=noun == "server kills")
            tally.tried[noun] += struck
            tally.found.update(str(one.what) for one in findings)
            assert findings == [], story
    finally:
        record_property(PROPERTY, tally.as_property())

    assert tally.tried[noun] >= count - 2


def account_of(server: Dovecot) -> DovecotAccount:
    return server.account(f"user-{secrets.token_hex(6)}")
