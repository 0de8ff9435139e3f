"""The judge sees what is broken: every broken executor is caught, and the real one is not, at the same points."""

from __future__ import annotations

import pytest

from tests.torture.broken.all_of_them import BROKEN, BrokenExecutor
from tests.torture.cases import CASES
from tests.torture.suites import Attempt, sample

_MOST = 60


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: one.name.replace(" ", "-"))
async def test_a_broken_executor_is_caught(broken: BrokenExecutor) -> None:
    caught, said, point = None, set(), None
    for point in await points_of(broken):
        attempt = await broken.suite(broken.world).attempt(point)
        said |= {str(one) for one in attempt.findings}
        if caught := find(broken, attempt):
            break

    assert caught, f"it went unseen; what was seen: {sorted(said)[:20]}"
    assert point is not None
    innocent = await broken.suite_of_the_real_one().attempt(point)
    assert innocent.findings == []


async def points_of(broken: BrokenExecutor) -> list:
    case = CASES[broken.case].only(broken.letters) if broken.letters else CASES[broken.case]
    points = await broken.suite_of_the_real_one().points([case], [broken.profile])
    return sample([one for one in points if broken.what in one.what], _MOST)


def find(broken: BrokenExecutor, attempt: Attempt) -> str | None:
    """What the judge says of it, if it is what it should say."""
    for one in attempt.findings:
        if one.what is broken.promise and broken.words in one.words:
            return str(one)
    return None


def test_there_are_thirty_and_more() -> None:
    assert len({broken.world.__name__ for broken in BROKEN}) >= 30
