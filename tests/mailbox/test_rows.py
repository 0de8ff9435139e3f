"""Tests of sets of rows as bit masks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.rows import every_row, mask_of, rows_of


@given(st.sets(st.integers(0, 400)))
def test_a_mask_gives_back_its_rows(rows: set[int]) -> None:
    assert rows_of(mask_of(rows, count=401)) == sorted(rows)


@pytest.mark.parametrize("step", [1, 2, 31, 32, 33, 1000])
def test_few_rows_and_many_are_found_alike(step: int) -> None:
    rows = list(range(0, 5_000, step))

    assert rows_of(mask_of(rows, count=5_000)) == rows


def test_no_row_and_every_row() -> None:
    assert rows_of(0) == []
    assert rows_of(every_row(70)) == list(range(70))
