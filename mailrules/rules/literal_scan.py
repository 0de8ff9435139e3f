"""How thousands of literals are looked for in one pass over a column, instead of one pass each.

An alternation of all literals finds where any of them starts, and a dictionary of first bytes
tells which. The result fills the column's own answers, so a test asks the same question either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.rules.patterns import find_literals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.mailbox.columns import JoinedText

# Below this many bytes times literals, looking for each on its own costs less than the pattern.
_WORTHWHILE = 5_000_000
_HEAD_BYTES = 4


def scan_for_literals(joined: JoinedText, literals: Iterable[str]) -> None:
    """Answer ``joined.containing`` for these literals beforehand, where one pass for all pays."""
    new = {literal.encode("utf-8", "replace"): literal for literal in literals if literal not in joined.hits}
    new.pop(b"", None)
    if len(new) * len(joined.data) < _WORTHWHILE:
        return
    found: dict[bytes, dict[int, None]] = {literal: {} for literal in new}
    head_length = min(_HEAD_BYTES, *map(len, new))
    by_head: dict[bytes, list[bytes]] = {}
    for literal in new:
        by_head.setdefault(literal[:head_length], []).append(literal)
    data = joined.data
    for start, end in find_literals(data, list(new)):
        index = joined.index_at(start)
        # A span holds one literal that starts there; others may start with it or within it.
        for position in range(start, end):
            for literal in by_head.get(data[position : position + head_length], ()):
                if data.startswith(literal, position):
                    found[literal][index] = None
    for literal, indexes in found.items():
        joined.hits[new[literal]] = tuple(indexes)
