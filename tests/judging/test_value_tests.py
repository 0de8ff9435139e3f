"""Sizes, times, flags, the mailbox and attachments, each at its bounds."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.message import (
    FLAGS,
    RECEIVED,
    SIZE,
    STRUCTURE,
    UID,
    MessageFacts,
    Part,
    Unreadable,
    header_fact,
)
from mailrules.mailbox.snapshot import Snapshot
from mailrules.rules.structure_tests import MAX_PARTS, AttachmentTest
from mailrules.rules.truth import Truth
from mailrules.rules.value_tests import FlagTest, MailboxTest, NumberBounds, SizeTest, TimeSource, TimeTest
from tests.judging.conditions import NOW, bits, judged, text_match
from tests.mailbox.samples import EVERYTHING, empty_snapshot, header_snapshot

TOKYO = timezone(timedelta(hours=9))
DAY = timedelta(days=1)


def snapshot_of(*facts: MessageFacts) -> Snapshot:
    snapshot = empty_snapshot(len(facts))
    snapshot.add(EVERYTHING, facts)
    return snapshot


SIZES = snapshot_of(*(MessageFacts(uid=UID(number), size_bytes=number * 10) for number in (1, 2, 3)))


@pytest.mark.parametrize(
    ("bounds", "rows"),
    [
        (NumberBounds(at_least=20), "011"),
        (NumberBounds(at_most=20), "110"),
        (NumberBounds(over=20), "001"),
        (NumberBounds(under=20), "100"),
        (NumberBounds(equals=20), "010"),
        (NumberBounds(over=10, under=30), "010"),
    ],
)
def test_sizes_compare_at_the_bound(bounds: NumberBounds, rows: str) -> None:
    test = SizeTest(bounds=bounds)

    assert bits(judged(test, SIZES).true, SIZES) == rows
    assert [bounds.holds(size) for size in (10, 20, 30)] == [row == "1" for row in rows]
    assert (test.needs, test.seen(SIZES, 0)) == ((SIZE,), "10 bytes")


def test_a_size_that_is_missing_stays_open() -> None:
    snapshot = snapshot_of(MessageFacts(uid=UID(1)), MessageFacts(uid=UID(2), size_bytes=5))
    test = SizeTest(bounds=NumberBounds(over=1))

    assert judged(test, snapshot) == Truth(0b10, 0b10)
    assert test.seen(snapshot, 0) == ""


# 31 May 23:30 in Tokyo is 31 May 14:30 UTC; 1 June 00:30 there is 31 May 15:30 UTC.
TIMES = snapshot_of(
    MessageFacts(uid=UID(1), received=datetime(2026, 5, 31, 23, 30, tzinfo=TOKYO)),
    MessageFacts(uid=UID(2), received=datetime(2026, 6, 1, 0, 30, tzinfo=TOKYO)),
    MessageFacts(uid=UID(3), received=NOW.now - 30 * DAY),
    MessageFacts(uid=UID(4), received=Unreadable(reason="no INTERNALDATE")),
)


@pytest.mark.parametrize(
    ("test", "rows"),
    [
        (TimeTest(source=TimeSource.RECEIVED, older_than=29 * DAY), "0010"),
        (TimeTest(source=TimeSource.RECEIVED, older_than=30 * DAY), "0000"),
        (TimeTest(source=TimeSource.RECEIVED, newer_than=30 * DAY), "1100"),
        (TimeTest(source=TimeSource.RECEIVED, newer_than=31 * DAY), "1110"),
        (TimeTest(source=TimeSource.RECEIVED, on=date(2026, 5, 31)), "1000"),
        (TimeTest(source=TimeSource.RECEIVED, before=date(2026, 6, 1)), "1010"),
        (TimeTest(source=TimeSource.RECEIVED, after=date(2026, 5, 31)), "0100"),
        (TimeTest(source=TimeSource.RECEIVED, before=datetime(2026, 5, 31, 15, tzinfo=UTC)), "1010"),
        (TimeTest(source=TimeSource.RECEIVED, after=datetime(2026, 5, 31, 15, tzinfo=UTC)), "0100"),
        (TimeTest(source=TimeSource.RECEIVED, before=datetime(2026, 5, 31, 14, 30, tzinfo=UTC)), "0010"),
        (TimeTest(source=TimeSource.RECEIVED, after=date(2026, 1, 1), older_than=2 * DAY), "0010"),
    ],
)
def test_times_compare_instants_and_dates_the_days_of_their_own_zone(test: TimeTest, rows: str) -> None:
    truth = judged(test, TIMES)

    assert bits(truth.true, TIMES) == rows
    assert (truth.known, truth.unknowable, test.needs) == (0b0111, 0b1000, (RECEIVED,))


def test_sent_is_unknowable_without_a_date_that_can_be_read() -> None:
    snapshot = header_snapshot("Date: 1 May 2026 12:00:00 +0000\n", "X: y\n", "Date: soon\n", fields=["date"])
    test = TimeTest(source=TimeSource.SENT, older_than=DAY)

    assert judged(test, snapshot) == Truth(0b001, 0b001, 0b110)
    assert (test.needs, test.seen(snapshot, 0)) == ((header_fact("date"),), "2026-05-01 12:00:00+00:00")
    assert (test.seen(snapshot, 1), test.why_unknowable(snapshot, 1)) == ("", "no Date field")


def test_flags_and_keywords_compare_without_case_and_any_is_enough() -> None:
    snapshot = snapshot_of(
        MessageFacts(uid=UID(1), flags=frozenset({"\\SEEN", "$important"})),
        MessageFacts(uid=UID(2), flags=frozenset({"$Important"})),
        MessageFacts(uid=UID(3), flags=frozenset()),
    )

    assert bits(judged(FlagTest(flags=("\\Seen",)), snapshot).true, snapshot) == "100"
    assert bits(judged(FlagTest(flags=("$IMPORTANT",)), snapshot).true, snapshot) == "110"
    assert bits(judged(FlagTest(flags=("\\Flagged", "\\Seen")), snapshot).true, snapshot) == "100"
    assert FlagTest(flags=()).needs == (FLAGS,)
    assert FlagTest(flags=()).seen(snapshot, 0) == "$important \\SEEN"


def test_the_mailbox_is_one_answer_for_all() -> None:
    snapshot = empty_snapshot(2, mailbox="Lists/Python")
    test = MailboxTest(match=text_match("glob", "lists/*"))

    assert judged(test, snapshot) == Truth(0b11, 0b11)
    assert (test.needs, test.seen(snapshot, 0)) == ((), "Lists/Python")


def attached(
    name: str = "", media_type: str = "application/pdf", *, size_bytes: int = 400, disposition: str = ""
) -> Part:
    type_, subtype = media_type.split("/")
    return Part(
        number="2",
        type=type_,
        subtype=subtype,
        encoding="base64",
        disposition=disposition,
        file_name=name,
        size_bytes=size_bytes,
    )


STRUCTURES = snapshot_of(
    MessageFacts(uid=UID(1), structure=(attached(media_type="multipart/mixed"), attached(media_type="text/plain"))),
    MessageFacts(uid=UID(2), structure=(attached("Bill.PDF"), attached("cat.png", "image/png", size_bytes=4_000))),
    MessageFacts(uid=UID(3), structure=(attached(), attached(media_type="image/png", disposition="inline"))),
    MessageFacts(uid=UID(4), structure=(attached(media_type="text/csv", disposition="attachment"),)),
    MessageFacts(uid=UID(5), structure=Unreadable(reason="broken")),
    MessageFacts(uid=UID(6), structure=(attached(),) * (MAX_PARTS + 1)),
    MessageFacts(uid=UID(7), structure=(attached("big.bin"),) * MAX_PARTS),
)


@pytest.mark.parametrize(
    ("test", "rows"),
    [
        (AttachmentTest(), "0111001"),
        (AttachmentTest(exists=False), "1000000"),
        (AttachmentTest(name=text_match("ends_with", ".pdf")), "0100000"),
        (AttachmentTest(type=text_match("glob", "image/*")), "0100000"),
        (AttachmentTest(type=text_match("equals", "application/pdf")), "0110001"),
        (AttachmentTest(size=NumberBounds(at_least=301)), "0100000"),
        (AttachmentTest(size=NumberBounds(at_least=300), type=text_match("glob", "*/pdf")), "0110001"),
        (AttachmentTest(size=NumberBounds(at_least=301), type=text_match("glob", "*/pdf")), "0000000"),
        (AttachmentTest(count=NumberBounds(at_least=2)), "0100001"),
        (AttachmentTest(count=NumberBounds(equals=0)), "1000000"),
        (AttachmentTest(count=NumberBounds(at_most=1), name=text_match("glob", "*.png")), "1111001"),
    ],
)
def test_attachments_hold_together_for_one_part(test: AttachmentTest, rows: str) -> None:
    truth = judged(test, STRUCTURES)

    assert bits(truth.true, STRUCTURES) == rows
    assert (truth.known, truth.unknowable) == (0b1001111, 0b0110000)


def test_attachments_are_described_and_their_limits_named() -> None:
    test = AttachmentTest()

    assert test.needs == (STRUCTURE,)
    assert test.seen(STRUCTURES, 1) == "Bill.PDF (application/pdf, 300 bytes), cat.png (image/png, 3,000 bytes)"
    assert (test.seen(STRUCTURES, 0), test.seen(STRUCTURES, 4)) == ("no attachment", "no attachment")
    assert [test.why_unknowable(STRUCTURES, row) for row in (0, 4)] == ["", "broken"]
    assert "1,001 parts" in test.why_unknowable(STRUCTURES, 5)


@given(
    st.lists(st.datetimes(min_value=datetime(2026, 5, 1), max_value=datetime(2026, 6, 2)), max_size=12),
    st.integers(0, 800),
)
def test_ages_compare_as_the_instants_do(times: list[datetime], hours: int) -> None:
    received = [time.replace(tzinfo=UTC) for time in times]
    snapshot = snapshot_of(*(MessageFacts(uid=UID(number), received=time) for number, time in enumerate(received, 1)))
    age = timedelta(hours=hours)

    truth = judged(TimeTest(source=TimeSource.RECEIVED, older_than=age), snapshot)

    assert [truth.true >> row & 1 == 1 for row in range(len(times))] == [NOW.now - time > age for time in received]
