"""A connection that sends lines as they are, answers or not: probes do what no client of ours would."""

from __future__ import annotations

import re
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tests.servers.dovecot import DovecotAccount
    from tests.servers.server_account import ServerAccount

_SECONDS = 20
_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


class Wire:
    """Logged in to an account."""

    def __init__(self, account: DovecotAccount | ServerAccount) -> None:
        self._socket = socket.create_connection((account.host, account.port), timeout=_SECONDS)
        self._file = self._socket.makefile("rb")
        self._count = 0
        self._file.readline()
        self.ask(f'LOGIN {account.user} "{account.password}"')

    def send(self, command: str) -> str:
        """Send a command and do not wait for its answer; its tag."""
        self._count += 1
        self._socket.sendall(f"P{self._count} {command}\r\n".encode())
        return f"P{self._count}"

    def answer(self, tag: str) -> list[bytes]:
        """All lines up to the tagged one, which is the last; literals stand in their lines."""
        lines = []
        while not lines or not lines[-1].startswith(f"{tag} ".encode()):
            line = self._file.readline()
            while found := _LITERAL.search(line):
                line += self._file.read(int(found[1])) + self._file.readline()
            if not line:
                raise ConnectionError("the server has ended the connection")
            lines.append(line.rstrip(b"\r\n"))
        return lines

    def ask(self, command: str) -> list[bytes]:
        return self.answer(self.send(command))

    def ok(self, command: str) -> list[bytes]:
        """Ask, and see that the answer is OK."""
        lines = self.ask(command)
        assert lines[-1].split()[1] == b"OK", lines[-1]
        return lines

    def append(self, mailbox: str, message: bytes, *, flags: str = "") -> None:
        self._count += 1
        tag = f"P{self._count}"
        self._socket.sendall(f"{tag} APPEND {mailbox} ({flags}) {{{len(message)}}}\r\n".encode())
        assert self._file.readline().startswith(b"+")
        self._socket.sendall(message + b"\r\n")
        assert self.answer(tag)[-1].split()[1] == b"OK"

    def fill(self, mailbox: str, count: int) -> list[str]:
        """Make a mailbox of so many messages; their Message-IDs."""
        self.ask(f"CREATE {mailbox}")
        ids = [f"<{number}.{mailbox}@example.org>" for number in range(count)]
        for message_id in ids:
            self.append(mailbox, f"Message-ID: {message_id}\r\nSubject: probe\r\n\r\nx\r\n".encode())
        return ids

    def ids(self, mailbox: str) -> list[str]:
        """The Message-IDs in a mailbox, sorted."""
        if self.ask(f"EXAMINE {mailbox}")[-1].split()[1] != b"OK":
            return []
        lines = self.ask("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        return sorted(found[1].decode() for line in lines if (found := re.search(rb"(<[^>]+>)", line)))

    def status(self, mailbox: str, item: str) -> int:
        (line,) = [one for one in self.ok(f"STATUS {mailbox} ({item})") if one.startswith(b"* STATUS")]
        found = re.search(rf"{item} (\d+)".encode(), line)
        assert found is not None
        return int(found[1])

    def reset(self) -> None:
        """End the connection by a TCP reset, as a network does that dies."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
