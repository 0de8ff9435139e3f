"""MULTISEARCH: the example of RFC 7377, section 3."""

from __future__ import annotations

from mailrules.imap.search_commands import MailboxSearch, SearchPlace, SearchScope
from mailrules.imap.search_keys import Contains, HasFlag, Not, TextField
from tests.imap_connection.exchange import authenticated
from tests.imap_wire.rfc_examples.example import Example, play

FOLDER1 = SearchPlace(SearchScope.MAILBOXES, ("folder1",))
TWO_AT_ONCE = Example(
    section="3",
    text="""
   C: tag1 ESEARCH IN (mailboxes "folder1" subtree "folder2") unseen
   C: tag2 ESEARCH IN (mailboxes "folder1" subtree-one "folder2")
   subject "chad"
   S: * ESEARCH (TAG "tag1" MAILBOX "folder1" UIDVALIDITY 1) UID ALL
   4001,4003,4005,4007,4009
   S: * ESEARCH (TAG "tag2" MAILBOX "folder1" UIDVALIDITY 1) UID ALL
   3001:3004,3788
   S: * ESEARCH (TAG "tag1" MAILBOX "folder2/banana" UIDVALIDITY 503)
   UID ALL 3002,4004
   S: * ESEARCH (TAG "tag1" MAILBOX "folder2/peach" UIDVALIDITY 3) UID
   ALL 921691
   S: tag1 OK done
   S: * ESEARCH (TAG "tag2" MAILBOX "folder2/salmon" UIDVALIDITY
   1111111) UID ALL 50003,50006,50009,50012
   S: tag2 OK done
    """,
)


def test_two_searches_that_are_answered_mixed_up():
    unseen = MailboxSearch((FOLDER1, SearchPlace(SearchScope.SUBTREE, ("folder2",))), Not(HasFlag("\\Seen")), ())
    chad = MailboxSearch(
        (FOLDER1, SearchPlace(SearchScope.SUBTREE_ONE, ("folder2",))), Contains(TextField.SUBJECT, "chad"), ()
    )

    outcomes = play(TWO_AT_ONCE, unseen, chad, on=authenticated("MULTISEARCH"))

    assert [[(one.mailbox, one.uidvalidity, list(one.in_order())) for one in found] for found in outcomes] == [
        [
            ("folder1", 1, [4001, 4003, 4005, 4007, 4009]),
            ("folder2/banana", 503, [3002, 4004]),
            ("folder2/peach", 3, [921691]),
        ],
        [
            ("folder1", 1, [3001, 3002, 3003, 3004, 3788]),
            ("folder2/salmon", 1111111, [50003, 50006, 50009, 50012]),
        ],
    ]
