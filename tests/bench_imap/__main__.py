"""The client's speed and memory, as ratios and sizes within one run: ``make bench-imap``.

Sections: speed, large; both without arguments. The exit status is 1 if a claim does not hold.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from mailrules.testing.varied_mailbox import varied_mailbox
from tests.bench_imap import contenders
from tests.servers.dovecot import HOST, PASSWORD, Dovecot

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.settings import AccountSettings

    Contender = Callable[[AccountSettings, str], tuple[float, int]]

MESSAGES = 20_000
ROUNDS = 5
LARGE_BYTES = 1 << 30
MOST_KIB = 64 << 10
REPOSITORY = Path(__file__).parents[2]

JOBS: dict[str, tuple[Contender, Contender, Contender]] = {
    "flags, date, size and envelope": (
        contenders.mailrules_envelope,
        contenders.imaplib_envelope,
        contenders.imapclient_envelope,
    ),
    "chosen header fields": (
        contenders.mailrules_header,
        contenders.imaplib_header,
        contenders.imapclient_header,
    ),
}


def speed(server: Dovecot) -> bool:
    """Turn by turn, so that a drifting machine slows all alike."""
    server.fill("speed", "INBOX", varied_mailbox(MESSAGES, seed=1))
    account = server.account("speed").settings()
    contenders.imaplib_envelope(account, PASSWORD)  # the server's own indexing is nobody's time
    contenders.imaplib_header(account, PASSWORD)
    holds = True
    for job, clients in JOBS.items():
        times: dict[str, list[float]] = {client.__name__: [] for client in clients}
        for _ in range(ROUNDS):
            for client in clients:
                seconds, count = client(account, PASSWORD)
                if count != MESSAGES:
                    raise RuntimeError(f"{client.__name__} saw {count} of {MESSAGES} messages; its time means nothing")
                times[client.__name__].append(seconds)
        for name, seconds_each in times.items():
            print(f"{name:<24}{median(seconds_each):6.2f} s")
        ours, unparsed, _ = (times[client.__name__] for client in clients)
        ratio = median(one / other for one, other in zip(ours, unparsed, strict=True))
        holds &= _claim(f"{job}: mailrules, typed / imaplib, unparsed", ratio, most=2.0)
    return holds


def large(server: Dovecot) -> bool:
    """A message of 1 GiB there and back, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench_imap.large_message"]
    command += [HOST, str(server.port), "large", PASSWORD, str(LARGE_BYTES)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    before, peak = map(int, done.stdout.split())
    print(f"1 GiB appended and fetched: {before} KiB before, peak {peak} KiB")
    return _claim("MiB of memory for the whole process", peak / 1024, most=MOST_KIB / 1024)


def _claim(what: str, value: float, *, most: float) -> bool:
    holds = value <= most
    print(f"{what}: {value:.2f} (at most {most:.2f}){'  HOLDS' if holds else '  DOES NOT HOLD'}", flush=True)
    return holds


def main(sections: list[str]) -> int:
    parts = {"speed": speed, "large": large}
    with Dovecot() as server:
        results = [parts[name](server) for name in sections or parts]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
