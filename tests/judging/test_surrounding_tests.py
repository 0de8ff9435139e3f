"""The account, the mailbox's use, the time and the occasion; and spam scores, over columns."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone

import pytest

from mailrules.mailbox.message import UID, FactRequest, MessageFacts, Unreadable
from mailrules.mailbox.spam_score import SCORE_FIELDS
from mailrules.mailbox.store import MailboxInfo
from mailrules.rules.conditions import Cause, Environment, Origin
from mailrules.rules.score_tests import SpamScoreTest
from mailrules.rules.surrounding_tests import AccountTest, EventTest, NowTest, SpecialUseTest
from mailrules.rules.truth import Truth
from mailrules.rules.value_tests import NumberBounds
from tests.judging.conditions import NOW, bits, judged, text_match
from tests.mailbox.samples import empty_snapshot, header_snapshot

LISTS = Origin("Lists", "a rule", NOW.now)
SATURDAY = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


def test_the_account_and_the_use_of_the_mailbox_are_one_answer_for_all() -> None:
    snapshot = empty_snapshot(2)
    snapshot.info = MailboxInfo(name="INBOX", delimiter="/", attributes=frozenset({"\\junk", "\\haschildren"}))

    assert judged(AccountTest(match=text_match("equals", "home")), snapshot) == Truth(0b11, 0b11)
    assert judged(AccountTest(match=text_match("equals", "work")), snapshot) == Truth(0b11, 0)
    assert judged(SpecialUseTest(uses=frozenset({"junk", "trash"})), snapshot) == Truth(0b11, 0b11)
    assert judged(SpecialUseTest(uses=frozenset({"sent"})), snapshot) == Truth(0b11, 0)
    assert SpecialUseTest(uses=frozenset()).seen(snapshot, 0) == "junk"


@pytest.mark.parametrize(
    ("test", "now", "holds"),
    [
        (NowTest(weekdays=frozenset({5})), SATURDAY, True),
        (NowTest(weekdays=frozenset({6})), SATURDAY, False),
        (NowTest(weekdays=frozenset({6}), zone=timezone(timedelta(hours=1))), SATURDAY, True),
        (NowTest(start=time(23, 30), end=time(23, 31)), SATURDAY, True),
        (NowTest(start=time(23, 0), end=time(23, 30)), SATURDAY, False),
        (NowTest(start=time(22), end=time(6)), SATURDAY, True),
        (NowTest(start=time(22), end=time(6)), SATURDAY - timedelta(hours=2), False),
        # Half past midnight on Sunday belongs to the night that began on Saturday.
        (NowTest(weekdays=frozenset({5}), start=time(22), end=time(6)), SATURDAY + timedelta(hours=1), True),
        (NowTest(weekdays=frozenset({6}), start=time(22), end=time(6)), SATURDAY + timedelta(hours=1), False),
        (NowTest(start=time(22), end=time(6)), SATURDAY + timedelta(hours=6, minutes=30), False),
    ],
)
def test_the_time_of_judging(test: NowTest, now: datetime, holds: bool) -> None:
    snapshot = empty_snapshot(1)

    assert test.judge(snapshot, 1, Environment(now=now)) == Truth(1, int(holds))


def test_an_event_has_a_cause_and_may_have_an_origin() -> None:
    snapshot = empty_snapshot(3)
    brought = {("home", "INBOX", 1): {UID(2): LISTS, UID(9): LISTS}, ("home", "Other", 1): {UID(1): LISTS}}
    environment = replace(NOW, cause=Cause.NEW, origins=brought)
    new, lists = frozenset({Cause.NEW}), text_match("equals", "Lists")

    assert EventTest(causes=new).judge(snapshot, 0b111, environment) == Truth(0b111, 0b111)
    assert EventTest(causes=new).judge(snapshot, 0b111, NOW) == Truth(0b111, 0)
    assert EventTest(from_mailbox=lists).judge(snapshot, 0b111, environment) == Truth(0b111, 0b010)
    assert EventTest(causes=new, from_mailbox=lists).judge(snapshot, 0b101, environment) == Truth(0b101, 0)
    assert EventTest(causes=new, from_mailbox=lists).seen(snapshot, 0) == "new from Lists"


SCORED = header_snapshot(
    "X-Spam-Score: 2\nX-Spam-Status: Yes, score=7.5 required=5",
    "Subject: nobody scored it",
    "X-Spam-Score: very",
    "X-Spam-Score: very\nX-Spam-Level: ***",
    fields=SCORE_FIELDS,
)


@pytest.mark.parametrize(
    ("bounds", "rows"),
    [
        (NumberBounds(at_least=7.5), "1000"),
        (NumberBounds(under=7.5), "0001"),
        (NumberBounds(over=2.5), "1001"),
        (NumberBounds(equals=3), "0001"),
    ],
)
def test_the_highest_score_counts_and_no_score_is_within_no_bounds(bounds: NumberBounds, rows: str) -> None:
    truth = judged(SpamScoreTest(bounds=bounds), SCORED)

    assert bits(truth.true, SCORED) == rows
    assert bits(truth.unknowable, SCORED) == "0010"


def test_a_score_shows_itself_and_why_it_cannot_be_known() -> None:
    test = SpamScoreTest(bounds=NumberBounds(over=5))

    assert [test.seen(SCORED, row) for row in range(4)] == ["7.5", "no score", "no score", "3"]
    assert [test.why_unknowable(SCORED, row) for row in range(4)] == ["", "", "x-spam-score tells no score", ""]


def test_what_is_read_out_of_a_header_is_read_again_when_more_rows_come() -> None:
    snapshot = empty_snapshot(2)
    test = SpamScoreTest(bounds=NumberBounds(over=5))
    request = FactRequest(header_fields=SCORE_FIELDS)
    snapshot.add(request, [MessageFacts(uid=UID(1), header=b"X-Spam-Score: 6")])
    before = test.judge(snapshot, 0b01, NOW)
    snapshot.add(request, [MessageFacts(uid=UID(2), header=b"X-Spam-Score: 7")])

    assert (before.true, judged(test, snapshot).true) == (0b01, 0b11)


def test_a_header_that_cannot_be_read_has_no_score() -> None:
    snapshot = empty_snapshot(1)
    snapshot.add(FactRequest(header_fields=SCORE_FIELDS), [MessageFacts(uid=UID(1), header=Unreadable(reason="big"))])

    test = SpamScoreTest(bounds=NumberBounds(over=5))

    assert judged(test, snapshot).unknowable == 1
    assert test.why_unknowable(snapshot, 0) == "big"
