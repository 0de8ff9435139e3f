"""Gmail's own extension, X-GM-EXT-1, by the examples of its documentation."""

from __future__ import annotations

import pytest

from mailrules.errors import LocalProtocolError, MissingCapability
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.message_commands import StoreChange, UidFetch, UidStoreLabels
from mailrules.imap.sequence_set import SequenceSet
from tests.imap_connection.exchange import ask, selected

ONE = SequenceSet.of((1,))


def test_identifiers_and_labels_are_fetched():
    wire, messages = ask(
        selected("X-GM-EXT-1"),
        UidFetch(ONE, (FetchItem.GMAIL_MESSAGE_ID, FetchItem.GMAIL_THREAD_ID, FetchItem.GMAIL_LABELS)),
        b"* 1 FETCH (UID 1 X-GM-MSGID 1278455344230334865 X-GM-THRID 1266894439832287888 "
        b'X-GM-LABELS (\\Inbox \\Sent Important "Muy Importante"))\r\nTAG OK FETCH (Success)\r\n',
    )

    assert wire == b"TAG UID FETCH 1 (X-GM-MSGID X-GM-THRID X-GM-LABELS)\r\n"
    (one,) = messages
    assert (one.gmail_message_id, one.extras.gmail_thread_id) == ("1278455344230334865", "1266894439832287888")
    assert one.object_id == "1278455344230334865"
    assert one.extras.gmail_labels == {"\\Inbox", "\\Sent", "Important", "Muy Importante"}


@pytest.mark.parametrize(
    ("change", "item", "labels", "written", "echo", "is_confirmed"),
    [
        (StoreChange.ADD, b"+X-GM-LABELS", ("foo",), b"(foo)", b"(\\Inbox \\Sent foo)", True),
        (StoreChange.ADD, b"+X-GM-LABELS", ("\\Trash", "a b"), b'(\\Trash "a b")', b"(\\Trash)", False),
        (StoreChange.REMOVE, b"-X-GM-LABELS", ("\\Inbox",), b"(\\Inbox)", b"(Important)", True),
        (StoreChange.REMOVE, b"-X-GM-LABELS", ("\\Inbox",), b"(\\Inbox)", b'("\\\\Inbox")', False),
        (StoreChange.REPLACE, b"X-GM-LABELS", ("Entwürfe",), b"(Entw&APw-rfe)", b'("Entw&APw-rfe")', True),
    ],
)
def test_labels_are_stored_and_the_echo_confirms(change, item, labels, written, echo, is_confirmed):
    wire, result = ask(
        selected("X-GM-EXT-1"),
        UidStoreLabels(ONE, change, labels),
        b"* 1 FETCH (UID 1 X-GM-LABELS " + echo + b")\r\n* 1 FETCH (UID 1 FLAGS ())\r\nTAG OK STORE (Success)\r\n",
    )

    assert wire == b"TAG UID STORE 1 " + item + b" " + written + b"\r\n"
    assert [one.uid for one in result.confirmed] == [1] * is_confirmed


def test_only_gmail_is_asked():
    with pytest.raises(MissingCapability, match="X-GM-EXT-1"):
        selected().submit(UidStoreLabels(ONE, StoreChange.ADD, ("foo",)))
    with pytest.raises(LocalProtocolError):
        selected("X-GM-EXT-1").submit(UidStoreLabels(ONE, StoreChange.ADD, ("\\a\r\nb",)))
    with pytest.raises(LocalProtocolError):
        selected("X-GM-EXT-1").submit(UidStoreLabels(SequenceSet.starting_at(1), StoreChange.ADD, ("foo",)))
