"""Which moves the journal tells of a message: those that happened and were not taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.records import Operation, RunKind, StepState
from mailrules.plan.past_moves import MessageIdentity, PastMove
from mailrules.plan.plan import StepKind
from tests.journal.builders import NOON, applied, begin, command, intent, verdict

if TYPE_CHECKING:
    from mailrules.journal.journal import Journal

MOVE = command(target_uidvalidity=9)


async def test_a_move_is_known_by_message_rule_mailbox_and_time(journal: Journal) -> None:
    run = await begin(journal, RunKind.DAEMON)
    slow = command(StepKind.MOVE, Operation.COPY)
    await applied(
        journal,
        run,
        intent(MOVE, 1, message_id="<1@a>", size_bytes=5, received=NOON),
        intent(slow, 2, message_id="<2@a>", rule="old server"),
        intent(MOVE, 3, message_id=""),
        intent(MOVE, 4, message_id="<4@a>"),
    )

    assert await journal.past_moves(["<1@a>", "<2@a>", "", "<5@a>"]) == {
        MessageIdentity("<1@a>", 5, NOON): [PastMove("lists", "home", "INBOX", NOON)],
        MessageIdentity("<2@a>", 0, None): [PastMove("old server", "home", "INBOX", NOON)],
        MessageIdentity("", 0, None): [PastMove("lists", "home", "INBOX", NOON)],
    }


async def test_what_did_not_happen_and_what_was_no_move_does_not_count(journal: Journal) -> None:
    run = await begin(journal, RunKind.DAEMON)
    copy = command(StepKind.COPY, Operation.COPY)
    expunge = command(StepKind.MOVE, Operation.EXPUNGE, target="")
    ids = await journal.intend(
        run, [intent(MOVE, 1, message_id="<1@a>"), intent(MOVE, 2, message_id="<1@a>")], now=NOON
    )
    await journal.judge([verdict(ids[0], StepState.REFUSED), verdict(ids[1], StepState.VANISHED)])
    await applied(journal, run, intent(copy, 1, message_id="<1@a>"), intent(expunge, 1, message_id="<1@a>"))

    assert await journal.past_moves(["<1@a>"]) == {}


async def test_what_an_undo_moved_back_counts_as_not_moved(journal: Journal) -> None:
    run, undo = await begin(journal), await begin(journal, RunKind.UNDO)
    moves = [intent(MOVE, uid, message_id="<1@a>", size_bytes=uid) for uid in (1, 2)]
    ids = await journal.intend(run, moves, now=NOON)
    await journal.judge(
        [verdict(step, target_uidvalidity=9, target_uid=uid) for step, uid in zip(ids, (11, 12), strict=True)]
    )
    back = command(mailbox="Archive", uidvalidity=9, target="INBOX")
    await applied(journal, undo, intent(back, 11, message_id="<1@a>", size_bytes=1))

    assert [one.size_bytes for one in await journal.past_moves(["<1@a>"])] == [2]


async def test_what_an_undo_brought_back_from_another_account_counts_as_not_moved(journal: Journal) -> None:
    run, undo = await begin(journal), await begin(journal, RunKind.UNDO)
    there = command(StepKind.MOVE, Operation.COPY, target="work/Archive")
    (step,) = await journal.intend(run, [intent(there, 1, message_id="<1@a>")], now=NOON)
    await journal.judge([verdict(step, target_uidvalidity=9, target_uid=11)])
    assert len(await journal.past_moves(["<1@a>"])) == 1
    back = command(account="work", mailbox="Archive", uidvalidity=9, target="home/INBOX")
    await applied(journal, undo, intent(back, 11, message_id="<1@a>"))

    assert await journal.past_moves(["<1@a>"]) == {}
