"""The seeded selection of what a full disk of the server's may do; ``make torture`` tries the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture.broken.full_disks import BROKEN_ON_FULL_DISKS, BrokenOnFullDisk
from tests.torture.cases import CASES
from tests.torture.full_disks import FullDisks, FullDiskWorld, points_of
from tests.torture.suites import Tally, sample, try_points
from tests.torture.tallies import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@pytest.fixture(scope="module")
def suite() -> Iterator[FullDisks]:
    with FullDisks() as suite:
        yield suite


@pytest.mark.parametrize("broken", BROKEN_ON_FULL_DISKS, ids=lambda one: one.name.replace(" ", "-"))
async def test_a_broken_executor_is_caught(suite: FullDisks, broken: BrokenOnFullDisk) -> None:
    points = [one for one in await suite.points([CASES[broken.case]], ["maildir"]) if one.what.endswith(broken.what)]

    caught, said, point = None, set(), None
    for point in points:
        suite.world_type = broken.world
        attempt = await suite.attempt(point)
        suite.world_type = FullDiskWorld
        said |= {str(one) for one in attempt.findings}
        if any(one.what is broken.promise and broken.words in one.words for one in attempt.findings):
            caught = point
            break

    assert caught, f"it went unseen at {len(points)} points; what was seen: {sorted(said)[:20]}"
    innocent = await suite.attempt(caught)
    assert innocent.findings == []
