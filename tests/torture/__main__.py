"""Tries the whole fault catalogue, or one point of it: ``make torture``, ``python -m tests.torture --point POINT``."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.dovecot import Dovecot
from tests.torture.catalogue import SUITES, suite_named
from tests.torture.full_disks import FullDisks, points_of
from tests.torture.histories import try_histories
from tests.torture.odd_mail import complaints, fetched, mutated, samples
from tests.torture.real_servers import (
    FULL_SERVERS,
    MOST_MESSAGES,
    OLD_PROCESSES,
    SERVER_KILLS,
    try_overflows,
    try_processes,
)
from tests.torture.suites import SEED, Point, Suite, Tally, point_named, report, sample, shrink
from tests.torture.tallies import summary_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HISTORIES = 10_000
MUTATED = 5_000
PROCESSES = {SERVER_KILLS: 500, OLD_PROCESSES: 200}
_SHOWN = 3
_NAMED = 50


async def _one(text: str) -> int:
    point = point_named(text)
    with FullDisks() as full_disks:
        suite = full_disks if point.suite == full_disks.name else suite_named(point.suite)
        attempt = await suite.attempt(point)
    print(report(point, attempt, first=point) if attempt.findings else f"{point}: all promises are kept")
    return 1 if attempt.findings else 0


class _Whole:
    """The catalogue, suite by suite: what was asked for, what was tried and what failed."""

    def __init__(self, names: list[str], *, most: int | None, seed: object) -> None:
        self.tally, self.failures = Tally(), list[str]()
        self._names, self._most, self._seed = names, most, seed

    def try_all(self) -> None:
        for row in SUITES:
            if self._is_wanted(row.suite.name):
                with self._told(row.suite.name, row.suite.noun):
                    points = sample(asyncio.run(row.points()), self._count(row.in_torture), seed=self._seed)
                    asyncio.run(self._try(row.suite, points))
        others: dict[str, tuple[str, Callable[[], None]]] = {
            "histories": ("histories", self._histories),
            "odd-mail": ("odd mails", self._odd_mail),
            "server-kills": (SERVER_KILLS, lambda: self._processes(SERVER_KILLS)),
            "old-processes": (OLD_PROCESSES, lambda: self._processes(OLD_PROCESSES)),
        }
        others["full-servers"] = (FULL_SERVERS, self._overflows)
        others[FullDisks.name] = (FullDisks.noun, lambda: asyncio.run(self._full_disks()))
        for name, (noun, act) in others.items():
            if self._is_wanted(name):
                with self._told(name, noun):
                    act()

    def _is_wanted(self, name: str) -> bool:
        return not self._names or name in self._names

    def _count(self, most: int) -> int:
        return most if self._most is None else min(self._most, most)

    @contextmanager
    def _told(self, name: str, noun: str) -> Iterator[None]:
        started, used, failed = time.monotonic(), time.process_time(), len(self.failures)
        yield
        seconds, cpu = time.monotonic() - started, time.process_time() - used
        failures = f", {len(self.failures) - failed} FAILED" if len(self.failures) > failed else ""
        print(f"{name}: {self.tally.tried[noun]:,} in {seconds:.0f} s ({cpu:.0f} s of CPU){failures}", flush=True)

    async def _try(self, suite: Suite, points: list[Point]) -> None:
        """Try every point; the first few that break a promise are made smaller and shown."""
        shown = 0
        for point in points:
            attempt = await suite.attempt(point)
            self.tally.add(suite.noun, attempt)
            if attempt.findings:
                self.failures.append(str(point))
                shown += 1
                if shown <= _SHOWN:
                    smallest, last = await shrink(suite, point, attempt)
                    print(report(smallest, last, first=point), flush=True)

    def _histories(self) -> None:
        try:
            try_histories(self._count(HISTORIES), self.tally)
        except AssertionError as broken:
            self.failures.append("a history")
            print(broken, flush=True)

    def _odd_mail(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            mails = [*samples(), *mutated(MUTATED, seed=self._seed), *fetched(Path(folder))]
        mails = mails[: self._count(len(mails))]
        self.failures += complaints(mails)
        self.tally.tried["odd mails"] += len(mails)

    def _overflows(self) -> None:
        cases, rooms = ("everything", "copies", "moves", "deletes", "effects"), range(self._count(8))
        with Dovecot(most_messages=MOST_MESSAGES) as server:
            self._note(asyncio.run(try_overflows(server, tally=self.tally, cases=cases, rooms=rooms)))

    async def _full_disks(self) -> None:
        with FullDisks() as suite:
            points = sample(await points_of(suite), self._count(1_000_000), seed=self._seed)
            await self._try(suite, points)

    def _processes(self, noun: str) -> None:
        with Dovecot() as server:
            failures = asyncio.run(try_processes(server, noun, count=self._count(PROCESSES[noun]), tally=self.tally))
        self._note(failures)

    def _note(self, failures: list[str]) -> None:
        self.failures += [one.partition("\n")[0] for one in failures]
        print(*failures[:_SHOWN], sep="\n", end="\n" if failures else "", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--point", help="try this point alone, as a failure printed it")
    parser.add_argument("--suite", action="append", default=[], help="only this suite; may be repeated")
    parser.add_argument("--most", type=int, help="at most so many points of each suite")
    parser.add_argument("--seed", default=SEED, help="chooses the points where not all are tried")
    options = parser.parse_args()
    if options.point:
        return asyncio.run(_one(options.point))
    # What was imported stays, and each point leaves little behind: looking for cycles often costs a tenth of the time.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    whole = _Whole(options.suite, most=options.most, seed=options.seed)
    whole.try_all()
    print("\n".join(summary_lines(whole.tally)))
    if whole.failures:
        print(f"{len(whole.failures)} broke a promise:", *whole.failures[:_NAMED], sep="\n  ")
    return 1 if whole.failures else 0


if __name__ == "__main__":
    sys.exit(main())
