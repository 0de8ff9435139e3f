"""Try very many inputs: ``python -m tests.fuzz.million --count 1000000 --seed 1``. Exit status 1 where one is a bug.

Every input goes to the cheap targets, one in fifty to the asyncio client too. Two processes share the work.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from random import Random

from tests.fuzz.mutation import corpus, inputs
from tests.fuzz.targets import CHEAP, serve

PROCESSES = 2
CLIENT_EVERY = 50


def try_many(seed: int, count: int) -> list[str]:
    """The bugs among so many inputs of this seed, each as target, input and error; at most ten."""
    bugs: list[str] = []
    for number, data in zip(range(count), inputs(Random(seed), corpus()), strict=False):
        for target in CHEAP if number % CLIENT_EVERY else (*CHEAP, serve):
            try:
                target(data)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
                bugs.append(f"{target.__name__}({data!r}): {type(error).__name__}: {error}")
        if len(bugs) >= 10:
            break
    return bugs


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=1_000_000)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    share = -(-chosen.count // PROCESSES)
    start = time.monotonic()
    with ProcessPoolExecutor(PROCESSES) as pool:
        seeds = [chosen.seed * PROCESSES + number for number in range(PROCESSES)]
        bugs = [bug for found in pool.map(try_many, seeds, [share] * PROCESSES) for bug in found]
    for bug in bugs:
        sys.stderr.write(bug + "\n")
    seconds = time.monotonic() - start
    sys.stdout.write(f"{share * PROCESSES:,} inputs, seed {chosen.seed}: {len(bugs)} bugs in {seconds:.0f} seconds\n")
    return 1 if bugs else 0


if __name__ == "__main__":
    sys.exit(main())
