"""Whatever breaks off in the middle of a run: the next run completes the job, nothing lost and nothing doubled.

The oracle looks from outside: after the interrupted run and one normal run the mailboxes hold exactly
what the plan made before promises.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pytest

from tests.end_to_end.job import Ended, Job, ending_of
from tests.servers.proxy import Line, Proxy
from tests.servers.small_disk import small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.jobs.process import Process
    from tests.servers.dovecot import Dovecot
    from tests.servers.mailbox_state import Contents

Fault: TypeAlias = Callable[[Job], Ended]
"""A run that something happens to."""

_SIDE_BY_SIDE = 10
"""A recovery waits five seconds for the old connection's commands to end; the waits overlap."""

_SLOW_LINE_SECONDS = 0.03

_READING = (b"LIST", b"UID FETCH")
_CHANGING = (b"UID STORE", b"UID COPY", b"UID MOVE")


class _Undisturbed(NamedTuple):
    """What a run does that nothing happens to."""

    sent: bytes
    received_bytes: int
    end: Contents

    def middle_of(self, command: bytes) -> int:
        """An offset in what is sent."""
        start, end = self._span(command)
        return (start + end) // 2

    def end_of(self, command: bytes) -> int:
        """An offset in what is sent."""
        return self._span(command)[1]

    def _span(self, command: bytes) -> tuple[int, int]:
        """Where the middle one of the commands of this name stands."""
        spans = [one.span() for one in re.finditer(rb"A\d+ " + command + rb" [^\r]*\r\n", self.sent)]
        return spans[len(spans) // 2]


@pytest.fixture(scope="module")
def undisturbed(dovecot_server: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> _Undisturbed:
    job = Job.create(dovecot_server, tmp_path_factory.mktemp("undisturbed"))
    end = job.expected()
    with Proxy(Line(server_port=job.account.port, record=True)) as proxy:
        job.configure(port=proxy.port)
        job.run("run", "--once", "--yes")
        traffic = proxy.traffic
    assert job.contents() == end
    job.configure()
    assert "Nothing to do" in job.run("run", "--once", "--yes").out
    return _Undisturbed(sent=traffic.sent(), received_bytes=traffic.bytes_received, end=end)


def test_a_line_that_breaks_in_or_after_any_command(
    dovecot_server: Dovecot, tmp_path: Path, undisturbed: _Undisturbed
) -> None:
    faults = {}
    for command in (*_READING, b"CREATE", *_CHANGING):
        faults[f"in {command!r}"] = _broken_line(cut_after_sent=undisturbed.middle_of(command))
    for command in _CHANGING:
        faults[f"after {command!r}"] = _broken_line(cut_after_sent=undisturbed.end_of(command))

    endings = _suffered(dovecot_server, tmp_path, faults, end=undisturbed.end)

    for name, ended in endings.items():
        while_reading = any(repr(one) in name for one in _READING)
        told = ended.err if while_reading else ended.out
        assert ended.status == (5 if while_reading else 7), f"{name}: {ended.all}"
        assert re.search(r"127\.0\.0\.1:\d+: (the server closed the connection|receiving failed)", told), name
        if while_reading or "unknown: " in told:
            assert "un it again: it first settles what" in told, f"{name}: {ended.all}"


def test_a_line_that_breaks_in_an_answer(dovecot_server: Dovecot, tmp_path: Path, undisturbed: _Undisturbed) -> None:
    faults = {
        f"{left} bytes before the end": _broken_line(cut_after_received=undisturbed.received_bytes - left)
        for left in (700, 1_700, 3_300, 60_000)
    }

    for name, ended in _suffered(dovecot_server, tmp_path, faults, end=undisturbed.end).items():
        assert ended.status in {5, 7}, f"{name}: {ended.all}"


def test_a_server_process_that_is_killed(dovecot_server: Dovecot, tmp_path: Path, undisturbed: _Undisturbed) -> None:
    places = {repr(command): undisturbed.end_of(command) for command in _CHANGING}
    faults = {name: _dead_server(sent_bytes) for name, sent_bytes in places.items()}
    # Killed in a MOVE, Dovecot keeps the message and may lose its keywords: recovery sets them again.
    for name, ended in _suffered(dovecot_server, tmp_path, faults, end=undisturbed.end).items():
        assert ended.status in {0, 5, 7}, f"{name}: {ended.all}"


def test_a_run_that_is_killed(dovecot_server: Dovecot, tmp_path: Path, undisturbed: _Undisturbed) -> None:
    places = {repr(command): undisturbed.end_of(command) for command in (b"UID FETCH", b"CREATE", *_CHANGING)}
    faults = {name: _struck_after(sent_bytes, _kill_run) for name, sent_bytes in places.items()}

    for name, ended in _suffered(dovecot_server, tmp_path, faults, end=undisturbed.end).items():
        assert ended.status == -signal.SIGKILL, f"{name}: {ended.all}"


def test_a_run_that_is_interrupted_ends_with_130(
    dovecot_server: Dovecot, tmp_path: Path, undisturbed: _Undisturbed
) -> None:
    places = {repr(command): undisturbed.end_of(command) for command in (b"UID FETCH", b"UID MOVE")}
    faults = {name: _struck_after(sent_bytes, _interrupt_run) for name, sent_bytes in places.items()}

    for name, ended in _suffered(dovecot_server, tmp_path, faults, end=undisturbed.end).items():
        assert ended.status == 130, f"{name}: {ended.all}"
        assert "mailrules: interrupted" in ended.err, f"{name}: {ended.all}"
        assert "Traceback" not in ended.err, f"{name}: {ended.all}"


def test_a_disk_that_is_full_from_the_start_or_gets_full(
    dovecot_server: Dovecot, tmp_path: Path, undisturbed: _Undisturbed
) -> None:
    faults = {f"{room_bytes} bytes left": _full_disk(room_bytes) for room_bytes in (0, 40_000, 100_000, 160_000)}

    for name, ended in _suffered(dovecot_server, tmp_path, faults, end=undisturbed.end).items():
        assert ended.status == 1, f"{name}: {ended.all}"
        assert re.search(
            "cannot (use the journal|write the lock file) .*(disk is full|no space left).*free some space",
            ended.err.lower(),
        ), f"{name}: {ended.all}"


def test_a_new_journal_on_a_full_disk(dovecot_server: Dovecot, tmp_path: Path) -> None:
    job = Job.create(dovecot_server, tmp_path, messages=10)
    before = job.mailboxes()
    with small_disk(tmp_path) as disk:
        full = job.at(disk.folder / "state")
        disk.leave(0)

        ended = full.run("run", "--once", "--yes", status=1, under=disk.entrance)

        assert str(disk.folder) in ended.err
        assert "space" in ended.err
        assert job.mailboxes() == before
        disk.free()
        expected = job.expected()
        full.run("run", "--once", "--yes", under=disk.entrance)
    assert job.contents() == expected


def _suffered(
    server: Dovecot,
    folder: Path,
    faults: Mapping[str, Fault],
    *,
    end: Contents,
) -> dict[str, Ended]:
    """Let each fault happen to a job of its own, and prove that the next run completes it."""

    def suffer(name: str) -> Ended:
        job = Job.create(server, folder)
        ended = faults[name](job)
        job.configure()
        recovered = job.run("run", "--once", "--yes", status=None)
        story = f"{name}\n{ended.all}\n{recovered.all}"
        assert recovered.status == 0, story
        difference = _difference(job.contents(), end)
        assert not difference, f"{story}{difference}"
        return ended

    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        return dict(zip(faults, pool.map(suffer, faults), strict=True))


def _difference(found: Contents, expected: Contents) -> str:
    """What is too much, and what is missing."""
    nothing: Counter[tuple[str, frozenset[str]]] = Counter()
    lines = []
    for name in sorted(found.keys() | expected.keys()):
        is_there, should_be = found.get(name, nothing), expected.get(name, nothing)
        lines += [f"+{count} in {name}: {one}" for one, count in (is_there - should_be).items()]
        lines += [f"-{count} in {name}: {one}" for one, count in (should_be - is_there).items()]
    return "\n".join(lines)


def _broken_line(*, cut_after_sent: int | None = None, cut_after_received: int | None = None) -> Fault:
    def run(job: Job) -> Ended:
        line = Line(server_port=job.account.port, cut_after_sent=cut_after_sent, cut_after_received=cut_after_received)
        with Proxy(line) as proxy:
            job.configure(port=proxy.port)
            return job.run("run", "--once", "--yes", status=None)

    return run


def _struck_after(sent_bytes: int, strike: Callable[[Job, Process], None]) -> Fault:
    """A run that is struck when it has sent so much; the line is slow, so that it is not over by then."""

    def run(job: Job) -> Ended:
        with Proxy(Line(server_port=job.account.port, round_trip_seconds=_SLOW_LINE_SECONDS)) as proxy:
            job.configure(port=proxy.port)
            process = job.start("run", "--once", "--yes")
            proxy.wait_for(process, bytes_delivered=sent_bytes)
            strike(job, process)
            return ending_of(process)

    return run


def _dead_server(sent_bytes: int) -> Fault:
    """A run whose server process is killed."""
    struck = _struck_after(sent_bytes, _kill_sessions)

    def run(job: Job) -> Ended:
        ended = struck(job)
        # What it held locked, Dovecot takes for abandoned after two minutes; so long a test does not wait.
        for lock in job.account.server.maildir(job.account.user).rglob("*.lock"):
            lock.unlink()
        return ended

    return run


def _kill_run(_job: Job, process: Process) -> None:
    process.kill()


def _interrupt_run(_job: Job, process: Process) -> None:
    process.send_signal(signal.SIGINT)


def _kill_sessions(job: Job, _process: Process) -> None:
    for process_id in _sessions_of(job):
        os.kill(process_id, signal.SIGKILL)


def _sessions_of(job: Job) -> Iterator[int]:
    """The server's processes that have files of this account open: those of its connections."""
    home = str(job.account.server.maildir(job.account.user))
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(one.readlink()).startswith(home) for one in (process / "fd").iterdir()):
                yield int(process.name)
        except OSError:  # it has ended meanwhile, or is not ours to look into
            continue


def _full_disk(room_bytes: int) -> Fault:
    """A run whose journal has so much room left; the journal itself is there already, and stays afterwards."""

    def run(job: Job) -> Ended:
        # A plan that is saved is noted in the journal, which a mere look does not make.
        job.run("dry-run", "--save", str(job.config.parent / "plan.json"))
        with small_disk(job.config.parent) as disk:
            full = job.at(disk.folder / "state")
            shutil.copytree(job.state, disk.view / full.state.name)
            disk.leave(room_bytes)
            ended = full.run("run", "--once", "--yes", status=None, under=disk.entrance)
            disk.free()
            shutil.rmtree(job.state)
            shutil.copytree(disk.view / full.state.name, job.state)
        return ended

    return run
