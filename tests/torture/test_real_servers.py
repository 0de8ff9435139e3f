"""A real server's process for our connection is killed in mid-command, or runs on while we recover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture.real_servers import OLD_PROCESSES, SERVER_KILLS, try_processes
from tests.torture.suites import Tally
from tests.torture.tallies import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.dovecot import Dovecot


@pytest.mark.parametrize(("noun", "count"), [(SERVER_KILLS, 20), (OLD_PROCESSES, 10)])
async def test_no_promise_is_broken_by_what_becomes_of_the_servers_process(
    noun: str, count: int, dovecot_server: Dovecot, record_property: Callable[[str, object], None]
) -> None:
    tally = Tally()

    failures = await try_processes(dovecot_server, noun, count=count, tally=tally)

    record_property(PROPERTY, tally.as_property())
    assert failures == [], failures[0]
    assert tally.tried[noun] >= count - 2
