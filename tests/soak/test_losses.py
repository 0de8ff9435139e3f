"""A seeded selection of what ``make soak`` runs at length."""

from __future__ import annotations

from tests.soak.losses import soak


async def test_two_hundred_lost_connections_leak_and_mix_up_nothing() -> None:
    tally = await soak(200, seed=20)

    assert tally.losses >= 200
    assert (tally.tasks_left, tally.descriptors_left) == (0, 0)
    kinds = {"fetch", "search", "status", "list", "store", "append", "select", "cancelled"}
    kinds |= {"lost while connecting", "lost under a supervisor", "lost in a pool", "told of a loss"}
    assert kinds <= set(tally.counts)
