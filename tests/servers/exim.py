"""How does a test get a real SMTP server of its own on loopback: Exim of Debian, which refuses what it is asked to?"""

from __future__ import annotations

import re
import socket
import subprocess
from typing import TYPE_CHECKING

from tests.servers.unpacked import HOST, Unpacked, UnpackedServer, free_ports

if TYPE_CHECKING:
    from typing import Self

_CONNECT_ATTEMPTS = 3_000
_ATTEMPT_SECONDS = 0.02

# Recipients that begin with these are refused there; a subject does it for the whole message after the dot.
CONFIGURATION = """\
exim_path = {programs}/usr/sbin/exim4
spool_directory = {folder}/spool
log_file_path = {folder}/log-%slog
pid_file_path = {folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
primary_hostname = sink.example
qualify_domain = sink.example
never_users =
deliver_drop_privilege
queue_only
message_size_limit = 64M
smtp_accept_max = 50
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data

begin acl
acl_rcpt:
  defer local_parts = later
        message = try later
  deny  local_parts = never
        message = never
  accept

acl_data:
  defer condition = ${{if match{{$h_subject:}}{{later after the dot}}}}
        message = try later
  deny  condition = ${{if match{{$h_subject:}}{{never after the dot}}}}
        message = never
  accept

begin routers
all:
  driver = accept
  transport = box

begin transports
box:
  driver = appendfile
  directory = {folder}/box
  maildir_format
  create_directory
"""


class Exim(UnpackedServer):
    """One running Exim, which takes mail for everybody."""

    name = "exim"

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        names = ("log-mainlog", "log-rejectlog", "log-paniclog", "output")
        paths = (self._unpacked.folder / name for name in names)
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())

    def accepted(self) -> list[str]:
        """The Message-IDs of all mail that was taken; Exim logs them before it answers to the dot."""
        path = self._unpacked.folder / "log-mainlog"
        log = path.read_text(errors="replace") if path.exists() else ""
        return re.findall(r"^\S+ \S+ \S+ <= .* id=(\S+)", log, re.MULTILINE)

    def start(self) -> Self:
        """Start to listen. Raises ServerMissing."""
        self._files = files = Unpacked(self.name)
        (self.port,) = free_ports(1)
        program = files.programs / "usr/sbin/exim4"
        # Nothing here needs to be root.
        program.chmod(0o755)
        files.make_folder("spool")
        text = CONFIGURATION.format(programs=files.programs, folder=files.folder, port=self.port)
        configuration = files.write("exim.conf", text)
        with (files.folder / "output").open("ab") as output:
            process = files.start(
                ["usr/sbin/exim4", "-C", str(configuration), "-bdf"],
                stdout=output,
                stderr=output,
                environment=self._users(),
            )
        self._processes.append(process)
        self._wait_until_it_listens(process)
        return self

    def _users(self) -> dict[str, str]:
        """Debian's Exim looks for its own user when it starts: the one that it runs as goes by that name here."""
        owner = self._unpacked.folder.stat()
        passwd = self._unpacked.write(
            "passwd",
            f"Debian-exim:x:{owner.st_uid}:{owner.st_gid}::/:/bin/false\n"
            f"{self._unpacked.user_name}:x:{owner.st_uid}:{owner.st_gid}::/:/bin/false\nroot:x:0:0::/:/bin/false\n",
        )
        group = self._unpacked.write(
            "group",
            f"Debian-exim:x:{owner.st_gid}:\n{self._unpacked.group_name}:x:{owner.st_gid}:\nroot:x:0:\nmail:x:8:\n",
        )
        return {
            "LD_PRELOAD": str(self._unpacked.programs / "usr/lib/x86_64-linux-gnu/libnss_wrapper.so"),
            "NSS_WRAPPER_PASSWD": str(passwd),
            "NSS_WRAPPER_GROUP": str(group),
        }

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(_CONNECT_ATTEMPTS):
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            try:
                process.wait(timeout=_ATTEMPT_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            raise RuntimeError(f"Exim has ended; its log:\n{self.log}")
        raise RuntimeError(f"Exim does not listen; its log:\n{self.log}")
