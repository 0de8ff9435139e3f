"""Whether a message's relation to the others of its mailbox holds for a condition: ``duplicate thread first_seen``.

Such a test reads facts of every message of the mailbox, also where only new ones are judged.
"""

from __future__ import annotations

import hashlib
import re
from itertools import chain
from typing import TYPE_CHECKING

from mailrules.mailbox.message import FLAGS, Fact, header_fact
from mailrules.mailbox.rows import rows_of
from mailrules.mailbox.text import fold
from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Environment
    from mailrules.rules.value_tests import NumberBounds

SAMENESS_FIELDS = ("message-id", "date", "from", "received")
"""What makes two messages the same: the fields of ``plan.identity.content_key``."""
THREAD_FIELDS = ("message-id", "references", "in-reply-to")
MAX_REFERENCES = 200
"""So many identifiers of one field join a thread; a longer list keeps its last ones, which are the nearest."""

_SAMENESS = (*map(header_fact, SAMENESS_FIELDS), FLAGS)
_THREADING = (*map(header_fact, THREAD_FIELDS), FLAGS, header_fact("from"))
_IDENTIFIER = re.compile(rb"<[^<>\s]{1,990}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateTest:
    """``duplicate``: an earlier message of this mailbox is the same one; the first of them is no duplicate.

    A message that is marked as deleted counts for nothing, so that the copy which is kept is no duplicate of it.
    """

    wanted: bool = True

    @property
    def needs(self) -> tuple[Fact, ...]:
        return _SAMENESS

    @property
    def related(self) -> tuple[Fact, ...]:
        return _SAMENESS

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        duplicates = snapshot.columns.derived("duplicates", _SAMENESS, _find_duplicates)
        true = duplicates if self.wanted else ~duplicates
        broken = _broken_headers(snapshot, SAMENESS_FIELDS)
        return Truth(rows & ~broken, true & rows & ~broken, rows & broken)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        return snapshot.header_value("message-id", row) or "no Message-ID"

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        return _why_broken(snapshot, SAMENESS_FIELDS, row)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadTest:
    """``thread``: what some message of the same thread in this mailbox is like, the message itself included.

    A thread are the messages that name one another, or a common ancestor, under References or In-Reply-To. Each
    of ``flags`` alone is enough. ``participated``: a message of the thread was answered, or is from an address of ours.
    ``count`` is how many messages the thread has in this mailbox.
    """

    flags: tuple[str, ...] | None = None
    participated: bool | None = None
    count: NumberBounds | None = None

    @property
    def needs(self) -> tuple[Fact, ...]:
        return _THREADING

    @property
    def related(self) -> tuple[Fact, ...]:
        return _THREADING

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:
        threads = _threads(snapshot)
        true = rows
        if self.flags is not None:
            flagged = 0
            for flag in self.flags:
                flagged |= snapshot.columns.flag_rows(flag)
            true &= threads.spread(snapshot, flagged)
        if self.participated is not None:
            ours = snapshot.columns.flag_rows("\\Answered") | _rows_from(snapshot, environment.own_addresses)
            spread = threads.spread(snapshot, ours)
            true &= spread if self.participated else ~spread
        if self.count is not None:
            fitting = (of_thread for of_thread in threads.rows if self.count.holds(len(of_thread)))
            true &= snapshot.mask_of(chain.from_iterable(fitting))
        broken = _broken_headers(snapshot, THREAD_FIELDS)
        return Truth(rows & ~broken, true & rows & ~broken, rows & broken)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        others = thread_size(snapshot, row) - 1
        return f"{others} other messages of the thread in this mailbox"

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        return _why_broken(snapshot, THREAD_FIELDS, row)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSeenTest:
    """``first_seen``: the first message of its sender: nothing from him lies before it in this mailbox, and the
    journal knows no earlier message of his.

    A message without a sender is nobody's first.
    """

    wanted: bool = True

    @property
    def needs(self) -> tuple[Fact, ...]:
        return _SAMENESS

    @property
    def related(self) -> tuple[Fact, ...]:
        return _SAMENESS

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:
        known = environment.known_senders
        first = snapshot.mask_of(
            one.row for one in first_messages(snapshot) if known.get(one.sender, one.message) == one.message
        )
        true = first if self.wanted else ~first
        broken = snapshot.columns.addresses("from").unreadable_mask | _broken_headers(snapshot, SAMENESS_FIELDS)
        return Truth(rows & ~broken, true & rows & ~broken, rows & broken)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        address = snapshot.first_address("from", row)
        return address.address if address else "no sender"

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        return snapshot.columns.addresses("from").unreadable.get(row, "") or _why_broken(snapshot, SAMENESS_FIELDS, row)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstMessage:
    """The first message of a sender in one mailbox; sender and message as digests, as the journal keeps them."""

    row: int
    sender: str
    message: str


def thread_size(snapshot: Snapshot, row: int) -> int:
    """How many messages of the mailbox are in the thread of this one."""
    threads = _threads(snapshot)
    return len(threads.rows[threads.of_row[row]])


def first_messages(snapshot: Snapshot) -> tuple[FirstMessage, ...]:
    """For each sender of the mailbox his first message, as far as the facts of ``FirstSeenTest`` are known."""
    return snapshot.columns.derived("first messages", _SAMENESS, _find_first_messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Threads:
    """Which thread each row belongs to, and the rows of each thread."""

    of_row: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]

    def spread(self, snapshot: Snapshot, mask: int) -> int:
        """The rows of all threads that have one of these rows."""
        threads = {self.of_row[row] for row in rows_of(mask)}
        return snapshot.mask_of(chain.from_iterable(self.rows[thread] for thread in threads))


def _sameness(snapshot: Snapshot, row: int) -> tuple[tuple[bytes, ...], ...]:
    """What is equal for the same message; () where the message has nothing to know it by."""
    *groups, received = (snapshot.raw_header(field, row) for field in SAMENESS_FIELDS)
    # The first hop is the last Received field, since each hop adds its own on top.
    groups.append(received[-1:])
    return tuple(tuple(b" ".join(raw.split()) for raw in group) for group in groups) if any(groups) else ()


def _find_duplicates(snapshot: Snapshot) -> int:
    """Only what shares its Message-ID with another is looked at closely; most mail shares it with none."""
    first_with: dict[tuple[bytes, ...], list[int]] = {}
    known = _known(snapshot, _SAMENESS) & ~snapshot.columns.flag_rows("\\Deleted")
    ids = snapshot.headers.get(SAMENESS_FIELDS[0], ())
    for row in rows_of(known):
        occurrences = ids[row]
        if isinstance(occurrences, tuple):
            first_with.setdefault(tuple([b" ".join(raw.split()) for raw in occurrences]), []).append(row)
    duplicates = []
    for rows in first_with.values():
        seen: set[tuple[tuple[bytes, ...], ...]] = set()
        for row in rows if len(rows) > 1 else ():
            key = _sameness(snapshot, row)
            if key in seen:
                duplicates.append(row)
            elif key:
                seen.add(key)
    return snapshot.mask_of(duplicates)


def _find_first_messages(snapshot: Snapshot) -> tuple[FirstMessage, ...]:
    first: dict[str, FirstMessage] = {}
    for row in rows_of(_known(snapshot, _SAMENESS)):
        address = snapshot.first_address("from", row)
        if address is None or not address.address:
            continue
        folded = fold(address.address)
        if folded not in first:
            parts = _sameness(snapshot, row)
            first[folded] = FirstMessage(row=row, sender=_digest([folded.encode()]), message=_digest(chain(*parts)))
    return tuple(first.values())


def _digest(values: Iterable[bytes]) -> str:
    return hashlib.sha256(b"\0".join(values)).hexdigest()[:32]


def _threads(snapshot: Snapshot) -> _Threads:
    return snapshot.columns.derived("threads", map(header_fact, THREAD_FIELDS), _find_threads)


def _find_threads(snapshot: Snapshot) -> _Threads:
    """Rows that share an identifier, directly or over others, by union-find."""
    parent = list(range(len(snapshot.uids)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    first_with: dict[bytes, int] = {}
    for field in THREAD_FIELDS:
        rows_by_raw, _ = snapshot.columns.raw_values(field)
        for raw, rows in rows_by_raw.items():
            for identifier in _IDENTIFIER.findall(raw)[-MAX_REFERENCES:]:
                for row in rows:
                    one, other = root(row), root(first_with.setdefault(identifier, row))
                    parent[max(one, other)] = min(one, other)
    of_row = [root(row) for row in range(len(snapshot.uids))]
    rows_by_root: dict[int, list[int]] = {}
    for row, its_root in enumerate(of_row):
        rows_by_root.setdefault(its_root, []).append(row)
    numbers: Mapping[int, int] = {its_root: number for number, its_root in enumerate(rows_by_root)}
    return _Threads(
        of_row=tuple(numbers[its_root] for its_root in of_row), rows=tuple(map(tuple, rows_by_root.values()))
    )


def _rows_from(snapshot: Snapshot, addresses: frozenset[str]) -> int:
    column = snapshot.columns.addresses("from")
    return column.rows_with(chain.from_iterable(column.by_address.get(address, ()) for address in addresses))


def _known(snapshot: Snapshot, facts: Iterable[Fact]) -> int:
    known = snapshot.all_rows
    for fact in facts:
        known &= snapshot.known(fact)
    return known


def _broken_headers(snapshot: Snapshot, fields: tuple[str, ...]) -> int:
    return snapshot.mask_of(_reasons(snapshot, fields))


def _why_broken(snapshot: Snapshot, fields: tuple[str, ...], row: int) -> str:
    return _reasons(snapshot, fields).get(row, "")


def _reasons(snapshot: Snapshot, fields: tuple[str, ...]) -> Mapping[int, str]:
    """Why for the rows of which one of these fields could not be read."""
    return snapshot.columns.derived(
        ("unreadable", fields),
        map(header_fact, fields),
        lambda one: {row: why for field in fields for row, why in one.columns.raw_values(field)[1].items()},
    )
