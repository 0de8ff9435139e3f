"""Kill -9 of us, a lost connection or a dead server at every write of the journal and every command.

``write-N-before`` and ``write-N-after``: we are killed right before or right after the N-th commit.
``call-N-ENDING`` and ``call-N-ENDING-kill``: at the N-th command the connection is lost, or we are killed, and the
server does as ``recording.Ending`` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.endings import ending_of, endings_at
from tests.torture.judge import Broken, Finding
from tests.torture.outcomes import Outcomes
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
                whats = endings_at(writes=course.writes, calls={"call": course.calls})
                points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            return await self._attempt(world, point)
        finally:
            await world.close()

    async def _attempt(self, world: World, point: Point) -> Attempt:
        _, ending = ending_of(point.what)
        if isinstance(ending, Death):
            world.death = ending
        else:
            world.strike = ending
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
