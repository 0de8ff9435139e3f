"""Searches in IMAP's words become typed keys, and nothing that is written reaches the wire by itself."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.imap.search_keys import (
    All,
    AllOf,
    AnyOf,
    Arrival,
    Arrived,
    Contains,
    Dated,
    DateField,
    EmailId,
    Fuzzy,
    HasFlag,
    HeaderContains,
    Larger,
    Not,
    OlderThan,
    SearchKey,
    Smaller,
    TextField,
    Uids,
)
from mailrules.imap.search_text import MAX_LEVELS, MAX_TEXT_CHARACTERS, SearchTextError, parse_search_text
from mailrules.imap.sequence_set import SequenceSet

ANN = Contains(TextField.FROM, "ann")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ALL", All()),
        ("unseen", Not(HasFlag("\\Seen"))),
        ("FLAGGED", HasFlag("\\Flagged")),
        ("KEYWORD $Important", HasFlag("$Important")),
        ("UNKEYWORD a", Not(HasFlag("a"))),
        ('FROM "ann"', ANN),
        ("FROM ann", ANN),
        ('SUBJECT "a \\"b\\" \\\\ (c)"', Contains(TextField.SUBJECT, 'a "b" \\ (c)')),
        ('BODY ""', Contains(TextField.BODY, "")),
        ('HEADER X-Spam-Flag "YES"', HeaderContains("X-Spam-Flag", "YES")),
        ("SINCE 1-Feb-2026", Dated(DateField.SINCE, date(2026, 2, 1))),
        ('SENTBEFORE "28-feb-2026"', Dated(DateField.SENT_BEFORE, date(2026, 2, 28))),
        ("SAVEDON 03-MAR-2026", Dated(DateField.SAVED_ON, date(2026, 3, 3))),
        ("LARGER 1000 SMALLER 2000", AllOf((Larger(1000), Smaller(2000)))),
        ("OLDER 3600", OlderThan(3600)),
        ("NEW", Arrived(Arrival.NEW)),
        ("EMAILID M123", EmailId("M123")),
        ("UID 1:4,7", Uids(SequenceSet(((1, 4), (7, 7))))),
        ("NOT NOT ALL", Not(Not(All()))),
        ("OR FROM ann (SEEN ALL)", AnyOf((ANN, AllOf((HasFlag("\\Seen"), All()))))),
        ("FUZZY FROM ann", Fuzzy(ANN)),
        ("((FROM ann))", ANN),
    ],
)
def test_a_search_means(text: str, key: SearchKey) -> None:
    assert parse_search_text(text) == key


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "this search asks for nothing"),
        ("()", "this search asks for nothing"),
        ("FROM", "the search ends where what FROM looks for is expected"),
        ("OR SEEN", "the search ends where a search key is expected"),
        ("NOT )", 'a search key is expected, not ")"'),
        ("(SEEN", "the search ends where a search key is expected"),
        ("SEEN)", 'a search key is expected, not ")"'),
        ('FROM "ann', "a quotation mark at character 5 has no other"),
        ('"ALL"', 'a search key is expected, not the text "ALL"'),
        ("1:5", 'the message numbers "1:5" change; write UID 1:5'),
        ("$", 'unknown search key "$"'),
        ("SINCE yesterday", '"yesterday" is no date; write 1-Feb-2026'),
        ("SINCE 31-Feb-2026", '"31-Feb-2026" is no date; write 1-Feb-2026'),
        ("LARGER many", '"many" is no number'),
        ("KEYWORD a(b", '"a" is no keyword'),
        ("HEADER a:b c", '"a:b" is no name of a header field'),
        ("UID 0", '"0" is no set of UIDs; write 1:4,7'),
        ("ALL\r\nA1 DELETE INBOX", "a search is one line"),
        ("FROM a\0b", "a search is one line"),
    ],
)
def test_a_mistake_is_told(text: str, why: str) -> None:
    if text == "KEYWORD a(b":
        # The word ends at the parenthesis, and what follows is a group that is not closed.
        why = "unknown search key"
    with pytest.raises(SearchTextError) as caught:
        parse_search_text(text)

    assert str(caught.value).startswith(why)


def test_limits_hold_at_their_values() -> None:
    deep = "NOT " * MAX_LEVELS + "ALL"

    assert parse_search_text(deep)
    assert parse_search_text("ALL".ljust(MAX_TEXT_CHARACTERS))
    with pytest.raises(SearchTextError, match="deeper than 20 levels"):
        parse_search_text("NOT " + deep)
    with pytest.raises(SearchTextError, match="over 4,000"):
        parse_search_text("ALL".ljust(MAX_TEXT_CHARACTERS + 1))


@given(st.text(alphabet='()" \\aNOTRFM1:$-', max_size=60))
def test_no_text_does_anything_but_mean_something_or_be_refused(text: str) -> None:
    with contextlib.suppress(SearchTextError):
        assert parse_search_text(text)
