"""UIDONLY: the examples of RFC 9586, sections 3 to 3.6."""

from __future__ import annotations

from mailrules.imap.copy_commands import UidMove
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Expunge, Select
from mailrules.imap.message_commands import UidFetch
from mailrules.imap.responses import Status
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.session_commands import Enable
from tests.imap_connection.exchange import ask, authenticated
from tests.imap_wire.rfc_examples.example import Example, play

UIDS = parse_sequence_set(b"25900:26600")

REFUSED = Example(
    section="3",
    text="""
  S: 07 BAD [UIDREQUIRED] Message numbers are not allowed
      once UIDONLY is enabled
    """,
)
ENABLE = Example(
    section="3.1",
    text="""
     C: 01 ENABLE UIDONLY
     S: * ENABLED UIDONLY
     S: 01 OK ENABLE completed
    """,
)
FLAGS = Example(
    section="3.3",
    text=r"""
     C: 10 UID FETCH 25900:26600 (FLAGS)
     [...]
     S: * 25996 UIDFETCH (FLAGS (\Seen))
     S: * 25997 UIDFETCH (FLAGS (\Flagged \Answered))
     S: * 26600 UIDFETCH (FLAGS ())
     S: 10 OK FETCH completed
    """,
)
UID_FLAGS = Example(
    section="3.3",
    text=r"""
     C: 11 UID FETCH 25900:26600 (UID FLAGS)
     S: * 25900 UIDFETCH (FLAGS (\Seen) UID 25900)
     S: * 25902 UIDFETCH (FLAGS (\Flagged) UID 25902)
     S: * 26310 UIDFETCH (FLAGS (\Answered) UID 26310)
     S: * 26311 UIDFETCH (FLAGS () UID 26311)
     S: * 26498 UIDFETCH (FLAGS (\Answered) UID 26498)
     [...]
     S: 11 OK FETCH completed
    """,
)
EXPUNGE = Example(
    section="3.4",
    text="""
     C: 12 EXPUNGE
     S: * VANISHED 405,407,410,425
     S: 12 OK expunged
    """,
)
MOVE = Example(
    section="3.6",
    text="""
     C: 15 UID move 597 "Archives/2023/2023-05"
     S: * OK [COPYUID 1685977201 597 2] UID MOVE
     S: * VANISHED 597
     S: 15 OK UID MOVE Completed
    """,
)


def opened():
    """A connection with UIDONLY enabled and 30,000 messages."""
    connection = authenticated("ENABLE CONDSTORE QRESYNC UIDONLY MOVE")
    play(ENABLE, Enable(("UIDONLY",)), on=connection)
    ask(connection, Select("INBOX"), b"* 30000 EXISTS\r\nTAG OK\r\n")
    return connection


def test_message_numbers_are_refused():
    """We never send any."""
    (reply,) = REFUSED.responses()

    assert (reply.status, reply.code.name) == (Status.BAD, "UIDREQUIRED")


def test_it_is_enabled():
    assert play(ENABLE, Enable(("UIDONLY",)), on=authenticated("ENABLE UIDONLY")) == [{"UIDONLY"}]


def test_flags_come_by_uid():
    (fetched,) = play(FLAGS, UidFetch(UIDS, (FetchItem.FLAGS,)), on=opened())

    assert [(one.uid, one.flags, one.sequence_number) for one in fetched] == [
        (25996, {"\\Seen"}, 0),
        (25997, {"\\Flagged", "\\Answered"}, 0),
        (26600, frozenset(), 0),
    ]


def test_the_uid_may_be_told_twice():
    (fetched,) = play(UID_FLAGS, UidFetch(UIDS, (FetchItem.UID, FetchItem.FLAGS)), on=opened())

    assert [one.uid for one in fetched] == [25900, 25902, 26310, 26311, 26498]


def test_expunged_messages_vanish():
    connection = opened()

    assert play(EXPUNGE, Expunge(), on=connection) == [4]
    assert connection.selected is not None
    assert connection.selected.exists == 29_996


def test_moved_messages_vanish():
    command = UidMove(SequenceSet.of([597]), "Archives/2023/2023-05")

    (copied,) = play(MOVE, command, on=opened())

    assert (copied.uidvalidity, copied.uids) == (1685977201, {597: 2})
