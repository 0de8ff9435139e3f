"""What is kept of one mailbox, and how it grows: new facts beside old ones, merged as they become many.

Whatever is wrong with the file costs a warning and a fetch, never the run: it is dropped and made anew.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mailrules.cache.fact_file import NewRecord, UnusableFile, new_record
from mailrules.cache.flag_state import FlagState, pack_names, pack_state, unpack_names, unpack_state
from mailrules.cache.packing import UnreadableColumn, pack_column, unpack_column
from mailrules.mailbox.message import Fact, FactKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mailrules.cache.fact_file import FactFile, Record

STATE = "flags"
NAMES = "names"
_LARGE_BYTES = 8 << 20
"""A record of so many bytes is not merged with others any more."""
_SMALL_BYTES = 64 << 10
"""So much of a file may be of no use before it is written anew."""
_TEXTS_AT_ONCE = 1_000


class _Column(NamedTuple):
    """How the records of one name are packed and unpacked."""

    name: str
    pack: Callable[[Sequence[int], Sequence[Any]], bytes]  # Any: each column has values of its own
    unpack: Callable[[bytes], tuple[Sequence[int], Sequence[Any]]]  # Any: as above


class Learned:
    """What a run has learned of a mailbox: columns of facts by UID, and the flags of all messages."""

    def __init__(self) -> None:
        self.columns: list[tuple[Fact, Sequence[int], Sequence[object]]] = []
        self.names: tuple[Sequence[int], Sequence[str]] = ((), ())
        self.state: FlagState | None = None
        self.present: Collection[int] | None = None
        """The messages that the mailbox has; None where not all of them were seen."""

    @property
    def is_empty(self) -> bool:
        return not self.columns and not self.names[0] and self.state is None


class KeptFacts:
    """The cache of one mailbox for one run.

    What reads and writes stands within ``forgiving``; after a failure nothing is kept and nothing is found.
    """

    def __init__(
        self,
        file: FactFile,
        *,
        drop: Callable[[UnusableFile | UnreadableColumn], None],
        give_up: Callable[[OSError], None],
        make_room: Callable[[int], bool],
    ) -> None:
        """``drop`` takes the file away, ``give_up`` leaves it; ``make_room`` tells whether it may be so large."""
        self._file = file
        self._drop, self._give_up, self._make_room = drop, give_up, make_room
        self._names: list[tuple[Sequence[int], list[str]]] | None = None

    def close(self) -> None:
        self._file.close()

    @contextlib.contextmanager
    def forgiving(self) -> Iterator[None]:
        """What cannot be used is dropped, what cannot be written is left; the run goes on without."""
        try:
            yield
        except (UnusableFile, UnreadableColumn) as unusable:
            self._file.close()
            self._names = None
            self._drop(unusable)
            with contextlib.suppress(UnusableFile, OSError):  # if that is not possible, nothing is kept this time
                self._file.open(writes=True)
        except OSError as error:
            self._file.close()
            self._give_up(error)

    @property
    def records(self) -> Mapping[str, Sequence[Record]]:
        """What lies in the file, by name."""
        return self._file.records

    def begin(self, *, uidnext: int | None) -> None:
        """Raises UnusableFile where facts are kept of messages that the mailbox, as it was opened, cannot have had."""
        if uidnext is not None and self.last_uid >= uidnext:
            raise UnusableFile(f"the mailbox has gone back in time: its next UID is {uidnext}")

    def has(self, fact: Fact) -> bool:
        """Whether this fact of some message is kept."""
        return bool(self._file.records.get(_record_name(fact)))

    @property
    def last_uid(self) -> int:
        """No fact of a message with a greater UID is kept."""
        every = (one.last_uid for name, records in self._file.records.items() if name != STATE for one in records)
        return max(every, default=0)

    def column(self, fact: Fact, wanted: Sequence[int]) -> list[tuple[Sequence[int], list[object]]]:
        """What is kept of a fact of these messages, ascending; other messages may be among them."""
        if not wanted:
            return []
        among = frozenset(wanted) if fact.kind in {FactKind.STRUCTURE, FactKind.TEXT} else None
        return [
            unpack_column(fact, packed, wanted=among)
            for packed in self._packed(_record_name(fact), first_uid=wanted[0], last_uid=wanted[-1])
        ]

    def names(self) -> list[tuple[Sequence[int], list[str]]]:
        """The server's own names for messages, read once."""
        if self._names is None:
            self._names = [unpack_names(packed) for packed in self._packed(NAMES)]
        return self._names

    def state(self) -> FlagState | None:
        """The flags as they were, None where they are not kept."""
        states = [unpack_state(packed) for packed in self._packed(STATE)]
        return states[-1] if states else None

    def keep(self, learned: Learned) -> None:
        """Add what a run has learned, if nobody else is at it."""
        if not self._file.is_open or (learned.is_empty and not self._file.is_renamed):
            return
        with self._file.turn() as is_ours:
            if not is_ours:
                return
            records = list(self._new_records(learned))
            size = sum(len(one.packed) for one in records)
            if not self._make_room(self._file.size_bytes + size):
                return
            self._file.append(records)
            self._tidy(learned.present)

    def _packed(self, name: str, *, first_uid: int = 0, last_uid: int = 1 << 32) -> Iterator[bytes]:
        for record in self._file.records.get(name, ()):
            if record.first_uid <= last_uid and record.last_uid >= first_uid:
                yield self._file.read(record)

    def _new_records(self, learned: Learned) -> Iterator[NewRecord]:
        for fact, uids, values in learned.columns:
            step = _TEXTS_AT_ONCE if fact.kind is FactKind.TEXT else len(uids)
            for start in range(0, len(uids), step):
                piece, its_values = uids[start : start + step], values[start : start + step]
                older = [] if start else self._file.records.get(_record_name(fact), [])
                yield self._merged(_column_of(fact), piece, its_values, older=older)
        uids, names = learned.names
        if uids:
            yield self._merged(_column_named(NAMES), uids, names, older=self._file.records.get(NAMES, []))
        if learned.state is not None:
            replaced = len(self._file.records.get(STATE, ()))
            state = learned.state
            yield new_record(STATE, state.uids, pack_state(state), replaced=replaced)

    def _merged(
        self,
        column: _Column,
        uids: Sequence[int],
        values: Sequence[Any],
        *,
        older: Sequence[Record],  # Any: as above
    ) -> NewRecord:
        """With the last records of the column, where they are not much larger: so their number stays small."""
        merging: list[Record] = []
        count = len(uids)
        while len(merging) < len(older):
            record = older[-1 - len(merging)]
            if record.count > 2 * count or record.length > _LARGE_BYTES:
                break
            merging.append(record)
            count += record.count
        if not merging:
            return new_record(column.name, uids, column.pack(uids, values))
        together: dict[int, object] = {}
        for record in reversed(merging):
            together.update(zip(*column.unpack(self._file.read(record)), strict=True))
        together.update(zip(uids, values, strict=True))
        merged = sorted(together)
        packed = column.pack(merged, [together[uid] for uid in merged])
        return new_record(column.name, merged, packed, replaced=len(merging))

    def _tidy(self, present: Collection[int] | None) -> None:
        """Write the file anew where more than half of it is of no use: replaced, or of messages that are gone."""
        file = self._file
        most = max((sum(one.count for one in records) for records in file.records.values()), default=0)
        has_gone = present is not None and most > 2 * len(present) + 1000
        if file.size_bytes > 2 * file.live_bytes + _SMALL_BYTES or has_gone or file.is_renamed:
            file.replace(list(self._still_useful(frozenset(present) if present is not None else None)))

    def _still_useful(self, present: frozenset[int] | None) -> Iterator[NewRecord]:
        for name, records in self._file.records.items():
            for record in records:
                packed = self._file.read(record)
                if present is None or name == STATE:
                    yield NewRecord(
                        name=name,
                        count=record.count,
                        first_uid=record.first_uid,
                        last_uid=record.last_uid,
                        packed=packed,
                    )
                else:
                    column = _column_named(name)
                    pairs = [pair for pair in zip(*column.unpack(packed), strict=True) if pair[0] in present]
                    kept = [uid for uid, _ in pairs]
                    yield new_record(name, kept, column.pack(kept, [value for _, value in pairs]))


def _record_name(fact: Fact) -> str:
    return f"{fact.kind.name.lower()}:{fact.name}"


def _column_named(name: str) -> _Column:
    if name == NAMES:
        return _Column(NAMES, pack_names, unpack_names)
    kind, _, field = name.partition(":")
    try:
        return _column_of(Fact(FactKind[kind.upper()], field))
    except KeyError:
        raise UnusableFile("it holds facts of an unknown kind") from None


def _column_of(fact: Fact) -> _Column:
    return _Column(_record_name(fact), partial(pack_column, fact), partial(unpack_column, fact))
