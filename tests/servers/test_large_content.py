"""A large message goes to a real server and comes back without being held."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.dovecot import DovecotAccount

SIZE_BYTES = 64 << 20
MOST_GROWTH_KIB = 16 << 10


def test_a_message_of_64_mib_is_appended_and_fetched_in_a_quarter_of_its_size(dovecot: DovecotAccount) -> None:
    place = (dovecot.host, str(dovecot.port), dovecot.user, dovecot.password, str(SIZE_BYTES))

    done = subprocess.run(
        [sys.executable, "-m", "tests.bench_imap.large_message", *place],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    before, peak = map(int, done.stdout.split())
    assert peak - before < MOST_GROWTH_KIB
