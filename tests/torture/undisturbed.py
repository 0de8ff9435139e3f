"""What does a run do that nothing disturbs? The points of most suites are enumerated from that."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.torture.world import World

if TYPE_CHECKING:
    from tests.torture.cases import Case


class Course(NamedTuple):
    """How often it writes to the journal, its commands by their names, and how many outside effects it has."""

    writes: int
    names: tuple[str, ...]
    effects: int

    @property
    def calls(self) -> int:
        return len(self.names)


_KNOWN: dict[tuple[Case, str], Course] = {}


async def course_of(case: Case, profile: str) -> Course:
    """The course of ``run --once``."""
    if (case, profile) not in _KNOWN:
        world = World(case, profile)
        try:
            await world.run_through()
            names = tuple(call.name for call in world.stores[0].calls)
            _KNOWN[case, profile] = Course(world.death.writes, names, len(world.sink.calls))
        finally:
            await world.close()
    return _KNOWN[case, profile]
