"""Contents that go through a connection in pieces, both ways, and what else happens meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.errors import CommandRefused, LocalProtocolError
from mailrules.imap.append_commands import Append
from mailrules.imap.content_commands import UidFetchContent
from mailrules.imap.events import UntaggedReceived
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.message_commands import FetchItem, StoreChange, UidFetch, UidStore
from mailrules.imap.responses import ExistsData
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop
from mailrules.imap.states import State
from mailrules.imap.write_queue import ContentWanted
from mailrules.imap.writer import PATIENT_BYTES, BodySection, StreamedLiteral
from tests.imap_connection.exchange import authenticated, outcome_of, selected, sent

if TYPE_CHECKING:
    from mailrules.imap.command import ContentBegun

FIVE = SequenceSet.of((5,))


class Contents:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.begun: list[ContentBegun] = []
        self.pieces: list[list[bytes]] = []

    def open(self, begun: ContentBegun):
        self.begun.append(begun)
        self.pieces.append([])
        return self.pieces[-1].append

    def fetch(self, uids: SequenceSet = FIVE) -> UidFetchContent:
        return UidFetchContent(uids, BodySection(), self.open)


# -- receiving


def test_a_content_arrives_in_pieces_and_the_message_without_it():
    connection, contents = selected(), Contents()
    tag = connection.submit(contents.fetch())
    assert sent(connection) == b"A3 UID FETCH 5 (UID BODY.PEEK[])\r\n"

    events = [
        connection.receive_data(data) for data in (b"* 2 FETCH (UID 5 BODY[] {6}\r\nab", b"cd", b"ef)\r\nA3 OK\r\n")
    ]

    assert [(one.message.uid, one.section, one.size_bytes) for one in contents.begun] == [(5, "", 6)]
    assert contents.pieces == [[b"ab", b"cd", b"ef"]]
    assert outcome_of(tag, events[-1]) == (FetchData(sequence_number=2, uid=5),)
    assert connection.streamed_bytes == 6


def test_a_uid_may_come_after_the_content():
    connection, contents = selected(), Contents()
    tag = connection.submit(contents.fetch())

    events = connection.receive_data(b"* 2 FETCH (BODY[] {2}\r\nab UID 5)\r\nA3 OK\r\n")

    assert contents.begun[0].message.uid is None
    assert contents.pieces == [[b"ab"]]
    assert outcome_of(tag, events) == (FetchData(sequence_number=2, uid=5),)


def test_an_empty_content_is_one_empty_piece():
    connection, contents = selected(), Contents()
    connection.submit(contents.fetch())

    connection.receive_data(b"* 2 FETCH (UID 5 BODY[] {0}\r\n)\r\nA3 OK\r\n")

    assert contents.pieces == [[b""]]


def test_a_content_in_quotes_is_one_piece():
    connection, contents = selected(), Contents()
    connection.submit(contents.fetch())

    connection.receive_data(b'* 2 FETCH (UID 5 BODY[] "ab")\r\nA3 OK\r\n')

    assert (contents.begun[0].size_bytes, contents.pieces) == (2, [[b"ab"]])


def test_other_responses_around_a_content_go_their_own_way():
    connection, contents = selected(), Contents()
    noop, fetch = connection.submit(Noop()), connection.submit(contents.fetch())

    events = connection.receive_data(
        b"* 11 EXISTS\r\n* 2 FETCH (UID 5 BODY[] {2}\r\nab)\r\nA3 OK\r\n* 3 FETCH (UID 6 FLAGS ())\r\nA4 OK\r\n"
    )

    assert contents.pieces == [[b"ab"]]
    assert [event.response for event in events if isinstance(event, UntaggedReceived)] == [
        ExistsData(count=11),
        FetchData(sequence_number=3, uid=6, flags=frozenset()),
    ]
    assert outcome_of(noop, events) is None
    assert outcome_of(fetch, events) == (FetchData(sequence_number=2, uid=5),)


def test_a_content_that_nobody_asked_for_is_held_as_ever():
    connection, contents = selected(), Contents()
    connection.submit(contents.fetch())

    events = connection.receive_data(b"* 2 FETCH (UID 9 BODY[] {2}\r\nab)\r\n")

    assert contents.begun == []
    assert events == [UntaggedReceived(response=FetchData(sequence_number=2, uid=9, sections={"": b"ab"}))]


def test_a_head_that_cannot_be_read_offers_nothing():
    connection, contents = selected(), Contents()
    connection.submit(contents.fetch())

    connection.receive_data(b"* 2 FETCH UID 5 BODY[] {2}\r\nab)\r\nA3 OK\r\n")

    assert contents.pieces == []


def test_an_abandoned_content_is_drained():
    connection, contents = selected(), Contents()
    tag = connection.submit(contents.fetch())
    connection.receive_data(b"* 2 FETCH (UID 5 BODY[] {100000}\r\nab")
    connection.cancel(tag)

    connection.receive_data(b"x" * 99_998 + b")\r\nA3 OK\r\n")

    assert contents.pieces == [[b"ab"]]
    assert connection.streamed_bytes == 100_000
    connection.submit(Noop())
    assert sent(connection).endswith(b"A4 NOOP\r\n")


def test_no_other_fetch_is_under_way_beside_a_content():
    connection, contents = selected(), Contents()
    connection.submit(contents.fetch())
    connection.submit(UidFetch(SequenceSet.of((6,)), (FetchItem.FLAGS,)))
    connection.submit(UidStore(SequenceSet.of((7,)), StoreChange.ADD, ("x",)))

    assert sent(connection) == b"A3 UID FETCH 5 (UID BODY.PEEK[])\r\nA5 UID STORE 7 +FLAGS (x)\r\n"
    connection.receive_data(b"A3 OK\r\n")
    assert sent(connection) == b"A4 UID FETCH 6 (FLAGS)\r\n"


def test_contents_are_held_again_when_the_command_is_done():
    connection, contents = selected(), Contents()
    connection.submit(contents.fetch())
    connection.receive_data(b"A3 OK\r\n")
    tag = connection.submit(UidFetch(FIVE, (FetchItem.UID, BodySection())))

    events = connection.receive_data(b"* 2 FETCH (UID 5 BODY[] {2}\r\nab)\r\nA4 OK\r\n")

    assert outcome_of(tag, events) == (FetchData(sequence_number=2, uid=5, sections={"": b"ab"}),)


# -- sending


def test_a_content_waits_for_the_go_ahead():
    connection = authenticated()
    tag = connection.submit(Append("INBOX", StreamedLiteral(4)))
    connection.submit(Noop())
    assert sent(connection) == b"A2 APPEND INBOX {4}\r\n"
    assert connection.content_wanted is None

    connection.receive_data(b"+ go\r\n")
    assert connection.content_wanted == ContentWanted(tag, 4)
    connection.send_content(b"abc")
    assert (sent(connection), connection.content_wanted) == (b"abc", ContentWanted(tag, 1))
    connection.send_content(b"d")

    assert (sent(connection), connection.content_wanted) == (b"d\r\nA3 NOOP\r\n", None)
    assert connection.streamed_bytes == 4


@pytest.mark.parametrize(
    ("capability", "size_bytes", "waits"),
    [
        ("LITERAL+", PATIENT_BYTES, False),
        ("LITERAL+", PATIENT_BYTES + 1, True),
        ("LITERAL-", 4096, False),
        ("LITERAL-", 4097, True),
        ("", 1, True),
    ],
)
def test_only_a_content_whose_refusal_is_cheap_goes_without_asking(capability, size_bytes, waits):
    connection = authenticated(capability)
    tag = connection.submit(Append("INBOX", StreamedLiteral(size_bytes)))

    mark = b"" if waits else b"+"
    assert sent(connection) == b"A2 APPEND INBOX {%d%b}\r\n" % (size_bytes, mark)
    assert connection.content_wanted == (None if waits else ContentWanted(tag, size_bytes))


@pytest.mark.parametrize("capability", ["", "LITERAL+"])
def test_a_content_of_no_bytes(capability):
    connection = authenticated(capability)
    connection.submit(Append("INBOX", StreamedLiteral(0)))
    wire = sent(connection)

    if not capability:
        connection.receive_data(b"+ go\r\n")
        wire += sent(connection)

    assert wire.replace(b"+", b"") == b"A2 APPEND INBOX {0}\r\n\r\n"
    assert connection.content_wanted is None


def test_a_refusal_in_place_of_the_go_ahead_sends_nothing():
    connection = authenticated()
    tag = connection.submit(Append("INBOX", StreamedLiteral(2**30)))
    assert connection.is_half_sent(tag)
    sent(connection)

    events = connection.receive_data(b"A2 NO [OVERQUOTA] full\r\n")

    with pytest.raises(CommandRefused, match="OVERQUOTA"):
        outcome_of(tag, events)
    assert connection.content_wanted is None
    connection.submit(Noop())
    assert sent(connection) == b"A3 NOOP\r\n"


def test_a_refusal_in_the_middle_leaves_a_literal_that_has_to_be_finished():
    connection = authenticated()
    tag = connection.submit(Append("INBOX", StreamedLiteral(4)))
    connection.receive_data(b"+ go\r\n")
    connection.send_content(b"ab")
    sent(connection)

    connection.receive_data(b"A2 NO too slow\r\n")
    connection.submit(Noop())

    assert (sent(connection), connection.content_wanted) == (b"", ContentWanted(tag, 2))
    connection.send_content(b"cd")
    assert sent(connection) == b"cd\r\nA3 NOOP\r\n"


def test_an_ok_before_the_content_is_complete_ends_the_connection():
    connection = authenticated()
    tag = connection.submit(Append("INBOX", StreamedLiteral(4)))
    connection.receive_data(b"+ go\r\n")
    connection.send_content(b"ab")

    events = connection.receive_data(b"A2 OK done\r\n")

    assert connection.state is State.LOGOUT
    assert connection.content_wanted is None
    with pytest.raises(Exception, match="before its \\+ and the rest"):
        outcome_of(tag, events)


def test_a_go_ahead_in_the_middle_of_a_content_is_disregarded():
    connection = authenticated()
    tag = connection.submit(Append("INBOX", StreamedLiteral(4)))
    connection.receive_data(b"+ go\r\n")
    connection.receive_data(b"+ go on\r\n")

    assert connection.content_wanted == ContentWanted(tag, 4)


@pytest.mark.parametrize(
    ("data", "words"), [(b"abcde", "1 bytes longer"), (b"a\0b", "cannot hold NUL"), (b"a" * 9, "5 bytes longer")]
)
def test_content_that_does_not_fit_is_not_sent(data, words):
    connection = authenticated()
    tag = connection.submit(Append("INBOX", StreamedLiteral(4)))
    sent(connection)
    connection.receive_data(b"+ go\r\n")

    with pytest.raises(LocalProtocolError, match=words):
        connection.send_content(data)

    assert (sent(connection), connection.content_wanted) == (b"", ContentWanted(tag, 4))


def test_content_is_sent_only_where_it_is_wanted():
    with pytest.raises(LocalProtocolError, match="no command waits for content"):
        authenticated().send_content(b"a")


@pytest.mark.parametrize("size_bytes", [-1, 2**63])
def test_a_content_of_impossible_size_is_not_sent(size_bytes):
    connection = authenticated()

    with pytest.raises(LocalProtocolError, match="cannot be sent"):
        connection.submit(Append("INBOX", StreamedLiteral(size_bytes)))

    assert sent(connection) == b""


def test_both_directions_do_not_disturb_each_other():
    connection, contents = selected(), Contents()
    connection.submit(contents.fetch())
    append = connection.submit(Append("INBOX", StreamedLiteral(2)))
    sent(connection)

    connection.receive_data(b"* 2 FETCH (UID 5 BODY[] {4}\r\nab")
    connection.receive_data(b"cd)\r\n+ go\r\n")
    connection.send_content(b"x")
    connection.receive_data(b"* 11 EXISTS\r\n")
    connection.send_content(b"y")
    events = connection.receive_data(b"A3 OK\r\nA4 OK [APPENDUID 5 12] done\r\n")

    assert contents.pieces == [[b"ab", b"cd"]]
    assert sent(connection) == b"xy\r\n"
    assert outcome_of(append, events).uids == SequenceSet.of((12,))
