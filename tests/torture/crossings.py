"""Moves and copies into an account on another server, cut off or killed at any command to either of them.

``write-N-before`` and ``write-N-after``: we are killed around the N-th commit. ``home-N-ENDING`` and ``work-N-ENDING``,
with ``-kill`` or without: at the N-th command to that server, as in ``kills``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.testing.mail_state import MailAccount
from tests.torture.cases import ACCOUNT, PASSWORD, contents_of
from tests.torture.endings import ending_of, endings_at
from tests.torture.judge import judge
from tests.torture.recording import RecordingStore, Strike
from tests.torture.suites import Attempt, Point, story_of
from tests.torture.world import Death, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailrules.settings import AccountSettings
    from tests.torture.cases import Case, Contents
    from tests.torture.judge import Evidence

WORK = "work"


class WorkStore(RecordingStore):
    """A connection to the other server: what goes there is journalled as the source's steps."""

    def __init__(self, world: CrossingWorld, *, strike: Strike | None) -> None:
        super().__init__(world, strike=strike, mail=world.work, account=WORK)

    def say(self, text: str, *, uids: Sequence[int] = (), mailbox: str = "", target: str = "") -> None:
        if self.world.is_dead or self.lost:
            return
        self._line = line = self.world.wire.say(self.number, f"{text}  [{WORK}]")
        if text.startswith("APPEND"):
            line.is_intended = self.world.watcher.knows("append", "INBOX", uids=(), target=f"{WORK}/{target}")
        elif line.is_writing:
            line.is_intended = self.world.watcher.knows(
                text.split(maxsplit=1)[0].lower(), mailbox, uids=uids, target=None
            )


class CrossingWorld(World):
    """A world with a second account, whose mailboxes are called ``work/...`` here."""

    work_store_type: type[WorkStore] = WorkStore

    def __init__(self, case: Case, profile: str = "all") -> None:
        super().__init__(case, profile)
        self.work = MailAccount("ann-at-work", password=PASSWORD)
        self.work.create("Kept")
        self.work_stores: list[WorkStore] = []
        self.work_strike: Strike | None = None
        self.before |= self._at_work()

    @property
    def rules(self) -> str:
        line = next(one for one in self.case.rules.splitlines() if one.startswith(f"  {ACCOUNT}:"))
        return self.case.rules.replace(line, f"{line}\n{line.replace(ACCOUNT, WORK, 1)}")

    async def connect(self, settings: AccountSettings) -> RecordingStore:
        if settings.name != WORK:
            return await super().connect(settings)
        store = self.work_store_type(self, strike=self.work_strike)
        self.work_strike = None
        self.work_stores.append(store)
        return store

    async def restart(self) -> None:
        await super().restart()
        self.work_strike = None

    def evidence(self, *, is_preview: bool = False, recent_before: Mapping[str, set[int]] | None = None) -> Evidence:
        evidence = super().evidence(is_preview=is_preview, recent_before=recent_before)
        evidence.after.update(self._at_work())
        return evidence

    def _at_work(self) -> Contents:
        return {f"{WORK}/{name}": contents for name, contents in contents_of(self.work, self.case).items()}


class Crossings:
    """The suite."""

    name, noun = "crossings", "crossings"

    def __init__(self, world_type: type[CrossingWorld] = CrossingWorld) -> None:
        self._world_type = world_type

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                writes, calls = await _undisturbed(case, profile)
                whats = endings_at(writes=writes, calls=calls)
                points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            word, ending = ending_of(point.what)
            if isinstance(ending, Death):
                world.death = ending
            elif word == WORK:
                world.work_strike = ending
            else:
                world.strike = ending
            await world.run_through()
            struck = world.is_dead or any(store.lost and store.strike for store in (*world.stores, *world.work_stores))
            if world.is_dead:
                world.wire.say(0, "(killed)")
                await world.restart()
            await world.run_through()
            await world.wait(0)  # what no recovery waited for
            findings = judge(world.evidence())
            return Attempt(findings=findings, story=story_of(world) if findings else "", is_tried=struck)
        finally:
            await world.close()


async def _undisturbed(case: Case, profile: str) -> tuple[int, dict[str, int]]:
    world = CrossingWorld(case, profile)
    try:
        await world.run_through()
        calls = {ACCOUNT: len(world.stores[0].calls), WORK: sum(len(store.calls) for store in world.work_stores[:1])}
        return world.death.writes, calls
    finally:
        await world.close()
