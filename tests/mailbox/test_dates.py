"""The Date field is read leniently, and what is no date says so."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.dates import parse_date
from mailrules.mailbox.message import Unreadable

INSTANT = datetime(2026, 2, 3, 14, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        b"Tue, 3 Feb 2026 14:05:06 +0000",
        b"Tue, 03 Feb 2026 16:05:06 +0200 (EET)",
        b"3 Feb 2026 14:05:06 GMT",
        b"Tue,3 Feb 2026 14:05:06 -0000",
        b"Tue, 3 Feb 2026 14:05:06",
        b"Tue, 3 Feb 26 09:05:06 EST",
        b"Tuesday, 03-Feb-2026 14:05:06 UTC",
        b"Tue, 3 February 2026 14:05:06 Z",
        b"Tue (today), 3 Feb 2026 14:05:06 +00:00",
        b"Tue Feb  3 14:05:06 2026",
        b"Tue Feb  3 14:05:06 UTC 2026",
        b"Tue, 3\r\n Feb 2026 14.05.06 +0000",
    ],
)
def test_the_same_instant_in_many_spellings(raw: bytes) -> None:
    assert parse_date(raw) == INSTANT


def test_the_zone_is_kept_and_seconds_may_be_missing_or_leap() -> None:
    date = parse_date(b"Mon, 1 Jan 1996 00:30 -0930")

    assert isinstance(date, datetime)
    assert date.utcoffset() == timedelta(hours=-9, minutes=-30)
    assert date == datetime(1996, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=-9, minutes=-30)))
    assert parse_date(b"31 Dec 2016 23:59:60 +0000") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert parse_date(b"1 Jan 103 00:00:00 +0000") == datetime(2003, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"yesterday",
        b"31 Feb 2026 10:00:00 +0000",
        b"3 Foo 2026 10:00:00",
        b"3 Feb 2026 10:00:00 +9999",
        b"x" * 201,
        b"3 Feb 2026 25:00:00 +0000",
    ],
)
def test_what_is_no_date_is_unreadable_and_says_so(raw: bytes) -> None:
    date = parse_date(raw)

    assert isinstance(date, Unreadable)
    assert "Date field" in date.reason


@given(st.binary(max_size=60), st.text(alphabet="0123456789 :+-,()JanFebGMT\xff", max_size=60))
def test_nothing_raises(raw: bytes, text: str) -> None:
    parse_date(raw)
    parse_date(text.encode("latin-1"))
