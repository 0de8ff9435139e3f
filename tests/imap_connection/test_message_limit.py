"""What a server that limits messages in one command (RFC 9738) and one that refuses with arguments tell us."""

from __future__ import annotations

import pytest

from mailrules.errors import CommandRefused, MessageLimitReached
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.message_commands import UidFetch
from mailrules.imap.response_codes import Code, MessageLimitCode
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop
from tests.imap_connection.exchange import ask, selected

ALL = UidFetch(SequenceSet.starting_at(1), (FetchItem.UID,))


def test_a_part_of_the_answer_is_not_taken_for_the_whole():
    connection = selected("MESSAGELIMIT=2")

    with pytest.raises(MessageLimitReached, match=r"UID 23221.*RFC 9738") as caught:
        ask(
            connection,
            ALL,
            b"* 9 FETCH (UID 25000)\r\n* 8 FETCH (UID 23221)\r\n"
            b"TAG OK [MESSAGELIMIT 2 23221] FETCH completed with 2 partial results\r\n",
        )

    error = caught.value
    assert (error.command, error.limit, error.lowest_uid) == ("UID FETCH", 2, 23221)
    assert [one.uid for one in error.result] == [23221, 25000]
    assert ask(connection, Noop(), b"TAG OK\r\n")[1] is None


def test_a_refusal_keeps_the_code_with_its_arguments():
    with pytest.raises(CommandRefused) as caught:
        ask(selected(), ALL, b"TAG NO [MESSAGELIMIT 1000] too many\r\n")

    assert caught.value.code == Code.MESSAGE_LIMIT
    assert caught.value.detail == MessageLimitCode(arguments=b"1000", limit=1000)
