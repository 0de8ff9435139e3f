"""The client's speed and memory, as ratios and sizes within one run: ``make bench-imap``.

Sections: speed, large, idle, lines; all without arguments. The exit status is 1 if a claim does not hold.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench_imap.claims import claim
from tests.bench_imap.idle import idle
from tests.bench_imap.lines import lines
from tests.bench_imap.speed import speed
from tests.servers.dovecot import HOST, PASSWORD, Dovecot

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE_BYTES = 1 << 30
MOST_KIB = 64 << 10
REPOSITORY = Path(__file__).parents[2]


def large(server: Dovecot) -> bool:
    """A message of 1 GiB there and back, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench_imap.large_message"]
    command += [HOST, str(server.port), "large", PASSWORD, str(LARGE_BYTES)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    before, peak = map(int, done.stdout.split())
    print(f"1 GiB appended and fetched: {before} KiB before, peak {peak} KiB")
    return claim("MiB of memory for the whole process", peak / 1024, most=MOST_KIB / 1024)


def _on_dovecot(part: Callable[[Dovecot], bool]) -> bool:
    with Dovecot() as server:
        return part(server)


def main(sections: list[str]) -> int:
    parts: dict[str, Callable[[], bool]] = {
        "speed": partial(_on_dovecot, speed),
        "large": partial(_on_dovecot, large),
        "idle": idle,
        "lines": lines,
    }
    results = [parts[name]() for name in sections or parts]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
