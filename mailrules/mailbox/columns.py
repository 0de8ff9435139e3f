"""How facts are arranged for judging a whole mailbox: each distinct value once, with its rows.

Columns are made when first asked for and forgotten when their fact gains rows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from functools import cached_property
from itertools import accumulate, chain
from typing import TYPE_CHECKING, TypeVar, cast

from mailrules.mailbox.address import Address, parse_addresses
from mailrules.mailbox.flags import fold_flag
from mailrules.mailbox.headers import header_text
from mailrules.mailbox.message import FLAGS, RECEIVED, SAVED, SIZE, TEXT, Fact, FactKind, Unreadable, header_fact
from mailrules.mailbox.ordered_columns import OrderedColumn, TimeColumn
from mailrules.mailbox.rows import mask_of
from mailrules.mailbox.text import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from mailrules.mailbox.snapshot import Snapshot

T = TypeVar("T")


class JoinedText:
    """Texts one after another in UTF-8, line ends between, so that one scan sees them all."""

    def __init__(self, texts: Sequence[str]) -> None:
        encoded = [text.encode("utf-8", "replace") for text in texts]
        self.data = b"\n".join(encoded)
        self.hits: dict[str, Sequence[int]] = {}
        """Answers of ``containing`` so far; a scan for many literals at once may fill it."""
        self._starts = [0, *accumulate(len(text) + 1 for text in encoded)]

    def __len__(self) -> int:
        return len(self._starts) - 1

    def index_at(self, position: int) -> int:
        """Which text a position of ``data`` lies in."""
        return bisect_right(self._starts, position) - 1

    def start_of(self, index: int) -> int:
        """Where a text starts in ``data``."""
        return self._starts[index]

    def containing(self, literal: str) -> Sequence[int]:
        """Indexes of the texts that contain a literal, ascending."""
        if literal not in self.hits:
            self.hits[literal] = tuple(self._find(literal.encode("utf-8", "replace")))
        return self.hits[literal]

    def _find(self, literal: bytes) -> Iterator[int]:
        position = self.data.find(literal)
        while position >= 0:
            index = self.index_at(position)
            yield index
            position = self.data.find(literal, self._starts[index + 1])


class DistinctColumn:
    """Distinct values by index, and the rows of each.

    ``present`` are the rows with a value; ``unreadable`` says why, for rows that cannot be judged.
    """

    def __init__(self, *, count: int, rows: Sequence[Sequence[int]], unreadable: Mapping[int, str]) -> None:
        self.unreadable = unreadable
        self.unreadable_mask = mask_of(unreadable, count=count)
        self._count = count
        self._rows = rows

    @cached_property
    def present(self) -> int:
        return self.rows_with(range(len(self._rows)))

    def rows_with(self, indexes: Iterable[int]) -> int:
        """The mask of rows that have one of these values."""
        rows = self._rows
        return mask_of(chain.from_iterable([rows[index] for index in indexes]), count=self._count)


class TextColumn(DistinctColumn):
    """Decoded texts."""

    def __init__(
        self, texts: Sequence[str], *, count: int, rows: Sequence[Sequence[int]], unreadable: Mapping[int, str]
    ) -> None:
        super().__init__(count=count, rows=rows, unreadable=unreadable)
        self.values = texts

    @cached_property
    def folded(self) -> list[str]:
        return [fold(text) for text in self.values]

    @cached_property
    def joined(self) -> JoinedText:
        """The folded texts."""
        return JoinedText(self.folded)

    @cached_property
    def joined_values(self) -> JoinedText:
        """The texts as they are, for regexes."""
        return JoinedText(self.values)

    @cached_property
    def by_text(self) -> dict[str, list[int]]:
        """Indexes by folded text."""
        return _index(self.folded)

    @cached_property
    def filled(self) -> int:
        """The rows with a value that is not empty."""
        return self.rows_with(index for index, text in enumerate(self.values) if text)


class AddressColumn(DistinctColumn):
    """Distinct addresses of one header field; a row has as many as its occurrences name."""

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        count: int,
        rows: Sequence[Sequence[int]],
        unreadable: Mapping[int, str],
        field_present: int,
    ) -> None:
        super().__init__(count=count, rows=rows, unreadable=unreadable)
        self.values = addresses
        self.field_present = field_present
        """The rows that have the field at all, be it without an address."""

    @cached_property
    def joined(self) -> JoinedText:
        """Name, line end, address of each, folded."""
        return JoinedText([fold(f"{one.name}\n{one.address}") for one in self.values])

    @cached_property
    def joined_values(self) -> JoinedText:
        """The same as they are, for regexes."""
        return JoinedText([f"{one.name}\n{one.address}" for one in self.values])

    @cached_property
    def by_address(self) -> dict[str, list[int]]:
        return _index([fold(one.address) for one in self.values])

    @cached_property
    def by_domain(self) -> dict[str, list[int]]:
        return _index([fold(one.domain) for one in self.values])

    @cached_property
    def by_parent_domain(self) -> dict[str, list[int]]:
        """Indexes by each folded domain that the address's domain equals or lies under."""
        parents: dict[str, list[int]] = {}
        for domain, indexes in self.by_domain.items():
            labels = domain.split(".")
            for start in range(len(labels)):
                parents.setdefault(".".join(labels[start:]), []).extend(indexes)
        return parents


class Columns:
    """The columns of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._headers: dict[str, TextColumn] = {}
        self._addresses: dict[str, AddressColumn] = {}
        self._times: dict[Fact, TimeColumn] = {}
        self._flags: dict[str, int] | None = None
        self._sizes: OrderedColumn | None = None
        self._body: TextColumn | None = None
        self._texts: dict[bytes, str | Unreadable] = {}
        self._parsed: dict[bytes, tuple[Address, ...] | Unreadable] = {}
        self._derived: dict[Hashable, tuple[frozenset[Fact], object]] = {}

    def derived(self, key: Hashable, facts: Iterable[Fact], make: Callable[[Snapshot], T]) -> T:
        """What ``make`` reads out of several facts, made once for all rules that ask by the same key."""
        if key not in self._derived:
            self._derived[key] = frozenset(facts), make(self._snapshot)
        return cast("T", self._derived[key][1])  # each key belongs to one maker

    def raw_values(self, field: str) -> tuple[dict[bytes, list[int]], dict[int, str]]:
        """Rows by raw value of a header field, and why for the rows whose header could not be read."""
        return self._raw_values(field.lower())

    def text_of(self, raw: bytes) -> str | Unreadable:
        """``header_text`` of a raw value, decoded once for the snapshot."""
        text = self._texts.get(raw)
        if text is None:
            text = self._texts[raw] = header_text(raw)
        return text

    def addresses_of(self, raw: bytes) -> tuple[Address, ...] | Unreadable:
        """``parse_addresses`` of a raw value, parsed once for the snapshot."""
        if raw not in self._parsed:
            self._parsed[raw] = parse_addresses(raw)
        return self._parsed[raw]

    def forget(self, fact: Fact) -> None:
        """Drop what was made of a fact that has gained rows."""
        if fact.kind == FactKind.HEADER:
            self._headers.pop(fact.name, None)
            self._addresses.pop(fact.name, None)
        self._times.pop(fact, None)
        self._derived = {key: made for key, made in self._derived.items() if fact not in made[0]}
        if fact == FLAGS:
            self._flags = None
        elif fact == SIZE:
            self._sizes = None
        elif fact == TEXT:
            self._body = None

    def header(self, field: str) -> TextColumn:
        """Decoded occurrences of a header field."""
        field = field.lower()
        if field not in self._headers:
            rows_of, unreadable = self._raw_values(field)
            texts: list[str] = []
            rows: list[list[int]] = []
            for raw, its_rows in rows_of.items():
                text = self.text_of(raw)
                if isinstance(text, Unreadable):
                    unreadable.update(dict.fromkeys(its_rows, text.reason))
                    self._snapshot.note(its_rows, text)
                else:
                    texts.append(text)
                    rows.append(its_rows)
            self._headers[field] = TextColumn(texts, count=self._count, rows=rows, unreadable=unreadable)
        return self._headers[field]

    def addresses(self, field: str) -> AddressColumn:
        """The addresses that a header field names."""
        field = field.lower()
        if field not in self._addresses:
            rows_of, unreadable = self._raw_values(field)
            rows: dict[Address, list[int]] = {}
            present: list[list[int]] = []
            for raw, its_rows in rows_of.items():
                parsed = self.addresses_of(raw)
                present.append(its_rows)
                if isinstance(parsed, Unreadable):
                    unreadable.update(dict.fromkeys(its_rows, parsed.reason))
                    self._snapshot.note(its_rows, parsed)
                    continue
                for address in parsed:
                    rows.setdefault(address, []).extend(its_rows)
            self._addresses[field] = AddressColumn(
                list(rows),
                count=self._count,
                rows=list(rows.values()),
                unreadable=unreadable,
                field_present=mask_of(chain.from_iterable(present), count=self._count),
            )
        return self._addresses[field]

    def flag_rows(self, flag: str) -> int:
        """The rows that carry a flag, in whatever case."""
        if self._flags is None:
            rows_of_set: dict[frozenset[str], list[int]] = {}
            for row, flags in enumerate(self._snapshot.flags):
                if flags:
                    rows_of_set.setdefault(flags, []).append(row)
            masks: dict[str, int] = {}
            for flags, rows in rows_of_set.items():
                mask = mask_of(rows, count=self._count)
                for name in flags:
                    masks[fold_flag(name)] = masks.get(fold_flag(name), 0) | mask
            self._flags = masks
        return self._flags.get(fold_flag(flag), 0)

    @property
    def sizes(self) -> OrderedColumn:
        if self._sizes is None:
            column = self._snapshot.size_bytes
            rows = [row for row, size in enumerate(column) if size is not None]
            self._sizes = OrderedColumn([size for size in column if size is not None], rows, count=self._count)
        return self._sizes

    @property
    def received(self) -> TimeColumn:
        if RECEIVED not in self._times:
            self._times[RECEIVED] = TimeColumn(self._snapshot.received, count=self._count)
        return self._times[RECEIVED]

    @property
    def saved(self) -> TimeColumn:
        if SAVED not in self._times:
            self._times[SAVED] = TimeColumn(self._snapshot.saved, count=self._count)
        return self._times[SAVED]

    @property
    def sent(self) -> TimeColumn:
        fact = header_fact("date")
        if fact not in self._times:
            self._times[fact] = TimeColumn(list(map(self._snapshot.sent, range(self._count))), count=self._count)
        return self._times[fact]

    @property
    def body(self) -> TextColumn:
        """The readable text of each message."""
        if self._body is None:
            texts: list[str] = []
            rows: list[list[int]] = []
            unreadable: dict[int, str] = {}
            for row in range(self._count):
                text = self._snapshot.body(row)
                if isinstance(text, Unreadable):
                    unreadable[row] = text.reason
                    self._snapshot.note((row,), text)
                elif text is not None:
                    texts.append(text)
                    rows.append([row])
            self._body = TextColumn(texts, count=self._count, rows=rows, unreadable=unreadable)
        return self._body

    @property
    def _count(self) -> int:
        return len(self._snapshot.uids)

    def _raw_values(self, field: str) -> tuple[dict[bytes, list[int]], dict[int, str]]:
        """Rows by raw value, ascending, and the rows whose header could not be read."""
        alike: defaultdict[tuple[bytes, ...] | Unreadable, list[int]] = defaultdict(list)
        for row, occurrences in enumerate(self._snapshot.headers.get(field, ())):
            if occurrences:
                alike[occurrences].append(row)
        rows_of: dict[bytes, list[int]] = {}
        unreadable: dict[int, str] = {}
        merged: set[bytes] = set()
        for occurrences, rows in alike.items():
            if isinstance(occurrences, Unreadable):
                unreadable.update(dict.fromkeys(rows, occurrences.reason))
                continue
            for raw in occurrences:
                if raw in rows_of:
                    rows_of[raw] += rows
                    merged.add(raw)
                else:
                    rows_of[raw] = rows if len(occurrences) == 1 else rows.copy()
        for raw in merged:
            rows_of[raw].sort()
        return rows_of, unreadable


def _index(texts: Iterable[str]) -> dict[str, list[int]]:
    indexes: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        indexes.setdefault(text, []).append(index)
    return indexes
