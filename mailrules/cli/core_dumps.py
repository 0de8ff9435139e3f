"""How does a process that holds passwords keep its memory out of core dumps, and from other processes of its user?"""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def keep_memory_private() -> None:
    """A crash of this process leaves no file with its memory; programs that it starts are as they would be.

    A limit of zero is not looked at where the system pipes core dumps to a program of its own, as systemd does; on
    Linux a process that is not dumpable is left out there too, and cannot be traced by others of the same user.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
