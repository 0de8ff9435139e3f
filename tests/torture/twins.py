"""Two mailrules, each with a journal of its own, on one account.

``N-lease``: the second starts before the N-th command of the first, and both use the lease: one of them acts, and all
is as if it were alone. ``N-free``: without it nothing may be lost; what both copied is there twice, as is documented.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING
from unittest.mock import patch  # to put working code in a name's place; nothing is mocked

import structlog

from mailrules import engine, session
from mailrules.errors import CommandRefused, ConnectionLost, LeaseHeld, LeaseLost
from mailrules.session import Leases
from tests.torture.judge import Broken, judge
from tests.torture.suites import Attempt, Point, story_of
from tests.torture.undisturbed import course_of
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from mailrules.settings import AccountSettings
    from tests.torture.cases import Case
    from tests.torture.recording import RecordingStore

_ACTING: ContextVar[Twin] = ContextVar("_ACTING")
_MAY_BE = frozenset({Broken.DOUBLED, Broken.WRONG_PLACE, Broken.WRONG_FLAGS, Broken.UNDONE})
"""What two without a lease may do to each other."""


class Twin(World):
    """One of the two."""

    def __init__(self, case: Case, profile: str, *, token: str, has_lease: bool) -> None:
        super().__init__(case, profile)
        self.has_lease, self._token = has_lease, token

    @property
    def rules(self) -> str:
        return self.case.rules.replace("port: 1,", "port: 1, lease: true,") if self.has_lease else self.case.rules

    def in_session(self) -> dict[str, object]:
        self.leases = Leases(token=self._token, now=self.now)
        return {"leases": self.leases}

    async def act(self) -> None:
        """One run, by itself or beside the other."""
        _ACTING.set(self)
        with suppress(LeaseHeld, LeaseLost, ConnectionLost, CommandRefused):
            await self.run()
        await self.leases.close()

    def _in_place(self) -> AbstractContextManager[None]:
        return nullcontext()


class Twins:
    """The suite."""

    name, noun = "twins", "twins"

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                calls = (await course_of(case, profile)).calls
                points += [
                    Point(suite=self.name, case=case, profile=profile, what=f"{number}-{kind}")
                    for number in range(1, calls + 1)
                    for kind in ("lease", "free")
                ]
        return points

    async def attempt(self, point: Point) -> Attempt:
        number, kind = point.what.split("-")
        first = Twin(point.case, point.profile, token="a" * 32, has_lease=kind == "lease")
        second = Twin(point.case, point.profile, token="b" * 32, has_lease=kind == "lease")
        second.mail, second.wire = first.mail, first.wire
        structlog.configure(processors=[first._note], cache_logger_on_first_use=False)
        try:
            with patch.object(engine, "connect_store", _connect), patch.object(session, "connect_store", _connect):
                await _both(first, second, at=int(number))
                # The one that acted knows what it did; a ledger is not shared.
                await asyncio.create_task((second if second.death.writes > first.death.writes else first).act())
            findings = judge(first.evidence(), is_settled=kind == "lease")
            if kind == "free":
                findings = [one for one in findings if one.what not in _MAY_BE]
            return Attempt(findings=findings, story=story_of(first) if findings else "")
        finally:
            structlog.reset_defaults()
            await first.close()
            await second.close()


async def _both(first: Twin, second: Twin, *, at: int) -> None:
    calls = 0
    tasks: list[asyncio.Task[None]] = []

    def start(_call: str) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            tasks.append(asyncio.create_task(second.act()))

    first.between = start
    await asyncio.create_task(first.act())
    first.between = None
    await asyncio.gather(*tasks)


async def _connect(settings: AccountSettings) -> RecordingStore:
    return await _ACTING.get().connect(settings)
