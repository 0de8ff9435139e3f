"""Could two programs read this header differently, so that a message is not what a rule takes it for?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.mailbox.address import parse_addresses
from mailrules.mailbox.message import Unreadable
from mailrules.mailbox.text import decode_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

ONCE_FIELDS = (
    "from",
    "sender",
    "reply-to",
    "date",
    "subject",
    "message-id",
    "content-type",
    "content-transfer-encoding",
)
"""Fields that a message has at most once (RFC 5322 section 3.6, RFC 2045 section 3), and all that is looked at."""

_PLAIN_AUTHOR = re.compile(
    rb"(?:[A-Za-z0-9 .'_-]*+<[A-Za-z0-9.+_-]++@[A-Za-z0-9.-]++>|[A-Za-z0-9.+_-]++@[A-Za-z0-9.-]++)"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def is_plain(name: str, values: tuple[bytes, ...]) -> bool:
    """Whether a field, one of ``ONCE_FIELDS``, is certainly no reason to call a message ambiguous; told quickly.

    Of most mail every field is: what is not has to be looked at by ``why_ambiguous``.
    """
    if len(values) != 1:
        return not values
    (value,) = values
    if b"\0" in value or b"\r" in value:
        return False
    if name == "from":
        return _PLAIN_AUTHOR.fullmatch(value) is not None
    return name != "content-type" or not value.lower().startswith(b"multipart/")


def why_ambiguous(occurrences: Mapping[str, tuple[bytes, ...]]) -> str:
    """The first defect of a header, by its raw fields under their lower-case names; "" where there is none."""
    for name in ONCE_FIELDS:
        values = occurrences.get(name)
        if not values:
            continue
        if len(values) > 1:
            return f"{len(values)} {_title(name)} fields"
        (value,) = values
        if b"\0" in value or (b"\r" in value and b"\r" in value.replace(b"\r\n", b"\n")):
            return f"a NUL or a bare CR in the {_title(name)} field"
    return _defect_of_author(occurrences) or _defect_of_structure(occurrences)


def _defect_of_author(occurrences: Mapping[str, tuple[bytes, ...]]) -> str:
    for raw in occurrences.get("from", ()):
        addresses = parse_addresses(raw)
        if isinstance(addresses, Unreadable):
            return ""  # too complex is a verdict of its own
        outside = _QUOTED.sub("", decode_bytes(raw))
        if '"' in outside:
            return "an open quote in the From field"
        separators = outside.count(",") + outside.count(";")
        brackets = outside.count("<")
        if brackets > len(addresses) or len(addresses) > separators + 1 or any("@" in one.local for one in addresses):
            return "the From field can be read as several addresses"
        # RFC 5322 section 3.6.2: "If the from field contains more than one mailbox specification [...], then the
        # sender field [...] MUST appear in the message."
        if len(addresses) > 1 and not occurrences.get("sender"):
            return f"{len(addresses)} authors and no Sender field"
    return ""


def _defect_of_structure(occurrences: Mapping[str, tuple[bytes, ...]]) -> str:
    for raw in occurrences.get("content-type", ()):
        value = raw.lower()
        if value.startswith(b"multipart/") and b"boundary" not in value:
            return "a multipart without a boundary"
    return ""


def _title(name: str) -> str:
    return "-".join("ID" if part == "id" else part.capitalize() for part in name.split("-"))
