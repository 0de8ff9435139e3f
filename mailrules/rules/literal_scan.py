"""How thousands of literals are looked for in one pass over a column, instead of one pass each.

An alternation of all literals finds where any of them starts; dictionaries by length then tell
which. The result fills the column's own answers, so a test asks the same question either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.rules.patterns import find_literals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.mailbox.columns import JoinedText

# Below this many bytes times literals, looking for each on its own costs less than the pattern.
_WORTHWHILE = 5_000_000


def scan_for_literals(joined: JoinedText, literals: Iterable[str]) -> None:
    """Answer ``joined.containing`` for these literals beforehand, where one pass for all pays."""
    new = {literal.encode("utf-8", "replace"): literal for literal in literals if literal not in joined.hits}
    new.pop(b"", None)
    if len(new) * len(joined.data) < _WORTHWHILE:
        return
    found: dict[bytes, dict[int, None]] = {literal: {} for literal in new}
    lengths = sorted({len(literal) for literal in new})
    data = joined.data
    for start, end in find_literals(data, list(new)):
        index = joined.index_at(start)
        # A span holds the first literal that starts there; others may start with or within it.
        for position in range(start, end):
            for length in lengths:
                literal = data[position : position + length]
                if literal in found:
                    found[literal][index] = None
    for literal, indexes in found.items():
        joined.hits[new[literal]] = tuple(indexes)
