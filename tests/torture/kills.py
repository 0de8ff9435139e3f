"""Kill -9 of us, a lost connection or a dead server at every write of the journal and every command.

``write-N-before`` and ``write-N-after``: we are killed right before or right after the N-th commit.
``call-N-ENDING`` and ``call-N-ENDING-kill``: at the N-th command the connection is lost, or we are killed, and the
server does as ``recording.Ending`` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.judge import Broken, Finding
from tests.torture.outcomes import Outcomes
from tests.torture.recording import Ending, Strike
from tests.torture.suites import Attempt, Point
from tests.torture.undisturbed import course_of
from tests.torture.world import Death, World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.torture.cases import Case


class Kills:
    """The suite."""

    name, noun = "kills", "points"

    def __init__(self, world_type: type[World] = World) -> None:
        self._world_type, self._outcomes = world_type, Outcomes()

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points = []
        names = tuple(profiles)
        for case in cases:
            for profile in names:
                course = await course_of(case, profile)
                writes = range(1, course.writes + 1)
                whats = [f"write-{number}-{side}" for number in writes for side in ("before", "after")]
                whats += [
                    f"call-{number}-{ending.value}{kill}"
                    for number in range(1, course.calls + 1)
                    for ending in Ending
                    for kill in ("", "-kill")
                ]
                points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            return await self._attempt(world, point)
        finally:
            await world.close()

    async def _attempt(self, world: World, point: Point) -> Attempt:
        kind, number, *rest = point.what.split("-")
        if kind == "write":
            world.death = Death(at_write=int(number), is_written=rest == ["after"])
        else:
            kills = rest[-1] == "kill"
            ending = Ending("-".join(rest[:-1] if kills else rest))
            world.strike = Strike(nth=int(number), ending=ending, kills=kills)
        await world.run_through()
        struck = world.is_dead or any(store.lost and store.strike for store in world.stores)
        if world.is_dead:
            world.wire.say(0, "(killed)")
            await world.restart()

        async def recover() -> None:
            await world.run_through()
            await world.wait(0)  # what no recovery waited for

        return await self._outcomes.lived_through(world, point, recover, afterwards=quiet, is_tried=struck)


async def quiet(world: World) -> list[Finding]:
    """What a run does where nothing is left to be done: it should be nothing."""
    before = len(world.wire.lines)
    await world.run_through()
    said = [line for line in world.wire.lines[before:] if line.is_writing]
    return [Finding(what=Broken.DOUBLED, words=f"{line.text}: done again, though all was done") for line in said]
