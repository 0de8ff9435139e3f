"""A person takes back what a STORE of ours did, before we know that it did it.

``N``: the answer to our N-th command, a STORE, is lost, and right after it somebody makes the flags of its messages
what they were. What a person changed stays, whatever rules want. Only servers that count changes let us tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.cases import DELETED, added, goes_to, letter_names, removed
from tests.torture.judge import Broken, Finding, judge
from tests.torture.recording import Ending, Strike
from tests.torture.suites import Attempt, Point, story_of
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.torture.cases import Case, Letter


class TakeBacks:
    """The suite."""

    name, noun = "take-backs", "take-backs"

    def __init__(self, world_type: type[World] = World) -> None:
        self._world_type = world_type

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                stores = await _stores(case, profile)
                points += [Point(suite=self.name, case=case, profile=profile, what=str(number)) for number in stores]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            world.strike = Strike(nth=int(point.what), ending=Ending.DONE)
            await world.run_through()
            reverted = _revert(world) if world.stores[0].lost else []
            await world.run_through()
            await world.run_through()
            findings = judge(world.evidence())
            findings += [one for letter in reverted for one in _stays(world, letter)]
            return Attempt(findings=findings, story=story_of(world) if findings else "", is_tried=bool(reverted))
        finally:
            await world.close()


def _revert(world: World) -> list[Letter]:
    """Make the flags what they were, where the lost command alone has changed them."""
    inbox, names = world.mail["INBOX"], letter_names(world.case)
    reverted = []
    for uid in world.stores[0].calls[-1].uids:
        stored = inbox.messages[uid]
        letter = world.case.letter(names.get(stored.content, ""))
        if letter is None or not _has_one_command(letter):
            continue
        inbox.set_flags(uid, letter.flags)
        world.wire.say(0, f"(somebody else: takes back what became of {letter.name})")
        world.person.flags_taken[letter.name] |= {*added(letter), DELETED}
        world.person.flags_set[letter.name] |= removed(letter)
        reverted.append(letter)
    return reverted


def _has_one_command(letter: Letter) -> bool:
    """Whether one STORE does all that the letter needs, so that nothing else explains a change of it."""
    stores = (bool(added(letter)), bool(removed(letter)), "delete" in letter.wishes)
    return sum(stores) == 1 and not goes_to(letter)


def _stays(world: World, letter: Letter) -> Iterator[Finding]:
    """What is wrong with a message of which a person has taken something back."""
    names = letter_names(world.case)
    there = [one.flags for one in world.mail["INBOX"].messages.values() if names.get(one.content) == letter.name]
    if "delete" in letter.wishes and not there:
        yield Finding(what=Broken.LOST, words=f"{letter.name} was deleted, though a person had taken that back")
    elif there != [letter.flags]:
        yield Finding(what=Broken.WRONG_FLAGS, words=f"{letter.name} has what a person had taken back")


async def _stores(case: Case, profile: str) -> list[int]:
    """Which of the commands are STOREs of which something can be taken back."""
    world = World(case, profile)
    try:
        if "CONDSTORE" not in world.capabilities:
            return []
        names = letter_names(case)
        letters = {one.uid: case.letter(names.get(one.content, "")) for one in world.mail["INBOX"].messages.values()}
        fitting = {uid for uid, letter in letters.items() if letter is not None and _has_one_command(letter)}
        await world.run_through()
        calls = enumerate(world.stores[0].calls, 1)
        return [number for number, call in calls if call.name == "store_flags" and not fitting.isdisjoint(call.uids)]
    finally:
        await world.close()
