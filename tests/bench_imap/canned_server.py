"""A server whose every answer is known beforehand, so that what is measured is the client; run as a process of its own.

Usage: python -m tests.bench_imap.canned_server MESSAGES [CERTIFICATE.pem]

Prints its port on one line. With a certificate it speaks TLS from the first byte. INBOX has MESSAGES messages with
UIDs from 1; any STATUS counts the connections that are in IDLE, and CHECK tells each of those of a new message.
It ends when its standard input does.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import sys

from tests.servers.dovecot import HOST

_CAPABILITIES = b"CAPABILITY IMAP4rev1 IDLE LITERAL+"
_FETCH = rb"* %d FETCH (UID %d FLAGS (\Seen $Forwarded) RFC822.SIZE 4096)"
_BACKLOG = 512
_RECEIVED_BYTES = 64 << 10


class Session:
    """One connection; each command is answered at once, by ``sendall``, in the order they came."""

    def __init__(self, connection: socket.socket, server: CannedServer) -> None:
        self.connection, self._server = connection, server
        self._received = bytearray()
        self._idle_tag = b""
        self.send(b"* OK [" + _CAPABILITIES + b"] canned")

    @property
    def is_idling(self) -> bool:
        return bool(self._idle_tag)

    def send(self, *lines: bytes) -> None:
        self.connection.sendall(b"\r\n".join((*lines, b"")))

    def receive(self) -> bool:
        """Take what is there; False when the client has gone."""
        data = self.connection.recv(_RECEIVED_BYTES)
        self._received += data
        *lines, rest = self._received.split(b"\r\n")
        self._received = bytearray(rest)
        for line in lines:
            self._answer(bytes(line))
        return bool(data)

    def _answer(self, line: bytes) -> None:
        if self._idle_tag:  # the line is DONE
            self.send(self._idle_tag + b" OK done")
            self._idle_tag = b""
            return
        tag, name, *words = line.split(b" ")
        match name:
            case b"EXAMINE":
                self.send(*self._server.mailbox_lines(), tag + b" OK [READ-ONLY] done")
            case b"UID":
                first, _, last = words[1].partition(b":")
                self.send(*self._server.fetch_lines(int(first), last), tag + b" OK done")
            case b"IDLE":
                self._idle_tag = tag
                self.send(b"+ idling")
            case b"STATUS":
                self.send(b"* STATUS %b (MESSAGES %d)" % (words[0], self._server.idling), tag + b" OK done")
            case b"CHECK":
                self._server.tell_idling()
                self.send(tag + b" OK done")
            case b"LOGIN" | b"AUTHENTICATE":
                self.send(tag + b" OK [" + _CAPABILITIES + b"] done")
            case _:
                self.send(tag + b" BAD not known here: " + name)


class CannedServer:
    """All connections of one process, in one thread."""

    def __init__(self, messages: int, context: ssl.SSLContext | None) -> None:
        self._messages, self._context = messages, context
        self._selector = selectors.DefaultSelector()
        self._sessions: set[Session] = set()
        self._listener = socket.create_server((HOST, 0), backlog=_BACKLOG)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin, selectors.EVENT_READ)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def idling(self) -> int:
        """How many connections are in IDLE."""
        return sum(session.is_idling for session in self._sessions)

    def mailbox_lines(self) -> tuple[bytes, ...]:
        return (
            b"* FLAGS (\\Seen \\Deleted)",
            b"* %d EXISTS" % self._messages,
            b"* OK [UIDVALIDITY 1] valid",
            b"* OK [UIDNEXT %d] next" % (self._messages + 1),
        )

    def fetch_lines(self, first: int, last: bytes) -> tuple[bytes, ...]:
        """One for each UID of the range; ``last`` may be ``*`` or, for a single UID, empty."""
        end = self._messages if last == b"*" else min(int(last or first), self._messages)
        return tuple(_FETCH % (uid, uid) for uid in range(first, end + 1))

    def tell_idling(self) -> None:
        for session in self._sessions:
            if session.is_idling:
                session.send(b"* %d EXISTS" % (self._messages + 1))

    def serve(self) -> None:
        """Until standard input ends."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._receive(key.data)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True)
        session = Session(connection, self)
        self._sessions.add(session)
        self._selector.register(connection, selectors.EVENT_READ, session)

    def _receive(self, session: Session) -> None:
        try:
            is_there = session.receive()
        except ConnectionError:
            is_there = False
        if not is_there:
            self._selector.unregister(session.connection)
            session.connection.close()
            self._sessions.discard(session)


def main(messages: str, certificate: str = "") -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = CannedServer(int(messages), context)
    print(server.port, flush=True)
    server.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
