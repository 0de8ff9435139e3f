"""SORT and THREAD: the examples of RFC 5256, sections 3 (BASE.6.4.SORT, BASE.6.4.THREAD) and 4 (BASE.7.2)."""

from __future__ import annotations

from datetime import date

import pytest

from mailrules.imap.search_data import SortData, ThreadData, ThreadMember
from mailrules.imap.search_keys import All, Contains, Dated, DateField, TextField
from mailrules.imap.sort_commands import Reverse, SortKey, ThreadAlgorithm, UidSort, UidThread
from tests.imap_wire.reading import response_of
from tests.imap_wire.rfc_examples.example import Example, play

# UTF-8 is named where a text needs it; US-ASCII, which servers have to know as well, is enough for these keys.
NO_TEXT = {"UTF-8": "US-ASCII"}
MARCH = Dated(DateField.SINCE, date(2000, 3, 5))

SORT = {
    UidSort((SortKey.SUBJECT,), Dated(DateField.SINCE, date(1994, 2, 1))): (
        """
               C: A282 SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994
               S: * SORT 2 84 882
               S: A282 OK SORT completed
        """,
        (2, 84, 882),
    ),
    UidSort((SortKey.SUBJECT, Reverse(SortKey.DATE)), All()): (
        """
               C: A283 SORT (SUBJECT REVERSE DATE) UTF-8 ALL
               S: * SORT 5 3 4 1 2
               S: A283 OK SORT completed
        """,
        (5, 3, 4, 1, 2),
    ),
    UidSort((SortKey.SUBJECT,), Contains(TextField.TEXT, "not in mailbox")): (
        """
               C: A284 SORT (SUBJECT) US-ASCII TEXT "not in mailbox"
               S: * SORT
               S: A284 OK SORT completed
        """,
        (),
    ),
}
ORDERED_SUBJECT = Example(
    section="3",
    joint="",
    text="""
               C: A283 THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000
               S: * THREAD (166)(167)(168)(169)(172)(170)(171)
                  (173)(174 (175)(176)(178)(181)(180))(179)(177
                  (183)(182)(188)(184)(185)(186)(187)(189))(190)
                  (191)(192)(193)(194 195)(196 (197)(198))(199)
                  (200 202)(201)(203)(204)(205)(206 207)(208)
               S: A283 OK THREAD completed
    """,
)
NOTHING = Example(
    section="3",
    text="""
               C: A284 THREAD ORDEREDSUBJECT US-ASCII TEXT "gewp"
               S: * THREAD
               S: A284 OK THREAD completed
    """,
)
REFERENCES = Example(
    section="3",
    joint="",
    text="""
               C: A285 THREAD REFERENCES UTF-8 SINCE 5-MAR-2000
               S: * THREAD (166)(167)(168)(169)(172)((170)(179))
                  (171)(173)((174)(175)(176)(178)(181)(180))
                  ((177)(183)(182)(188 (184)(189))(185 186)(187))
                  (190)(191)(192)(193)((194)(195 196))(197 198)
                  (199)(200 202)(201)(203)(204)(205 206 207)(208)
               S: A285 OK THREAD completed
    """,
)


@pytest.mark.parametrize("command", SORT)
def test_sorting(command):
    text, found = SORT[command]

    assert play(Example(section="3", text=text), command, offers="SORT", instead=NO_TEXT) == [found]


def test_threads_by_subject():
    """43 messages in 25 threads; "there are no grandchildren in ORDEREDSUBJECT threading"."""
    command = UidThread(ThreadAlgorithm.ORDERED_SUBJECT, MARCH)

    (told,) = play(ORDERED_SUBJECT, command, offers="THREAD=ORDEREDSUBJECT", instead=NO_TEXT)

    threads = list(told.threads())
    assert sorted(one.uid for one in told.members) == list(range(166, 209))
    assert max(one.depth for one in told.members) == 1
    assert _uids(threads[8]) == [174, 175, 176, 178, 181, 180]
    assert _uids(threads[10]) == [177, 183, 182, 188, 184, 185, 186, 187, 189]
    assert len(threads) == 25


def test_no_threads():
    command = UidThread(ThreadAlgorithm.ORDERED_SUBJECT, Contains(TextField.TEXT, "gewp"))

    assert play(NOTHING, command, offers="THREAD=ORDEREDSUBJECT") == [ThreadData(members=())]


def test_threads_by_references():
    command = UidThread(ThreadAlgorithm.REFERENCES, MARCH)

    (told,) = play(REFERENCES, command, offers="THREAD=REFERENCES", instead=NO_TEXT)

    threads = list(told.threads())
    assert sorted(one.uid for one in told.members if one.uid is not None) == list(range(166, 209))
    assert [(one.uid, one.depth) for one in threads[5]] == [(None, 0), (170, 1), (179, 1)]
    assert [(one.uid, one.depth) for one in threads[9]] == [
        (None, 0), (177, 1), (183, 1), (182, 1), (188, 1), (184, 2), (189, 2), (185, 1), (186, 2), (187, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "response"),
    [
        (b"* SORT 2 3 6", SortData(uids=(2, 3, 6))),
        (
            b"* THREAD (2)(3 6 (4 23)(44 7 96))",
            ThreadData(
                members=(
                    ThreadMember(2, 0),
                    ThreadMember(3, 0),
                    ThreadMember(6, 1),
                    ThreadMember(4, 2),
                    ThreadMember(23, 3),
                    ThreadMember(44, 2),
                    ThreadMember(7, 3),
                    ThreadMember(96, 4),
                )
            ),
        ),
        (b"* THREAD ((3)(5))", ThreadData(members=(ThreadMember(None, 0), ThreadMember(3, 1), ThreadMember(5, 1)))),
    ],
)
def test_responses_of_section_4(line, response):
    assert response_of(line) == response


def _uids(thread):
    return [one.uid for one in thread]
