"""What only the server can tell: its searches, quotas, labels and save dates, over columns."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.mailbox.message import UID, FactRequest, MessageFacts, Unreadable
from mailrules.rules.server_tests import QUOTA, QuotaTest, QuotaUse, SearchTest
from mailrules.rules.truth import Truth
from mailrules.rules.value_tests import LabelTest, NumberBounds, TimeSource, TimeTest
from tests.judging.conditions import NOW, judged
from tests.mailbox.samples import empty_snapshot

if TYPE_CHECKING:
    from mailrules.mailbox.snapshot import Snapshot


def _told(name: str, *values: object) -> Snapshot:
    snapshot = empty_snapshot(len(values))
    snapshot.add_enriched(name, {UID(number): value for number, value in enumerate(values, 1) if value is not None})
    return snapshot


def test_the_server_s_search_is_taken_at_its_word() -> None:
    test = SearchTest(query="FROM ann")
    snapshot = _told("search: FROM ann", True, False, Unreadable(reason="BADCHARSET"), None)

    assert judged(test, snapshot) == Truth(0b1011, 0b0001, 0b0100)
    assert [test.why_unknowable(snapshot, row) for row in range(4)] == ["", "", "BADCHARSET", ""]
    assert SearchTest(query="FROM ann", is_gmail=True).needs != test.needs


def test_a_quota_is_one_answer_for_its_mailbox() -> None:
    full = QuotaTest(percent=NumberBounds(at_least=90), free=NumberBounds(under=1024))
    use = QuotaUse(percent=95.5, free_bytes=1000)
    snapshot = _told(QUOTA.name, use, use, QuotaUse(), Unreadable(reason="no QUOTA"))

    assert judged(full, snapshot) == Truth(0b0111, 0b0011, 0b1000)
    assert (full.seen(snapshot, 0), full.why_unknowable(snapshot, 3)) == ("96 % used", "no QUOTA")
    assert judged(QuotaTest(free=NumberBounds(over=10**15)), snapshot).true == 0b0100


def test_labels_have_any_case_and_no_backslash() -> None:
    snapshot = empty_snapshot(3)
    labels = (frozenset({"\\Important", "Bücher"}), frozenset(), Unreadable(reason="no labels"))
    facts = [MessageFacts(uid=UID(number), labels=one) for number, one in enumerate(labels, 1)]
    snapshot.add(FactRequest(labels=True), facts)
    test = LabelTest(labels=frozenset({"important", "todo"}))

    assert judged(test, snapshot) == Truth(0b011, 0b001, 0b100)
    assert judged(LabelTest(labels=frozenset({"bücher"})), snapshot).true == 0b001
    assert (test.seen(snapshot, 0), test.why_unknowable(snapshot, 2)) == ("Bücher \\Important", "no labels")


def test_a_save_date_is_a_time_like_others() -> None:
    snapshot = empty_snapshot(3)
    times = (NOW.now - timedelta(days=8), NOW.now - timedelta(days=6), Unreadable(reason="no SAVEDATE"))
    snapshot.add(
        FactRequest(saved=True), [MessageFacts(uid=UID(number), saved=one) for number, one in enumerate(times, 1)]
    )
    test = TimeTest(source=TimeSource.SAVED, older_than=timedelta(days=7))

    assert judged(test, snapshot) == Truth(0b011, 0b001, 0b100)
    assert (test.seen(snapshot, 0), test.why_unknowable(snapshot, 2)) == ("2026-05-24 12:00:00+00:00", "no SAVEDATE")
