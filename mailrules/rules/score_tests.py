"""Whether a message's spam score holds for a condition (``spam_score``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.mailbox.message import Fact, header_fact
from mailrules.mailbox.ordered_columns import OrderedColumn
from mailrules.mailbox.spam_score import SCORE_FIELDS, spam_score
from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Environment
    from mailrules.rules.value_tests import NumberBounds

_FACTS = tuple(header_fact(field) for field in SCORE_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scores:
    """The score of each row that has one, and why for the rows whose fields tell none."""

    by_row: Mapping[int, float]
    unreadable: Mapping[int, str]
    column: OrderedColumn
    unreadable_mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpamScoreTest:
    """``spam_score``: the highest score that any of the usual fields tells.

    The highest, since a sender may write such a field too: a low score of his own cannot hide the server's. A
    message that nobody scored is within no bounds.
    """

    bounds: NumberBounds

    @property
    def needs(self) -> tuple[Fact, ...]:
        return _FACTS

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        scores = _scores(snapshot)
        return Truth(rows & ~scores.unreadable_mask, self.bounds.rows(scores.column) & rows, scores.unreadable_mask)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        score = score_of(snapshot, row)
        return "no score" if score is None else f"{score:g}"

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        return _scores(snapshot).unreadable.get(row, "")


def score_of(snapshot: Snapshot, row: int) -> float | None:
    """The score of a message; None where nobody scored it."""
    return _scores(snapshot).by_row.get(row)


def _scores(snapshot: Snapshot) -> _Scores:
    return snapshot.columns.derived("spam scores", _FACTS, _read_scores)


def _read_scores(snapshot: Snapshot) -> _Scores:
    by_row: dict[int, float] = {}
    unreadable: dict[int, str] = {}
    for field in SCORE_FIELDS:
        rows_of, broken = snapshot.columns.raw_values(field)
        unreadable |= broken
        for raw, rows in rows_of.items():
            score = spam_score(field, raw)
            for row in rows:
                if score is None:
                    unreadable.setdefault(row, f"{field} tells no score")
                else:
                    by_row[row] = max(score, by_row.get(row, score))
    # One field that can be read is enough.
    unreadable = {row: reason for row, reason in unreadable.items() if row not in by_row}
    return _Scores(
        by_row=by_row,
        unreadable=unreadable,
        column=OrderedColumn(list(by_row.values()), list(by_row), count=len(snapshot.uids)),
        unreadable_mask=snapshot.mask_of(unreadable),
    )
