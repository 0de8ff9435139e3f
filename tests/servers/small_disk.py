"""How does a test get a disk that is nearly full, whoever runs it?"""

from __future__ import annotations

import os
import secrets
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DISK_BYTES = 8 << 20
_MOUNT = 'mount -t tmpfs -o size="$2" tmpfs "$1" && echo mounted && exec cat'


class SmallDisk:
    """A folder with as much room as the test leaves, for programs that run under ``entrance``.

    A file system in memory, in a mount namespace of its own. Where the kernel grants nobody such a
    namespace (some containers), a limit on the size of files stands in for it.
    """

    def __init__(self, folder: Path, *, holder: int | None) -> None:
        self.folder = folder
        self._holder = holder
        self._largest_file = 0

    @property
    def view(self) -> Path:
        """The folder as the test sees it, through the process that holds the namespace."""
        return self.folder if self._holder is None else Path(f"/proc/{self._holder}/root{self.folder}")

    @property
    def entrance(self) -> tuple[str, ...]:
        """The command under which a program sees the folder, and its limits."""
        if self._holder is not None:
            as_user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
            return ("nsenter", f"--target={self._holder}", *as_user, "--mount")
        if not self._largest_file:
            return ()
        # Python does not look whether its byte code was written whole, and would leave others half a module.
        return ("prlimit", f"--fsize={self._largest_file}:", "env", "PYTHONDONTWRITEBYTECODE=1")

    def leave(self, room_bytes: int) -> None:
        """Take all room but so much."""
        disk = os.statvfs(self.view)
        if self._holder is not None:
            (self.view / "filler").write_bytes(bytes(max(0, disk.f_bavail * disk.f_frsize - room_bytes)))
        sizes = [one.stat().st_size for one in self.view.rglob("*") if one.is_file()]
        self._largest_file = room_bytes + max(sizes, default=1)

    def free(self) -> None:
        """Give all room back."""
        self._largest_file = 0
        (self.view / "filler").unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A disk of its own, gone at the end."""
    point = folder / f"disk-{secrets.token_hex(4)}"
    point.mkdir()
    as_user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    with subprocess.Popen(
        ["unshare", *as_user, "--mount", "sh", "-c", _MOUNT, "sh", str(point), str(_DISK_BYTES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as holder:
        assert holder.stdout is not None
        if holder.stdout.readline():
            yield SmallDisk(point, holder=holder.pid)
        else:
            yield SmallDisk(point, holder=None)
        holder.communicate()  # the end of its input ends it
