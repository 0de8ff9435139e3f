"""Kleene's logic over masks, with open before unknowable, against the table for one row."""

from itertools import product

import pytest

from mailrules.rules.truth import Truth, constant

FALSE, OPEN, UNKNOWABLE, TRUE = Truth(1, 0), Truth(0, 0), Truth(0, 0, 1), Truth(1, 1)
AND_ORDER = [FALSE, OPEN, UNKNOWABLE, TRUE]
OR_ORDER = [TRUE, OPEN, UNKNOWABLE, FALSE]


@pytest.mark.parametrize(("one", "other"), list(product(AND_ORDER, repeat=2)))
def test_and_and_or_take_what_settles_most(one: Truth, other: Truth) -> None:
    assert one & other == min(one, other, key=AND_ORDER.index)
    assert one | other == min(one, other, key=OR_ORDER.index)


def test_not_keeps_what_is_open_or_unknowable() -> None:
    assert [~one for one in AND_ORDER] == [TRUE, OPEN, UNKNOWABLE, FALSE]


def test_a_truth_tells_its_rows_apart() -> None:
    truth = Truth(0b0011, 0b0001, 0b0100)

    assert (truth.false, truth.open(0b1111)) == (0b0010, 0b1000)
    assert (constant(True, 5), constant(False, 5)) == (Truth(5, 5), Truth(5, 0))
