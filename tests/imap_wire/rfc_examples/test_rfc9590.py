"""LIST-METADATA: the examples of RFC 9590, section 4."""

from __future__ import annotations

from mailrules.imap.list_commands import ListExtended, ListSelection
from mailrules.imap.session_commands import Capability
from tests.imap_connection.exchange import authenticated
from tests.imap_wire.rfc_examples.example import Example, play

COLOR = "/shared/vendor/cmu/cyrus-imapd/color"
OFFERS = "IMAP4rev2 LIST-EXTENDED LIST-METADATA METADATA"

A00 = Example(
    section="4",
    text="""
     C: A00 CAPABILITY
     S: * CAPABILITY IMAP4rev1 IMAP4rev2 \\
                     LIST-EXTENDED LIST-METADATA METADATA
     S: A00 OK Completed.
    """,
)
A01 = Example(
    section="4",
    text="""
     C: A01 LIST "" % \\
                 RETURN (METADATA ("/shared/vendor/cmu/cyrus-imapd/color"))
     S: * LIST () "." "INBOX"
     S: * METADATA INBOX ("/shared/vendor/cmu/cyrus-imapd/color" "#b71c1c")
     S: * LIST () "." "foo"
     S: * METADATA "foo" ("/shared/vendor/cmu/cyrus-imapd/color" NIL)
     S: * LIST (\\NonExistent) "." "bar"
     S: A01 OK List completed.
    """,
)
A02 = Example(
    section="4",
    text="""
     C: A02 LIST (SUBSCRIBED RECURSIVEMATCH) "" % \\
                 RETURN (METADATA ("/shared/vendor/cmu/cyrus-imapd/color"))
     S: * LIST (\\Subscribed) "." "INBOX"
     S: * METADATA INBOX ("/shared/vendor/cmu/cyrus-imapd/color" "#b71c1c")
     S: * LIST () "." "foo" (CHILDINFO ("SUBSCRIBED"))
     S: A02 OK List completed.
    """,
)


def test_what_is_announced():
    connection = authenticated()

    play(A00, Capability(), on=connection)

    assert connection.capabilities >= {"IMAP4REV2", "LIST-EXTENDED", "LIST-METADATA", "METADATA"}


def test_entries_of_every_mailbox():
    (listed,) = play(A01, ListExtended(("%",), metadata=(COLOR,)), on=authenticated(OFFERS))

    assert [(one.mailbox, dict(one.metadata)) for one in listed] == [
        ("INBOX", {COLOR: b"#b71c1c"}),
        ("foo", {COLOR: None}),
        ("bar", {}),
    ]


def test_entries_of_subscribed_mailboxes():
    select = (ListSelection.SUBSCRIBED, ListSelection.RECURSIVE_MATCH)

    (listed,) = play(A02, ListExtended(("%",), select=select, metadata=(COLOR,)), on=authenticated(OFFERS))

    assert [(one.mailbox, dict(one.metadata)) for one in listed] == [("INBOX", {COLOR: b"#b71c1c"}), ("foo", {})]
    assert listed[1].listed.child_info == {"SUBSCRIBED"}
