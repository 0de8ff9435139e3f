"""``python -m tests.soak [--losses 10000] [--seed 1]``: many lost connections, and what is left of them."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.soak.losses import soak

MOST_GROWTH = 1.25
"""How much more memory the end may take than the first fifth."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--losses", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    tally = asyncio.run(soak(chosen.losses, seed=chosen.seed))
    sys.stdout.write(
        f"{tally.losses} connections lost in {tally.seconds:.1f} s; "
        + ", ".join(f"{name} {number}" for name, number in sorted(tally.counts.items()))
        + f"\nmemory after a fifth {tally.kib_early:,} KiB, at the end {tally.kib_late:,} KiB; "
        f"tasks left {tally.tasks_left}, descriptors left {tally.descriptors_left}\n"
    )
    is_clean = tally.tasks_left == tally.descriptors_left == 0 and tally.kib_late <= MOST_GROWTH * tally.kib_early
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
