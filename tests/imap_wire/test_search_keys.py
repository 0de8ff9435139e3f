"""Searches as typed keys."""

from __future__ import annotations

from datetime import date

import pytest

from mailrules.errors import LocalProtocolError
from mailrules.imap.search_keys import (
    All,
    AllOf,
    Annotated,
    AnnotationAttribute,
    AnyOf,
    Arrival,
    Arrived,
    Contains,
    Dated,
    DateField,
    EmailId,
    EntryScope,
    Filtered,
    Fuzzy,
    Gmail,
    HasFlag,
    HeaderContains,
    Larger,
    LastResult,
    ModSeqFrom,
    Not,
    OlderThan,
    SaveDateSupported,
    Smaller,
    TextField,
    ThreadId,
    Uids,
    YoungerThan,
)
from mailrules.imap.search_nodes import extensions_of_key, needs_charset, search_nodes
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import Atom, write_command

SUBJECT = Contains(TextField.SUBJECT, "hello")
SEEN, DRAFT = HasFlag("\\Seen"), HasFlag("\\draft")


def written(key) -> bytes:
    (command,) = write_command("A1", (Atom("SEARCH"), *search_nodes(key)))
    return command.removeprefix(b"A1 SEARCH ").removesuffix(b"\r\n")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (All(), b"ALL"),
        (Uids(SequenceSet.of([1, 2, 9])), b"UID 1:2,9"),
        (SEEN, b"SEEN"),
        (Not(SEEN), b"NOT SEEN"),
        (HasFlag("$Junk"), b"KEYWORD $Junk"),
        (Dated(DateField.SINCE, date(2024, 2, 9)), b"SINCE 9-Feb-2024"),
        (Dated(DateField.SENT_BEFORE, date(999, 12, 31)), b"SENTBEFORE 31-Dec-0999"),
        (Larger(1000), b"LARGER 1000"),
        (Smaller(0), b"SMALLER 0"),
        (ModSeqFrom(7), b"MODSEQ 7"),
        (
            ModSeqFrom(620162338, "/flags/\\draft", EntryScope.ALL),
            b'MODSEQ "/flags/\\\\draft" all 620162338',
        ),
        (OlderThan(259200), b"OLDER 259200"),
        (YoungerThan(60), b"YOUNGER 60"),
        (Arrived(Arrival.RECENT), b"RECENT"),
        (Dated(DateField.SAVED_ON, date(2024, 2, 9)), b"SAVEDON 9-Feb-2024"),
        (SaveDateSupported(), b"SAVEDATESUPPORTED"),
        (EmailId("M6d99ac3275bb4e"), b"EMAILID M6d99ac3275bb4e"),
        (ThreadId("T64b478a75b7ea9"), b"THREADID T64b478a75b7ea9"),
        (LastResult(), b"UID $"),
        (Filtered("on-the-road"), b"FILTER on-the-road"),
        (Gmail("has:attachment in:unread"), b'X-GM-RAW "has:attachment in:unread"'),
        (
            Annotated("/comment", AnnotationAttribute.VALUE, "IMAP4"),
            b'ANNOTATION /comment "value" "IMAP4"',
        ),
        (Annotated("/comment", AnnotationAttribute.PRIVATE, None), b'ANNOTATION /comment "value.priv" NIL'),
        (Fuzzy(SUBJECT), b'FUZZY SUBJECT "hello"'),
        (Fuzzy(AllOf((SEEN, SUBJECT))), b'FUZZY (SEEN SUBJECT "hello")'),
        (SUBJECT, b'SUBJECT "hello"'),
        (HeaderContains("List-Id", ""), b'HEADER List-Id ""'),
        (HeaderContains("X-Odd(", 'a"b'), b'HEADER "X-Odd(" "a\\"b"'),
        (AllOf((SEEN, SUBJECT)), b'SEEN SUBJECT "hello"'),
        (AllOf((SEEN,)), b"SEEN"),
        (Not(AllOf((SEEN, DRAFT))), b"NOT (SEEN DRAFT)"),
        (AnyOf((SEEN,)), b"SEEN"),
        (AnyOf((SEEN, DRAFT)), b"OR SEEN DRAFT"),
        (AnyOf((SEEN, DRAFT, All(), SUBJECT)), b'OR OR SEEN DRAFT OR ALL SUBJECT "hello"'),
        (AnyOf((AllOf((SEEN, DRAFT)), Not(AnyOf((SEEN, DRAFT))))), b"OR (SEEN DRAFT) NOT OR SEEN DRAFT"),
    ],
)
def test_keys_are_written_as_rfc_9051_has_them(key, expected):
    assert written(key) == expected


@pytest.mark.parametrize("text", ["x\r\nA2 DELETE INBOX", "x\nALL", "x\0"])
def test_a_value_cannot_become_a_command(text):
    for key in (Contains(TextField.FROM, text), HeaderContains("Message-ID", text), HeaderContains(text, "x")):
        with pytest.raises(LocalProtocolError):
            written(key)


def test_a_value_cannot_become_a_key():
    assert written(Contains(TextField.TO, '" ALL SUBJECT "')) == b'TO "\\" ALL SUBJECT \\""'


@pytest.mark.parametrize("key", [AnyOf(()), AllOf(()), HasFlag("\\Nonsense"), HasFlag("a b")])
def test_what_cannot_be_asked_is_refused(key):
    with pytest.raises(LocalProtocolError):
        written(key)


def test_only_text_that_is_not_ascii_needs_a_character_set():
    german = Contains(TextField.SUBJECT, "Grüße")

    assert needs_charset(AnyOf((SEEN, Not(AllOf((SUBJECT, german))))))
    assert needs_charset(HeaderContains("X", "ü"))
    assert not needs_charset(AnyOf((SEEN, Not(AllOf((SUBJECT, HeaderContains("X", "y")))))))


def test_a_key_needs_the_extensions_of_all_that_is_in_it():
    key = AnyOf((Not(OlderThan(5)), AllOf((Fuzzy(SUBJECT), EmailId("M1"), ModSeqFrom(1), YoungerThan(5), SEEN))))

    needed = [extension.capability for extension in extensions_of_key(key)]

    assert sorted(needed) == ["CONDSTORE", "OBJECTID", "SEARCH=FUZZY", "WITHIN"]


@pytest.mark.parametrize(
    ("key", "capability"),
    [
        (SaveDateSupported(), "SAVEDATE"),
        (Dated(DateField.SAVED_SINCE, date(2024, 2, 9)), "SAVEDATE"),
        (ThreadId("T1"), "OBJECTID"),
        (LastResult(), "SEARCHRES"),
        (Filtered("x"), "FILTERS"),
        (Gmail("x"), "X-GM-EXT-1"),
        (Annotated("/comment", AnnotationAttribute.SHARED, "x"), "ANNOTATE-EXPERIMENT-1"),
    ],
)
def test_keys_of_extensions_name_them(key, capability):
    assert [extension.capability for extension in extensions_of_key(key)] == [capability]


def test_a_date_of_every_server_needs_no_extension():
    assert extensions_of_key(Dated(DateField.SINCE, date(2024, 2, 9))) == ()


@pytest.mark.parametrize("key", [OlderThan(0), YoungerThan(-1)])
def test_an_interval_is_at_least_a_second(key):
    with pytest.raises(LocalProtocolError, match="RFC 5032"):
        search_nodes(key)


@pytest.mark.parametrize("key", [Gmail("ä"), Annotated("/c", AnnotationAttribute.VALUE, "ä"), Fuzzy(Gmail("ä"))])
def test_texts_of_extensions_need_a_charset_too(key):
    assert needs_charset(key)
    assert not needs_charset(Annotated("/c", AnnotationAttribute.VALUE, None))
