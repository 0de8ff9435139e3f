"""ESORT and CONTEXT: the examples of RFC 5267, sections 3.3 and 4.2 to 4.4."""

from __future__ import annotations

from mailrules.imap.followed_search import FollowedSearch
from mailrules.imap.message_commands import SearchReturn
from mailrules.imap.response_codes import TextCode
from mailrules.imap.responses import ExpungeData, Status
from mailrules.imap.search_commands import Part, UidSearchFor
from mailrules.imap.search_data import ESearchData, SearchPart, SearchUpdate
from mailrules.imap.search_keys import AllOf, HasFlag, Not
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.sort_commands import Reverse, SortKey, UidSortReturn
from mailrules.imap.watch_commands import CancelUpdate, UidSearchWatched, WatchedSearch
from tests.imap_wire.rfc_examples.example import Example, play

NOT_JUNK = AllOf((Not(HasFlag("\\Deleted")), Not(HasFlag("$Junk"))))
COUNT = SearchReturn.COUNT

E01 = Example(
    section="3.3",
    text="""
         C: E01 UID SORT RETURN () (REVERSE DATE) UTF-8 UNDELETED
            UNKEYWORD $Junk
         S: * ESEARCH (TAG "E01") UID ALL 23765,23764,23763,23761,[...]
         S: E01 OK Sort completed
    """,
    elided={",[...]": ",1:3"},
)
A01 = Example(
    section="4.2",
    text="""
       C: A01 SEARCH RETURN (CONTEXT COUNT) UNDELETED
          UNKEYWORD $Junk
       S: * ESEARCH (TAG "A01") COUNT 23765
       S: A01 OK Search completed.
    """,
)
B01 = Example(
    section="4.3",
    text="""
       C: B01 UID SEARCH RETURN (UPDATE COUNT) DELETED
          KEYWORD $Junk
       S: * ESEARCH (TAG "B01") COUNT 74
       S: B01 OK Search completed, will notify.
    """,
)
B02 = Example(
    section="4.3.1",
    text="""
       S: * ESEARCH (TAG "B02") COUNT 74
       S: * NO [NOUPDATE "B02"] Too many contexts
       S: B02 OK Search completed, will not notify.
    """,
)
ADDTO = Example(section="4.3.3", text='S: * ESEARCH (TAG "B01") UID ADDTO (0 32768:32769)')
THREE_ALIKE = Example(
    section="4.3.3",
    text="""
       S: * ESEARCH (TAG "C01") UID ADDTO (1 2733 1 2732 1 2731)
       S: * ESEARCH (TAG "C01") UID ADDTO (1 2733) ADDTO (1 2731:2732)
       S: * ESEARCH (TAG "C01") UID ADDTO (1 2731:2733)
    """,
)
REMOVEFROM = Example(
    section="4.3.4",
    text="""
       S: * ESEARCH (TAG "B01") UID REMOVEFROM (0 32768)
       C: B03 NOOP
       S: * 23762 EXPUNGE
       S: B03 OK Nothing done.
    """,
)
B04 = Example(
    section="4.3.5",
    text="""
       C: B04 CANCELUPDATE "B01"
       S: B04 OK No further updates.
    """,
)
PARTS = Example(
    section="4.4",
    text="""
       // Recall from A01 that there are 23764 results.
       C: A02 UID SEARCH RETURN (PARTIAL 23500:24000) UNDELETED
          UNKEYWORD $Junk
       C: A03 UID SEARCH RETURN (PARTIAL 1:500) UNDELETED
          UNKEYWORD $Junk
       C: A04 UID SEARCH RETURN (PARTIAL 24000:24500) UNDELETED
          UNKEYWORD $Junk
       S: * ESEARCH (TAG "A02") UID PARTIAL (23500:24000 ...)
       // 264 results in set syntax elided,
       // this spans the end of the results.
       S: A02 OK Completed.
       S: * ESEARCH (TAG "A03") UID PARTIAL (1:500 ...)
       // 500 results in set syntax elided.
       S: A03 OK Completed.
       S: * ESEARCH (TAG "A04") UID PARTIAL (24000:24500 NIL)
       // No results are present, this is beyond the end of the results.
       S: A04 OK Completed.
    """,
    elided={"24000 ...": "24000 30001:30264", "500 ...": "500 1:500"},
)


def test_a_sorted_result():
    """Nothing in the keys needs UTF-8, so we name US-ASCII."""
    command = UidSortReturn((Reverse(SortKey.DATE),), NOT_JUNK, ())

    (told,) = play(E01, command, offers="ESORT", instead={"UTF-8": "US-ASCII"})

    assert list(told.in_order()) == [23765, 23764, 23763, 23761, 1, 2, 3]


def test_a_hint_that_more_will_follow():
    """Options have no order; we write CONTEXT last."""
    command = UidSearchFor(NOT_JUNK, (COUNT,), context=True)

    (told,) = play(A01, command, offers="ESEARCH CONTEXT=SEARCH", instead={"CONTEXT COUNT": "COUNT CONTEXT"})

    assert told == ESearchData(tag="A3", count=23765)


def test_a_search_that_is_followed():
    key = AllOf((HasFlag("\\Deleted"), HasFlag("$Junk")))

    (watched,) = play(B01, UidSearchWatched(key, (COUNT,)), offers="CONTEXT=SEARCH")

    assert watched == WatchedSearch(tag="A3", found=ESearchData(tag="A3", count=74), is_followed=True)


def test_updates_that_are_refused():
    """The command of this example is a UID SORT RETURN (UPDATE), which we do not write; ours is a search."""
    found, refused, done = B02.responses()

    assert (found.count, done.status) == (74, Status.OK)
    assert (refused.status, refused.code) == (Status.NO, TextCode(name="NOUPDATE", arguments=b'"B02"', text="B02"))


def test_what_joins_a_result():
    (told,) = ADDTO.responses()

    assert told.updates == (SearchUpdate(position=0, numbers=parse_sequence_set(b"32768:32769")),)


def test_three_ways_to_say_that_2731_to_2733_join():
    """ "the following three responses are equivalent, and yield a result list of 2731:2735"."""
    before = WatchedSearch(
        tag="C01",
        found=ESearchData(tag="C01", is_uid=True, all_uids=parse_sequence_set(b"2734:2735")),
        is_followed=True,
    )

    for update in THREE_ALIKE.responses():
        followed = FollowedSearch(before)
        followed.apply(update)
        assert followed.uids == parse_sequence_set(b"2731:2735")


def test_what_leaves_a_result():
    removed, expunged, _ = REMOVEFROM.responses()

    assert removed.updates == (SearchUpdate(position=0, numbers=SequenceSet.of([32768]), is_removal=True),)
    assert expunged == ExpungeData(sequence_number=23762)


def test_updates_are_cancelled():
    assert play(B04, CancelUpdate(("B01",)), offers="CONTEXT=SEARCH") == [None]


def test_parts_of_a_result():
    parts = (Part(23500, 24000), Part(1, 500), Part(24000, 24500))
    commands = (UidSearchFor(NOT_JUNK, (), part=part) for part in parts)

    told = play(PARTS, *commands, offers="ESEARCH CONTEXT=SEARCH")

    assert [one.part for one in told] == [
        SearchPart(first=23500, last=24000, ranges=((30001, 30264),)),
        SearchPart(first=1, last=500, ranges=((1, 500),)),
        SearchPart(first=24000, last=24500),
    ]
