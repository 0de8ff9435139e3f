"""Undo of everything, killed or cut off at each step of it, and tried again.

The points are those of ``kills``, struck in the undo and not in the run.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mailrules.errors import ConnectionLost
from tests.torture.endings import ending_of, endings_at
from tests.torture.judge import judge
from tests.torture.suites import Attempt, Point, story_of
from tests.torture.world import Death, World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.torture.cases import Case


class Undoing:
    """The suite."""

    name, noun = "undoing", "undo crashes"

    def __init__(self, world_type: type[World] = World) -> None:
        self._world_type = world_type

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                writes, calls = await _undisturbed(case, profile)
                whats = endings_at(writes=writes, calls={"call": calls})
                points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            report = await world.run()
            assert report is not None
            world.wire.say(0, "(undo)")
            self.meddle(world)
            _, ending = ending_of(point.what)
            if isinstance(ending, Death):
                world.death = ending
            else:
                world.strike = ending
            await _undo(world, report.run)
            struck = world.is_dead or any(store.lost and store.strike for store in world.stores)
            if world.is_dead:
                world.wire.say(0, "(killed)")
                await world.restart()
            await _undo(world, report.run)
            await world.wait(0)
            findings = judge(world.evidence(), undone=True)
            return Attempt(findings=findings, story=story_of(world) if findings else "", is_tried=struck)
        finally:
            await world.close()

    def meddle(self, world: World) -> None:
        """Somebody marks every letter between the run and its undo."""
        for mailbox in world.mail.mailboxes.values():
            for stored in list(mailbox.messages.values()):
                for letter in world.case.letters:
                    if stored.content == letter.content:
                        mailbox.set_flags(stored.uid, stored.flags | {"\\Answered"})
                        world.person.flags_set[letter.name].add("\\Answered")


async def _undo(world: World, run: str) -> None:
    with suppress(ConnectionLost):
        await world.undo(run)


async def _undisturbed(case: Case, profile: str) -> tuple[int, int]:
    world = World(case, profile)
    try:
        report = await world.run()
        assert report is not None
        world.death.writes = 0
        await world.undo(report.run)
        return world.death.writes, len(world.stores[-1].calls)
    finally:
        await world.close()
