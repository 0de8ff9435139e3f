"""The seeded selection of the fault catalogue in memory: ``make torture`` tries the rest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.torture.catalogue import SUITES, Row
from tests.torture.histories import try_histories
from tests.torture.odd_mail import complaints, mutated, samples
from tests.torture.suites import SEED, Tally, sample, try_points
from tests.torture.tallies import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Callable


HISTORIES = 300
ODD_MAILS = 500


def test_random_histories_end_as_the_model_says(record_property: Callable[[str, object], None]) -> None:
    tally = Tally()

    try:
        try_histories(HISTORIES, tally)
    finally:
        record_property(PROPERTY, tally.as_property())

    assert tally.tried["histories"] >= HISTORIES * 9 // 10, "they can be drawn"


def test_odd_mail_is_judged_twice_alike_within_limits(record_property: Callable[[str, object], None]) -> None:
    mails = samples()
    mails += mutated(ODD_MAILS - len(mails), seed=SEED)

    found = complaints(mails)

    record_property(PROPERTY, Tally(tried=Counter({"odd mails": len(mails)})).as_property())
    assert found == []


@pytest.mark.parametrize("row", SUITES, ids=lambda row: row.suite.name)
async def test_no_promise_is_broken_at(row: Row, record_property: Callable[[str, object], None]) -> None:
    points = sample(await row.points(), row.in_test)
    tally = Tally()

    try:
        await try_points(row.suite, points, tally)
    finally:
        record_property(PROPERTY, tally.as_property())

    assert sum(tally.tried.values()) > row.in_test // 2, "the faults struck"
