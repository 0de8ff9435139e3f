"""INPROGRESS: the examples of RFC 9585, section 4, and what section 6 has a client disregard."""

from __future__ import annotations

import pytest

from mailrules.imap.copy_commands import CopiedMessages, UidCopy
from mailrules.imap.events import UntaggedReceived
from mailrules.imap.message_commands import UidSearch
from mailrules.imap.response_codes import InProgressCode, ResponseCode
from mailrules.imap.search_keys import Contains, TextField
from mailrules.imap.sequence_set import parse_sequence_set
from tests.imap_connection.exchange import selected, sent
from tests.imap_wire.reading import response_of
from tests.imap_wire.rfc_examples.example import Example, play

DEGREES = {
    "* OK [INPROGRESS] Hang in there...": InProgressCode(),
    '* OK [INPROGRESS ("tag" NIL NIL)] Hang in there...': InProgressCode(tag="tag"),
    '* OK [INPROGRESS ("tag" 175 NIL)] Processed 175 items so far': InProgressCode(tag="tag", done=175),
    '* OK [INPROGRESS ("tag" 175 1000)] Processed 17% of the items': InProgressCode(tag="tag", done=175, goal=1000),
}
SEARCH = Example(
    section="4",
    text="""
     C: A001 search text "this will be slow"
       [13 seconds later]
     S: * OK [INPROGRESS ("A001" 454 1000)] Processed 45% of the items
       [14 seconds later]
     S: * OK [INPROGRESS ("A001" 999 1000)] Processed 99% of the items
       [5 seconds later]
     S: * SEARCH 447 735
     S: A001 OK Search completed (23.387 + 0.004 + 0.017 secs).
    """,
)
COPY = Example(
    section="4",
    text="""
     C: A003 COPY 2000:4000 Meeting-Minutes
       [12 seconds later]
     S: * OK [INPROGRESS ("A003" 175 2001)] Still working on this...
       [14 seconds later]
     S: * OK [INPROGRESS ("A003" 440 2001)] Still working on this...
       [13 seconds later]
     S: * OK [INPROGRESS ("A003" 987 2001)] Still working on this...
       [14 seconds later]
     S: * OK [INPROGRESS ("A003" 1388 2001)] Still working on this...
       [14 seconds later]
     S: * OK [INPROGRESS ("A003" 1876 2001)] Still working on this...
       [9 seconds later]
     S: A003 OK Copy completed
    """,
)


@pytest.mark.parametrize("line", DEGREES)
def test_degrees_of_completeness(line):
    code = response_of(line.encode()).code

    assert (code.tag, code.done, code.goal) == (DEGREES[line].tag, DEGREES[line].done, DEGREES[line].goal)


def test_a_slow_search():
    assert play(SEARCH, UidSearch(Contains(TextField.TEXT, "this will be slow"))) == [(447, 735)]
    assert [one.code.done for one in SEARCH.responses()[:2]] == [454, 999]


def test_a_slow_copy():
    command = UidCopy(parse_sequence_set(b"2000:4000"), "Meeting-Minutes")

    assert play(COPY, command) == [CopiedMessages()]
    assert [one.code.done for one in COPY.responses()[:-1]] == [175, 440, 987, 1388, 1876]


def test_progress_is_news_and_not_the_answer():
    connection = selected()
    connection.submit(UidCopy(parse_sequence_set(b"2000:4000"), "Meeting-Minutes"))
    sent(connection)

    events = connection.receive_data(COPY.server())

    told = [one.response.code for one in events if isinstance(one, UntaggedReceived)]
    assert [(code.tag, code.goal) for code in told] == [("A003", 2001)] * 5


@pytest.mark.parametrize("wrong", ["5 0", "-1 10", "11 10", "1 4294967296", "4294967296 NIL", "NIL 5"])
def test_numbers_that_cannot_be_are_disregarded(wrong):
    """Section 6: "GOAL = 0, GOAL/VALUE < 0, GOAL/VALUE >= 2^32 ..., and VALUE > GOAL ... MUST be disregarded"."""
    arguments = f'("A3" {wrong})'

    code = response_of(f"* OK [INPROGRESS {arguments}] at work".encode()).code

    assert code == ResponseCode(name="INPROGRESS", arguments=arguments.encode())
