"""A real server's process for our connection is killed in mid-command, or runs on while we recover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.dovecot import Dovecot
from tests.torture.real_servers import MOST_MESSAGES, OLD_PROCESSES, SERVER_KILLS, try_overflows, try_processes
from tests.torture.suites import Tally
from tests.torture.tallies import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(("noun", "count"), [(SERVER_KILLS, 20), (OLD_PROCESSES, 10)])
async def test_no_promise_is_broken_by_what_becomes_of_the_servers_process(
    noun: str, count: int, dovecot_server: Dovecot, record_property: Callable[[str, object], None]
) -> None:
    tally = Tally()

    failures = await try_processes(dovecot_server, noun, count=count, tally=tally)

    record_property(PROPERTY, tally.as_property())
    assert failures == [], failures[0]
    assert tally.tried[noun] >= count - 2


async def test_no_promise_is_broken_on_a_server_that_is_full(record_property: Callable[[str, object], None]) -> None:
    tally = Tally()

    with Dovecot(most_messages=MOST_MESSAGES) as server:
        failures = await try_overflows(server, tally=tally, cases=("everything",), rooms=(0, 1, 2))

    record_property(PROPERTY, tally.as_property())
    assert failures == [], failures[0]
