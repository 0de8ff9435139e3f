"""A FETCH that cannot be read: the command says so, of which message if that can be known, and what could be read."""

from __future__ import annotations

import pytest

from mailrules.errors import MessagesUnreadable
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.framing import Frame
from mailrules.imap.message_commands import UidFetch, UidFetchChanges
from mailrules.imap.parser import parse_response
from mailrules.imap.responses import Malformed, UnreadableFetch
from mailrules.imap.sequence_set import SequenceSet
from tests.imap_connection.exchange import ask, selected

UIDS = SequenceSet.of((7, 8, 9))
ITEMS = (FetchItem.UID, FetchItem.SIZE)
READABLE = b"* 1 FETCH (UID 7 RFC822.SIZE 5)\r\n"


def unreadable(answer, command=None, connection=None):
    with pytest.raises(MessagesUnreadable) as caught:
        ask(connection or selected(), command or UidFetch(UIDS, ITEMS), answer)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "number", "uid"),
    [
        (b"* 2 FETCH (UID 8 RFC822.SIZE 5 BODY[ {3", 2, 8),
        (b"* 2 FETCH (uid 8 RFC822.SIZE", 2, 8),
        (b"* 2 FETCH (RFC822.SIZE 5 UID 8 (", 2, None),  # what stands further on may be anybody's words
        (b"* 2 fetch", 2, None),
        (b"* 8 UIDFETCH (FLAGS (", 0, 8),
    ],
)
def test_it_is_told_which_message_it_is_as_far_as_that_is_certain(raw, number, uid):
    response = parse_response(Frame(raw))

    assert isinstance(response, UnreadableFetch)
    assert isinstance(response, Malformed)
    assert (response.sequence_number, response.uid, response.raw) == (number, uid, raw)


def test_the_command_tells_the_message_and_gives_the_others():
    error = unreadable(READABLE + b"* 2 FETCH (UID 8 RFC822.SIZE 5 BODY[ x\r\nTAG OK done\r\n")

    assert error.uids == (8,)
    assert not error.has_nameless
    assert [one.uid for one in error.result] == [7]
    assert error.rfc == "RFC 9051 section 7.5.2"
    assert "UID 8" in str(error)


def test_a_message_that_is_not_named_is_known_by_its_number_where_that_was_told():
    connection = selected()
    ask(connection, UidFetch(UIDS, ITEMS), READABLE + b"* 2 FETCH (UID 8 RFC822.SIZE 5)\r\nTAG OK\r\n")

    error = unreadable(b"* 2 FETCH (RFC822.SIZE 5 UID\r\nTAG OK done\r\n", connection=connection)

    assert error.uids == (8,)


def test_a_uid_that_cannot_be_read_is_known_by_the_number_too():
    connection = selected()
    ask(connection, UidFetch(UIDS, ITEMS), READABLE + b"TAG OK\r\n")

    _, (result,) = ask(connection, UidFetch(UIDS, ITEMS), b"* 1 FETCH (UID oops RFC822.SIZE 5)\r\nTAG OK done\r\n")

    assert (result.uid, result.size_bytes) == (7, 5)


@pytest.mark.parametrize("line", [b"* 2 FETCH (RFC822.SIZE 5 UID\r\n", b"* 2 FETCH (UID oops RFC822.SIZE 5)\r\n"])
def test_where_nothing_names_the_message_the_command_says_that_there_is_one(line):
    error = unreadable(READABLE + line + b"TAG OK done\r\n")

    assert (error.uids, error.has_nameless) == ((), True)
    assert [one.uid for one in error.result] == [7]
    assert "message number 2" in str(error)


def test_with_a_sink_what_can_be_read_goes_there():
    taken = []

    error = unreadable(
        READABLE + b"* 2 FETCH (UID 8 RFC822.SIZE\r\nTAG OK done\r\n", UidFetch(UIDS, ITEMS, taken.append)
    )

    assert [one.uid for one in taken] == [7]
    assert error.uids == (8,)


def test_it_holds_for_changes_as_well():
    connection = selected("QRESYNC ENABLE")
    connection._session.capabilities.enabled = frozenset({"QRESYNC"})

    error = unreadable(
        b"* 2 FETCH (UID 8 FLAGS\r\nTAG OK done\r\n", UidFetchChanges(UIDS, (FetchItem.FLAGS,), 5), connection
    )

    assert error.uids == (8,)


def test_a_message_that_was_not_asked_for_spoils_nothing():
    _, fetched = ask(selected(), UidFetch(UIDS, ITEMS), READABLE + b"* 5 FETCH (UID 99 FLAGS (\r\nTAG OK done\r\n")

    assert [one.uid for one in fetched] == [7]


def test_the_connection_stays_usable():
    connection = selected()
    unreadable(b"* 2 FETCH (UID 8 RFC822.SIZE\r\nTAG OK done\r\n", connection=connection)

    _, fetched = ask(connection, UidFetch(UIDS, ITEMS), READABLE + b"TAG OK\r\n")

    assert [one.uid for one in fetched] == [7]
