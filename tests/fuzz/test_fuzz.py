"""A seeded few of what ``make million`` tries."""

from __future__ import annotations

from itertools import islice
from random import Random

import pytest

from tests.fuzz.million import try_many
from tests.fuzz.mutation import corpus, inputs
from tests.fuzz.targets import EVERY


@pytest.mark.parametrize("seed", range(100, 104))
def test_no_input_raises_anything_undocumented(seed):
    assert try_many(seed, 1_000) == []


@pytest.mark.parametrize("target", EVERY, ids=lambda target: target.__name__)
def test_real_bytes_are_taken_whole(target):
    for data in corpus():
        target(data)


def test_the_same_seed_gives_the_same_inputs():
    real = corpus()

    assert [*islice(inputs(Random(1), real), 50)] == [*islice(inputs(Random(1), real), 50)]
    assert [*islice(inputs(Random(1), real), 50)] != [*islice(inputs(Random(2), real), 50)]


def test_a_bug_is_told_with_its_input(monkeypatch):
    def raise_for_anything(data):
        raise KeyError("bug")

    monkeypatch.setattr("tests.fuzz.million.CHEAP", (raise_for_anything,))

    bugs = try_many(1, 3)

    assert len(bugs) == 3
    assert all(bug.startswith("raise_for_anything(b") and "KeyError: 'bug'" in bug for bug in bugs)
