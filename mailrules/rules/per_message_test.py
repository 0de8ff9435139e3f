"""How a plugin's condition that looks at one message at a time answers for a whole mailbox."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from mailrules.mailbox.rows import rows_of
from mailrules.rules.bounds import UNBOUNDED, Bounds
from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mailrules.mailbox.address import Address
    from mailrules.mailbox.message import UID, Fact, Part, Unreadable
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.bounds import Place
    from mailrules.rules.conditions import Environment


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message as a condition may see it: the facts that it said it needs, decoded."""

    snapshot: Snapshot
    row: int

    @property
    def uid(self) -> UID:
        return self.snapshot.uids[self.row]

    @property
    def mailbox(self) -> str:
        return self.snapshot.mailbox

    @property
    def flags(self) -> frozenset[str]:
        return self.snapshot.flags[self.row] or frozenset()

    @property
    def size_bytes(self) -> int:
        return self.snapshot.size_bytes[self.row] or 0

    @property
    def received(self) -> datetime | Unreadable | None:
        return self.snapshot.received[self.row]

    @property
    def sent(self) -> datetime | Unreadable | None:
        return self.snapshot.sent(self.row)

    @property
    def structure(self) -> tuple[Part, ...] | Unreadable | None:
        return self.snapshot.structure[self.row]

    @property
    def body(self) -> str | Unreadable | None:
        """The readable text, white space collapsed."""
        return self.snapshot.body(self.row)

    def header_values(self, field_name: str) -> tuple[str, ...]:
        """All occurrences of a header field, decoded."""
        return self.snapshot.header_values(field_name, self.row)

    def addresses(self, field_name: str) -> tuple[Address, ...]:
        """All addresses that a header field names."""
        return self.snapshot.addresses(field_name, self.row)

    def enriched(self, name: str) -> object:
        """What an enricher found; None where it was not asked, ``Unreadable`` where it has no answer."""
        column = self.snapshot.enriched.get(name)
        return None if column is None else column[self.row]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerMessageTest:
    """A leaf test from a function of one message: True, False, or None for unknowable.

    An exception from the function makes that message unknowable and nothing else. ``show`` tells
    for ``explain`` what the function looked at.
    """

    needs: tuple[Fact, ...]
    holds: Callable[[MessageView, Environment], bool | None]
    show: Callable[[MessageView], str] | None = None
    bounds: Callable[[Place], Bounds] | None = None
    """What a server may search for in its stead; None where nothing is certain."""
    _reasons: WeakKeyDictionary[Snapshot, dict[int, str]] = field(default_factory=WeakKeyDictionary, init=False)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:
        """Asks the function once for each of ``rows``."""
        true, unknowable = [], []
        for row in rows_of(rows):
            reason = "no answer"
            try:
                answer = self.holds(MessageView(snapshot, row), environment)
            except Exception as error:  # noqa: BLE001 -- a plugin call
                answer, reason = None, f"{type(error).__name__}: {error}"
            if answer is None:
                unknowable.append(row)
                self._reasons.setdefault(snapshot, {})[row] = reason
            elif answer:
                true.append(row)
        unknown = snapshot.mask_of(unknowable)
        return Truth(rows & ~unknown, snapshot.mask_of(true), unknown)

    def search_bounds(self, place: Place) -> Bounds:
        return UNBOUNDED if self.bounds is None else self.bounds(place)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        return self.show(MessageView(snapshot, row)) if self.show else ""

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        return self._reasons.get(snapshot, {}).get(row, "")
