"""How likely a message is spam according to the server that received it: the scores in its header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SCORE_BYTES = 4_096
"""A score stands near the beginning of its field; what follows (the tests that fired) may be long."""

_NUMBER = rb"([-+]?[0-9]{1,6}(?:\.[0-9]{1,6})?)(?![0-9])"
_PATTERNS: Mapping[str, re.Pattern[bytes]] = {
    "x-spam-score": re.compile(rb"\A\s*" + _NUMBER),
    "x-rspamd-score": re.compile(rb"\A\s*" + _NUMBER),
    # SpamAssassin: "Yes, score=7.1 required=5.0 tests=..."; versions before 3 wrote "hits".
    "x-spam-status": re.compile(rb"(?:\A|[\s,])(?:score|hits)=" + _NUMBER),
    # rspamd writes the score and its limit in brackets after the verdict, [5.30 / 15.00].
    "x-spamd-result": re.compile(rb"\A[^\[]*\[\s*" + _NUMBER + rb"\s*/"),
}
SCORE_FIELDS = (*_PATTERNS, "x-spam-level")


def spam_score(field: str, raw: bytes) -> float | None:
    """The score that one of ``SCORE_FIELDS`` (lower case) tells; None where it tells none."""
    start = raw[:MAX_SCORE_BYTES]
    if field == "x-spam-level":
        stars = start.strip()
        return float(len(stars)) if not stars.strip(b"*+x") else None
    match = _PATTERNS[field].search(start)
    return float(match[1]) if match else None
