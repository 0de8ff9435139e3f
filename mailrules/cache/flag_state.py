"""What the flags of a whole mailbox were, and as of when: with CONDSTORE only what changed since has to be asked."""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING

from mailrules.cache.packing import (
    UnreadableColumn,
    deltas_of,
    pack_chunks,
    pack_distinct,
    uids_of,
    unpack_chunks,
    unpack_distinct,
)
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagState:
    """All messages with a UID below ``uidnext``, ascending, and their flags, which are those of ``highest_modseq``.

    Some flags may be newer: what is asked anew from ``highest_modseq`` on is told again. ``modseqs`` has 0 where
    the server told none.
    """

    uids: Sequence[int]
    flags: Sequence[frozenset[str]]
    modseqs: Sequence[int]
    highest_modseq: int
    uidnext: int


def pack_state(state: FlagState) -> bytes:
    index_of: dict[frozenset[str], int] = {}
    rows = array("I", [index_of.setdefault(flags, len(index_of)) for flags in state.flags])
    head = {
        "highest_modseq": state.highest_modseq,
        "uidnext": state.uidnext,
        "flags": [sorted(flags) for flags in index_of],
    }
    modseqs = array("Q", state.modseqs)
    return pack_chunks([json.dumps(head).encode(), deltas_of(state.uids), rows.tobytes(), modseqs.tobytes()])


def unpack_state(packed: bytes) -> FlagState:
    """Raises UnreadableColumn."""
    try:
        head, deltas, rows, modseqs = unpack_chunks(packed)
        told = json.loads(head)
        sets = [frozenset(map(str, names)) for names in told["flags"]]
        state = FlagState(
            uids=uids_of(deltas),
            flags=list(map(sets.__getitem__, array("I", rows))),
            modseqs=array("Q", modseqs),
            highest_modseq=int(told["highest_modseq"]),
            uidnext=int(told["uidnext"]),
        )
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise UnreadableColumn("the flags cannot be read") from error
    if not len(state.uids) == len(state.flags) == len(state.modseqs):
        raise UnreadableColumn("not every message has flags")
    return state


def pack_names(uids: Sequence[int], names: Sequence[str]) -> bytes:
    """The names that the server gives messages for ever."""
    return pack_chunks([deltas_of(uids), *pack_distinct([name.encode() for name in names])])


def unpack_names(packed: bytes) -> tuple[Sequence[int], list[str]]:
    """UIDs and names. Raises UnreadableColumn."""
    try:
        deltas, *chunks = unpack_chunks(packed)
        rows, distinct = unpack_distinct(chunks)
        names = [name.decode() for name in distinct]
        uids, told = uids_of(deltas), list(map(names.__getitem__, rows))
    except (ValueError, IndexError, OverflowError) as error:
        raise UnreadableColumn("the messages' names cannot be read") from error
    if len(uids) != len(told):
        raise UnreadableColumn("not every message has a name")
    return uids, told
