"""PARTIAL: the examples of RFC 9394, sections 3.1, 3.3 and 3.4."""

from __future__ import annotations

from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.search_commands import Part, UidFetchPart, UidSearchFor
from mailrules.imap.search_data import SearchPart
from mailrules.imap.search_keys import AllOf, HasFlag, Not
from mailrules.imap.sequence_set import parse_sequence_set
from tests.imap_wire.rfc_examples.example import Example, play

NOT_JUNK = AllOf((Not(HasFlag("\\Deleted")), Not(HasFlag("$Junk"))))
UIDS = parse_sequence_set(b"25900:26600")
FLAGS = (FetchItem.UID, FetchItem.FLAGS)

A01 = Example(
    section="3.1",
    text="""
     // Let's assume that the A01 SEARCH without PARTIAL would return
     // 23764 results.
     C: A01 UID SEARCH RETURN (PARTIAL -1:-100) UNDELETED
         UNKEYWORD $Junk
     S: * ESEARCH (TAG "A01") UID PARTIAL (-1:-100 ...)
     // 100 most recent results in set syntax elided.
     S: A01 OK Completed.
    """,
    elided={" ...": " 23665:23764"},
)
A02 = Example(
    section="3.1",
    text="""
     // Let's assume that the A02 SEARCH without PARTIAL would return
     // 23764 results.
     C: A02 UID SEARCH RETURN (PARTIAL 23500:24000) UNDELETED
         UNKEYWORD $Junk
     C: A03 UID SEARCH RETURN (PARTIAL 1:500) UNDELETED
         UNKEYWORD $Junk
     C: A04 UID SEARCH RETURN (PARTIAL 24000:24500) UNDELETED
         UNKEYWORD $Junk
     S: * ESEARCH (TAG "A02") UID PARTIAL (23500:24000 ...)
     // 264 results in set syntax elided;
     // this spans the end of the results.
     S: A02 OK Completed.
     S: * ESEARCH (TAG "A03") UID PARTIAL (1:500 ...)
     // 500 results in set syntax elided.
     S: A03 OK Completed.
     S: * ESEARCH (TAG "A04") UID PARTIAL (24000:24500 NIL)
     // No results are present; this is beyond the end of the results.
     S: A04 OK Completed.
    """,
    elided={"24000 ...": "24000 30001:30264", "500 ...": "500 1:500"},
)
LAST_THREE = Example(
    section="3.3",
    text=r"""
     // Returning information for the last 3 messages in the UID range
     C: 10 UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-3)
     S: * 12888 FETCH (FLAGS (\Seen) UID 25996)
     S: * 12889 FETCH (FLAGS (\Flagged \Answered) UID 25997)
     S: * 12890 FETCH (FLAGS () UID 26600)
     S: 10 OK FETCH completed
    """,
)
FIRST_FIVE = Example(
    section="3.3",
    text=r"""
     // Returning information for the first 5 messages in the UID range
     C: 11 UID FETCH 25900:26600 (UID FLAGS) (PARTIAL 1:5)
     S: * 12591 FETCH (FLAGS (\Seen) UID 25900)
     S: * 12592 FETCH (FLAGS (\Flagged) UID 25902)
     S: * 12593 FETCH (FLAGS (\Answered) UID 26310)
     S: * 12594 FETCH (FLAGS () UID 26311)
     S: * 12595 FETCH (FLAGS (\Answered) UID 26498)
     S: 11 OK FETCH completed
    """,
)
CHANGED = Example(
    section="3.4",
    text=r"""
     // Returning information for the last 30 messages in the UID range
     // that have any flags/keywords modified since MODSEQ 98305
     C: 101 UID FETCH 25900:26600 (UID FLAGS
        ) (PARTIAL -1:-30 CHANGEDSINCE 98305)
     S: * 12888 FETCH (FLAGS (\Flagged \Answered
        ) MODSEQ (98306) UID 25997)
     S: * 12890 FETCH (FLAGS () MODSEQ (98312) UID 26600)
     S: 101 OK FETCH completed
    """,
)


def test_the_newest_hundred():
    (told,) = play(A01, UidSearchFor(NOT_JUNK, (), part=Part(-1, -100)), offers="ESEARCH PARTIAL")

    assert told.part == SearchPart(first=-1, last=-100, ranges=((23665, 23764),))


def test_parts_that_exist_wholly_partly_and_not_at_all():
    parts = (Part(23500, 24000), Part(1, 500), Part(24000, 24500))

    told = play(A02, *(UidSearchFor(NOT_JUNK, (), part=part) for part in parts), offers="ESEARCH PARTIAL")

    assert [one.part for one in told] == [
        SearchPart(first=23500, last=24000, ranges=((30001, 30264),)),
        SearchPart(first=1, last=500, ranges=((1, 500),)),
        SearchPart(first=24000, last=24500),
    ]


def test_the_last_three_of_a_range():
    (fetched,) = play(LAST_THREE, UidFetchPart(UIDS, FLAGS, Part(-1, -3)), offers="PARTIAL")

    assert [(one.uid, one.flags) for one in fetched] == [
        (25996, {"\\Seen"}),
        (25997, {"\\Flagged", "\\Answered"}),
        (26600, frozenset()),
    ]


def test_the_first_five_of_a_range():
    (fetched,) = play(FIRST_FIVE, UidFetchPart(UIDS, FLAGS, Part(1, 5)), offers="PARTIAL")

    assert [one.uid for one in fetched] == [25900, 25902, 26310, 26311, 26498]


def test_what_has_changed_in_the_last_thirty():
    command = UidFetchPart(UIDS, FLAGS, Part(-1, -30), changed_since=98305)

    (fetched,) = play(CHANGED, command, offers="PARTIAL CONDSTORE")

    assert [(one.uid, one.modseq) for one in fetched] == [(25997, 98306), (26600, 98312)]
