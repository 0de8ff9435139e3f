"""Tries the whole fault catalogue, or one point of it: ``make torture``, ``python -m tests.torture --point POINT``."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from tests.torture.catalogue import SUITES, suite_named
from tests.torture.suites import SEED, Tally, point_named, sample, shrink


async def _one(text: str) -> int:
    point = point_named(text)
    suite = suite_named(point.suite)
    attempt = await suite.attempt(point)
    return 1 if attempt.findings else 0


async def _whole(names: list[str], *, most: int | None, seed: object) -> int:
    tally, failures = Tally(), []
    for row in SUITES:
        if names and row.suite.name not in names:
            continue
        time.monotonic()
        points = sample(await row.points(), most or row.in_torture, seed=seed)
        for point in points:
            attempt = await row.suite.attempt(point)
            tally.add(row.suite.noun, attempt)
            if attempt.findings:
                failures.append(str(point))
                if len(failures) <= 3:
                    _smallest, _shown = await shrink(row.suite, point, attempt)
    if failures:
        pass
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
    return asyncio.run(_whole(options.suite, most=options.most, seed=options.seed))


if __name__ == "__main__":
    sys.exit(main())
