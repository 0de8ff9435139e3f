"""How long a retention sweep of a large mailbox takes over a slow line: ours, and the same by other means.

Each contender has an account of its own, and after each round what was moved is put back, off the clock.
"""

from __future__ import annotations

import imaplib
import os
import shutil
import sys
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.contenders import HERE, Place, seconds_of
from tests.jobs import retention

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.dovecot import Dovecot

MESSAGES = int(os.environ.get("MAILRULES_RETENTION_MESSAGES", str(retention.MESSAGES)))
ROUNDS = 3
MOST_SECONDS = 2.0


def mailrules(place: Place) -> list[str]:
    """Ours, with a state directory that is new: nothing is known of the mailbox."""
    config, state = place.folder / f"{place.user}.yaml", place.folder / f"{place.user}-state"
    config.write_text(
        retention.configuration(port=place.port, user=place.user, password_file=place.server.password_file)
    )
    shutil.rmtree(state, ignore_errors=True)
    program = [sys.executable, "-m", "mailrules", "-c", str(config), "--state-dir", str(state)]
    return [*program, "run", "--once", "--yes"]


def imapclient(place: Place) -> list[str]:
    """The script by hand with IMAPClient."""
    return [sys.executable, "-m", "tests.bench.rival_retention", *place.address]


def imapfilter(_place: Place) -> list[str]:
    """The configuration for imapfilter."""
    return ["imapfilter", "-c", str(HERE / "rival_retention.lua")]


CONTENDERS: tuple[Callable[[Place], list[str]], ...] = (mailrules, imapclient, imapfilter)


def measure(server: Dovecot, folder: Path, *, port: int) -> dict[str, list[float]]:
    """Seconds of each contender by round; RuntimeError if one did not do the job."""
    password = server.password_file.read_text()
    today = datetime.now(UTC)  # noqa: TID251 -- the contenders read the clock
    for contender in CONTENDERS:
        server.fill(_user(contender), "INBOX", retention.messages(MESSAGES, today=today))
        _restore(server, _user(contender), password=password)
    times: dict[str, list[float]] = {contender.__name__: [] for contender in CONTENDERS}
    for _ in range(ROUNDS):
        for contender in CONTENDERS:
            user = _user(contender)
            place = Place(server=server, user=user, port=port, folder=folder, is_remote=True)
            times[contender.__name__].append(seconds_of(contender, place))
            moved = _restore(server, user, password=password)
            if moved != retention.too_old(MESSAGES):
                wanted = retention.too_old(MESSAGES)
                raise RuntimeError(f"{contender.__name__} moved {moved} messages, and {wanted} are too old")
    return times


def tell(times: dict[str, list[float]]) -> list[str]:
    """A line a contender."""
    return [
        f"{name:<12}{median(seconds):6.2f} s to sweep {MESSAGES:,} messages over the line"
        for name, seconds in times.items()
    ]


def _user(contender: Callable[[Place], list[str]]) -> str:
    return f"retention-{contender.__name__}"


def _restore(server: Dovecot, user: str, *, password: str) -> int:
    """Put back what lies in the trash, and have the server index INBOX: that is nobody's time. How many came back."""
    with imaplib.IMAP4("127.0.0.1", server.port) as client:
        client.login(user, password)
        _, (count,) = client.select("Trash")
        moved = int(count or 0)
        if moved:
            client._simple_command("MOVE", "1:*", "INBOX")
        client.select("INBOX", readonly=True)
        client.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
    return moved
