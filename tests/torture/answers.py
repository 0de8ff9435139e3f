"""NO, BAD and BYE with every known code, and an OK that proves nothing, to every command.

``N-no-CODE``: the N-th command is refused and nothing was done; ``N-part-CODE``: a part was done all the same;
``N-bad``, ``N-bye``; ``N-bare``: done, and OK comes without what would prove it; ``N-ignored``: OK, and nothing was
done; ``effect-N``: the receiver of the N-th outside effect has it, and its answer is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.testing.memory_faults import MemoryFault, Moment
from tests.torture.outcomes import Outcomes
from tests.torture.recording import Ending, Refusal, Strike
from tests.torture.suites import Point
from tests.torture.undisturbed import course_of
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.torture.cases import Case
    from tests.torture.suites import Attempt

CODES = (
    "", "ALERT", "ALREADYEXISTS", "AUTHORIZATIONFAILED", "BADCHARSET", "CANNOT", "CLIENTBUG", "CONTACTADMIN",
    "CORRUPTION", "EXPIRED", "EXPUNGEISSUED", "HASCHILDREN", "INUSE", "LIMIT", "NONEXISTENT", "NOPERM", "NOTSAVED",
    "OVERQUOTA", "PARSE", "READ-ONLY", "SERVERBUG", "TRYCREATE", "UNAVAILABLE", "UNKNOWN-CTE", "X-OWN",
)  # fmt: skip
"""RFC 3501, 4314, 5530, 7377, 9051, and one that nobody knows."""


class Answers:
    """The suite."""

    name, noun = "answers", "refusals"

    def __init__(self, world_type: type[World] = World) -> None:
        self._world_type, self._outcomes = world_type, Outcomes()

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                course = await course_of(case, profile)
                for number in range(1, course.calls + 1):
                    whats = [f"{number}-no-{code}" for code in CODES]
                    whats += [f"{number}-part-{code}" for code in CODES]
                    whats += [f"{number}-{kind}" for kind in ("bad", "bye", "bare", "ignored")]
                    points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
                points += [
                    Point(suite=self.name, case=case, profile=profile, what=f"effect-{number}")
                    for number in range(1, course.effects + 1)
                ]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            number, _, rest = point.what.partition("-")
            kind, _, code = rest.partition("-")
            if number == "effect":
                world.sink.lost_answer = int(rest)
            elif kind in {"bare", "ignored"}:
                moment = Moment.UNCONFIRMED if kind == "bare" else Moment.IGNORED
                world.faults = [MemoryFault(call="*", moment=moment, nth=int(number))]
            elif kind == "bye":
                world.strike = Strike(nth=int(number), ending=Ending.NEVER)
            else:
                status = "BAD" if kind == "bad" else "NO"
                world.refusal = Refusal(nth=int(number), status=status, code=code, has_begun=kind == "part")
            await world.run_through()
            return await self._outcomes.lived_through(world, point, world.run_through)
        finally:
            await world.close()
