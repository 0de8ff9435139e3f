"""The daemon's way through the same faults: what arrives is judged from a position, which only what is done may pass.

The points are those of ``kills`` and ``answers``; a mailbox that stays open is judged again and again, and never whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.arrivals import Watch
from mailrules.rules.rule import MailboxRef
from tests.torture.cases import ACCOUNT
from tests.torture.outcomes import Outcomes
from tests.torture.recording import Ending, Refusal, Strike
from tests.torture.suites import Point
from tests.torture.world import Death, World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.engine import RunReport
    from mailrules.session import Session
    from tests.torture.cases import Case
    from tests.torture.suites import Attempt


class WatchingWorld(World):
    """A world whose program is the daemon, for one look at the mailbox."""

    async def run(self) -> RunReport | None:
        return await self._alive(self._watch)

    async def _watch(self, session: Session) -> RunReport:
        account = session.configuration.accounts[ACCOUNT]
        store = await self.connect(account)
        ref = MailboxRef(account=ACCOUNT, mailbox="INBOX")
        watch = await Watch.begin(session, store, ref, backlog=True)
        return await watch.judge_arrivals()


class Watching:
    """The suite."""

    name, noun = "watching", "daemon's points"

    def __init__(self, world_type: type[World] = WatchingWorld) -> None:
        self._world_type, self._outcomes = world_type, Outcomes()

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                writes, calls = await _undisturbed(case, profile)
                whats = [f"write-{number}-{side}" for number in range(1, writes + 1) for side in ("before", "after")]
                for number in range(1, calls + 1):
                    whats += [f"call-{number}-{ending.value}" for ending in Ending]
                    whats += [f"no-{number}-{code}" for code in ("", "OVERQUOTA", "INUSE", "TRYCREATE")]
                points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            kind, number, rest = point.what.split("-", 2)
            match kind:
                case "write":
                    world.death = Death(at_write=int(number), is_written=rest == "after")
                case "call":
                    world.strike = Strike(nth=int(number), ending=Ending(rest))
                case _:
                    world.refusal = Refusal(nth=int(number), code=rest)
            await world.run_through()
            if world.is_dead:
                world.wire.say(0, "(killed)")
                await world.restart()

            async def recover() -> None:
                await world.run_through()
                await world.wait(0)

            return await self._outcomes.lived_through(world, point, recover)
        finally:
            await world.close()


async def _undisturbed(case: Case, profile: str) -> tuple[int, int]:
    world = WatchingWorld(case, profile)
    try:
        await world.run_through()
        return world.death.writes, len(world.stores[0].calls)
    finally:
        await world.close()
