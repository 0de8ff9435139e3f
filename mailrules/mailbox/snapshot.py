"""What rules see of one mailbox: facts in columns, row i being the message ``uids[i]``.

A snapshot only gains facts, it never changes one: ``add`` fills what was missing. Facts are kept
raw here; ``columns`` holds them decoded and arranged for judging.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, cast

from mailrules.mailbox.body import body_text
from mailrules.mailbox.columns import Columns
from mailrules.mailbox.dates import parse_date
from mailrules.mailbox.headers import MAX_HEADER_BYTES, fields_by_name
from mailrules.mailbox.message import (
    FLAGS,
    LABELS,
    MODSEQ,
    RECEIVED,
    SAVED,
    SIZE,
    STRUCTURE,
    TEXT,
    UID,
    Fact,
    FactKind,
    Unreadable,
    header_fact,
    too_complex,
)
from mailrules.mailbox.rows import every_row, mask_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from mailrules.mailbox.address import Address
    from mailrules.mailbox.message import FactRequest, MessageFacts, Part
    from mailrules.mailbox.store import MailboxInfo, MailboxStatus

_COLUMNS = {
    FactKind.FLAGS: "flags",
    FactKind.SIZE: "size_bytes",
    FactKind.RECEIVED: "received",
    FactKind.MODSEQ: "modseq",
    FactKind.SAVED: "saved",
    FactKind.LABELS: "labels",
    FactKind.STRUCTURE: "structure",
    FactKind.TEXT: "texts",
}


class Snapshot:
    """Facts of one mailbox's messages, ascending by UID."""

    def __init__(self, *, account: str, info: MailboxInfo, status: MailboxStatus, uids: Sequence[UID]) -> None:
        self.account = account
        self.info = info
        self.status = status
        self.uids = tuple(uids)
        count = len(self.uids)
        self.flags: list[frozenset[str] | None] = [None] * count
        self.size_bytes: list[int | None] = [None] * count
        self.received: list[datetime | Unreadable | None] = [None] * count
        self.modseq: list[int | None] = [None] * count
        self.saved: list[datetime | Unreadable | None] = [None] * count
        self.labels: list[frozenset[str] | Unreadable | None] = [None] * count
        self.structure: list[tuple[Part, ...] | Unreadable | None] = [None] * count
        self.texts: list[tuple[tuple[Part, bytes], ...] | Unreadable | None] = [None] * count
        self.object_ids: list[str] = [""] * count
        self.headers: dict[str, list[tuple[bytes, ...] | Unreadable | None]] = {}
        """Raw occurrences by lower-case field name, () where the message lacks the field."""
        self.enriched: dict[str, list[object]] = {}
        """Values of plugins' enrichers by name, ``Unreadable`` where there is no answer."""
        self.too_complex: set[int] = set()
        """Rows of which some fact that was looked at is beyond a limit."""
        self.columns = Columns(self)
        self._uids = array("I", self.uids)
        self._row_of = {uid: row for row, uid in enumerate(self.uids)}
        self._known: dict[Fact, int] = {}

    @property
    def mailbox(self) -> str:
        return self.status.mailbox

    @property
    def all_rows(self) -> int:
        return every_row(len(self.uids))

    def row_of(self, uid: UID) -> int:
        """The row of a UID; KeyError if the snapshot does not hold it."""
        return self._row_of[uid]

    def known(self, fact: Fact) -> int:
        """The rows for which this fact has been fetched."""
        return self._known.get(fact, 0)

    def mask_of(self, rows: Iterable[int]) -> int:
        return mask_of(rows, count=len(self.uids))

    def mask_of_uids(self, uids: Iterable[UID]) -> int:
        """The rows of these messages; those that the snapshot does not hold are passed over."""
        uids = tuple(uids)
        if uids == self.uids:
            return self.all_rows
        return self.mask_of(self._row_of[uid] for uid in uids if uid in self._row_of)

    def add(self, request: FactRequest, facts: Iterable[MessageFacts]) -> None:
        """Take in the answer to ``request``. Messages not in the snapshot are ignored."""
        rows_by_fact: dict[Fact, list[int]] = {}
        plain = [
            (fact, column, attribute)
            for asked, fact, column, attribute in (
                (request.flags, FLAGS, self.flags, "flags"),
                (request.size, SIZE, self.size_bytes, "size_bytes"),
                (request.received, RECEIVED, self.received, "received"),
                (request.modseq, MODSEQ, self.modseq, "modseq"),
                (request.saved, SAVED, self.saved, "saved"),
                (request.labels, LABELS, self.labels, "labels"),
                (request.structure, STRUCTURE, self.structure, "structure"),
                (request.text, TEXT, self.texts, "texts"),
            )
            if asked
        ]
        answers = [(self._row_of[one.uid], one) for one in facts if one.uid in self._row_of]
        for fact, column, attribute in plain:
            rows = rows_by_fact[fact] = []
            for row, one in answers:
                value = getattr(one, attribute)
                if value is not None:
                    if column[row] is None:
                        column[row] = value
                        if type(value) is Unreadable:
                            self.note((row,), value)
                    rows.append(row)
        for row, one in answers:
            if one.object_id:
                self.object_ids[row] = one.object_id
        if request.header_fields:
            rows = self._add_headers([name.lower() for name in request.header_fields], answers)
            for name in request.header_fields:
                rows_by_fact[header_fact(name)] = rows
        self._now_known(rows_by_fact)

    def put(
        self, fact: Fact, uids: Sequence[int], values: Sequence[object], *, among: Sequence[UID] | None = None
    ) -> None:
        """Take in one fact of many messages, ascending by UID, of those ``among`` these; None is no value."""
        column = self.column(fact)
        is_whole = len(uids) == len(self.uids) and (among is None or len(among) == len(uids))
        if is_whole and not self.known(fact) and self._are_all(uids):
            column[:] = values
            self._known[fact] = self.all_rows if None not in values else self.mask_of(self._rows_with(column))
            self.columns.forget(fact)
            return
        wanted = self._row_of.keys() if among is None else frozenset(among)
        rows = []
        for uid, value in zip(uids, values, strict=True):
            if value is not None and uid in wanted and (row := self._row_of.get(UID(uid))) is not None:
                if column[row] is None:
                    column[row] = value
                rows.append(row)
        self._now_known({fact: rows})

    def put_names(self, uids: Sequence[int], names: Sequence[str]) -> None:
        """Take in the server's own names for messages."""
        if self._are_all(uids):
            self.object_ids[:] = names
            return
        for uid, name in zip(uids, names, strict=True):
            if (row := self._row_of.get(UID(uid))) is not None:
                self.object_ids[row] = name

    def column(self, fact: Fact) -> list[object]:
        """The raw values of a fact that a server tells, by row; None where it has not been fetched."""
        if fact.kind == FactKind.HEADER:
            return cast("list[object]", self.headers.setdefault(fact.name, [None] * len(self.uids)))  # see above
        return cast("list[object]", getattr(self, _COLUMNS[fact.kind]))  # each kind has its own type

    def _are_all(self, uids: Sequence[int]) -> bool:
        if isinstance(uids, array) and uids.typecode == self._uids.typecode:
            return self._uids == uids  # as the cache keeps them: one look at the memory of both
        return self.uids == tuple(uids)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that are known of some message."""
        return tuple(fact for fact, rows in self._known.items() if rows)

    def add_enriched(self, name: str, values: Mapping[UID, object]) -> None:
        """Take in an enricher's answers; a message that it left out stays unasked."""
        column = self.enriched.setdefault(name, [None] * len(self.uids))
        rows = []
        for uid, value in values.items():
            row = self._row_of.get(uid)
            if row is not None:
                column[row] = value
                rows.append(row)
        self._now_known({Fact(FactKind.ENRICHED, name): rows})

    def imagined(
        self,
        rows: Iterable[int],
        *,
        account: str,
        info: MailboxInfo,
        status: MailboxStatus,
        header_fields: Collection[str] | None = None,
    ) -> Snapshot:
        """A snapshot of these messages in another place, with the same facts in lists of its own, to be changed.

        Of the header fields only those that are named (lower case), where that is given.
        """
        chosen = tuple(rows)
        kept = self.headers if header_fields is None else header_fields
        other = Snapshot(account=account, info=info, status=status, uids=[self.uids[row] for row in chosen])
        for name in (
            "flags",
            "size_bytes",
            "received",
            "modseq",
            "saved",
            "labels",
            "structure",
            "texts",
            "object_ids",
        ):
            column = getattr(self, name)
            setattr(other, name, [column[row] for row in chosen])
        columns = {name: column for name, column in self.headers.items() if name in kept}
        other.headers = {name: [column[row] for row in chosen] for name, column in columns.items()}
        other.enriched = {name: [column[row] for row in chosen] for name, column in self.enriched.items()}
        for fact, mask in self._known.items():
            if fact.kind is not FactKind.HEADER or fact.name in kept:
                other.now_known(fact, [new for new, row in enumerate(chosen) if mask >> row & 1])
        return other

    def now_known(self, fact: Fact, rows: Sequence[int]) -> None:
        """These rows have the fact from now on, or have it changed."""
        self._now_known({fact: rows})

    def note(self, rows: Iterable[int], unreadable: Unreadable) -> None:
        """Remember that a fact of these rows cannot be used, if that is for a limit."""
        if unreadable.is_too_complex:
            self.too_complex.update(rows)

    def raw_header(self, field: str, row: int) -> tuple[bytes, ...]:
        """The raw occurrences of a field, still folded; () where absent, unreadable or not fetched."""
        column = self.headers.get(field) or self.headers.get(field.lower())  # written in lower case, as a rule
        occurrences = None if column is None else column[row]
        return occurrences if isinstance(occurrences, tuple) else ()

    def header_values(self, field: str, row: int) -> tuple[str, ...]:
        """The decoded occurrences of a field that can be read; () as for ``raw_header``."""
        text_of = self.columns.text_of
        return tuple([text for raw in self.raw_header(field, row) if isinstance(text := text_of(raw), str)])

    def header_value(self, field: str, row: int) -> str:
        """The first decoded occurrence of a field that can be read, "" where there is none."""
        for raw in self.raw_header(field, row):
            text = self.columns.text_of(raw)
            if isinstance(text, str):
                return text
        return ""

    def addresses(self, field: str, row: int) -> tuple[Address, ...]:
        """All addresses in all occurrences of a field that can be read."""
        parsed = (self.columns.addresses_of(raw) for raw in self.raw_header(field, row))
        return tuple(one for addresses in parsed if isinstance(addresses, tuple) for one in addresses)

    def first_address(self, field: str, row: int) -> Address | None:
        """The first address of a field, None where there is none."""
        return next(iter(self.addresses(field, row)), None)

    def sent(self, row: int) -> datetime | Unreadable | None:
        """When the message says it was sent; None where its Date field has not been fetched."""
        occurrences = self._occurrences("date", row)
        if not isinstance(occurrences, tuple):
            return occurrences
        if len(occurrences) != 1:
            return Unreadable(reason=f"{len(occurrences)} Date fields" if occurrences else "no Date field")
        return parse_date(occurrences[0])

    def body(self, row: int) -> str | Unreadable | None:
        """The readable text of a message, white space collapsed; None where it has not been fetched."""
        parts = self.texts[row]
        return None if parts is None else body_text(parts)

    @staticmethod
    def _rows_with(column: Sequence[object]) -> list[int]:
        return [row for row, value in enumerate(column) if value is not None]

    def _occurrences(self, field: str, row: int) -> tuple[bytes, ...] | Unreadable | None:
        column = self.headers.get(field.lower())
        return None if column is None else column[row]

    def _add_headers(self, names: list[str], answers: list[tuple[int, MessageFacts]]) -> list[int]:
        columns = {name: self.headers.setdefault(name, [None] * len(self.uids)) for name in names}
        rows = []
        for row, one in answers:
            if one.header is None:
                continue
            rows.append(row)
            block = one.header
            if isinstance(block, bytes) and len(block) > MAX_HEADER_BYTES:
                block = too_complex(f"a header of {len(block):,} bytes, over {MAX_HEADER_BYTES:,}")
            if isinstance(block, Unreadable):
                self.note((row,), block)
                for column in columns.values():
                    if column[row] is None:
                        column[row] = block
                continue
            found = fields_by_name(block) if one.fields is None else one.fields
            for name, column in columns.items():
                if column[row] is None:
                    column[row] = found.get(name, ())
        return rows

    def _now_known(self, rows_by_fact: Mapping[Fact, Sequence[int]]) -> None:
        for fact, rows in rows_by_fact.items():
            self._known[fact] = self.known(fact) | self.mask_of(rows)
            self.columns.forget(fact)
