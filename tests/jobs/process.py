"""How does a test run ``mailrules`` as a process of its own, that it can signal, kill and wait for?

The processes are forked from one that has loaded the program (``tests.jobs.forking``); what starting it
for the first time does, and how long that takes, is proved where ``python -m mailrules`` itself is run.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self, TextIO

_REPOSITORY = Path(__file__).parents[2]


class Process:
    """``mailrules`` with these arguments, started at once; in its use like ``subprocess.Popen`` with text in pipes."""

    def __init__(self, *words: str) -> None:
        out, stdout = os.pipe()
        err, stderr = os.pipe()
        told, telling = os.pipe()
        self.returncode: int | None = None
        self.stdout, self.stderr = (os.fdopen(one, encoding="utf-8") for one in (out, err))
        self._told = os.fdopen(told, "rb", buffering=0)
        self._readers: list[threading.Thread] = []
        self._said: dict[TextIO, str] = {}
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 -- a device, not a file of the test's
            _forks().order(words, descriptors=(nothing.fileno(), stdout, stderr, telling))
        for one in (stdout, stderr, telling):
            os.close(one)
        self.pid = int(self._line())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait()
        self._close()

    def poll(self) -> int | None:
        """Its exit status if it has ended: below zero the signal that ended it."""
        return self.returncode if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status when it has ended. Raises subprocess.TimeoutExpired where that takes longer."""
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired("mailrules", timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for it to end, and give what it said. Raises subprocess.TimeoutExpired where that takes longer."""
        if not self._readers:
            self._readers = [threading.Thread(target=self._read, args=(one,)) for one in (self.stdout, self.stderr)]
            for reader in self._readers:
                reader.start()
        self.wait(timeout)
        for reader in self._readers:
            reader.join()
        self._close()
        return self._said[self.stdout], self._said[self.stderr]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def ends_before(self, descriptor: int) -> bool:
        """Wait until it ends, or until there is something to be read here; whether it has ended."""
        return self.returncode is not None or self._told in select.select([self._told, descriptor], [], [])[0]

    def _has_ended(self, timeout: float | None) -> bool:
        if self.returncode is None and select.select([self._told], [], [], timeout)[0]:
            self.returncode = int(self._line())
            self._told.close()
        return self.returncode is not None

    def _line(self) -> bytes:
        line = self._told.readline()
        if not line:
            raise RuntimeError(f"the process that forks has ended: {_forks().last_words()}")
        return line

    def _read(self, stream: TextIO) -> None:
        self._said[stream] = stream.read()

    def _close(self) -> None:
        self.stdout.close()
        self.stderr.close()


class _Forks:
    """The process that forks; it ends with the one that asks, since its orders end then."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.forking", str(theirs.fileno())],
            cwd=_REPOSITORY,
            stdin=subprocess.DEVNULL,
            # Pipes, as each program has: Python sets up its streams for what they are when it starts.
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()

    def order(self, words: Sequence[str], *, descriptors: Sequence[int]) -> None:
        """Have a program started with these arguments, on these descriptors."""
        order = {"words": words, "environment": dict(os.environ), "folder": str(Path.cwd())}
        with self._lock:
            socket.send_fds(self._orders, [json.dumps(order).encode()], descriptors)

    def last_words(self) -> str:
        """What it said of its end."""
        return self._process.communicate()[1].decode()

    def end(self) -> None:
        """Let it end."""
        self._orders.close()
        self._process.communicate()


@cache
def _forks() -> _Forks:
    forks = _Forks()
    atexit.register(forks.end)
    return forks
