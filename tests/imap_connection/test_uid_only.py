"""A connection with UIDONLY enabled (RFC 9586): no sequence numbers any more, in either direction.

The RFC's own examples are in tests/imap_wire/rfc_examples.
"""

from __future__ import annotations

import pytest

from mailrules.errors import CommandRefused
from mailrules.imap.copy_commands import UidExpunge, UidMove
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.message_commands import StoreChange, UidFetch, UidStore
from mailrules.imap.response_codes import Code
from mailrules.imap.sequence_set import parse_sequence_set
from mailrules.imap.session_commands import Enable
from tests.imap_connection.exchange import ask, authenticated

UIDS = parse_sequence_set(b"25900:26600")


def uid_only():
    """INBOX open with ten messages."""
    connection = authenticated("ENABLE UIDONLY UIDPLUS MOVE")
    assert ask(connection, Enable(("UIDONLY",)), b"* ENABLED UIDONLY\r\nTAG OK done\r\n")[1] == {"UIDONLY"}
    ask(connection, Select("INBOX"), b"* 10 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\nTAG OK [READ-WRITE] x\r\n")
    return connection


def test_messages_come_by_uidfetch():
    connection = uid_only()

    wire, messages = ask(
        connection,
        UidFetch(UIDS, (FetchItem.FLAGS,)),
        b"* 25996 UIDFETCH (FLAGS (\\Seen))\r\n* 25997 UIDFETCH (FLAGS (\\Flagged \\Answered))\r\n"
        b"* 26601 UIDFETCH (FLAGS ())\r\nTAG OK done\r\n",
    )

    assert wire == b"TAG UID FETCH 25900:26600 (FLAGS)\r\n"
    assert [(one.uid, one.sequence_number, one.flags) for one in messages] == [
        (25996, 0, {"\\Seen"}),
        (25997, 0, {"\\Flagged", "\\Answered"}),
    ]


def test_changes_are_confirmed_by_uid():
    connection = uid_only()

    _, stored = ask(
        connection,
        UidStore(UIDS, StoreChange.ADD, ("\\Deleted",)),
        b"* 25996 UIDFETCH (FLAGS (\\Seen \\Deleted))\r\nTAG OK done\r\n",
    )
    _, gone = ask(connection, UidExpunge(UIDS), b"* VANISHED 25996:25997\r\nTAG OK done\r\n")
    _, moved = ask(
        connection,
        UidMove(parse_sequence_set(b"26000"), "t"),
        b"* OK [COPYUID 9 26000 1] x\r\n* VANISHED 26000\r\nTAG OK done\r\n",
    )

    assert [one.uid for one in stored.confirmed] == [25996]
    assert gone == (25996, 25997)
    assert moved.uids == {26000: 1}
    assert connection.selected is not None
    assert connection.selected.exists == 7


def test_a_command_with_sequence_numbers_is_refused_by_name():
    with pytest.raises(CommandRefused) as caught:
        ask(uid_only(), UidExpunge(UIDS), b"TAG BAD [UIDREQUIRED] Message numbers are not allowed\r\n")

    assert caught.value.code == Code.UID_REQUIRED
