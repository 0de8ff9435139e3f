"""Where do tests and their servers keep files? On a disk in memory, where there is one with room enough.

Each commit of a journal, and each change of Cyrus's databases, waits until the disk has it: the tests make thousands,
and none has to outlive the machine.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_MEMORY_DISK = Path("/dev/shm")
_ROOM_BYTES = 4 << 30


def use_memory_disk() -> None:
    """Let temporary files of this process and of those it starts be there, unless a place is named already."""
    if "TMPDIR" not in os.environ and _MEMORY_DISK.is_dir():
        disk = os.statvfs(_MEMORY_DISK)
        # Containers often forbid to run programs from it, which some tests write.
        if disk.f_bavail * disk.f_frsize >= _ROOM_BYTES and not disk.f_flag & os.ST_NOEXEC:
            os.environ["TMPDIR"] = str(_MEMORY_DISK)
            tempfile.tempdir = None  # whoever asked before has it remembered
