"""How does a process become ``python -m mailrules`` without loading it each time? It is forked from one that has.

Loading is nearly all that a short run costs. Only that is shared: each program is a process of its own, with its own
arguments, environment, folder and streams, and it ends as the interpreter does. ``tests.jobs.process`` asks for them.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys

import mailrules

MOST_BYTES = 1 << 17
_LEFT_OUT = ("mailrules.__main__", "mailrules.testing")


class _Forking:
    """Reads orders from a socket and tells each program's process id, and how it ended, through a pipe of its own."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._told: dict[int, int] = {}
        signal.signal(signal.SIGCHLD, self._tell_ends)

    def program(self) -> list[str] | None:
        """Fork until the orders end, None then; in the forked process its arguments come back."""
        while True:
            order, descriptors, _, _ = socket.recv_fds(self._orders, MOST_BYTES, 4)
            if not order:
                return None
            *streams, told = descriptors
            # A program that ends at once is not told of before it is known.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            process_id = os.fork()
            if process_id == 0:
                return self._become(json.loads(order), streams)
            self._told[process_id] = told
            os.write(told, b"%d\n" % process_id)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            for one in streams:
                os.close(one)

    def _become(self, order: dict[str, list[str] | dict[str, str] | str], streams: list[int]) -> list[str]:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        self._orders.detach()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 256)
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        return order["words"]

    def _tell_ends(self, *_: object) -> None:
        while self._told:
            process_id, status = os.waitpid(-1, os.WNOHANG)
            if not process_id:
                return
            told = self._told.pop(process_id)
            os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(told)


def _load() -> None:
    """Everything that any verb needs; what is not used costs the forked process nothing."""
    for module in pkgutil.walk_packages(mailrules.__path__, "mailrules."):
        if not module.name.startswith(_LEFT_OUT):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _load()
    words = _Forking(socket.socket(fileno=int(sys.argv[1]))).program()
    if words is not None:
        sys.argv = ["mailrules", *words]
        runpy.run_module("mailrules", run_name="__main__", alter_sys=True)
