"""What extensions add to FETCH: the RFCs' examples, and attributes that are none."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_extras import NO_EXTRAS, FetchExtras
from mailrules.imap.responses import Unknown
from tests.imap_wire.reading import fetch_of, frames_of, response_of, responses_of


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # RFC 8474 section 5.3; the EMAILID itself is a field of FetchData
        (b"* 1 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9))", FetchExtras(thread_id="T64b478a75b7ea9")),
        (b"* 1 FETCH (EMAILID (M00000001) THREADID NIL)", FetchExtras(thread_id="")),
        # RFC 8970 sections 3.2 and 5
        (b'* 1 FETCH (PREVIEW "Preview text!")', FetchExtras(preview="Preview text!")),
        (b'* 2 FETCH (PREVIEW "" UID 4)', FetchExtras(preview="")),
        (b"* 9 FETCH (UID 23 PREVIEW NIL)", FetchExtras(preview=None)),
        (b"* 1 FETCH (PREVIEW {11}\r\nPr\xc3\xa9view \xff!\r\n)", FetchExtras(preview="Pr\u00e9view \ufffd!")),
        # Dovecot before 2.3.15, after a draft of RFC 8970
        (b'* 1 FETCH (PREVIEW (FUZZY "Preview text!"))', FetchExtras(preview="Preview text!")),
        # RFC 8514 section 4.2
        (
            b'* 998 FETCH (SAVEDATE "01-Jan-2015 18:50:53 +0100")',
            FetchExtras(save_date=datetime(2015, 1, 1, 18, 50, 53, tzinfo=timezone(timedelta(hours=1)))),
        ),
        (b"* 998 FETCH (SAVEDATE NIL)", FetchExtras(save_date=None)),
        # Gmail IMAP Extensions
        (b"* 1 FETCH (X-GM-THRID 1278455344230334865)", FetchExtras(gmail_thread_id="1278455344230334865")),
        (
            b'* 1 FETCH (X-GM-LABELS (\\Inbox \\Sent Important "Muy Importante"))',
            FetchExtras(gmail_labels=frozenset({"\\Inbox", "\\Sent", "Important", "Muy Importante"})),
        ),
        (
            b'* 1 FETCH (X-GM-LABELS ("\\\\Inbox" Entw&APw-rfe "Entw\xc3\xbcrfe 2"))',
            FetchExtras(gmail_labels=frozenset({"\\Inbox", "Entwürfe", "Entwürfe 2"})),
        ),
        (b"* 1 FETCH (X-GM-LABELS ())", FetchExtras(gmail_labels=frozenset())),
        # RFC 3516: a literal8 with NUL, a string, and where a part begins
        (b"* 1 FETCH (BINARY[1.2] ~{3}\r\na\0b UID 4)", FetchExtras(binary={"1.2": b"a\0b"})),
        (b'* 1 FETCH (BINARY[1]<100> "abc" UID 4)', FetchExtras(binary={"1<100>": b"abc"})),
        (b"* 1 FETCH (BINARY[2] NIL BINARY.SIZE[1] 1234)", FetchExtras(binary_sizes={"1": 1234})),
    ],
)
def test_extensions_add_typed_attributes(line, expected):
    (response,) = responses_of(line + b"\r\n")

    assert isinstance(response, FetchData)
    assert response.extras == expected
    assert not response.malformed


def test_they_stand_beside_the_others_in_any_order():
    fetched = fetch_of(b"UID 4 THREADID (T1) FLAGS (\\Seen) EMAILID (M1) BODY[] {2}\r\nhi BINARY.SIZE[1] 2")

    assert (fetched.uid, fetched.email_id, fetched.extras.thread_id) == (4, "M1", "T1")
    assert (fetched.sections, fetched.extras.binary_sizes) == ({"": b"hi"}, {"1": 2})


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        (b"THREADID ((x))", "THREADID"),
        (b"X-GM-THRID (1)", "X-GM-THRID"),
        (b"X-GM-LABELS x", "X-GM-LABELS"),
        (b"PREVIEW ((x))", "PREVIEW"),
        (b'SAVEDATE "yesterday"', "SAVEDATE"),
        (b"BINARY.SIZE[1] NIL", "BINARY.SIZE"),
        (b"BINARY[1] (x)", "BINARY"),
    ],
)
def test_one_that_cannot_be_read_spoils_itself_only(attribute, name):
    fetched = fetch_of(attribute + b" UID 4")

    assert list(fetched.malformed) == [name]
    assert (fetched.uid, fetched.extras) == (4, NO_EXTRAS)


def test_the_later_word_holds_and_what_only_one_says_stays():
    earlier = FetchExtras(thread_id="T1", preview="old", binary={"1": b"a"}, gmail_labels=frozenset({"x"}))

    assert earlier.updated(NO_EXTRAS) is earlier
    assert earlier.updated(FetchExtras(preview="new", binary={"2": b"b"})) == FetchExtras(
        thread_id="T1", preview="new", binary={"1": b"a", "2": b"b"}, gmail_labels=frozenset({"x"})
    )
    assert NO_EXTRAS.updated(FetchExtras(preview="")) == FetchExtras(preview="")
    assert earlier.updated(FetchExtras(gmail_labels=frozenset())).gmail_labels == frozenset()


def test_uidfetch_names_the_message_by_its_uid():
    # RFC 9586 section 3.3
    response = response_of(b"* 25997 UIDFETCH (FLAGS (\\Flagged \\Answered))")

    assert response == FetchData(sequence_number=0, uid=25997, flags=frozenset({"\\Flagged", "\\Answered"}))
    assert response_of(b"* 0 UIDFETCH (FLAGS ())") == Unknown(name="UIDFETCH", raw=b"0 (FLAGS ())")


def test_a_uidfetch_may_be_as_long_as_a_fetch():
    line = b"* 25997 UIDFETCH (FLAGS (" + b"x " * 50_000 + b"))\r\n"

    assert len(frames_of(line)) == 1
