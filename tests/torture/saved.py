"""A saved plan that is carried out after something has happened.

``ACT-LETTER``: somebody did that to a letter (see ``others``); ``swap`` and ``reset``: see ``places``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.cases import contents_of
from tests.torture.judge import judge
from tests.torture.others import ACTS, ELSEWHERE, SecondClient
from tests.torture.places import Change
from tests.torture.suites import Attempt, Point, story_of
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.torture.cases import Case


class Saved:
    """The suite."""

    name, noun = "saved", "saved plans"

    def __init__(self, world_type: type[World] = World) -> None:
        self._world_type = world_type

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        names = tuple(profiles)
        return [
            Point(suite=self.name, case=case, profile=profile, what=what)
            for case in cases
            for profile in names
            for what in ("swap", "reset", *(f"{act}-{letter.name}" for act in ACTS for letter in case.letters))
        ]

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            world.mail.create(ELSEWHERE)
            world.before = contents_of(world.mail, world.case)
            document = await world.save_plan()
            act, _, name = point.what.partition("-")
            if letter := point.case.letter(name):
                other = SecondClient(world, letter=letter, act=act, at=1)
                other("between")
                is_tried = other.has_acted
            else:
                Change(world, act=act, at=1)("between")
                is_tried = True
            await world.apply(document)
            findings = judge(world.evidence(), is_settled=False)
            return Attempt(findings=findings, story=story_of(world) if findings else "", is_tried=is_tried)
        finally:
            await world.close()
