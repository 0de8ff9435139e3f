"""How does a test run a server of Debian's that is unpacked into a folder, not installed?

``.ci/unpack-server`` unpacks them below ``.servers``: Debian lets only one IMAP server be installed.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

HOST = "127.0.0.1"
INSTALL_COMMAND = "make servers"

_SERVERS = Path(__file__).parents[2] / ".servers"
_LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib", "usr/lib/courier-authlib")
_END_SECONDS = 10


class ServerMissing(Exception):
    """The server is not unpacked; the message holds the command that does it."""


class Unpacked:
    """A server's programs in a new folder directly among the temporary files, where sockets have short names.

    Started as root its processes run as ``nobody``, else as whoever starts them; they end with the
    process that started them. ``release`` removes the folder.
    """

    def __init__(self, name: str) -> None:
        unpacked = _SERVERS / name
        if not (unpacked / ".unpacked").exists():
            raise ServerMissing(f"{name} is not unpacked; run: {INSTALL_COMMAND}")
        self._resources = ExitStack()
        place = self._resources.enter_context(tempfile.TemporaryDirectory(prefix=f"mailrules-{name}-"))
        self.folder = Path(place)
        nobody = pwd.getpwnam("nobody")
        self._owner = (nobody.pw_uid, nobody.pw_gid) if os.geteuid() == 0 else None
        self.give(self.folder)
        self.programs = self.folder / "programs"
        # Copied, since "nobody" may not be let into the folder of the checkout.
        shutil.copytree(unpacked, self.programs, symlinks=True)

    @property
    def user_name(self) -> str:
        """Whom the processes run as."""
        return pwd.getpwuid(self._owner[0] if self._owner else os.geteuid()).pw_name

    @property
    def group_name(self) -> str:
        """The group that they run as."""
        return grp.getgrgid(self._owner[1] if self._owner else os.getegid()).gr_name

    def make_folder(self, name: str) -> Path:
        """A new folder of the processes' user, with those above it."""
        path = self.folder
        for part in Path(name).parts:
            path /= part
            if not path.exists():
                path.mkdir(mode=0o755)
                self.give(path)
        return path

    def write(self, name: str, text: str) -> Path:
        """A file of the processes' user, mode 0600."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        self.give(path)
        return path

    def give(self, path: Path) -> None:
        """Make a path the processes' user's."""
        if self._owner is not None:
            os.chown(path, *self._owner)

    def start(
        self,
        command: Sequence[str],
        *,
        stdin: int | socket.socket = subprocess.DEVNULL,
        stdout: int | socket.socket | IO[bytes] = subprocess.DEVNULL,
        stderr: IO[bytes],
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program, given by its path below ``programs``, with nothing of our own environment."""
        program, *arguments = command
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", str(self.programs / program), *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=folder or self.folder,
            # Cyrus ends by a signal to its process group, in which other servers of "nobody" would be.
            start_new_session=True,
            user=self._owner[0] if self._owner else None,
            group=self._owner[1] if self._owner else None,
            extra_groups=[] if self._owner else None,
            env={
                "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
                "LD_LIBRARY_PATH": ":".join(str(self.programs / name) for name in _LIBRARIES),
                **(environment or {}),
            },
        )

    def release(self) -> None:
        """Remove the folder."""
        self._resources.close()


class UnpackedServer(ABC):
    """The life of such a server, to be used with ``with``; ``port`` is where it listens, on ``HOST``."""

    name: ClassVar[str]
    """Its folder below ``.servers``."""

    def __init__(self) -> None:
        self.port = 0
        self._files: Unpacked | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    @abstractmethod
    def start(self) -> Self:
        """Return when it can be spoken to. Raises ServerMissing or RuntimeError."""

    def stop(self) -> None:
        """End its processes and remove its folder."""
        for process in self._processes:
            end(process)
        self._processes.clear()
        if self._files is not None:
            self._files.release()
            self._files = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _unpacked(self) -> Unpacked:
        if self._files is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._files


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that ``start`` made, and wait for it."""
    process.terminate()
    try:
        process.wait(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_ports(count: int) -> tuple[int, ...]:
    """Ports that nobody listens on at this moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return tuple(each.getsockname()[1] for each in sockets)
