"""MESSAGELIMIT: the examples of RFC 9738, sections 3.1, 3.2 and 3.4.

UIDAFTER and UIDBEFORE (3.2) are not written: a set of UIDs says the same (``UID 25001:*``).
"""

from __future__ import annotations

from datetime import date

import pytest

from mailrules.errors import CommandRefused, MessageLimitReached
from mailrules.imap.copy_commands import UidCopy, UidExpunge, UidMove
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Expunge
from mailrules.imap.message_commands import StoreChange, UidFetch, UidSearch, UidStore
from mailrules.imap.response_codes import MessageLimitCode
from mailrules.imap.responses import Status
from mailrules.imap.search_commands import Part, UidFetchPart, UidSearchSave
from mailrules.imap.search_keys import AllOf, Contains, Dated, DateField, HasFlag, Not, TextField, Uids
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from tests.imap_wire.rfc_examples.example import Example, play

OFFERS = "MESSAGELIMIT=1000 MOVE UIDPLUS ESEARCH SEARCHRES PARTIAL CONDSTORE"
UNDELETED = Not(HasFlag("\\Deleted"))
FLAGS_MODSEQ = (FetchItem.UID, FetchItem.FLAGS, FetchItem.MODSEQ)


def uids(text):
    return parse_sequence_set(text.encode())


FETCH_03 = Example(
    section="3.1",
    text=r"""
        C: 03 FETCH 10000:14589 (UID FLAGS)
        S: * 14589 FETCH (FLAGS (\Seen) UID 25000)
        S: * 14588 FETCH (FLAGS (\Answered) UID 24998)
        S: ... further 997 fetch responses
        S: * 13590 FETCH (FLAGS () UID 23221)
        S: 03 OK [MESSAGELIMIT 1000 23221] FETCH completed with 1000
            partial results
    """,
)
PARTLY = {
    UidSearch(AllOf((Uids(uids("22000:25000")), UNDELETED))): (
        """
        C: 04 UID SEARCH UID 22000:25000 UNDELETED
        S: * SEARCH 25000 24998 (... UIDs ...) 23221
        S: 04 OK [MESSAGELIMIT 1000 23221] SEARCH completed with 1000
            partial results
        """,
        23221,
    ),
    UidMove(uids("18000:21000"), "Archive/2021/2021-12"): (
        """
        C: 06 UID MOVE 18000:21000 "Archive/2021/2021-12"
        S: * OK [COPYUID 1397597919 20001:21000 22363:23362] Some
            messages were not moved
        S: * 12336 EXPUNGE
        S: * 12335 EXPUNGE
        ...
        S: * 11337 EXPUNGE
        S: 06 OK [MESSAGELIMIT 1000 20001] MOVE completed for the last
            1000 messages
        """,
        20001,
    ),
    UidStore(uids("18000:20000"), StoreChange.ADD, ("\\Seen",)): (
        r"""
        C: 07 UID STORE 18000:20000 +FLAGS (\Seen)
        S: * 11215 FETCH (FLAGS (\Seen \Deleted) UID 20000)
        S: * 11214 FETCH (FLAGS (\Seen \Answered \Deleted) UID 19998)
        ...
        S: * 10216 FETCH (FLAGS (\Seen) UID 19578)
        S: 07 OK [MESSAGELIMIT 1000 19578] STORE completed for the last
            1000 messages
        """,
        19578,
    ),
    UidExpunge(uids("11000:13000")): (
        """
        C: 08 UID EXPUNGE 11000:13000
        S: * 4306 EXPUNGE
        S: * 4305 EXPUNGE
        ...
        S: * 3307 EXPUNGE
        S: 08 OK [MESSAGELIMIT 1000 11627] UID EXPUNGE completed for
            the last 1000 messages
        """,
        11627,
    ),
    UidFetch(uids("22000:25000"), FLAGS_MODSEQ): (
        r"""
        C: 10 UID FETCH 22000:25000 (UID FLAGS MODSEQ)
        S: * 12367 FETCH (FLAGS (\Seen \Deleted) UID 23007)
        S: * 12366 FETCH (FLAGS (\Seen \Answered \Deleted) UID 23114)
        ...
        S: * 13366 FETCH (FLAGS (\Seen) UID 24598)
        S: 10 OK [MESSAGELIMIT 1000 23007] FETCH exceeds the maximum
            1000-message limit
        """,
        23007,
    ),
}
REFUSED = {
    UidCopy(uids("18000:21000"), "Trash"): (
        """
        C: 05 UID COPY 18000:21000 "Trash"
        S: 05 NO [MESSAGELIMIT 1000 20001] Too many messages to copy,
            try a smaller subset
        """,
        20001,
    ),
    UidFetchPart(uids("22000:25000"), FLAGS_MODSEQ, Part(-1, -1500)): (
        """
        C: 10 UID FETCH 22000:25000 (UID FLAGS MODSEQ)
            (PARTIAL -1:-1500)
        S: 10 NO [MESSAGELIMIT 1000] FETCH exceeds the maximum 1000-
            message limit
        """,
        None,
    ),
}
EXPUNGE_09 = Example(
    section="3.1",
    text="""
        C: 09 EXPUNGE
        S: * 4306 EXPUNGE
        S: * 4305 EXPUNGE
        ...
        S: * 3307 EXPUNGE
        S: * 112 EXPUNGE
        S: 09 OK EXPUNGE completed
    """,
)
EXPUNGE_ISSUED = Example(
    section="3.1",
    text="""
     S: * NO [MESSAGELIMIT 1000 23221] FETCH completed with 1000 partial
         results
     S: 11 OK [EXPUNGEISSUED] Some messages were also expunged
    """,
)
D0004 = Example(
    section="3.4",
    text="""
     C: D0004 UID SEARCH RETURN (SAVE) SINCE 1-Jan-2004 NOT FROM "Smith"
         UID 22000:25000 UNDELETED
     S: D0004 OK [MESSAGELIMIT 1000 1179] SEARCH completed with 1000
         partial results saved
    """,
)


def test_a_fetch_that_is_done_in_part():
    """The set is of sequence numbers there; ours is of the UIDs that the responses name."""
    command = UidFetch(uids("1:25000"), (FetchItem.UID, FetchItem.FLAGS))

    (stopped,) = play(FETCH_03, command, offers=OFFERS, instead={"10000:14589": "1:25000"})

    assert isinstance(stopped, MessageLimitReached)
    assert (stopped.limit, stopped.lowest_uid) == (1000, 23221)
    assert [one.uid for one in stopped.result] == [23221, 24998, 25000]


@pytest.mark.parametrize("command", PARTLY, ids=lambda command: command.name)
def test_what_is_done_in_part(command):
    text, lowest_uid = PARTLY[command]
    example = Example(section="3.1", text=text, elided={"(... UIDs ...) ": ""})

    (stopped,) = play(example, command, offers=OFFERS)

    assert isinstance(stopped, MessageLimitReached)
    assert (stopped.command, stopped.limit, stopped.lowest_uid) == (command.name, 1000, lowest_uid)


def test_the_part_that_was_moved():
    text, _ = PARTLY[UidMove(uids("18000:21000"), "Archive/2021/2021-12")]

    (stopped,) = play(
        Example(section="3.1", text=text), UidMove(uids("18000:21000"), "Archive/2021/2021-12"), offers=OFFERS
    )

    assert len(stopped.result.uids) == 1000
    assert (stopped.result.uids[20001], stopped.result.uids[21000]) == (22363, 23362)


@pytest.mark.parametrize("command", REFUSED, ids=lambda command: command.name)
def test_what_is_not_done_at_all(command):
    text, lowest_uid = REFUSED[command]

    (refusal,) = play(Example(section="3.1", text=text), command, offers=OFFERS)

    assert isinstance(refusal, CommandRefused)
    assert (refusal.code, refusal.detail.limit, refusal.detail.lowest_uid) == ("MESSAGELIMIT", 1000, lowest_uid)


def test_expunge_has_no_limit():
    assert play(EXPUNGE_09, Expunge()) == [4]


def test_the_limit_may_come_untagged_beside_another_code():
    limit, reply = EXPUNGE_ISSUED.responses()

    assert (limit.status, limit.code.limit, limit.code.lowest_uid) == (Status.NO, 1000, 23221)
    assert isinstance(limit.code, MessageLimitCode)
    assert reply.code.name == "EXPUNGEISSUED"


def test_an_untagged_limit_stops_the_command_too():
    wire = EXPUNGE_ISSUED.server().decode()
    example = Example(
        section="3.1",
        text=f"C: 11 UID FETCH 23221 (UID FLAGS)\nS: {wire.splitlines()[0]}\nS: {wire.splitlines()[1]}",
    )

    (stopped,) = play(example, UidFetch(SequenceSet.of([23221]), (FetchItem.UID, FetchItem.FLAGS)), offers=OFFERS)

    assert isinstance(stopped, MessageLimitReached)
    assert stopped.lowest_uid == 23221


def test_a_saved_result_that_is_cut():
    smith = Not(Contains(TextField.FROM, "Smith"))
    key = AllOf((Dated(DateField.SINCE, date(2004, 1, 1)), smith, Uids(uids("22000:25000")), UNDELETED))

    (stopped,) = play(D0004, UidSearchSave(key), offers=OFFERS)

    assert isinstance(stopped, MessageLimitReached)
    assert stopped.lowest_uid == 1179
