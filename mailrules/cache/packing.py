"""How a column of facts becomes bytes and back: packed numbers, and each distinct text once.

A packed column is one zlib stream of a few chunks, the first of them the messages' UIDs. Loading 100,000
messages costs tens of milliseconds a column, since nothing is made per message but its value.
"""

from __future__ import annotations

import json
import zlib
from array import array
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, TypeAlias, cast

from mailrules.mailbox.message import FactKind, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from mailrules.mailbox.message import Fact

MOST_BYTES = 256 << 20
"""What a packed column may hold when it is unpacked."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_LENGTH_BYTES = 4

Occurrences: TypeAlias = "tuple[bytes, ...]"
Texts: TypeAlias = "tuple[tuple[Part, bytes], ...]"


class UnreadableColumn(ValueError):
    """The bytes are no column that this module packed."""


KEPT = {FactKind.SIZE, FactKind.RECEIVED, FactKind.SAVED, FactKind.HEADER, FactKind.STRUCTURE, FactKind.TEXT}
"""What never changes: "the internal date, RFC822.SIZE, envelope, body structure, and message texts (all BODY[...]
fetch data items) MUST never change" (RFC 9051 section 2.3.1.1), and the save date (RFC 8514)."""


def pack_column(fact: Fact, uids: Sequence[int], values: Sequence[object]) -> bytes:
    """The facts of these messages, ascending by UID; ``values`` are as a snapshot's column has them."""
    return pack_chunks([_deltas(uids), *_PACK[fact.kind](values)])


def unpack_column(
    fact: Fact, packed: bytes, *, wanted: Container[int] | None = None
) -> tuple[array[int], list[object]]:
    """UIDs and values. ``wanted`` spares the making of values that are dear to make: the others may be left out.

    Raises UnreadableColumn.
    """
    deltas, *chunks = unpack_chunks(packed)
    try:
        uids = uids_of(deltas)
        values, kept = _UNPACK[fact.kind](chunks, uids, wanted)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise UnreadableColumn(f"a column of {fact.kind.name.lower()} cannot be read") from error
    uids = uids if kept is None else array("I", kept)
    if len(values) != len(uids):
        raise UnreadableColumn(f"{len(values):,} values of {len(uids):,} messages")
    return uids, values


def pack_chunks(chunks: Sequence[bytes]) -> bytes:
    """A few byte strings as one, compressed lightly: what a text needs, the disk need not be told."""
    lengths = array("I", map(len, chunks)).tobytes()
    return zlib.compress(b"".join((array("I", [len(chunks)]).tobytes(), lengths, *chunks)), 1)


def unpack_chunks(packed: bytes) -> list[bytes]:
    """The byte strings again. Raises UnreadableColumn."""
    try:
        inflating = zlib.decompressobj()
        data = inflating.decompress(packed, MOST_BYTES)
    except zlib.error as error:
        raise UnreadableColumn(str(error)) from error
    if not inflating.eof or len(data) < _LENGTH_BYTES:
        raise UnreadableColumn("it ends early, or is larger than a column may be")
    (count,) = array("I", data[:_LENGTH_BYTES])
    start = _LENGTH_BYTES * (count + 1)
    if start > len(data):
        raise UnreadableColumn("it names more pieces than it has")
    ends = list(accumulate(array("I", data[_LENGTH_BYTES:start]), initial=start))
    if ends[-1] != len(data):
        raise UnreadableColumn("its pieces are not as long as they should be")
    return [data[begin:end] for begin, end in pairwise(ends)]


@lru_cache(maxsize=1)  # the columns of a mailbox are mostly of the same messages
def uids_of(deltas: bytes) -> array[int]:
    """UIDs, ascending, from their differences; not to be changed."""
    return array("I", accumulate(array("I", deltas)))


def deltas_of(uids: Sequence[int]) -> bytes:
    """The differences of ascending UIDs, which compress to almost nothing."""
    return _deltas(uids)


def pack_distinct(values: Iterable[bytes]) -> list[bytes]:
    """Byte strings that repeat: which of the distinct ones each is, their lengths, and they themselves."""
    index_of: dict[bytes, int] = {}
    rows = array("I", [index_of.setdefault(value, len(index_of)) for value in values])
    return [rows.tobytes(), array("I", map(len, index_of)).tobytes(), b"".join(index_of)]


def unpack_distinct(chunks: Sequence[bytes]) -> tuple[array[int], list[bytes]]:
    """Which distinct value each row has, and the distinct values."""
    rows, lengths, joined = chunks
    return array("I", rows), _cut(joined, array("I", lengths))


def _deltas(uids: Sequence[int]) -> bytes:
    return array("I", [after - before for before, after in pairwise((0, *uids))]).tobytes()


def _cut(joined: bytes, lengths: Iterable[int]) -> list[bytes]:
    ends = list(accumulate(lengths, initial=0))
    if ends[-1] != len(joined):
        raise UnreadableColumn("its texts are not as long as they should be")
    return [joined[begin:end] for begin, end in pairwise(ends)]


_Unpacked: TypeAlias = "tuple[list[object], list[int] | None]"


def _pack_sizes(values: Sequence[object]) -> list[bytes]:
    return [array("Q", cast("Sequence[int]", values)).tobytes()]  # as the snapshot's column of sizes has them


def _unpack_sizes(chunks: Sequence[bytes], uids: Sequence[int], wanted: Container[int] | None) -> _Unpacked:
    del uids, wanted
    return list(array("Q", chunks[0])), None


def _pack_times(values: Sequence[object]) -> list[bytes]:
    times = cast("Sequence[datetime]", values)  # as the snapshot's columns of times have them
    seconds = array("q", [(time - _EPOCH) // _SECOND for time in times])
    return [seconds.tobytes(), array("i", [_offset_of(time) for time in times]).tobytes()]


def _offset_of(time: datetime) -> int:
    offset = time.utcoffset()
    return offset // _SECOND if offset else 0


def _unpack_times(chunks: Sequence[bytes], uids: Sequence[int], wanted: Container[int] | None) -> _Unpacked:
    del uids, wanted
    offsets = array("i", chunks[1])
    zones = {offset: _zone(offset) for offset in set(offsets)}
    at = datetime.fromtimestamp
    return [at(second, zones[offset]) for second, offset in zip(array("q", chunks[0]), offsets, strict=True)], None


@lru_cache(maxsize=100)
def _zone(offset: int) -> timezone:
    return timezone(timedelta(seconds=offset)) if offset else UTC


def _pack_occurrences(values: Sequence[object]) -> list[bytes]:
    index_of: dict[object, int] = {}
    rows = array("I", [index_of.setdefault(value, len(index_of)) for value in values])
    distinct = cast("list[Occurrences]", list(index_of))  # as the snapshot's columns of headers have them
    raw = [one for occurrences in distinct for one in occurrences]
    counts = array("I", map(len, distinct))
    return [rows.tobytes(), counts.tobytes(), array("I", map(len, raw)).tobytes(), b"".join(raw)]


def _unpack_occurrences(chunks: Sequence[bytes], uids: Sequence[int], wanted: Container[int] | None) -> _Unpacked:
    del uids, wanted
    rows, counts, lengths, joined = chunks
    distinct = _grouped(_cut(joined, array("I", lengths)), array("I", counts))
    return list(map(distinct.__getitem__, array("I", rows))), None


def _grouped(raw: Sequence[bytes], counts: Sequence[int]) -> list[Occurrences]:
    """The values in groups of so many; nearly all are of one."""
    grouped: list[Occurrences] = []
    ones: list[Occurrences] = list(zip(raw))
    start = after = 0  # in ``raw``, and in ``counts``
    for place in [place for place, count in enumerate(counts) if count != 1]:
        alone = place - after
        grouped += ones[start : start + alone]
        start += alone
        grouped.append(tuple(raw[start : start + counts[place]]))
        start += counts[place]
        after = place + 1
    return grouped + ones[start:]


def _pack_structures(values: Sequence[object]) -> list[bytes]:
    structures = cast("Sequence[tuple[Part, ...]]", values)  # as the snapshot's column of structures has them
    return pack_distinct([_told(parts) for parts in structures])


def _unpack_structures(chunks: Sequence[bytes], uids: Sequence[int], wanted: Container[int] | None) -> _Unpacked:
    rows, distinct = unpack_distinct(chunks)
    kept = [(uid, row) for uid, row in zip(uids, rows, strict=True) if wanted is None or uid in wanted]
    made = {row: tuple(_part(fields) for fields in json.loads(distinct[row])) for _, row in kept}
    return [made[row] for _, row in kept], [uid for uid, _ in kept]


def _pack_texts(values: Sequence[object]) -> list[bytes]:
    texts = cast("Sequence[Texts]", values)  # as the snapshot's column of texts has them
    told = [_told([part for part, _ in one]) for one in texts]
    counts = array("I", map(len, texts))
    lengths = array("I", [len(content) for one in texts for _, content in one])
    contents = b"".join([content for one in texts for _, content in one])
    return [*pack_distinct(told), counts.tobytes(), lengths.tobytes(), contents]


def _unpack_texts(chunks: Sequence[bytes], uids: Sequence[int], wanted: Container[int] | None) -> _Unpacked:
    rows, distinct = unpack_distinct(chunks[:3])
    contents = _cut(chunks[5], array("I", chunks[4]))
    values: list[object] = []
    kept: list[int] = []
    start = 0
    for uid, row, count in zip(uids, rows, array("I", chunks[3]), strict=True):
        if wanted is None or uid in wanted:
            parts = [_part(fields) for fields in json.loads(distinct[row])]
            values.append(tuple(zip(parts, contents[start : start + count], strict=True)))
            kept.append(uid)
        start += count
    return values, kept


def _told(parts: Iterable[Part]) -> bytes:
    return json.dumps([_fields(part) for part in parts], separators=(",", ":")).encode()


def _fields(part: Part) -> list[object]:
    return [
        part.number,
        part.type,
        part.subtype,
        dict(part.parameters),
        part.encoding,
        part.disposition,
        part.file_name,
        part.size_bytes,
    ]


def _part(fields: Sequence[object]) -> Part:
    number, kind, subtype, parameters, encoding, disposition, file_name, size_bytes = fields
    texts = (number, kind, subtype, encoding, disposition, file_name)
    if not all(isinstance(text, str) for text in texts) or not isinstance(parameters, dict):
        raise UnreadableColumn("a part of a message is told in other words")
    if not isinstance(size_bytes, int):
        raise UnreadableColumn("a part of a message has no size")
    return Part(
        number=str(number),
        type=str(kind),
        subtype=str(subtype),
        parameters={str(name): str(value) for name, value in parameters.items()},
        encoding=str(encoding),
        disposition=str(disposition),
        file_name=str(file_name),
        size_bytes=size_bytes,
    )


_PACK: dict[FactKind, Callable[[Sequence[object]], list[bytes]]] = {
    FactKind.SIZE: _pack_sizes,
    FactKind.RECEIVED: _pack_times,
    FactKind.SAVED: _pack_times,
    FactKind.HEADER: _pack_occurrences,
    FactKind.STRUCTURE: _pack_structures,
    FactKind.TEXT: _pack_texts,
}
_UNPACK: dict[FactKind, Callable[[Sequence[bytes], Sequence[int], Container[int] | None], _Unpacked]] = {
    FactKind.SIZE: _unpack_sizes,
    FactKind.RECEIVED: _unpack_times,
    FactKind.SAVED: _unpack_times,
    FactKind.HEADER: _unpack_occurrences,
    FactKind.STRUCTURE: _unpack_structures,
    FactKind.TEXT: _unpack_texts,
}
