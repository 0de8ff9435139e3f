"""Responses as values: known answers, and the bytes that are none."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailrules.imap.access_data import AclData, MyRightsData
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.framing import Frame
from mailrules.imap.limits import Limits
from mailrules.imap.mailbox_data import ListData, Namespace, NamespaceData, StatusData
from mailrules.imap.parser import parse_response
from mailrules.imap.response_codes import (
    AppendUid,
    BadCharsetCode,
    CapabilityCode,
    CopyUid,
    ModifiedCode,
    NumberCode,
    ResponseCode,
)
from mailrules.imap.responses import (
    CapabilityData,
    Continuation,
    EnabledData,
    ExistsData,
    ExpungeData,
    FlagsData,
    IdData,
    Malformed,
    RecentData,
    Status,
    StatusResponse,
    Tagged,
    Unknown,
    VanishedData,
)
from mailrules.imap.search_data import ESearchData, SearchData
from mailrules.imap.sequence_set import SequenceSet
from tests.imap_wire.reading import TRACES, response_of


@pytest.mark.parametrize(
    ("line", "response"),
    [
        (b"A1 OK done", Tagged(tag="A1", status=Status.OK, text="done")),
        (b"a7 no [TRYCREATE] x", Tagged(tag="a7", status=Status.NO, code=ResponseCode(name="TRYCREATE"), text="x")),
        (b"A1 BAD b\xfcd", Tagged(tag="A1", status=Status.BAD, text="b\ufffdd")),
        (b"* PREAUTH hi", StatusResponse(status=Status.PREAUTH, text="hi")),
        (b"* OK [broken", StatusResponse(status=Status.OK, text="[broken")),
        (b"+", Continuation()),
        (b"+ YGgGCSqGSIb3EgECAgIA", Continuation(raw=b"YGgGCSqGSIb3EgECAgIA")),
        (b"+ idling", Continuation(raw=b"idling")),
        (b"* CAPABILITY imap4rev1 LITERAL+", CapabilityData(capabilities=frozenset({"IMAP4REV1", "LITERAL+"}))),
        (b"* ENABLED CONDSTORE", EnabledData(capabilities=frozenset({"CONDSTORE"}))),
        (b"* ENABLED", EnabledData(capabilities=frozenset())),
        (b"* FLAGS (\\answered $Junk)", FlagsData(flags=frozenset({"\\Answered", "$Junk"}))),
        (b"* 23 EXISTS", ExistsData(count=23)),
        (b"* 0 exists", ExistsData(count=0)),
        (b"* 5 RECENT", RecentData(count=5)),
        (b"* 44 EXPUNGE", ExpungeData(sequence_number=44)),
        (b"* SEARCH", SearchData(uids=())),
        (b"* SEARCH 9 2 5", SearchData(uids=(9, 2, 5))),
        (b"* SEARCH 2 5 (MODSEQ 917162500)", SearchData(uids=(2, 5), modseq=917162500)),
        (
            b'* ESEARCH (TAG "A283") UID ALL 2,10:11 COUNT 3',
            ESearchData(tag="A283", is_uid=True, all_uids=SequenceSet.of([2, 10, 11]), count=3),
        ),
        (b'* ESEARCH (TAG "A284") MIN 4', ESearchData(tag="A284", minimum=4)),
        (b"* ESEARCH UID MAX 9 MODSEQ 7", ESearchData(is_uid=True, maximum=9, modseq=7)),
        (b"* ESEARCH", ESearchData()),
        (b"* VANISHED 3:4,9", VanishedData(uids=SequenceSet.of([3, 4, 9]))),
        (b"* VANISHED (EARLIER) 41", VanishedData(uids=SequenceSet.of([41]), earlier=True)),
        (
            b'* LIST (\\Noselect) "/" ~/Mail/foo',
            ListData(mailbox="~/Mail/foo", delimiter="/", attributes=frozenset({"\\noselect"})),
        ),
        (b'* LSUB () "." "#news.comp"', ListData(mailbox="#news.comp", delimiter=".", is_lsub=True)),
        (
            b'* LIST (\\HasChildren \\Trash) "\\\\" "a\\"b"',
            ListData(mailbox='a"b', delimiter="\\", attributes=frozenset({"\\haschildren", "\\trash"})),
        ),
        (  # Dovecot 2.3 and Cyrus 3.6 write it so
            b'* LIST (\\NonExistent) "/" Parent (CHILDINFO ("SUBSCRIBED"))',
            ListData(
                mailbox="Parent",
                delimiter="/",
                attributes=frozenset({"\\nonexistent"}),
                child_info=frozenset({"SUBSCRIBED"}),
            ),
        ),
        (
            b"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 SIZE 9 DELETED 1 HIGHESTMODSEQ 7 MAILBOXID (F22))",
            StatusData(
                mailbox="blurdybloop",
                messages=231,
                uidnext=44292,
                size_bytes=9,
                deleted=1,
                highest_modseq=7,
                mailbox_id="F22",
            ),
        ),
        (b"* ACL INBOX fred rwipslda -john w", AclData(mailbox="INBOX", entries={"fred": "rwipslda", "-john": "w"})),
        (b"* ACL INBOX", AclData(mailbox="INBOX", entries={})),
        (b'* MYRIGHTS "Sent Items" rwiptsldaex', MyRightsData(mailbox="Sent Items", rights="rwiptsldaex")),
        (b'* ID ("Name" "Cyrus" "os" NIL)', IdData(fields={"name": "Cyrus", "os": None})),
        (b"* ID ()", IdData(fields={})),
        (
            b'* NAMESPACE (("" "/")("#mh/" "/" "X-PARAM" ("FLAG1"))) (("~" NIL)) NIL',
            NamespaceData(
                personal=(Namespace(prefix="", delimiter="/"), Namespace(prefix="#mh/", delimiter="/")),
                other_users=(Namespace(prefix="~", delimiter=""),),
            ),
        ),
        (b'* NAMESPACE (("" "."))', NamespaceData(personal=(Namespace(prefix="", delimiter="."),))),
        (b'* XQUOTA "" (STORAGE 10 512)', Unknown(name="XQUOTA", raw=b'"" (STORAGE 10 512)')),
        (b"* 5 FEETCH (UID 1)", Unknown(name="FEETCH", raw=b"5 (UID 1)")),
    ],
)
def test_known_responses_become_values(line, response):
    assert response_of(line) == response


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (b"ALERT", ResponseCode(name="ALERT")),
        (b"OVERQUOTA", ResponseCode(name="OVERQUOTA")),
        (b"X-OWN some (thing)", ResponseCode(name="X-OWN", arguments=b"some (thing)")),
        (b"UIDVALIDITY 3857529045", NumberCode(name="UIDVALIDITY", arguments=b"3857529045", value=3857529045)),
        (b"uidnext 4392", NumberCode(name="UIDNEXT", arguments=b"4392", value=4392)),
        (
            b"HIGHESTMODSEQ 715194045007",
            NumberCode(name="HIGHESTMODSEQ", arguments=b"715194045007", value=715194045007),
        ),
        (b"HIGHESTMODSEQ 7.2e3", ResponseCode(name="HIGHESTMODSEQ", arguments=b"7.2e3")),
        (
            b"CAPABILITY IMAP4rev1 idle",
            CapabilityCode(arguments=b"IMAP4rev1 idle", capabilities=frozenset({"IMAP4REV1", "IDLE"})),
        ),
        (
            b"COPYUID 38505 304,319:320 3956:3958",
            CopyUid(
                arguments=b"38505 304,319:320 3956:3958",
                uidvalidity=38505,
                pairs=((304, 3956), (319, 3957), (320, 3958)),
            ),
        ),
        (b"COPYUID 1 5,3 8:9", CopyUid(arguments=b"1 5,3 8:9", uidvalidity=1, pairs=((5, 8), (3, 9)))),
        (b"COPYUID 1 5:6 8", ResponseCode(name="COPYUID", arguments=b"1 5:6 8")),
        (b"COPYUID 1 5:* 8", ResponseCode(name="COPYUID", arguments=b"1 5:* 8")),
        (
            b"COPYUID 1 1:4294967295 1:4294967295",
            ResponseCode(name="COPYUID", arguments=b"1 1:4294967295 1:4294967295"),
        ),
        (b"COPYUID", ResponseCode(name="COPYUID")),
        (b"APPENDUID 7 3955", AppendUid(arguments=b"7 3955", uidvalidity=7, uids=SequenceSet.of([3955]))),
        (b"APPENDUID 0 3955", ResponseCode(name="APPENDUID", arguments=b"0 3955")),
        (b"APPENDUID", ResponseCode(name="APPENDUID")),
        (b"MODIFIED 7,9", ModifiedCode(arguments=b"7,9", uids=SequenceSet.of([7, 9]))),
        (b"BADCHARSET", BadCharsetCode()),
        (b"BADCHARSET (utf-8 {2})", ResponseCode(name="BADCHARSET", arguments=b"(utf-8 {2})")),
        (
            b'BADCHARSET (utf-8 "US-ASCII")',
            BadCharsetCode(arguments=b'(utf-8 "US-ASCII")', charsets=("UTF-8", "US-ASCII")),
        ),
        (b"PERMANENTFLAGS x", ResponseCode(name="PERMANENTFLAGS", arguments=b"x")),
        (b"", ResponseCode(name="")),
    ],
)
def test_response_codes_are_typed_or_kept_raw(code, expected):
    response = response_of(b"A1 OK [" + code + b"] text")

    assert response == Tagged(tag="A1", status=Status.OK, code=expected, text="text")


def test_a_copyuid_is_read_up_to_its_limit():
    def code_of(line: bytes) -> object:
        response = response_of(line, limits=Limits(copied_uids=3))
        assert isinstance(response, Tagged)
        return response.code

    assert isinstance(code_of(b"A1 OK [COPYUID 1 1:3 4:6]"), CopyUid)
    assert not isinstance(code_of(b"A1 OK [COPYUID 1 1:4 4:7]"), CopyUid)


@pytest.mark.parametrize(
    "line",
    [
        b"*",
        b"* ",
        b"hello",
        b"A1 MAYBE",
        b"A1",
        b"HTTP/1.1 400 Bad Request",
        b"[COPYUID 124 10 233]",
        b"* 4294967296 EXISTS",
        b"* SEARCH 1 x",
        b"* SEARCH 4294967296",
        b"* SEARCH 12345678901",
        b"* ESEARCH UID ALL 0",
        b"* VANISHED",
        b"* LIST",
        b'* LIST () "/"',
        b'* LIST () "/" NIL',
        b'* LIST () "/" "open',
        b"* LIST (() () x",
        b'* LIST (x) ("/") y',
        b"* STATUS x",
        b"* FLAGS x",
        b"* ACL INBOX fred",
        b"* ACL",
        b"* MYRIGHTS INBOX",
        b"* ID x",
        b"* NAMESPACE x",
        b"* 1 FETCH",
        b"* 1 FETCH UID 5",
        b"* 1 FETCH (UID 5",
        b"* 1 FETCH ((UID 5))",
        b"\xff\xfe\x00",
    ],
)
def test_what_cannot_be_read_is_malformed_with_its_bytes_and_a_reason(line):
    response = response_of(line)

    assert isinstance(response, Malformed)
    assert response.raw == line
    assert response.reason


def test_lists_may_nest_as_deep_as_the_limit_and_no_deeper():
    limits = Limits(nesting=3)

    assert response_of(b"* FLAGS " + b"(" * 3 + b")" * 3, limits=limits) == FlagsData(flags=frozenset())
    assert isinstance(response_of(b"* FLAGS " + b"(" * 4 + b")" * 4, limits=limits), Malformed)


def test_utf8_names_are_read_where_that_is_enabled():
    frame = Frame('* LIST () "/" "Entwürfe"'.encode())

    assert parse_response(frame, utf8=True) == ListData(mailbox="Entwürfe", delimiter="/")


REAL_LINES = [line for path in TRACES.glob("*.txt") for line in path.read_bytes().split(b"\r\n") if line]
SINGLE_WORDS = rb"""* A1 OK FETCH ( ) " [ ] \Seen UID NIL 1:* BODYSTRUCTURE ENVELOPE BODY[] LIST STATUS SEARCH ESEARCH
    INTERNALDATE MODSEQ COPYUID 0 5 -1 1e9 1e999 99999999999999999999 \ & ~{1} RFC822.SIZE FLAGS MESSAGE RFC822"""
WORDS = st.sampled_from([*SINGLE_WORDS.split(), b"{3}\r\n", b"\0", b"\xff", b"\r\n", b" "])


@given(st.binary())
@example(b"* 1 FETCH (RFC822.SIZE 1e99999)")
@example(b"* STATUS x (SIZE 9e18 MESSAGES 9999999999999999999)")
def test_no_bytes_make_the_parser_raise(data):
    parse_response(Frame(data))


@given(st.lists(WORDS, max_size=30).map(lambda words: b"* 1 FETCH (" + b" ".join(words)))
def test_no_fetch_makes_the_parser_raise(data):
    parse_response(Frame(data))


@given(st.lists(WORDS, max_size=30).map(b" ".join))
def test_no_words_make_the_parser_raise(data):
    parse_response(Frame(data))


@given(line=st.sampled_from(REAL_LINES), position=st.integers(min_value=0), junk=st.binary(max_size=3))
def test_no_damage_to_real_lines_makes_the_parser_raise(line, position, junk):
    cut = position % (len(line) + 1)

    parse_response(Frame(line[:cut] + junk + line[cut + 1 :]))


@pytest.mark.parametrize(
    "hostile",
    [
        b"(" * 60_000,
        b"* 1 FETCH (X " + b"(" * 60_000 + b")" * 60_000 + b" UID 5)",
        b'* 1 FETCH (X "' + b"\\" * 60_000,
        b"* LIST () x" + b" " * 60_000 + b"y (",
        b"* LIST " + b" " * 60_000,
        b"* STATUS " + b" (" * 30_000,
        b"* OK [" + b"(]" * 30_000,
        b"* OK [" + b'"' * 60_000,
        b"* OK [PERMANENTFLAGS (" + b"]" * 60_000,
        b"* SEARCH " + b"1 " * 30_000 + b"x",
        b"* 1 FETCH (" + b"UID 1 " * 10_000 + b"x",
        b"* 1 FETCH (" + b"BODY[" * 10_000,
        b"* 1 FETCH (FLAGS (" + b"\\Seen " * 10_000,
        b"A1 " + b" " * 60_000,
    ],
)
def test_hostile_lines_cost_linear_time(hostile):
    # Each of these is read in a few milliseconds; a quadratic reader needs minutes.
    parse_response(Frame(hostile))


def test_deep_nesting_spoils_one_attribute_only():
    response = response_of(b"* 1 FETCH (ENVELOPE " + b"(" * 5000 + b")" * 5000 + b" UID 5)")

    assert isinstance(response, FetchData)
    assert response.uid == 5
    assert "limits.nesting" in response.malformed["ENVELOPE"].reason


def test_a_message_of_ten_thousand_parts_spoils_its_own_structure_only():
    part = b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23 NIL NIL NIL NIL)'

    response = response_of(b"* 1 FETCH (BODYSTRUCTURE (" + part * 10_000 + b' "MIXED") UID 5)')

    assert isinstance(response, FetchData)
    assert response.uid == 5
    assert set(response.malformed) == {"BODYSTRUCTURE"}


@pytest.mark.parametrize("part", ["1:2", "()", "(1:2)", "(x 1)", "(1:2 3 4)", "(1:2 (3))", "((1:2) 3)", "(1:2 x)"])
def test_a_part_of_a_search_that_cannot_be_read_is_none(part):
    response = parse_response(Frame(f'* ESEARCH (TAG "A1") UID PARTIAL {part}'.encode()))

    assert isinstance(response, Malformed)
