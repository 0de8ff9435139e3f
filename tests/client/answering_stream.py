"""A stream for code that blocks, whose server answers each thing it is sent as the test lays down."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mailrules.client.blocking_client import BlockingClient
from mailrules.imap.mailbox_commands import Select

if TYPE_CHECKING:
    from mailrules.imap.limits import Limits

GREETING = b"* PREAUTH [CAPABILITY IMAP4rev1 IDLE MOVE] hi\r\n"


class AnsweringStream:
    """``answer`` lays down what comes once exactly these bytes have been sent; each piece is one ``read``."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.is_closed = False
        self._turns: deque[tuple[bytes, tuple[bytes, ...]]] = deque()
        self._to_read: deque[bytes] = deque()
        self.reads = 0

    # -- the test's side

    def answer(self, wanted: bytes, *pieces: bytes) -> None:
        self._turns.append((wanted, pieces))

    def feed(self, *pieces: bytes) -> None:
        self._to_read.extend(pieces)

    @property
    def unread(self) -> int:
        return len(self._to_read)

    # -- the client's side

    @property
    def queued_bytes(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        self.sent += data
        while self._turns and self.sent.startswith(self._turns[0][0]):
            wanted, pieces = self._turns.popleft()
            del self.sent[: len(wanted)]
            self._to_read.extend(pieces)

    def read(self, *, seconds: float, or_sent: bool = False) -> bytes | None:
        del seconds
        if or_sent:
            return None
        assert self._to_read, f"nothing is laid down for {bytes(self.sent)!r}"
        self.reads += 1
        return self._to_read.popleft()

    def start_tls(self) -> None:
        raise AssertionError("no test wants TLS here")

    def start_compression(self, received: bytes) -> None:
        raise AssertionError(f"no test wants compression here: {received!r}")

    def break_off(self) -> None:
        raise AssertionError("no test closes from another thread here")

    def close(self) -> None:
        self.is_closed = True


def open_mailbox(*, limits: Limits | None = None) -> tuple[BlockingClient, AnsweringStream]:
    """INBOX is open; the next tag is A2."""
    stream = AnsweringStream()
    stream.feed(GREETING)
    client = BlockingClient(stream, clock=lambda: 0.0, **({} if limits is None else {"limits": limits}))
    client.start()
    stream.answer(b"A1 SELECT INBOX\r\n", b"* 5 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\nA1 OK\r\n")
    client.run(Select("INBOX"))
    return client, stream
