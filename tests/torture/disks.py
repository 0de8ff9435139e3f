"""Disks that are full or read-only at each write of the journal, journals that are no good, and clocks that jump.

``full-N``, ``readonly-N``, ``io-N``: from our N-th write on the journal's disk fails, until the next start.
``back-N``, ``ahead-N``: the clock is set a day back or two years ahead right before the N-th write. ``suspend-N``:
the machine sleeps for a night before our N-th command, and the connection is gone. ``torn``, ``garbage``, ``foreign``,
``future``: what the journal's file is after a first run; then nothing may be sent.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.errors import JournalError
from tests.torture.judge import Broken, Finding, judge
from tests.torture.recording import Ending, Strike
from tests.torture.suites import Attempt, Point, story_of
from tests.torture.undisturbed import course_of
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.torture.cases import Case

_FAILURES = {
    "full": "database or disk is full",
    "readonly": "attempt to write a readonly database",
    "io": "disk I/O error",
}
_JUMPS = {"back": timedelta(days=-1), "ahead": timedelta(days=730)}
_SPOILT = ("torn", "garbage", "foreign", "future")


class Disks:
    """The suite."""

    name, noun = "disks", "disks and clocks"

    def __init__(self, world_type: type[World] = World) -> None:
        self._world_type = world_type

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                course = await course_of(case, profile)
                whats = [f"{kind}-{number}" for kind in (*_FAILURES, *_JUMPS) for number in range(1, course.writes + 1)]
                whats += [f"suspend-{number}" for number in range(1, course.calls + 1)]
                whats += _SPOILT
                points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            kind, _, number = point.what.partition("-")
            findings = await (self._spoilt(world, kind) if kind in _SPOILT else self._struck(world, kind, int(number)))
            return Attempt(findings=findings, story=_story(world, kind) if findings else "")
        finally:
            await world.close()

    async def _struck(self, world: World, kind: str, number: int) -> list[Finding]:
        if kind in _FAILURES:
            world.fails_from, world.failure = number, _FAILURES[kind]
        elif kind == "suspend":
            world.strike = Strike(nth=number, ending=Ending.NEVER)
        else:

            def jump(write: int) -> None:
                if write == number:
                    world.step_clock(_JUMPS[kind])

            world.before_write = jump
        with suppress(JournalError):
            await world.run_through()
        if kind == "suspend":
            world.step_clock(timedelta(hours=9))
        await world.restart()
        world.before_write = None
        await world.run_through()
        return judge(world.evidence())

    async def _spoilt(self, world: World, kind: str) -> list[Finding]:
        await world.run_through()
        await world.restart()
        world.watcher.close()
        spoil(world, kind)
        said, before = len(world.wire.lines), world.evidence_of_mail()
        try:
            await world.run_through()
        except JournalError:
            refused = True
        else:
            refused = False
        sent = world.wire.lines[said:]
        if refused and not sent and world.evidence_of_mail() == before:
            return []
        words = f"a {kind} journal was {'refused' if refused else 'taken'}, and {len(sent)} commands were sent"
        return [Finding(what=Broken.UNJOURNALLED, words=words)]


def spoil(world: World, kind: str) -> None:
    """Make the journal's file what it must not be."""
    match kind:
        case "torn":
            size = world.path.stat().st_size
            with world.path.open("r+b") as file:
                file.truncate(size // 2 + 100)
        case "garbage":
            world.path.write_bytes(b"This is no journal. " * 1_000)
        case _:
            pragma = "application_id = 77" if kind == "foreign" else "user_version = 9999"
            connection = sqlite3.connect(world.path)
            connection.execute(f"PRAGMA {pragma}")
            connection.commit()
            connection.close()


def _story(world: World, kind: str) -> str:
    return world.wire.excerpt() if kind in _SPOILT else story_of(world)
