"""The seeded selection of what a full disk of the server's may do; ``make torture`` tries the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.full_disks import FullDisks, points_of
from tests.torture.suites import Tally, sample, try_points
from tests.torture.tallies import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS = 24


async def test_no_promise_is_broken_on_a_disk_that_gets_full(record_property: Callable[[str, object], None]) -> None:
    tally = Tally()

    with FullDisks() as suite:
        points = sample(await points_of(suite, in_test=True), POINTS)
        try:
            await try_points(suite, points, tally)
        finally:
            record_property(PROPERTY, tally.as_property())

    assert tally.tried[FullDisks.noun] > POINTS // 4, "the server came upon a full disk"
