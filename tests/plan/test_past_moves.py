"""What was moved before keeps a rule from moving mail in circles."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.mailbox.message import UID
from mailrules.plan.past_moves import WINDOW, MessageIdentity, PastMove, came_back, is_restless
from mailrules.testing.builders import A_DAY, message
from tests.plan.planned import NOW, mail, steps_of, survey

if TYPE_CHECKING:
    from mailrules.plan.plan import MailboxPlan

RULES = "rules: [{name: file it, if: always, do: [{flag: seen}, {move: Filed}]}]\n"
CONTENT = message(message_id="<1@a>")


def _moved(rule: str = "file it", *, mailbox: str = "INBOX", account: str = "home", ago: timedelta) -> PastMove:
    return PastMove(rule=rule, account=account, mailbox=mailbox, moved=NOW - ago)


async def _plan(*moves: PastMove, identity: MessageIdentity | None = None) -> MailboxPlan:
    account = mail(CONTENT, mailboxes=["Filed"])
    received = account["INBOX"].messages[UID(1)].received
    planner, _ = await survey(RULES, account)
    assert planner.moving() == ("<1@a>",)
    known = identity or MessageIdentity("<1@a>", len(CONTENT), received)
    planner.remember({known: moves})
    return planner.finish()


async def test_what_somebody_put_back_is_marked_and_stays_for_good() -> None:
    made = await _plan(_moved(ago=timedelta(days=100)))

    assert steps_of(made) == {1: ["+\\Seen"]}
    assert [(one.kind, one.rule) for one in made.findings] == [("moved_back", "file it")]
    assert made.findings[0].reason == "this rule moved it on 2026-08-14 12:00 UTC, and somebody put it back"
    assert made.final_uids == (1,)


@pytest.mark.parametrize(
    "move",
    [
        _moved("another rule", ago=timedelta(hours=1)),
        _moved(mailbox="Elsewhere", ago=timedelta(hours=1)),
        _moved(account="work", ago=timedelta(hours=1)),
    ],
)
async def test_another_rule_s_move_or_one_from_elsewhere_was_no_move_of_this_rule_from_here(move: PastMove) -> None:
    assert steps_of(await _plan(move)) == {1: ["+\\Seen", "move Filed"]}


async def test_a_third_move_within_a_day_is_held() -> None:
    second = _moved("b", mailbox="B", ago=timedelta(hours=1))

    made = await _plan(_moved("a", mailbox="A", ago=WINDOW - timedelta(seconds=1)), second)
    later = await _plan(_moved("a", mailbox="A", ago=WINDOW), second)

    assert steps_of(made) == {1: ["+\\Seen"]}
    assert [(one.kind, one.reason) for one in made.findings] == [
        ("held", "it was moved 2 times within a day; see `mailrules history`")
    ]
    assert (made.final_uids, made.pending_uids) == ((), (1,))
    assert steps_of(later) == {1: ["+\\Seen", "move Filed"]}


@pytest.mark.parametrize(
    "identity",
    [
        MessageIdentity("<2@a>", len(CONTENT), A_DAY),
        MessageIdentity("<1@a>", len(CONTENT) + 1, A_DAY),
        MessageIdentity("<1@a>", len(CONTENT), A_DAY + timedelta(seconds=1)),
        MessageIdentity("<1@a>", len(CONTENT), None),
    ],
)
async def test_another_delivery_is_another_message(identity: MessageIdentity) -> None:
    assert steps_of(await _plan(_moved(ago=timedelta(hours=1)), identity=identity)) == {1: ["+\\Seen", "move Filed"]}


async def test_only_messages_that_may_move_are_asked_for() -> None:
    planner, _ = await survey("rules: [{name: r, if: always, do: [{copy: Filed}]}]\n", mail(CONTENT))

    assert planner.moving() == ()


def test_the_latest_move_is_told() -> None:
    moves = [_moved(ago=timedelta(days=days)) for days in (3, 1, 2)]

    assert came_back(moves, rule="file it", account="home", mailbox="INBOX") == moves[1]
    assert came_back([], rule="file it", account="home", mailbox="INBOX") is None
    assert not is_restless(moves[:1], now=NOW)
