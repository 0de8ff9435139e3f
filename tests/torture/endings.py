"""At which places may a run of ours end, and how does a point name one?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.recording import Ending, Strike
from tests.torture.world import Death

if TYPE_CHECKING:
    from collections.abc import Mapping


def endings_at(*, writes: int, calls: Mapping[str, int]) -> list[str]:
    """Every place in a run that writes so often to its journal, and calls each server so often.

    ``calls`` has the word by which a place at that server begins.
    """
    at_writes = [f"write-{number}-{side}" for number in range(1, writes + 1) for side in ("before", "after")]
    return at_writes + [
        f"{word}-{number}-{ending.value}{kill}"
        for word, count in calls.items()
        for number in range(1, count + 1)
        for ending in Ending
        for kill in ("", "-kill")
    ]


def ending_of(what: str) -> tuple[str, Death | Strike]:
    """The word by which a place begins, and what is to happen there."""
    word, number, *rest = what.split("-")
    if word == "write":
        return word, Death(at_write=int(number), is_written=rest == ["after"])
    kills = rest[-1] == "kill"
    ending = Ending("-".join(rest[:-1] if kills else rest))
    return word, Strike(nth=int(number), ending=ending, kills=kills)
