"""How does a test get a real Courier IMAP server of its own on loopback?

Courier's own login program finds its authentication daemon only at one path of the machine. So the
listener here greets and logs in, and hands each connection to Courier's imapd, as that program does.
"""

from __future__ import annotations

import re
import secrets
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.server_account import ServerAccount
from tests.servers.unpacked import HOST, Unpacked, UnpackedServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Self

PASSWORD = "pass"
QUOTA = "1000000S,1000C"
"""A megabyte and a thousand messages, as Courier's ``maildirsize`` has it."""

_CAPABILITIES = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
# The values of Debian's /etc/courier/imapd, and pushed news in IDLE.
_SETTINGS = {
    "PROTOCOL": "IMAP",
    "IMAP_CAPABILITY": _CAPABILITIES,
    "IMAP_ACL": "1",
    "IMAP_KEYWORDS": "1",
    "IMAP_USELOCKS": "1",
    "IMAP_ENHANCEDIDLE": "1",
    "IMAP_MAILBOX_SANITY_CHECK": "1",
    "IMAP_IDLE_TIMEOUT": "60",
    "IMAP_TRASHFOLDERNAME": "Trash",
    "TCPREMOTEIP": HOST,
}
_LINE_BYTES = 8192
_WORD = re.compile(r'"([^"]*)"|([^ "\r\n]+)')


class Courier(UnpackedServer):
    """One running Courier; ``account`` makes a user with an empty INBOX; other mailboxes are ``INBOX.Name``."""

    name = "courier"

    def __init__(self) -> None:
        super().__init__()
        self._listener: socket.socket | None = None
        self._accepting: threading.Thread | None = None

    def account(self, user: str) -> ServerAccount:
        """A new user of this name, with the quota ``QUOTA``."""
        maildir = self._home(user) / "Maildir"
        if not maildir.exists():
            self._unpacked.make_folder(f"mail/{user}")
            self._run("usr/bin/maildirmake.courier", "-q", QUOTA, str(maildir))
        return ServerAccount(
            host=HOST,
            port=self.port,
            user=user,
            password=PASSWORD,
            password_file=self._unpacked.folder / "password",
            prefix="INBOX.",
        )

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return (self._unpacked.folder / "log").read_text(errors="replace")

    def start(self) -> Self:
        """Start to listen. Raises ServerMissing."""
        self._files = files = Unpacked(self.name)
        (files.folder / "log").touch()
        (files.folder / "password").write_text(PASSWORD)
        (files.folder / "password").chmod(0o600)
        # imapd asks the file alteration monitor for news; it would start one that outlives us.
        self._monitor_name = f"mailrules-{secrets.token_hex(8)}"
        with (files.folder / "log").open("ab") as log:
            self._processes.append(
                files.start(["usr/libexec/gam_server", "--notimeout", self._monitor_name], stdout=log, stderr=log)
            )
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name="courier", daemon=True)
        self._accepting.start()
        return self

    def stop(self) -> None:
        """Stop to listen, end the processes of all connections, and remove the folder."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        if self._accepting is not None:
            self._accepting.join()
        super().stop()

    def _home(self, user: str) -> Path:
        return self._unpacked.folder / "mail" / user

    def _run(self, *command: str) -> None:
        with (self._unpacked.folder / "log").open("ab") as log:
            code = self._unpacked.start(command, stderr=log).wait()
        if code:
            raise RuntimeError(f"{command[0]} ended with {code}; the log:\n{self.log}")

    def _accept(self) -> None:
        listener = self._listener
        while listener is not None:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed by ``stop``
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                login = _log_in(connection, knows=lambda user: self._home(user).exists())
            except OSError:  # the client went away before it logged in
                return
            if login is not None:
                self._hand_over(connection, user=login.user, tag=login.tag)

    def _hand_over(self, connection: socket.socket, *, user: str, tag: str) -> None:
        settings = {
            **_SETTINGS,
            "AUTHENTICATED": user,
            "AUTHADDR": user,
            "IMAPLOGINTAG": tag,
            "GAM_CLIENT_ID": self._monitor_name,
            "TCPREMOTEPORT": str(connection.getpeername()[1]),
        }
        with (self._unpacked.folder / "log").open("ab") as log:
            process = self._unpacked.start(
                ["usr/bin/imapd", "Maildir"],
                stdin=connection,
                stdout=connection,
                stderr=log,
                folder=self._home(user),
                environment=settings,
            )
        self._processes.append(process)
        connection.close()  # the connection is imapd's now
        process.wait()


@dataclass(frozen=True, slots=True)
class _LoggedIn:
    tag: str
    user: str


def _log_in(connection: socket.socket, *, knows: Callable[[str], bool]) -> _LoggedIn | None:
    """What Courier's imaplogin says until a LOGIN succeeds; None where the client leaves before."""
    connection.sendall(b"* OK [CAPABILITY %b] Courier-IMAP ready.\r\n" % _CAPABILITIES.encode())
    while (line := _read_line(connection)).strip():
        tag, name, *arguments = [quoted or atom for quoted, atom in _WORD.findall(line)] + [""]
        match name.upper():
            case "CAPABILITY":
                answer = f"* CAPABILITY {_CAPABILITIES}\r\n{tag} OK CAPABILITY completed\r\n"
            case "NOOP":
                answer = f"{tag} OK NOOP completed\r\n"
            case "LOGIN" if arguments[1:2] == [PASSWORD] and knows(arguments[0]):
                return _LoggedIn(tag, arguments[0])
            case "LOGIN":
                answer = f"{tag} NO Login failed.\r\n"
            case "LOGOUT":
                answer = f"* BYE Courier-IMAP server shutting down\r\n{tag} OK LOGOUT completed\r\n"
            case _:
                answer = f"{tag} NO Error in IMAP command received by server.\r\n"
        connection.sendall(answer.encode())
        if name.upper() == "LOGOUT":
            return None
    return None


def _read_line(connection: socket.socket) -> str:
    """One line and no byte more, for what follows it is imapd's."""
    line = b""
    while not line.endswith(b"\n") and len(line) < _LINE_BYTES and (byte := connection.recv(1)):
        line += byte
    return line.decode("ascii", "replace")
