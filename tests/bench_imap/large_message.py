"""Append a message of a given size to INBOX and fetch it back, in a process of its own, and tell what memory that took.

Usage: python -m tests.bench_imap.large_message HOST PORT USER PASSWORD SIZE_BYTES

Prints one line: the peak of resident memory before and after the transfers, in KiB. Fails unless what came back is
what was sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.client.connect import connect
from mailrules.imap.append_commands import Append
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.writer import StreamedLiteral
from mailrules.settings import AccountSettings, SecretReference, Security

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = b"Subject: large\r\n\r\n"
_LINE = b"x" * 998 + b"\r\n"
_LINES_PER_PIECE = 256


def message(size_bytes: int) -> Iterator[bytes]:
    """A message of exactly this size, line by line, in pieces."""
    left_bytes = size_bytes - len(_HEADER)
    yield _HEADER
    piece = _LINE * _LINES_PER_PIECE
    while left_bytes > len(piece):
        yield piece
        left_bytes -= len(piece)
    yield b"y" * (left_bytes - 2) + b"\r\n"


async def there_and_back(account: AccountSettings, size_bytes: int) -> bool:
    """Whether the message that was appended is the one that is fetched."""
    sent, received = hashlib.sha256(), hashlib.sha256()

    def read() -> Iterator[bytes]:
        for piece in message(size_bytes):
            sent.update(piece)
            yield piece

    async with await connect(account) as client:
        told = await client.upload(Append("INBOX", StreamedLiteral(size_bytes)), read())
        await client.run(Select("INBOX"))
        if told is None:
            raise RuntimeError("the server gave no APPENDUID")
        async with client.fetch_content(next(iter(told.uids))) as content:
            async for piece in content:
                received.update(piece)
    return sent.digest() == received.digest()


def peak_kib() -> int:
    """Of this program alone: what getrusage tells begins with the size of the process that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])


def main(host: str, port: str, user: str, password: str, size_bytes: str) -> int:
    with tempfile.NamedTemporaryFile("w") as secret:
        Path(secret.name).write_text(password)
        account = AccountSettings(
            name="large",
            user=user,
            secret=SecretReference(kind="file", value=secret.name),
            host=host,
            port=int(port),
            security=Security.NONE,
        )
        before = peak_kib()
        is_same = asyncio.run(there_and_back(account, int(size_bytes)))
    print(before, peak_kib())
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
