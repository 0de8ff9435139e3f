"""Effects that go through the outbox, and a receiver, a process or a journal that fails at any point of the way.

``write-N-before`` and ``write-N-after``: we are killed around the N-th commit. ``post-N-HOW``: in the N-th attempt the
receiver is not ``reached``, puts us off for ``later``, takes it and its answer is ``lost``; or we are killed
``kill-before`` the outcome may be unknown, once it may be (``kill-begun``), or when it has arrived (``kill-done``).
``-known`` after it: the receiver knows again what it has had, and says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

from mailrules.execution.effects import EffectOutcome, Prepared
from tests.torture.judge import judge
from tests.torture.suites import Attempt, Point, story_of
from tests.torture.world import Death, World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.execution.effects import Attempt as OutboxAttempt
    from mailrules.execution.effects import EffectCall
    from tests.torture.cases import Case

_HOWS = ("reached", "later", "lost", "kill-before", "kill-begun", "kill-done")
_RUNS = 3
"""What waits is due a day later, and what disposes of the message comes after that."""


class PostingWorld(World):
    """A world whose effects go through the outbox."""

    def __init__(self, case: Case, profile: str = "all") -> None:
        super().__init__(case, profile)
        self.fails_at, self.how = 0, ""
        self.knows_again = False
        self.attempts = 0
        self._had: set[str] = set()

    @property
    def rules(self) -> str:
        return self.case.rules.replace("do: [ring]", "do: [post]")

    def in_session(self) -> dict[str, object]:
        return {"state_directory": self.folder}

    async def prepare_post(self, call: EffectCall, _source: object, file: BinaryIO, _settings: object) -> Prepared:
        file.write(call.message_id.encode())
        return Prepared(recipient="receiver", is_repeatable=self.knows_again)

    async def attempt_post(self, attempt: OutboxAttempt) -> EffectOutcome:
        self.attempts += 1
        how = self.how if self.attempts == self.fails_at else ""
        if how == "reached":
            raise ConnectionRefusedError("nobody listens there")
        if how == "later":
            return EffectOutcome(done=False, detail="not now", retry_seconds=60.0)
        self._may_die(how, "kill-before")
        await attempt.begin()
        self._may_die(how, "kill-begun")
        self.take(attempt.call)
        self._may_die(how, "kill-done")
        if how == "lost":
            raise TimeoutError("no answer")
        return EffectOutcome(done=True)

    def take(self, call: EffectCall) -> None:
        """It has arrived."""
        self.wire.say(0, f"({call.effect} for UID {call.uid})")
        if not self.knows_again or call.idempotency_key not in self._had:
            self.sink.calls.append(call)
        self._had.add(call.idempotency_key)

    def _may_die(self, how: str, here: str) -> None:
        if how == here:
            self.kill()


class Posting:
    """The suite."""

    name, noun = "posting", "posts"

    def __init__(self, world_type: type[PostingWorld] = PostingWorld) -> None:
        self._world_type = world_type

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                writes, posts = await _undisturbed(case, profile)
                whats = [f"write-{number}-{side}" for number in range(1, writes + 1) for side in ("before", "after")]
                whats += [f"post-{number}-{how}" for number in range(1, posts + 1) for how in _HOWS]
                whats += [f"{what}-known" for what in whats]
                points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            world.knows_again = point.what.endswith("-known")
            kind, number, how = point.what.removesuffix("-known").split("-", 2)
            if kind == "write":
                world.death = Death(at_write=int(number), is_written=how == "after")
            else:
                world.fails_at, world.how = int(number), how
            for _ in range(_RUNS):
                await world.run_through()
                if world.is_dead:
                    world.wire.say(0, "(killed)")
                    await world.restart()
                world.step_clock(timedelta(days=1))
            await world.run_through()
            findings = judge(world.evidence())
            return Attempt(findings=findings, story=story_of(world) if findings else "")
        finally:
            await world.close()


async def _undisturbed(case: Case, profile: str) -> tuple[int, int]:
    world = PostingWorld(case, profile)
    try:
        await world.run_through()
        return world.death.writes, world.attempts
    finally:
        await world.close()
