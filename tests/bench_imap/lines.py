"""Whether a million FETCH lines take no more memory than few, and each of them no more time.

What does grow is the map from sequence numbers to UIDs, 8 bytes for each message and for no more than a million.
"""

from __future__ import annotations

from statistics import mean

from tests.bench_imap.canned import canned_server, figures_of
from tests.bench_imap.claims import claim

FEW, MANY = 100_000, 1_000_000
MOST_GROWTH_MIB = 8.0
MOST_RATIO = 1.25
"""Linear but for what a busy machine makes of it."""


def lines() -> bool:
    """Each in a process of its own, on a server of its own; few before and after, against a drifting machine."""
    (few_kib, before), (many_kib, each), (_, after) = (_iterate(messages) for messages in (FEW, MANY, FEW))
    holds = claim(
        f"MiB of memory that {MANY:,} lines take more than {FEW:,}", (many_kib - few_kib) / 1024, most=MOST_GROWTH_MIB
    )
    ratio = each / mean((before, after))
    return claim(f"time for each of {MANY:,} lines / for each of {FEW:,}", ratio, most=MOST_RATIO) and holds


def _iterate(messages: int) -> tuple[float, float]:
    """Peak KiB above what the process had before, and microseconds for each message."""
    with canned_server(messages) as port:
        before, peak, seconds = figures_of("many_lines", port, str(messages))
    each = seconds / messages * 1e6
    print(
        f"{messages:,} FETCH lines: {before:.0f} KiB before, peak {peak:.0f} KiB, {seconds:.2f} s, {each:.1f} us each"
    )
    return peak - before, each
