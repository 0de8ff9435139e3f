"""FETCH: attribute by attribute, and the fast path that must say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailrules.imap.fetch_data import FetchData, read_fetch, read_usual_fetch
from mailrules.imap.framing import Frame
from mailrules.imap.limits import DEFAULT_LIMITS
from mailrules.imap.parser import parse_response
from mailrules.imap.tokens import Reader
from tests.imap_wire.reading import fetch_of, frames_of

USUAL = (
    b'* 12 FETCH (UID 44 FLAGS (\\Seen $Junk) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 4286 MODSEQ (65)'
    b" BODY[HEADER.FIELDS (FROM TO)] {24}\r\nFrom: a@b\r\nTo: c@d\r\n\r\n\r\n)\r\n"
)


def test_the_usual_attributes_become_typed():
    (frame,) = frames_of(USUAL)

    assert parse_response(frame) == FetchData(
        sequence_number=12,
        uid=44,
        flags=frozenset({"\\Seen", "$Junk"}),
        internal_date=datetime(1996, 7, 17, 2, 44, 25, tzinfo=timezone(timedelta(hours=-7))),
        size_bytes=4286,
        modseq=65,
        sections={"HEADER.FIELDS (FROM TO)": b"From: a@b\r\nTo: c@d\r\n\r\n\r\n"},
    )


def test_what_was_not_sent_is_none():
    assert fetch_of(b"UID 5") == FetchData(sequence_number=1, uid=5)
    assert fetch_of(b"UID 5").header_fields is None


ATTRIBUTES = st.lists(
    st.sampled_from(
        [
            b"UID 7",
            b"UID 0",
            b"UID 4294967296",
            b"FLAGS ()",
            b"FLAGS (\\seen foo]bar \xfcber)",
            b'INTERNALDATE " 1-jan-2024 00:00:00 +0000"',
            b'INTERNALDATE "31-Feb-2024 00:00:00 +0000"',
            b'INTERNALDATE "01-Foo-2024 00:00:00 +0000"',
            b'INTERNALDATE "01-Jan-2024 25:00:00 +9900"',
            b"RFC822.SIZE 0",
            b"RFC822.SIZE 123456789012",
            b"MODSEQ (12111230047)",
            b"EMAILID (M6d99ac3275bb4e)",
            b"X-GUID 0123456789abcdef0123456789abcdef",
            b"X-GM-MSGID 1278455344230334865",
            b'ENVELOPE (NIL "" NIL NIL NIL NIL NIL NIL NIL NIL)',
            b'ENVELOPE ("" "a\\"b" ((NIL NIL "x" "y")) NIL NIL (("\\\\" NIL "t" "u") (NIL NIL NIL NIL)) NIL NIL "" "")',
            b'ENVELOPE ("d" "s" ((NIL NIL "x" "y")("n" "r" "m" "h")) NIL () NIL NIL NIL NIL "<i>")',
            b'ENVELOPE (nil "s" NIL NIL NIL NIL NIL NIL NIL)',
            b'ENVELOPE (NIL {5}\r\na"b\\c (("\\"" NIL {3}\r\nNIL {2}\r\n\xc3\xa9)) NIL NIL NIL NIL NIL {0}\r\n NIL)',
            b"ENVELOPE (NIL {4}\r\na\r\nb NIL NIL NIL NIL NIL NIL NIL NIL)",
            b"ENVELOPE (NIL {1}\r\nab NIL NIL NIL NIL NIL NIL NIL NIL)",
            b"INTERNALDATE {26}\r\n01-Jan-2024 00:00:00 +0000",
            b"X-GUID {2}\r\nab",
            b"BODY[] NIL",
            b"BODY[1] {3}\r\nabc",
            b"BODY[header.fields (From)] {0}\r\n",
        ]
    ),
    max_size=6,
)


@given(attributes=ATTRIBUTES, number=st.integers(min_value=1, max_value=2**32 - 1))
@example(
    attributes=[b'ENVELOPE ("d" "s" NIL NIL NIL NIL NIL NIL NIL "<i>")', b"ENVELOPE (NIL%b)" % (b" NIL" * 9)], number=1
)
def test_the_fast_path_says_what_the_slow_one_says(attributes, number):
    body = b"(" + b" ".join(attributes) + b")"
    usual = read_usual_fetch(Frame(b"* %d FETCH " % number + body), limits=DEFAULT_LIMITS)

    if usual is not None:
        slow = read_fetch(Reader(body, limits=DEFAULT_LIMITS), sequence_number=number, limits=DEFAULT_LIMITS)
        # Of what is told twice the last counts; that the first could not be read, only the slow one says.
        told_twice = len({one.split()[0] for one in attributes}) < len(attributes)
        assert usual == (replace(slow, malformed={}) if told_twice else slow)


@pytest.mark.parametrize(
    "attributes",
    [
        b"UID 7",
        b"FLAGS () UID 7",
        b'INTERNALDATE " 1-Jan-2024 00:00:00 +0000" RFC822.SIZE 5 UID 9 MODSEQ (4) FLAGS (\\Seen)',
        b"UID 7 BODY[HEADER.FIELDS (FROM)] {2}\r\n\r\n",
        b'UID 7 ENVELOPE ("d" "s" ((NIL NIL "x" "y")("n" NIL "m" "h")) NIL NIL NIL NIL NIL NIL "<i>") FLAGS ()',
        b'UID 7 ENVELOPE (NIL {5}\r\na "b" NIL NIL NIL NIL NIL NIL NIL NIL) BODY[HEADER] {5}\r\n{1}\r\n',
        b"EMAILID (M1) X-GM-MSGID 5 X-GUID 0123456789abcdef0123456789abcdef",
    ],
)
def test_the_shapes_that_mailboxes_are_read_by_take_the_fast_path(attributes):
    assert read_usual_fetch(Frame(b"* 1 FETCH (" + attributes + b")"), limits=DEFAULT_LIMITS) is not None


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        (b"FLAGS x", "FLAGS"),
        (b'INTERNALDATE "yesterday"', "INTERNALDATE"),
        (b'INTERNALDATE "31-Feb-2024 00:00:00 +0000"', "INTERNALDATE"),
        (b'INTERNALDATE "01-Foo-2024 00:00:00 +0000"', "INTERNALDATE"),
        (b'INTERNALDATE "01-Jan-2024 00:00:00 +9900"', "INTERNALDATE"),
        (b"INTERNALDATE (a (b) c)", "INTERNALDATE"),
        (b"RFC822.SIZE (4)", "RFC822.SIZE"),
        (b"RFC822.SIZE -1", "RFC822.SIZE"),
        (b"MODSEQ (1 2)", "MODSEQ"),
        (b"MODSEQ 1.5e3", "MODSEQ"),
        (b"ENVELOPE x", "ENVELOPE"),
        (b"BODYSTRUCTURE 5", "BODYSTRUCTURE"),
        (b"EMAILID (())", "EMAILID"),
        (b"X-GUID \xff", "X-GUID"),
        (b"BODY[1] (a b)", "BODY"),
    ],
)
def test_one_bad_attribute_spoils_itself_only(attribute, name):
    fetched = fetch_of(attribute + b' UID 7 BODY[] "x"')

    assert fetched.uid == 7
    assert fetched.sections == {"": b"x"}
    assert set(fetched.malformed) == {name}
    assert fetched.malformed[name].raw in attribute
    assert fetched.malformed[name].reason.startswith(name)


def test_a_missing_value_at_the_end_spoils_itself_only():
    fetched = fetch_of(b"UID 7 FLAGS")

    assert fetched.uid == 7
    assert set(fetched.malformed) == {"FLAGS"}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (b'" 1-Jan-2024 10:20:30 +0130"', datetime(2024, 1, 1, 10, 20, 30, tzinfo=timezone(timedelta(minutes=90)))),
        (b'"1-JAN-2024 1:20:30 +0000"', datetime(2024, 1, 1, 1, 20, 30, tzinfo=UTC)),
        (b'"29-Feb-2024  10:20:30 -0000 "', datetime(2024, 2, 29, 10, 20, 30, tzinfo=UTC)),
    ],
)
def test_dates_are_aware_however_they_are_spaced(text, moment):
    fetched = fetch_of(b"INTERNALDATE " + text)

    assert fetched.internal_date == moment
    assert fetched.internal_date.utcoffset() == moment.utcoffset()


def test_the_best_identity_is_offered_first():
    everything = b"EMAILID (M1) X-GUID g2 X-GM-MSGID 3"

    assert fetch_of(everything).object_id == "M1"
    assert fetch_of(b"X-GUID g2 X-GM-MSGID 3").object_id == "g2"
    assert fetch_of(b"X-GM-MSGID 3").object_id == "3"
    assert fetch_of(b"EMAILID NIL UID 1").object_id == ""


@pytest.mark.parametrize(
    ("sent", "section"),
    [
        (b"BODY[]", ""),
        (b"BODY[]<0>", "<0>"),
        (b"BODY[1.2]<2048>", "1.2<2048>"),
        (b"BODY[]<>", ""),
        (b"RFC822", ""),
        (b"RFC822.HEADER", "HEADER"),
        (b"RFC822.TEXT", "TEXT"),
        (b"BODY[1.2.MIME]", "1.2.MIME"),
        (b"body[text]", "TEXT"),
        (b'BODY[HEADER.FIELDS ("From" "To")]', "HEADER.FIELDS (FROM TO)"),
        (b"BODY[HEADER.FIELDS  ( From  To )]", "HEADER.FIELDS (FROM TO)"),
        (b"BODY[header.fields (from to)]", "HEADER.FIELDS (FROM TO)"),
    ],
)
def test_sections_have_one_spelling(sent, section):
    assert fetch_of(sent + b" {3}\r\nabc").sections == {section: b"abc"}
    assert fetch_of(sent + b' "a\\"c" UID 4').sections == {section: b'a"c'}


def test_header_fields_are_found_whatever_their_order():
    assert fetch_of(b'BODY[HEADER.FIELDS (TO FROM)] "To: x" BODY[1] "y"').header_fields == b"To: x"


def test_a_section_that_does_not_exist_is_left_out():
    assert fetch_of(b"BODY[9] NIL UID 4") == FetchData(sequence_number=1, uid=4, sections={}, malformed={})


def test_attributes_that_nobody_asked_for_are_passed_over():
    fetched = fetch_of(b'X-NEW ("\\\\Inbox" (x)) CHUNK[1]<0> ~{3}\r\na\0b SNIPPET.SIZE[1] 3 SNIPPET NIL UID 4')

    assert fetched == FetchData(sequence_number=1, uid=4, sections={}, malformed={})


def test_literals_may_hold_what_looks_like_protocol():
    content = b")\r\n* 1 FETCH (UID 9)\r\n{5}\r\n"

    assert fetch_of(b"BODY[] {%d}\r\n%b UID 4" % (len(content), content)).sections[""] == content
