"""Whether a message's header is ambiguous (``ambiguous``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.mailbox.ambiguity import ONCE_FIELDS, is_plain, why_ambiguous
from mailrules.mailbox.message import Fact, Unreadable, header_fact
from mailrules.mailbox.rows import rows_of
from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Environment

AMBIGUITY_FACTS = tuple(header_fact(name) for name in ONCE_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbiguousTest:
    """Two programs could read the header differently: see ``mailbox.ambiguity``."""

    wanted: bool

    @property
    def needs(self) -> tuple[Fact, ...]:
        return AMBIGUITY_FACTS

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        unreadable = snapshot.mask_of(row for row in rows_of(rows) if self.why_unknowable(snapshot, row))
        readable = rows & ~unreadable
        ambiguous = snapshot.mask_of(ambiguities(snapshot, rows_of(readable)))
        return Truth(readable, ambiguous if self.wanted else readable & ~ambiguous, unreadable)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        return ambiguity(snapshot, row) or "nothing ambiguous"

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        columns = (snapshot.headers[name][row] for name in ONCE_FIELDS if name in snapshot.headers)
        return next((one.reason for one in columns if isinstance(one, Unreadable)), "")


def ambiguities(snapshot: Snapshot, rows: Iterable[int]) -> dict[int, str]:
    """What is ambiguous in each of these rows where something is; field by field, since hardly any is."""
    rows, doubtful = tuple(rows), set[int]()
    for name, column in ((name, snapshot.headers[name]) for name in ONCE_FIELDS if name in snapshot.headers):
        for row in rows:
            values = column[row]
            if isinstance(values, tuple) and not is_plain(name, values):
                doubtful.add(row)
    return {row: found for row in sorted(doubtful) if (found := ambiguity(snapshot, row))}


def ambiguity(snapshot: Snapshot, row: int) -> str:
    """What is ambiguous in a row whose ``AMBIGUITY_FACTS`` are known, "" where nothing is."""
    return why_ambiguous({name: snapshot.raw_header(name, row) for name in ONCE_FIELDS})
