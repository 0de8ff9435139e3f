"""Searches as typed keys."""

from __future__ import annotations

from datetime import date

import pytest

from mailrules.errors import LocalProtocolError
from mailrules.imap.search_keys import (
    All,
    AllOf,
    AnyOf,
    Contains,
    Dated,
    DateField,
    HasFlag,
    HeaderContains,
    Larger,
    ModSeqFrom,
    Not,
    Smaller,
    TextField,
    Uids,
    needs_charset,
    search_nodes,
)
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
