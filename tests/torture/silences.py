"""Silence in either direction, and answers that come byte by byte, in each phase of a session.

``NAME-N``: the N-th command of the name is never answered. ``stall-N``: the N-th FETCH stops in the middle of a
literal. ``greeting-N``: the line goes dead after N bytes of the first answers, ``unread-N``: after N of ours.
``trickle``: every byte comes, and goes, alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.testing.server_faults import (
    AtCommand,
    CutAfterReceived,
    CutAfterSent,
    Ending,
    Silence,
    StallInLiteral,
    Trickle,
)
from tests.torture.judge import judge
from tests.torture.sockets import SocketWorld
from tests.torture.suites import Attempt, Point, story_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.testing.server_faults import Fault
    from tests.torture.cases import Case

_COMMANDS = (
    "AUTHENTICATE", "ID", "LIST", "SELECT", "STATUS", "CREATE", "GETACL", "SETACL", "SUBSCRIBE", "UID FETCH",
    "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "LOGOUT",
)  # fmt: skip
PATIENCE_SECONDS = 0.3
"""How long we wait for an answer; a person is asked for minutes."""


class Silences:
    """The suite."""

    name, noun = "silences", "silences"

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                counts = await _undisturbed(case, profile)
                whats = [
                    f"{command.replace(' ', '_')}-{number}"
                    for command in _COMMANDS
                    for number in range(1, counts.get(command, 0) + 1)
                ]
                whats += [f"stall-{number}" for number in range(1, counts.get("UID FETCH", 0) + 1)]
                whats += [f"greeting-{count}" for count in (0, 1, 20, 200, 1_000, 2_000)]
                whats += [f"unread-{count}" for count in (1, 30, 100, 300, 500)]
                whats.append("trickle-1")
                points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        kind, number = point.what.rsplit("-", 1)
        world = SocketWorld(point.case, point.profile, _fault(kind, int(number)))
        world.patience_seconds = PATIENCE_SECONDS if kind != "trickle" else 60.0
        await world.start()
        try:
            await world.run_through()
            world.server.faults.clear()
            world.patience_seconds = 60.0
            await world.run_through()
            findings = judge(world.evidence())
            return Attempt(findings=findings, story=story_of(world) if findings else "")
        finally:
            await world.close()


def _fault(kind: str, number: int) -> Fault:
    match kind:
        case "greeting":
            return CutAfterSent(byte_count=number, ending=Ending.STALL)
        case "unread":
            return CutAfterReceived(byte_count=number, ending=Ending.STALL)
        case "trickle":
            return Trickle(byte_count=number)
        case "stall":
            return AtCommand(command="UID FETCH", reaction=StallInLiteral(), nth=number)
        case _:
            return AtCommand(command=kind.replace("_", " "), reaction=Silence(), nth=number)


async def _undisturbed(case: Case, profile: str) -> dict[str, int]:
    world = SocketWorld(case, profile)
    await world.start()
    try:
        await world.run_through()
        return {name: world.server.commands_seen.count(name) for name in _COMMANDS}
    finally:
        await world.close()
