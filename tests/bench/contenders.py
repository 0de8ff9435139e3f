"""The ways to do the job, each as a whole process against an account of its own on the same server."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from tests.jobs import large_mailbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.dovecot import Dovecot

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PATIENCE_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a contender finds its mail."""

    server: Dovecot
    user: str
    port: int
    folder: Path
    is_remote: bool = False
    """Over the slow line, which only looks like a connection within this machine."""

    @property
    def address(self) -> list[str]:
        return ["127.0.0.1", str(self.port), self.user, self.server.password_file.read_text()]


def mailrules(place: Place) -> list[str]:
    """Ours: judged, journalled, confirmed and reversible."""
    return [*mailrules_command(place), "run", "--once", "--yes"]


def mailrules_command(place: Place) -> list[str]:
    """The program with a configuration for the job, and a state directory that is new."""
    config = place.folder / f"{place.user}.yaml"
    config.write_text(configuration_of(place))
    state = place.folder / f"{place.user}-state"
    return [sys.executable, "-m", "mailrules", "-c", str(config), "--state-dir", str(state)]


def configuration_of(place: Place) -> str:
    """The file for the job."""
    return large_mailbox.configuration(
        host="127.0.0.1",
        port=place.port,
        user=place.user,
        password_file=place.server.password_file,
        compress=True if place.is_remote else None,
    )


def imapclient(place: Place) -> list[str]:
    """The script by hand with IMAPClient."""
    return [sys.executable, "-m", "tests.bench.rival_imapclient", *place.address]


def imapfilter(_place: Place) -> list[str]:
    """The configuration for imapfilter."""
    return ["imapfilter", "-c", str(HERE / "rival_imapfilter.lua")]


def floor(place: Place) -> list[str]:
    """What the server needs: the plan is made beforehand, off the clock."""
    plan = place.folder / "plan.json"
    if not plan.exists():
        done = _run([*mailrules_command(place), "dry-run", "--json"], place)
        plan.write_text(done.stdout)
    return [sys.executable, "-m", "tests.bench.floor", *place.address, str(plan)]


def floor_by_250(place: Place) -> list[str]:
    """The floor with the same work cut into commands of 250 messages."""
    return [*floor(place), "250"]


def floor_by_500(place: Place) -> list[str]:
    """The floor with commands of 500 messages, as ours are."""
    return [*floor(place), "500"]


def seconds_of(contender: Callable[[Place], list[str]], place: Place) -> float:
    """Run it to its end; the time of the whole process. RuntimeError with what it said if it failed."""
    command = contender(place)
    start = perf_counter()
    _run(command, place)
    return perf_counter() - start


def _run(command: list[str], place: Place) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / ".imapfilter").mkdir()
        host, port, user, password = place.address
        # Installed programs have their byte code; without it, Python would compile all sources each time.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        job = {"JOB_HOST": host, "JOB_PORT": port, "JOB_USER": user, "JOB_PASSWORD": password, "HOME": home}
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=environment | job,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{command[:4]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done
