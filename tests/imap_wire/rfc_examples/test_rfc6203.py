"""SEARCH=FUZZY: the examples of RFC 6203, sections 3, 4 and 6."""

from __future__ import annotations

from mailrules.imap.message_commands import SearchReturn, UidSearch
from mailrules.imap.search_commands import Part, UidSearchFor
from mailrules.imap.search_data import SearchPart
from mailrules.imap.search_keys import AllOf, Contains, Fuzzy, TextField
from mailrules.imap.sort_commands import SortKey, UidSort, UidSortReturn
from tests.imap_wire.rfc_examples.example import Example, play

ALL = SearchReturn.ALL
OFFERS = "SEARCH=FUZZY ESEARCH SORT ESORT CONTEXT=SORT"
# Nothing in these keys needs UTF-8.
NO_TEXT = {"UTF-8": "US-ASCII"}

A1 = Example(
    section="3",
    text="""
      C: A1 SEARCH FUZZY (SUBJECT "IMAP break")
      S: * SEARCH 1 5 10
      S: A1 OK Search completed.
    """,
)
A2 = Example(
    section="3",
    text="""
      C: A2 SEARCH FUZZY SUBJECT work FROM user@example.com
      S: * SEARCH 1 4
      S: A2 OK Search completed.
    """,
)
B1 = Example(
    section="4",
    text="""
      C: B1 SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT "Helo"
      S: * ESEARCH (TAG "B1") ALL 1,5,10 RELEVANCY (4 99 42)
      S: B1 OK Search completed.
    """,
)
C1 = Example(
    section="6",
    text="""
      C: C1 SORT (RELEVANCY) UTF-8 FUZZY SUBJECT "Helo"
      S: * SORT 5 10 1
      S: C1 OK Sort completed.
    """,
)
C2 = Example(
    section="6",
    text="""
      C: C2 SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT
         "Helo"
      S: * ESEARCH (TAG "C2") ALL 5,10,1 RELEVANCY (99 42 4)
      S: C2 OK Sort completed.
    """,
)
C3 = Example(
    section="6",
    text="""
      C: C3 SORT RETURN (PARTIAL 1:10) (RELEVANCY) UTF-8 FUZZY TEXT
         "World"
      S: * ESEARCH (TAG "C3") PARTIAL (1:10 42,9,34,13,15,4,2,7,23,82)
      S: C3 OK Sort completed.
    """,
)


def test_a_fuzzy_subject():
    """One key needs no parentheses."""
    key = Fuzzy(Contains(TextField.SUBJECT, "IMAP break"))

    assert play(A1, UidSearch(key), offers=OFFERS, instead={'(SUBJECT "IMAP break")': 'SUBJECT "IMAP break"'}) == [
        (1, 5, 10)
    ]


def test_a_fuzzy_subject_with_an_exact_sender():
    key = AllOf((Fuzzy(Contains(TextField.SUBJECT, "work")), Contains(TextField.FROM, "user@example.com")))

    assert play(A2, UidSearch(key), offers=OFFERS) == [(1, 4)]


def test_relevancy_scores():
    """Options have no order; we write RELEVANCY last."""
    command = UidSearchFor(Fuzzy(Contains(TextField.TEXT, "Helo")), (ALL,), relevancy=True)

    (told,) = play(B1, command, offers=OFFERS, instead={"RELEVANCY ALL": "ALL RELEVANCY"})

    assert dict(zip(told.in_order(), told.relevancy, strict=True)) == {1: 4, 5: 99, 10: 42}


def test_the_most_relevant_first():
    command = UidSort((SortKey.RELEVANCY,), Fuzzy(Contains(TextField.SUBJECT, "Helo")))

    assert play(C1, command, offers=OFFERS, instead=NO_TEXT) == [(5, 10, 1)]


def test_the_most_relevant_first_with_scores():
    command = UidSortReturn((SortKey.RELEVANCY,), Fuzzy(Contains(TextField.TEXT, "Helo")), (ALL,), relevancy=True)

    (told,) = play(C2, command, offers=OFFERS, instead={"RELEVANCY ALL": "ALL RELEVANCY", **NO_TEXT})

    assert list(zip(told.in_order(), told.relevancy, strict=True)) == [(5, 99), (10, 42), (1, 4)]


def test_the_ten_most_relevant():
    key = Fuzzy(Contains(TextField.TEXT, "World"))

    (told,) = play(C3, UidSortReturn((SortKey.RELEVANCY,), key, (), part=Part(1, 10)), offers=OFFERS, instead=NO_TEXT)

    assert isinstance(told.part, SearchPart)
    assert list(told.part.in_order()) == [42, 9, 34, 13, 15, 4, 2, 7, 23, 82]
