"""Commands whose UIDs do not fit into a line become several, and their results one, inside procedures too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mailrules.client.fallbacks import Procedure, Progress, run, run_all
from mailrules.client.line_cutting import joined
from mailrules.client.message_fallbacks import MoveAnywhere
from mailrules.errors import CommandRefused, StoppedHalfway
from mailrules.imap.copy_commands import CopiedMessages, UidCopy, UidExpunge
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.message_commands import StoreResult, UidFetch, UidStore
from mailrules.imap.resync import Changes
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop

if TYPE_CHECKING:
    from mailrules.client.fallbacks import Steps
    from mailrules.imap.command import Command

NO = CommandRefused("X", status="NO", code="OVERQUOTA", text="full")
LONG = SequenceSet.of(range(1, 200, 2))
LINE_BYTES = 250


def in_lines(procedure: Procedure[object], *, refused: int | None = None) -> tuple[list[Command[object]], object]:
    """The commands of the procedure, each answered as its kind is, the one of this number refused; and its result."""
    progress = Progress(procedure, offered=frozenset({"UIDPLUS"}), selections=0, line_bytes=LINE_BYTES)
    sent: list[Command[object]] = []
    while not progress.is_done:
        answers: list[object] = []
        for command in progress.batch:
            answers.append(NO if len(sent) == refused else _answer(command))
            sent.append(command)
        progress.take(answers)
    return sent, progress.result


def _answer(command: Command[object]) -> object:
    match command:
        case UidCopy(uids=uids):
            return CopiedMessages(uidvalidity=7, uids={uid: uid + 1_000 for uid in uids})
        case UidStore(uids=uids):
            confirmed = tuple(FetchData(sequence_number=1, uid=uid) for uid in uids)
            return StoreResult(confirmed=confirmed, modified=SequenceSet())
        case UidExpunge(uids=uids):
            return tuple(uids)
        case UidFetch(uids=uids):
            return tuple(FetchData(sequence_number=1, uid=uid) for uid in uids)
    return None


def test_each_step_of_a_procedure_is_cut():
    sent, copied = in_lines(MoveAnywhere(LONG, "t"))

    kinds = [type(command) for command in sent]
    assert kinds == sorted(kinds, key=[UidCopy, UidStore, UidExpunge].index)
    assert all(kinds.count(kind) > 1 for kind in (UidCopy, UidStore, UidExpunge))
    assert isinstance(copied, CopiedMessages)
    assert list(copied.uids) == list(LONG)
    for kind in (UidCopy, UidStore, UidExpunge):
        uids = [uid for command in sent if isinstance(command, kind) for uid in command.uids]
        assert uids == list(LONG)


def test_nothing_follows_a_piece_that_is_refused():
    with pytest.raises(CommandRefused, match="OVERQUOTA"):
        in_lines(MoveAnywhere(LONG, "t"), refused=1)
    with pytest.raises(StoppedHalfway):
        in_lines(MoveAnywhere(LONG, "t"), refused=3)


@dataclass(frozen=True, slots=True)
class Both(Procedure[object]):
    """A long command beside a short one."""

    def steps(self, offered: frozenset[str]) -> Steps[object]:
        del offered
        told = yield from run_all([UidFetch(LONG, ()), UidFetch(SequenceSet.of((4,)), ())])
        yield from run(Noop())
        return tuple(tuple(one.uid for one in answer) for answer in told if not isinstance(answer, CommandRefused))


def test_short_commands_beside_a_long_one_stay_whole():
    _, told = in_lines(Both())

    assert told == (tuple(LONG), (4,))


def test_results_of_each_kind_become_one():
    one, two = (Changes(vanished=SequenceSet.of((uid,))) for uid in (1, 5))
    stored = [StoreResult(modified=SequenceSet.of((uid,)), confirmed=()) for uid in (3, 4)]
    elsewhere = [CopiedMessages(uidvalidity=number, uids={number: 1}) for number in (1, 2)]

    changes, store = joined([one, two]), joined(stored)

    assert isinstance(changes, Changes)
    assert list(changes.vanished) == [1, 5]
    assert isinstance(store, StoreResult)
    assert list(store.modified) == [3, 4]
    assert joined(elsewhere) == CopiedMessages()  # targets of two UIDVALIDITYs prove nothing
    assert joined([None, None]) is None
    assert joined([one]) is one
