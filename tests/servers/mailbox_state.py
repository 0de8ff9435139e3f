"""What does an account hold, seen from outside with the standard library's client, without touching it?"""

from __future__ import annotations

import imaplib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
_UID = re.compile(rb"UID (\d+)")
_MODSEQ = re.compile(rb"MODSEQ \((\d+)\)")
_NAME = re.compile(rb'\((?P<attributes>[^)]*)\) "." (?P<name>.+)')
_BATCH = 5_000

Contents = dict[str, Counter[tuple[str, frozenset[str]]]]
"""Mailbox to how often each (Message-ID, flags in lower case without ``\\recent``) is in it."""


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """One message as EXAMINE and PEEK show it; flags in lower case, ``\\recent`` among them."""

    uid: int
    message_id: str
    flags: frozenset[str]
    modseq: int


def mailbox_names(*, host: str, port: int, user: str, password: str) -> frozenset[str]:
    """All mailboxes that can be selected."""
    with imaplib.IMAP4(host, port) as client:
        client.login(user, password)
        return frozenset(_names(client))


def read_mailboxes(*, host: str, port: int, user: str, password: str) -> dict[str, tuple[SeenMessage, ...]]:
    """Every message of every mailbox, by EXAMINE."""
    with imaplib.IMAP4(host, port) as client:
        client.login(user, password)
        return {name: tuple(_messages(client, name)) for name in _names(client)}


def contents_of(mailboxes: dict[str, tuple[SeenMessage, ...]]) -> Contents:
    """The same without what a move changes: UIDs, MODSEQs and ``\\Recent``; empty mailboxes left out."""
    return {
        name: Counter((one.message_id, one.flags - {"\\recent"}) for one in messages)
        for name, messages in mailboxes.items()
        if messages
    }


def _names(client: imaplib.IMAP4) -> Iterator[str]:
    for line in client.list()[1]:
        found = _NAME.match(line) if isinstance(line, bytes) else None
        if found is not None and b"\\noselect" not in found["attributes"].lower():
            yield found["name"].decode().strip('"')


def _messages(client: imaplib.IMAP4, mailbox: str) -> Iterator[SeenMessage]:
    count = int(client.select(f'"{mailbox}"', readonly=True)[1][0] or 0)
    for start in range(1, count + 1, _BATCH):
        span = f"{start}:{min(start + _BATCH - 1, count)}"
        for item in client.fetch(span, "(UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
            if isinstance(item, tuple):
                yield SeenMessage(
                    uid=int(_found(_UID, item[0])),
                    message_id=b"".join(item[1].split()).decode("ascii", "replace"),
                    flags=frozenset(_found(_FLAGS, item[0]).decode().lower().split()),
                    modseq=int(_found(_MODSEQ, item[0])),
                )


def _found(pattern: re.Pattern[bytes], line: bytes) -> bytes:
    found = pattern.search(line)
    if found is None:
        raise AssertionError(f"the server's answer lacks {pattern.pattern!r}: {line!r}")
    return found[1]
