"""A preview, of every case on every server: it changes nothing and says nothing that could."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.judge import judge
from tests.torture.suites import Attempt, Point, story_of
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.torture.cases import Case


class Previews:
    """The suite."""

    name, noun = "previews", "previews"

    def __init__(self, world_type: type[World] = World) -> None:
        self._world_type = world_type

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        names = tuple(profiles)
        return [Point(suite=self.name, case=case, profile=profile, what="whole") for case in cases for profile in names]

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            recent = {name: set(mailbox.recent) for name, mailbox in world.mail.mailboxes.items()}
            await world.preview()
            findings = judge(world.evidence(is_preview=True, recent_before=recent))
            return Attempt(findings=findings, story=story_of(world) if findings else "")
        finally:
            await world.close()
