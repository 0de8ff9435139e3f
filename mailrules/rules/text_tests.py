"""Whether header fields and message texts hold for text operators, for a whole mailbox at once.

A column proposes the few distinct values that an operator may hold for (by dictionary, or by one
scan over all of them); each is confirmed on its own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mailrules.mailbox.message import TEXT, Fact, header_fact
from mailrules.mailbox.text import fold
from mailrules.rules.bounds import UNBOUNDED, Bounds
from mailrules.rules.patterns import PatternTimeout
from mailrules.rules.text_bounds import anywhere, in_body, in_field, matches_over
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mailrules.imap.search_keys import SearchKey
    from mailrules.mailbox.columns import AddressColumn, JoinedText, TextColumn
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.bounds import Place
    from mailrules.rules.conditions import Environment


_MANY = 100
"""From this many distinct values on, one pass of a regex over all costs less than one pass over each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTest:
    """Operators on a header field: ``subject``, ``list_id``, ``message_id``, ``header``.

    All of ``matches`` hold together for one occurrence of the field. ``exists`` asks whether the
    message has the field; ``empty`` whether it lacks it or has it without content.
    """

    field: str
    """The header field's name, ``list-id`` for ``list_id``."""
    matches: tuple[TextMatch, ...] = ()
    exists: bool | None = None
    empty: bool | None = None

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (header_fact(self.field),)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        column = snapshot.columns.header(self.field)
        return _truth(column, self.matches, snapshot.known(self.needs[0]), exists=self.exists, empty=self.empty)

    def search_bounds(self, place: Place) -> Bounds:
        return _bounds(place, self.matches, in_field(self.field))

    def scanned(self, snapshot: Snapshot, fact: Fact) -> tuple[JoinedText, Sequence[str]]:
        return snapshot.columns.header(fact.name).joined, literals_of(self.matches)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        return " | ".join(snapshot.header_values(self.field, row))

    def captures(self, snapshot: Snapshot, row: int) -> Mapping[str, str] | None:
        return _captures_of_field(self.matches, snapshot.header_values(self.field, row))

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        return snapshot.columns.header(self.field).unreadable.get(row, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyTest:
    """Operators on the message's readable text."""

    matches: tuple[TextMatch, ...] = ()
    exists: bool | None = None
    empty: bool | None = None

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (TEXT,)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        return _truth(snapshot.columns.body, self.matches, snapshot.known(TEXT), exists=self.exists, empty=self.empty)

    def search_bounds(self, place: Place) -> Bounds:
        return _bounds(place, self.matches, in_body)

    def scanned(self, snapshot: Snapshot, fact: Fact) -> tuple[JoinedText, Sequence[str]]:  # noqa: ARG002 -- ScanningTest
        return snapshot.columns.body.joined, literals_of(self.matches)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        text = snapshot.body(row)
        return text if isinstance(text, str) else ""

    def captures(self, snapshot: Snapshot, row: int) -> Mapping[str, str] | None:
        return first_captures(self.matches, (self.seen(snapshot, row),))

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        return snapshot.columns.body.unreadable.get(row, "")


ANYWHERE_FIELDS = ("subject", "from", "to", "cc")
"""The header fields that ``text`` looks at beside the readable text: what a mail program shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnywhereTest:
    """``text``: operators on what a reader sees: subject, sender, recipients, and the readable text.

    All of ``matches`` hold together in one of these places.
    """

    matches: tuple[TextMatch, ...]

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (*map(header_fact, ANYWHERE_FIELDS), TEXT)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        truth = Truth(rows, 0)
        for column in self._columns(snapshot):
            truth |= _truth(column, self.matches, rows, exists=None, empty=None)
        return truth

    def search_bounds(self, place: Place) -> Bounds:
        return _bounds(place, self.matches, anywhere)

    def scanned(self, snapshot: Snapshot, fact: Fact) -> tuple[JoinedText, Sequence[str]]:
        column = snapshot.columns.body if fact == TEXT else snapshot.columns.header(fact.name)
        return column.joined, literals_of(self.matches)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        texts = self.texts(snapshot, row)
        return next((text for text in texts if all(match.holds(text) for match in self.matches)), " | ".join(texts))

    def captures(self, snapshot: Snapshot, row: int) -> Mapping[str, str] | None:
        return first_captures(self.matches, self.texts(snapshot, row))

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        reasons = (column.unreadable.get(row, "") for column in self._columns(snapshot))
        return next((reason for reason in reasons if reason), "")

    def _columns(self, snapshot: Snapshot) -> tuple[TextColumn, ...]:
        return (*map(snapshot.columns.header, ANYWHERE_FIELDS), snapshot.columns.body)

    def texts(self, snapshot: Snapshot, row: int) -> tuple[str, ...]:
        """What is looked at in one row, each place by itself."""
        body = snapshot.body(row)
        fields = (text for field in ANYWHERE_FIELDS for text in snapshot.header_values(field, row))
        return (*fields, body if isinstance(body, str) else "")


def proposed_by_dictionary(match: TextMatch, by_text: dict[str, list[int]]) -> list[int]:
    """Indexes among which are all texts that ``equals`` holds for."""
    wanted = match.wanted_set if not match.match_case else frozenset(map(fold, match.wanted))
    return [index for text in by_text.keys() & wanted for index in by_text[text]]


def proposed_by_literals(match: TextMatch, joined: JoinedText) -> Sequence[int] | None:
    """Indexes of the folded texts, among which are all with a part that the operator holds for.

    None where the operator names no literal.
    """
    probes = match.probes
    if probes is None:
        return None
    if len(probes) == 1:
        return joined.containing(probes[0])
    return tuple({index for probe in probes for index in joined.containing(probe)})


def proposed_by_patterns(match: TextMatch, column: TextColumn | AddressColumn) -> Sequence[int] | None:
    """Indexes among which are all values with a line that a regex is found in; None where it cannot tell."""
    if match.operator != TextOperator.REGEX or match.probes is not None or len(column.values) < _MANY:
        return None
    found = [pattern.lines_matched(column.joined_values) for pattern in match.patterns]
    return None if None in found else tuple({index for indexes in found for index in indexes or ()})


def smallest(proposals: Iterable[Sequence[int] | None], *, otherwise: Sequence[int]) -> Sequence[int]:
    """The shortest proposal; ``otherwise`` where there is none."""
    return min((proposal for proposal in proposals if proposal is not None), key=len, default=otherwise)


def literals_of(matches: Iterable[TextMatch]) -> list[str]:
    """The literals that a text column will be asked for."""
    return [literal for match in matches if match.operator != TextOperator.EQUALS for literal in match.probes or ()]


def first_captures(matches: tuple[TextMatch, ...], texts: tuple[str, ...]) -> Mapping[str, str] | None:
    """Captures from the first text that all operators hold for."""
    for text in texts:
        if all(match.holds(text) for match in matches):
            for match in matches:
                if (found := match.captures(text)) is not None:
                    return found
    return None


@lru_cache(maxsize=64)  # many messages of few lists; a header field is short, as a body is not
def _captures_of_field(matches: tuple[TextMatch, ...], texts: tuple[str, ...]) -> Mapping[str, str] | None:
    return first_captures(matches, texts)


def confirmed(candidates: Iterable[int], holds: Callable[[int], bool]) -> tuple[list[int], list[int]]:
    """The candidates that hold, and those that cannot be told, which only the fallback engine leaves."""
    holding, undecided = [], []
    for index in candidates:
        try:
            if holds(index):
                holding.append(index)
        except PatternTimeout:
            undecided.append(index)
    return holding, undecided


def _bounds(place: Place, matches: tuple[TextMatch, ...], search: Callable[[str], SearchKey]) -> Bounds:
    return Bounds(over=matches_over(matches, search)) if place.trusts_text else UNBOUNDED


def _truth(
    column: TextColumn, matches: tuple[TextMatch, ...], known: int, *, exists: bool | None, empty: bool | None
) -> Truth:
    unreadable, true = column.unreadable_mask, known
    if matches:
        holding, undecided = _matching(column, matches)
        true = column.rows_with(holding)
        unreadable |= column.rows_with(undecided)
    if exists is not None:
        true &= column.present if exists else ~column.present
    if empty is not None:
        true &= ~column.filled if empty else column.filled
    readable = known & ~unreadable
    return Truth(readable, true & readable, known & unreadable)


def _matching(column: TextColumn, matches: tuple[TextMatch, ...]) -> tuple[list[int], list[int]]:
    """Indexes of the values that all operators hold for, and of those that cannot be told."""
    values = column.values
    candidates = smallest((_proposed(match, column) for match in matches), otherwise=range(len(values)))
    return confirmed(candidates, lambda index: all(match.holds(values[index]) for match in matches))


def _proposed(match: TextMatch, column: TextColumn) -> Sequence[int] | None:
    if match.operator == TextOperator.EQUALS:
        return proposed_by_dictionary(match, column.by_text)
    proposed = proposed_by_literals(match, column.joined)
    return proposed_by_patterns(match, column) if proposed is None else proposed
