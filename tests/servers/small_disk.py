"""How does a test get a disk that is nearly full, whoever runs it?"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_BYTES = 4096
"""A file takes up whole pages."""

_DISK_BYTES = 8 << 20
_FILES = 1_000
_MOUNT = 'mount -t tmpfs -o size="$2",nr_inodes="$3" tmpfs "$1" && echo mounted && exec cat'


class SmallDisk:
    """A folder with as much room as the test leaves, for programs that run under ``entrance``.

    A file system in memory, in a mount namespace of its own. Where the kernel grants nobody such a
    namespace (some containers), a limit on the size of files stands in for it: for what begins under ``entrance``
    afterwards, and for the server that runs already and is named in ``server``.
    """

    def __init__(self, folder: Path, *, holder: int | None) -> None:
        self.folder = folder
        self.server: int | None = None
        """The process id of a server that keeps its files here, once it runs."""
        self._holder = holder
        self._largest_file = 0

    @property
    def is_real(self) -> bool:
        """Whether it is a disk, and no limit that stands in for it."""
        return self._holder is not None

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
        if self.is_real:
            disk = os.statvfs(self.view)
            with _until_full():
                (self.view / "filler").write_bytes(bytes(max(0, disk.f_bavail * disk.f_frsize - room_bytes)))
        elif self.server is not None:
            self._limit_server(max(1, room_bytes))
        else:
            sizes = [one.stat().st_size for one in self.view.rglob("*") if one.is_file()]
            self._largest_file = room_bytes + max(sizes, default=1)

    def leave_files(self, count: int) -> None:
        """Take all names but so many; how much room there is stays. Only on a real disk."""
        assert self.is_real, "a limit on the size of files counts none"
        fillers = self.view / "fillers"
        with _until_full():
            fillers.mkdir()
            (fillers / "0").touch()
        # On a file system in memory another name of a file counts as a file.
        with _until_full():
            for number in range(1, os.statvfs(self.view).f_favail - count + 1):
                (fillers / str(number)).hardlink_to(fillers / "0")

    def free(self) -> None:
        """Give all room back."""
        self._largest_file = 0
        (self.view / "filler").unlink(missing_ok=True)
        if (self.view / "fillers").is_dir():
            shutil.rmtree(self.view / "fillers")
        if self.server is not None and not self.is_real:
            self._limit_server(None)

    def _limit_server(self, largest_file: int | None) -> None:
        """Where no disk is full, let the server's sessions write no larger files, those of now and those to come."""
        assert self.server is not None
        limit = "unlimited" if largest_file is None else largest_file
        owner = _owner(self.server) if os.geteuid() == 0 else None
        for process_id in (self.server, *_sessions(self.server)):
            # Root in a container may be denied what everybody may do to his own processes.
            subprocess.run(
                ["prlimit", f"--pid={process_id}", f"--fsize={limit}:"],
                check=process_id == self.server,  # a session may end meanwhile
                stderr=subprocess.DEVNULL,
                user=owner[0] if owner else None,
                group=owner[1] if owner else None,
                extra_groups=[] if owner else None,
            )


@contextmanager
def _until_full() -> Iterator[None]:
    """A server that writes meanwhile may take the last room before us."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def _owner(process_id: int) -> tuple[int, int]:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{process_id}/status").read_text().splitlines())
    return int(lines["Uid"].split()[0]), int(lines["Gid"].split()[0])


def _sessions(server: int) -> Iterator[int]:
    """Its processes that handle mail; one that logs must go on."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            head, _, rest = stat.read_text().rpartition(")")
            if int(rest.split()[1]) == server and head.endswith("(imap"):
                yield int(stat.parent.name)


@contextmanager
def small_disk(folder: Path, *, stands_in: bool = False) -> Iterator[SmallDisk]:
    """A disk of its own, gone at the end; ``stands_in`` as if the kernel granted no namespace."""
    point = folder / f"disk-{secrets.token_hex(4)}"
    point.mkdir(mode=0o1777)
    point.chmod(0o1777)
    if stands_in:
        yield SmallDisk(point, holder=None)
        return
    # A server that finds itself root in its namespace would become somebody else, whom there is none.
    as_user = () if os.geteuid() == 0 else ("--user", "--map-current-user", "--keep-caps")
    with subprocess.Popen(
        ["unshare", *as_user, "--mount", "sh", "-c", _MOUNT, "sh", str(point), str(_DISK_BYTES), str(_FILES)],
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
