"""How does the in-memory server write the name of a mailbox, and other words of its own?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.imap.mailbox_name import encode_mailbox_name

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN_NAME = re.compile(rb"[A-Za-z0-9!#$&'+,./:;<=>?@^_`|}~-]+")


def shown_name(name: str) -> bytes:
    return astring(encode_mailbox_name(name))


def astring(raw: bytes) -> bytes:
    if _PLAIN_NAME.fullmatch(raw):
        return raw
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def format_set(numbers: Sequence[int]) -> bytes:
    """Ascending numbers as a sequence set."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return b",".join(b"%d" % first if first == last else b"%d:%d" % (first, last) for first, last in ranges)
