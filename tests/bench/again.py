"""How long a second dry run of all rules over a large mailbox takes over a slow line, and what a first one holds.

The mailbox is that of the retention job, the rules are those of the large one, and concern one message in a hundred.
The others do what they do each time: they look, and act on nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.contenders import HERE, REPOSITORY, Place, seconds_of
from tests.jobs import large_mailbox, retention
from tests.servers.mailbox_state import read_mailboxes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.dovecot import Dovecot

MESSAGES = int(os.environ.get("MAILRULES_AGAIN_MESSAGES", str(retention.MESSAGES)))
ROUNDS = 3
MOST_SECONDS = 2.0
MOST_MEBIBYTES = 400.0
USER = "again"


def mailrules(place: Place) -> list[str]:
    """Ours, with the state directory of the first dry run."""
    config, state = place.folder / "again.yaml", place.folder / "again-state"
    text = large_mailbox.configuration(
        host="127.0.0.1",
        port=place.port,
        user=place.user,
        password_file=place.server.password_file,
        compress=True,
    )
    first_kept = retention.first_kept_day(today=_today()).date()
    config.write_text(text.replace("{before: 2026-01-01}", f"{{before: {first_kept}}}"))
    return [sys.executable, "-m", "mailrules", "-c", str(config), "--state-dir", str(state), "dry-run"]


def imapclient(place: Place) -> list[str]:
    """The script by hand with IMAPClient."""
    return [sys.executable, "-m", "tests.bench.rival_imapclient", *place.address, "--look"]


def imapfilter(_place: Place) -> list[str]:
    """The configuration for imapfilter."""
    return ["env", "JOB_LOOK=1", "imapfilter", "-c", str(HERE / "rival_imapfilter.lua")]


CONTENDERS: tuple[Callable[[Place], list[str]], ...] = (mailrules, imapclient, imapfilter)


def measure(server: Dovecot, folder: Path, *, port: int) -> tuple[dict[str, list[float]], float]:
    """Seconds of each contender by round, and the MiB that the first dry run held at its peak."""
    server.fill(USER, "INBOX", retention.messages(MESSAGES, today=_today()))
    # Indexing is nobody's time.
    read_mailboxes(host="127.0.0.1", port=server.port, user=USER, password=server.password_file.read_text())
    place = Place(server=server, user=USER, port=port, folder=folder, is_remote=True)
    peak = peak_mebibytes(mailrules(place))
    times: dict[str, list[float]] = {contender.__name__: [] for contender in CONTENDERS}
    for _ in range(ROUNDS):
        for contender in CONTENDERS:
            times[contender.__name__].append(seconds_of(contender, place))
    return times, peak


def tell(times: dict[str, list[float]]) -> list[str]:
    """A line a contender."""
    return [
        f"{name:<12}{median(seconds):6.2f} s to look at {MESSAGES:,} messages again over the line"
        for name, seconds in times.items()
    ]


def peak_mebibytes(command: list[str]) -> float:
    """The largest resident set of a whole process. RuntimeError if it failed."""
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[:4]} ended with {process.returncode}")
    return usage.ru_maxrss / 1024


def _today() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 -- the contenders read the clock
