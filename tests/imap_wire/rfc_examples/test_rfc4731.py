"""ESEARCH: the examples of RFC 4731, sections 3.1 and 3.2."""

from __future__ import annotations

from datetime import date

import pytest

from mailrules.imap.message_commands import SearchReturn
from mailrules.imap.search_commands import UidSearchFor
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_keys import (
    AllOf,
    Contains,
    Dated,
    DateField,
    HasFlag,
    ModSeqFrom,
    Not,
    TextField,
    Uids,
)
from mailrules.imap.sequence_set import parse_sequence_set
from tests.imap_wire.rfc_examples.example import Example, play

MIN, MAX, COUNT = SearchReturn.MIN, SearchReturn.MAX, SearchReturn.COUNT
FLAGGED_NOT_SMITH = AllOf(
    (
        HasFlag("\\Flagged"),
        Dated(DateField.SINCE, date(1994, 2, 1)),
        Not(Contains(TextField.FROM, "Smith")),
    )
)
DRAFTS = ModSeqFrom(620162338, "/flags/\\draft")

A282 = Example(
    section="3.1",
    text="""
      C: A282 SEARCH RETURN (MIN COUNT) FLAGGED
         SINCE 1-Feb-1994 NOT FROM "Smith"
      S: * ESEARCH (TAG "A282") MIN 2 COUNT 3
      S: A282 OK SEARCH completed
    """,
)
A283 = Example(
    section="3.1",
    text="""
      C: A283 SEARCH RETURN () FLAGGED
         SINCE 1-Feb-1994 NOT FROM "Smith"
      S: * ESEARCH (TAG "A283") ALL 2,10:11
      S: A283 OK SEARCH completed
    """,
)
A284 = Example(
    section="3.1",
    text="""
      C: A284 SEARCH RETURN (MIN) UNSEEN
      S: * ESEARCH (TAG "A284") MIN 4
      S: A284 OK SEARCH completed
    """,
)
A285 = Example(
    section="3.1",
    text="""
      C: A285 UID SEARCH RETURN (MIN MAX) 1:5000
      S: * ESEARCH (TAG "A285") UID MIN 7 MAX 3800
      S: A285 OK SEARCH completed
    """,
)
A286 = Example(
    section="3.1",
    text="""
      C: A286 SEARCH RETURN (COUNT) DELETED
      S: * ESEARCH (TAG "A286") COUNT 15
      S: A286 OK SEARCH completed
    """,
)
a1 = Example(
    section="3.2",
    text=r"""
         C: a1 SEARCH RETURN (MIN) MODSEQ "/flags/\\draft"
             all 620162338
         S: * ESEARCH (TAG "a1") MIN 2 MODSEQ 917162488
         S: a1 OK Search complete
    """,
)
a2 = Example(
    section="3.2",
    text=r"""
         C: a2 SEARCH RETURN (MAX) MODSEQ "/flags/\\draft"
             all 620162338
         S: * ESEARCH (TAG "a2") MAX 23 MODSEQ 907162321
         S: a2 OK Search complete
    """,
)
a3 = Example(
    section="3.2",
    text=r"""
         C: a3 SEARCH RETURN (MIN MAX) MODSEQ "/flags/\\draft"
             all 620162338
         S: * ESEARCH (TAG "a3") MIN 2 MAX 23 MODSEQ 917162488
         S: a3 OK Search complete
    """,
)
a4 = Example(
    section="3.2",
    text=r"""
         C: a4 SEARCH RETURN (MIN COUNT) MODSEQ "/flags/\\draft"
             all 620162338
         S: * ESEARCH (TAG "a4") MIN 2 COUNT 10 MODSEQ 917162500
         S: a4 OK Search complete
    """,
)


@pytest.mark.parametrize(
    ("example", "command", "found"),
    [
        (A282, UidSearchFor(FLAGGED_NOT_SMITH, (MIN, COUNT)), {"minimum": 2, "count": 3}),
        (A283, UidSearchFor(FLAGGED_NOT_SMITH, ()), {"all_uids": parse_sequence_set(b"2,10:11")}),
        (A284, UidSearchFor(Not(HasFlag("\\Seen")), (MIN,)), {"minimum": 4}),
        (A286, UidSearchFor(HasFlag("\\Deleted"), (COUNT,)), {"count": 15}),
        (a1, UidSearchFor(DRAFTS, (MIN,)), {"minimum": 2, "modseq": 917162488}),
        (a2, UidSearchFor(DRAFTS, (MAX,)), {"maximum": 23, "modseq": 907162321}),
        (a3, UidSearchFor(DRAFTS, (MIN, MAX)), {"minimum": 2, "maximum": 23, "modseq": 917162488}),
        (a4, UidSearchFor(DRAFTS, (MIN, COUNT)), {"minimum": 2, "count": 10, "modseq": 917162500}),
    ],
)
def test_what_is_returned(example, command, found):
    (told,) = play(example, command, offers="ESEARCH CONDSTORE")

    assert told == ESearchData(tag="A3", **found)


def test_uids_are_marked():
    # A range without UID before it would be sequence numbers, which we never send.
    command = UidSearchFor(Uids(parse_sequence_set(b"1:5000")), (MIN, MAX))

    (told,) = play(A285, command, offers="ESEARCH", instead={" 1:5000": " UID 1:5000"})

    assert told == ESearchData(tag="A3", is_uid=True, minimum=7, maximum=3800)
