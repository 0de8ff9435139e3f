"""What a mailbox looks like from outside: every message's identity, flags and place, read with imaplib."""

from __future__ import annotations

import imaplib
import re
from collections import Counter

_ITEM = re.compile(rb"FLAGS \(([^)]*)\)")
_NAME = re.compile(rb'\((?P<attributes>[^)]*)\) "." (?P<name>.+)')
_BATCH = 5_000

State = dict[str, Counter[tuple[bytes, frozenset[bytes]]]]
"""Mailbox to how often each (Message-ID, flags) is in it."""


def read_state(*, host: str, port: int, user: str, password: str) -> State:
    """All mailboxes that hold messages; ``\\Recent`` is left out."""
    client = imaplib.IMAP4(host, port)
    client.login(user, password)
    state: State = {}
    for line in client.list()[1]:
        found = _NAME.match(line) if isinstance(line, bytes) else None
        if found is None or b"\\noselect" in found["attributes"].lower():
            continue
        name = found["name"].decode().strip('"')
        count = int(client.select(f'"{name}"', readonly=True)[1][0] or 0)
        messages: Counter[tuple[bytes, frozenset[bytes]]] = Counter()
        for start in range(1, count + 1, _BATCH):
            span = f"{start}:{min(start + _BATCH - 1, count)}"
            for item in client.fetch(span, "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
                if isinstance(item, tuple):
                    flags = _ITEM.search(item[0])
                    names = frozenset((flags[1] if flags else b"").lower().split()) - {b"\\recent"}
                    messages[b"".join(item[1].split()), names] += 1
        if messages:
            state[name] = messages
    client.logout()
    return state
