"""Whether what only the server can tell holds for a condition: ``search gmail quota``.

These are the exception to the law that a condition is judged here, on facts that were fetched: who writes them
asks for the server's own judgement. What the server does not answer is unknowable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.mailbox.message import Fact, FactKind, Unreadable
from mailrules.mailbox.rows import rows_of
from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Environment
    from mailrules.rules.value_tests import NumberBounds

SEARCH_PREFIX = "search: "
GMAIL_PREFIX = "gmail: "
QUOTA = Fact(FactKind.ENRICHED, "quota: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTest:
    """``search`` (IMAP's own keys) and ``gmail`` (as one types it into Gmail): the server finds the messages."""

    query: str
    is_gmail: bool = False

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (Fact(FactKind.ENRICHED, (GMAIL_PREFIX if self.is_gmail else SEARCH_PREFIX) + self.query),)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        column = snapshot.enriched.get(self.needs[0].name, ())
        asked = rows_of(rows & snapshot.known(self.needs[0]))
        unknowable = snapshot.mask_of(row for row in asked if isinstance(column[row], Unreadable))
        return Truth(rows & ~unknowable, snapshot.mask_of(row for row in asked if column[row] is True), unknowable)

    def seen(self, snapshot: Snapshot, row: int) -> str:  # noqa: ARG002 -- LeafTest
        return "the server's answer"

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        return _reason(snapshot, self.needs[0], row)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUse:
    """How full the mailbox's quota is: of the fullest resource in percent, and what is left of the storage.

    Where nothing is limited nothing is used and the rest is infinite.
    """

    percent: float = 0.0
    free_bytes: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaTest:
    """``quota``: how full the mailbox is, one answer for all its messages."""

    percent: NumberBounds | None = None
    free: NumberBounds | None = None

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (QUOTA,)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        column = snapshot.enriched.get(QUOTA.name, ())
        asked = rows_of(rows & snapshot.known(QUOTA))
        unknowable = snapshot.mask_of(row for row in asked if not isinstance(column[row], QuotaUse))
        holding = snapshot.mask_of(row for row in asked if self._holds(column[row]))
        return Truth(rows & ~unknowable, holding, unknowable)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        use = snapshot.enriched[QUOTA.name][row] if snapshot.known(QUOTA) >> row & 1 else None
        return f"{use.percent:.0f} % used" if isinstance(use, QuotaUse) else ""

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        return _reason(snapshot, QUOTA, row)

    def _holds(self, use: object) -> bool:
        return (
            isinstance(use, QuotaUse)
            and (self.percent is None or self.percent.holds(use.percent))
            and (self.free is None or self.free.holds(use.free_bytes))
        )


def _reason(snapshot: Snapshot, fact: Fact, row: int) -> str:
    value = snapshot.enriched[fact.name][row] if snapshot.known(fact) >> row & 1 else None
    return value.reason if isinstance(value, Unreadable) else ""
