"""What is a suite of the fault catalogue: points that can be named, tried one by one, shrunk and replayed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from random import Random
from typing import TYPE_CHECKING, Protocol

from tests.torture.cases import CASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.torture.cases import Case
    from tests.torture.judge import Broken, Finding
    from tests.torture.world import World

SEED = 4711
"""Chooses what ``make test`` tries of each suite; ``make torture`` tries more or all of it."""

_MOST_SHRINKING = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One thing that goes wrong in one run; ``str`` of it is what replays it."""

    suite: str
    case: Case
    profile: str
    what: str

    def __str__(self) -> str:
        whole = CASES.get(self.case.name)
        some = "" if self.case == whole else "{" + ",".join(one.name for one in self.case.letters) + "}"
        return f"{self.suite}/{self.case.name}{some}/{self.profile}/{self.what}"


def point_named(text: str) -> Point:
    """The point that ``str`` wrote. Raises ValueError."""
    found = re.fullmatch(r"([a-z-]+)/([a-z0-9-]+)(?:\{([^}]*)\})?/([a-z-]+)/(\S+)", text)
    if found is None:
        raise ValueError(f"{text!r} is no point: write SUITE/CASE/SERVER/WHAT as a failure printed it")
    suite, name, letters, profile, what = found.groups()
    if name not in CASES:
        raise ValueError(f"no case is called {name!r}; there are {', '.join(CASES)}")
    case = CASES[name]
    return Point(suite=suite, case=case.only(letters.split(",")) if letters else case, profile=profile, what=what)


@dataclass(slots=True, kw_only=True)
class Attempt:
    """What came of one point. ``story`` is for people; ``is_tried`` False: the fault never struck."""

    findings: list[Finding]
    story: str = ""
    is_tried: bool = True


class Suite(Protocol):
    """One row of the catalogue. ``noun`` is what its points are called where they are counted."""

    name: str
    noun: str

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        """All points, enumerated from undisturbed runs, in an order that does not change."""
        ...

    async def attempt(self, point: Point) -> Attempt: ...


@dataclass(slots=True)
class Tally:
    """How much was tried, and what was found; added up over processes and printed at the end."""

    tried: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    def add(self, noun: str, attempt: Attempt) -> None:
        self.tried[noun] += attempt.is_tried
        self.found.update(str(one.what) for one in attempt.findings)

    def as_property(self) -> dict[str, dict[str, int]]:
        return {"tried": dict(self.tried), "found": dict(self.found)}


def sample(points: Sequence[Point], count: int, *, seed: object = SEED) -> list[Point]:
    """So many of them, or all, always the same ones for a seed, in their order."""
    # Every case in turn, so that the large ones do not crowd out the others.
    by_case: dict[str, list[int]] = {}
    for number, point in enumerate(points):
        by_case.setdefault(point.case.name, []).append(number)
    for name, numbers in by_case.items():
        Random(f"{seed} {name}").shuffle(numbers)
    rounds = zip_longest(*by_case.values())
    chosen = [number for one in rounds for number in one if number is not None][:count]
    return [points[number] for number in sorted(chosen)]


async def try_points(suite: Suite, points: Iterable[Point], tally: Tally) -> None:
    """Try each. Raises AssertionError with the smallest example for the first that breaks a promise."""
    for point in points:
        attempt = await suite.attempt(point)
        tally.add(suite.noun, attempt)
        if attempt.findings:
            smallest, shown = await shrink(suite, point, attempt)
            raise AssertionError(report(smallest, shown, first=point))


async def shrink(suite: Suite, point: Point, attempt: Attempt) -> tuple[Point, Attempt]:
    """A point with as few letters as possible that breaks the same promise."""
    wanted: set[Broken] = {one.what for one in attempt.findings}
    tries, letters = 0, [one.name for one in point.case.letters]
    for name in list(letters):
        fewer = [one for one in letters if one != name]
        if not fewer:
            break
        for other in await suite.points([point.case.only(fewer)], [point.profile]):
            if re.sub(r"\d+", "", other.what) != re.sub(r"\d+", "", point.what):
                continue
            tries += 1
            if tries > _MOST_SHRINKING:
                return point, attempt
            again = await suite.attempt(other)
            if wanted & {one.what for one in again.findings}:
                point, attempt, letters = other, again, fewer
                break
    return point, attempt


def report(point: Point, attempt: Attempt, *, first: Point) -> str:
    """A failure as people read it."""
    found = "\n".join(f"  {one}" for one in attempt.findings)
    shrunk = "" if point == first else f"It was found at {first} and made smaller.\n"
    return (
        f"\n{point}\n{found}\n{shrunk}{attempt.story}\n"
        f"To try this point alone:\n  .venv/bin/python -m tests.torture --point '{point}'\n"
    )


def story_of(world: World) -> str:
    """The rules, the letters and the wire, in words."""
    rules = world.case.rules.partition("rules:\n")[2].rstrip()
    letters = "\n".join(
        f"  {one.name} x{one.times} wants {', '.join(one.wishes) or 'nothing'}"
        + (f", has {' '.join(sorted(one.flags))}" if one.flags else "")
        for one in world.case.letters
    )
    return (
        f"Rules:\n{rules}\nMail in INBOX:\n{letters}\nOn the wire:\n{world.wire.excerpt()}"
        f"\nIn the journal:\n{world.watcher.told()}"
    )


def with_what(point: Point, what: str) -> Point:
    return replace(point, what=what)
