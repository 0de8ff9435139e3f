"""Tries the whole fault catalogue, or one point of it: ``make torture``, ``python -m tests.torture --point POINT``."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.torture.catalogue import SUITES, suite_named
from tests.torture.histories import try_histories
from tests.torture.odd_mail import complaints, fetched, mutated, samples
from tests.torture.suites import SEED, Point, Suite, Tally, point_named, report, sample, shrink
from tests.torture.tallies import summary_lines

HISTORIES = 10_000
MUTATED = 5_000
_SHOWN = 3
_NAMED = 50


async def _one(text: str) -> int:
    point = point_named(text)
    attempt = await suite_named(point.suite).attempt(point)
    print(report(point, attempt, first=point) if attempt.findings else f"{point}: all promises are kept")
    return 1 if attempt.findings else 0


async def _try(suite: Suite, points: list[Point], tally: Tally, failures: list[str]) -> None:
    """Try every point; the first few that break a promise are made smaller and shown."""
    for point in points:
        attempt = await suite.attempt(point)
        tally.add(suite.noun, attempt)
        if attempt.findings:
            failures.append(str(point))
            if len(failures) <= _SHOWN:
                smallest, shown = await shrink(suite, point, attempt)
                print(report(smallest, shown, first=point), flush=True)


def _whole(names: list[str], *, most: int | None, seed: object) -> int:
    tally, failures = Tally(), list[str]()
    for row in SUITES:
        if names and row.suite.name not in names:
            continue
        started = time.monotonic()
        wanted = row.in_torture if most is None else min(most, row.in_torture)
        points = sample(asyncio.run(row.points()), wanted, seed=seed)
        asyncio.run(_try(row.suite, points, tally, failures))
        print(f"{row.suite.name}: {len(points):,} in {time.monotonic() - started:.0f} s", flush=True)
    if not names or "histories" in names:
        started = time.monotonic()
        try:
            try_histories(HISTORIES if most is None else min(most, HISTORIES), tally)
        except AssertionError as broken:
            failures.append("a history")
            print(broken)
        print(f"histories: {tally.tried['histories']:,} in {time.monotonic() - started:.0f} s", flush=True)
    if not names or "odd-mail" in names:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            mails = [*samples(), *mutated(MUTATED, seed=seed), *fetched(Path(folder))]
        mails = mails if most is None else mails[:most]
        failures += complaints(mails)
        tally.tried["odd mails"] += len(mails)
        print(f"odd mail: {len(mails):,} in {time.monotonic() - started:.0f} s", flush=True)
    print("\n".join(summary_lines(tally)))
    if failures:
        print(f"{len(failures)} broke a promise:", *failures[:_NAMED], sep="\n  ")
    return 1 if failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--point", help="try this point alone, as a failure printed it")
    parser.add_argument("--suite", action="append", default=[], help="only this suite; may be repeated")
    parser.add_argument("--most", type=int, help="at most so many points of each suite")
    parser.add_argument("--seed", default=SEED, help="chooses the points where not all are tried")
    options = parser.parse_args()
    if options.point:
        return asyncio.run(_one(options.point))
    return _whole(options.suite, most=options.most, seed=options.seed)


if __name__ == "__main__":
    sys.exit(main())
