"""Which command scripts must every right IMAP server answer alike?

Left out is where Dovecot 2.3 stands alone: it lists the rights of mailboxes that do not exist, carries out MOVE in a
mailbox opened by EXAMINE, finds too little for ``NOT (a b)`` and counts mail without a Date as old in SENTBEFORE.
"""

from __future__ import annotations

from mailrules.testing.builders import Attachment, message, multipart
from tests.replay.conversation import Step

PLAIN = message()
ALTERNATIVE = message(subject="=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", html="<p>Hello</p>", list_id="A list\r\n <a.example>")
WITH_FILE = message(from_='"Smith, Bob" <bob@example.org>', attachments=[Attachment(file_name="a bill.pdf")])
ADDRESSES = message(
    to="One <1@x.org>, two@x.org (Two), <3@x.org>", cc="Team: a@b.org, b@b.org;, last@x.org",
    sender="the.sender@x.org", reply_to="Replies <r@x.org>", headers=[("In-Reply-To", "<0@x.org>"), ("Bcc", "h@x.org")],
)  # fmt: skip
FOLDED = message(subject="one\r\n two\r\n\tthree", date=None, headers=[("X-Twice", "1"), ("x-twice", "2")])
NESTED = (
    message(subject="outer").partition(b"MIME-Version")[0]
    + b"MIME-Version: 1.0\r\n"
    + multipart("mixed", [b"\r\nshort", b"Content-Type: message/rfc822\r\n\r\n" + ALTERNATIVE])
)
BARE = b"Subject: bare\r\n\r\nno more than this"


def append(content: bytes, *, flags: bytes = b"()", mailbox: bytes = b"INBOX", client: int = 1) -> Step:
    date = b'"04-Mar-2025 09:30:00 +0000"'
    return Step(command=b"APPEND %s %s %s {%d+}\r\n%s" % (mailbox, flags, date, len(content), content), client=client)


def commands(*texts: str, client: int = 1) -> list[Step]:
    """One step for each line, without indentation and empty lines."""
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return [Step(command=line.encode(), client=client) for line in lines if line]


FIVE = [
    append(PLAIN, flags=b"(\\Seen)"), append(ALTERNATIVE, flags=b"(\\Flagged work)"), append(WITH_FILE),
    append(ADDRESSES, flags=b"(\\Seen \\Answered)"), append(FOLDED, flags=b"($Label1)"),
]  # fmt: skip

TALK = [
    append(message(subject=subject, message_id=f"<{name}@x.org>", headers=headers, date=date, from_=sender))
    for name, subject, headers, date, sender in (
        ("a", "Plans", [], "Mon, 03 Mar 2025 09:00:00 +0000", "Zoe <zoe@x.org>"),
        ("b", "Re: Plans", [("References", "<a@x.org>")], "Mon, 03 Mar 2025 10:00:00 +0000", "bob@x.org"),
        (
            "c",
            "Re: [list] Plans",
            [("References", "<a@x.org> <b@x.org>")],
            "Mon, 03 Mar 2025 12:00:00 +0000",
            "amy@x.org",
        ),
        ("d", "Lunch?", [], "Mon, 03 Mar 2025 11:00:00 +0000", "amy@x.org"),
        ("e", "Re: Plans", [("References", "<a@x.org> <gone@x.org>")], "Mon, 03 Mar 2025 08:00:00 +0000", "bob@x.org"),
        ("f", "Fwd: Lunch? (fwd)", [], "Tue, 04 Mar 2025 08:00:00 +0000", "cid@x.org"),
        ("g", "Apart", [("In-Reply-To", "<d@x.org>")], "Tue, 04 Mar 2025 09:00:00 +0000", "dan@x.org"),
        ("h", "Orphans", [("References", "<z@x.org>")], "Tue, 04 Mar 2025 10:00:00 +0000", "eva@x.org"),
        ("i", "Strays", [("References", "<z@x.org>")], "Tue, 04 Mar 2025 11:00:00 +0000", "eva@x.org"),
    )
]

SCRIPTS: dict[str, list[Step]] = {
    "a new account": commands("""
        CAPABILITY
        NOOP
        NAMESPACE
        ID ("name" "test")
        ID NIL
        ENABLE CONDSTORE
        ENABLE NONSENSE
        LIST "" ""
        LIST "" *
        LIST "" %
        LSUB "" *
        FETCH 1 FLAGS
        SEARCH ALL
        CLOSE
        UNSELECT
        LOGIN again pass
        NONSENSE
        UID NONSENSE
        LOGOUT
    """),
    "listing": commands("""
        CREATE Lists/a/b
        CREATE Other/
        SUBSCRIBE Other
        SUBSCRIBE Nowhere
        LIST "" *
        LIST "" %
        LIST "" Lists/%
        LIST "Lists/" *
        LIST "" "%/%"
        LIST "" inbox
        LIST "" Nowhere
        LSUB "" *
        LIST "" * RETURN (SPECIAL-USE)
        LIST "" * RETURN (SUBSCRIBED CHILDREN)
        LIST (SUBSCRIBED) "" *
        LIST (SPECIAL-USE) "" *
        LIST (SUBSCRIBED) "" "*" RETURN (CHILDREN SPECIAL-USE)
        LIST () "" (Other "Lists/%") RETURN (CHILDREN)
        LIST "" (Other Trash)
        LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT))
        UNSUBSCRIBE Other
        UNSUBSCRIBE Other
        LSUB "" *
    """),
    "names": commands(r"""
        CREATE "with space"
        CREATE &AOQ-
        CREATE "quote\"d"
        LIST "" *
        STATUS "with space" (MESSAGES)
        DELETE "with space"
        DELETE &AOQ-
        SELECT inbox
        UNSELECT
    """),
    "making and removing mailboxes": commands("""
        CREATE a/b/c
        CREATE a/b/c
        CREATE INBOX
        CREATE inbox
        DELETE a
        DELETE a/b/c
        DELETE nowhere
        DELETE INBOX
        CREATE one
        CREATE one/two
        RENAME one other
        RENAME nowhere x
        CHECK
        RENAME other Lists
        LIST "" *
        SELECT nowhere
        EXAMINE nowhere
        STATUS nowhere (MESSAGES)
    """),
    "status": [
        *FIVE,
        *commands("""
            STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)
            STATUS INBOX ()
            STATUS INBOX (NONSENSE)
            STATUS INBOX
            SELECT INBOX
            STATUS INBOX (MESSAGES)
            EXAMINE INBOX
            SELECT INBOX (CONDSTORE)
            UNSELECT
            SELECT INBOX (NONSENSE)
            EXAMINE INBOX
            CLOSE
        """),
    ],
    "appending": [
        append(PLAIN, flags=b"(\\Seen Work)"), append(PLAIN, flags=b"(work \\draft)"),
        append(PLAIN, mailbox=b"nowhere"),
        Step(command=b"APPEND INBOX {%d}" % len(BARE), continued=(BARE + b"\r\n",)),
        Step(command=b"APPEND INBOX (\\Seen) {%d}" % len(BARE), continued=(BARE + b"\r\n",)),
        *commands("""
            APPEND INBOX
            APPEND INBOX nonsense
            SELECT INBOX
        """),
        append(PLAIN), *commands("NOOP", "UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)"),
    ],
    "fetching": [
        *FIVE,
        *commands("""
            SELECT INBOX
            FETCH 1:* UID
            FETCH 1,3:4 (UID FLAGS)
            UID FETCH 2:3,5 FLAGS
            UID FETCH 99 FLAGS
            UID FETCH 99:* FLAGS
            FETCH * UID
            FETCH 9 FLAGS
            FETCH 0 UID
            FETCH 1 NONSENSE
            FETCH 1
            FETCH
            FETCH 1:* FAST
            FETCH 1:* ALL
            FETCH 1:* FULL
            FETCH 1:* BODYSTRUCTURE
            UID FETCH 1:* (ENVELOPE)
            UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)
            NOOP
        """),
    ],
    "sections": [
        *FIVE, append(NESTED), append(BARE),
        *commands("""
            SELECT INBOX
            FETCH 1:* BODY.PEEK[]
            FETCH 1:* BODY.PEEK[HEADER]
            FETCH 1:* BODY.PEEK[TEXT]
            FETCH 1:* BODY.PEEK[1]
            FETCH 1:* BODY.PEEK[2]
            FETCH 2:3 BODY.PEEK[1.MIME]
            FETCH 3 BODY.PEEK[2.MIME]
            FETCH 6 (BODY.PEEK[2] BODY.PEEK[2.HEADER] BODY.PEEK[2.TEXT] BODY.PEEK[2.1] BODY.PEEK[2.2] BODY.PEEK[2.3])
            FETCH 6 (BODY.PEEK[2.1.MIME] BODY.PEEK[2.MIME] BODY.PEEK[1.MIME] BODY.PEEK[1])
            FETCH 6:7 BODYSTRUCTURE
            FETCH 6 BODY.PEEK[2.HEADER.FIELDS (SUBJECT)]
            FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject From X-Twice)]
            FETCH 1:* BODY.PEEK[HEADER.FIELDS.NOT (Subject From)]
            FETCH 1:* BODY.PEEK[HEADER.FIELDS (LIST-ID)]
            FETCH 1 BODY.PEEK[]<0.10>
            FETCH 1 BODY.PEEK[]<10.5>
            FETCH 1 BODY.PEEK[]<100000.5>
            FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]<3.4>
            FETCH 1 (RFC822.HEADER)
            FETCH 1 BODY.PEEK[NONSENSE]
            FETCH 1:* FLAGS
            FETCH 3 BODY[TEXT]
            FETCH 3 FLAGS
            FETCH 5 (FLAGS BODY[])
            FETCH 5 RFC822
        """),
    ],
    "flags": [
        *FIVE,
        *commands(r"""
            SELECT INBOX
            STORE 1 +FLAGS (\Flagged todo)
            UID STORE 2:3 -FLAGS (\Flagged work)
            UID STORE 1 FLAGS (\Seen)
            STORE 1:2 +FLAGS.SILENT (quiet)
            UID STORE 99 +FLAGS (x)
            STORE 1 +FLAGS (\Nonsense)
            STORE 1 +FLAGS (\Recent)
            STORE 1 NONSENSE (x)
            STORE 9 +FLAGS (x)
            UID STORE 1 +FLAGS \Deleted
            UID STORE 1 -FLAGS \Deleted \Seen
            FETCH 1:* FLAGS
            UID STORE 1 FLAGS ()
            FETCH 1:* FLAGS
            UID STORE 3 +FLAGS (QUIET)
            FETCH 3 FLAGS
            EXAMINE INBOX
            STORE 1 +FLAGS (\Draft)
            FETCH 1 FLAGS
        """),
    ],
    "modification sequences": [
        *FIVE,
        *commands("""
            SELECT INBOX
            ENABLE CONDSTORE
            UID STORE 1 +FLAGS (a)
            UID STORE 1:2 +FLAGS.SILENT (b)
            UID STORE 1:5 (UNCHANGEDSINCE 1) +FLAGS (c)
            UID STORE 1:5 (UNCHANGEDSINCE 100000) +FLAGS (c)
            UID STORE 1 (NONSENSE 1) +FLAGS (c)
            UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)
            UID FETCH 1:* (FLAGS) (CHANGEDSINCE 100000)
            UID SEARCH MODSEQ 1
            UID SEARCH MODSEQ 100000
        """),
    ],
    "searching": [
        *FIVE,
        *commands("""
            SELECT INBOX
            SEARCH ALL
            UID SEARCH SEEN
            UID SEARCH UNSEEN
            SEARCH FLAGGED
            SEARCH NOT FLAGGED
            SEARCH OR FLAGGED ANSWERED
            SEARCH (SEEN ANSWERED)
            SEARCH KEYWORD work
            SEARCH KEYWORD WORK
            SEARCH UNKEYWORD work
            SEARCH 2:3
            SEARCH UID 2:3
            SEARCH 2:* NOT 4
            SEARCH SUBJECT message
            SEARCH SUBJECT two
            SEARCH FROM "bob"
            SEARCH TO x.org
            SEARCH CC team
            SEARCH HEADER List-Id a.example
            SEARCH HEADER X-Twice ""
            SEARCH HEADER X-Twice 2
            SEARCH BODY hello
            SEARCH TEXT a.example
            SEARCH BODY nothing-like-it
            SEARCH LARGER 400
            SEARCH SMALLER 400
            SEARCH ON 4-Mar-2025
            SEARCH BEFORE 4-Mar-2025
            SEARCH SINCE 4-Mar-2025
            SEARCH SENTON 04-Mar-2025
            SEARCH 1:4 SENTBEFORE 5-Mar-2025
            SEARCH SENTSINCE 5-Mar-2025
            SEARCH NEW
            SEARCH OLD
            SEARCH RECENT
            SEARCH DRAFT
            SEARCH UNDELETED
            SEARCH OR (SEEN FLAGGED) OR 1 NOT 2
            SEARCH CHARSET UTF-8 SUBJECT two
            SEARCH CHARSET NONSENSE SUBJECT two
            SEARCH NONSENSE
            SEARCH
            SEARCH NOT
            SEARCH OR SEEN
            SEARCH RETURN (MIN MAX COUNT ALL) ALL
            UID SEARCH RETURN () SEEN
            UID SEARCH RETURN (ALL COUNT) DRAFT
            SEARCH RETURN (COUNT) 1:2
            UID SEARCH RETURN (MIN) ALL
            SEARCH RETURN (NONSENSE) ALL
        """),
        Step(command=b"SEARCH CHARSET UTF-8 SUBJECT {7+}\r\nGr\xc3\xbc\xc3\x9fe"),
    ],
    "copying and moving": [
        *FIVE,
        *commands("""
            SELECT INBOX
            UID COPY 1:2 Archive
            COPY 3 Archive
            UID COPY 99 Archive
            UID COPY 1 nowhere
            UID MOVE 1 nowhere
            UID MOVE 99 Archive
            UID MOVE 1,3 Archive
            MOVE 1 Trash
            UID MOVE 4 INBOX
            UID FETCH 1:* FLAGS
            COPY 1 INBOX
            NOOP
            COPY 9 Archive
            EXAMINE Archive
            UID FETCH 1:* (FLAGS INTERNALDATE)
            STATUS Trash (MESSAGES)
            UNSELECT
        """),
    ],
    "expunging": [
        *FIVE,
        *commands(r"""
            SELECT INBOX
            UID STORE 1:4 +FLAGS (\Deleted)
            UID EXPUNGE 2
            UID EXPUNGE 5
            UID EXPUNGE 1:2
            FETCH 1:* UID
            EXPUNGE
            EXPUNGE
            FETCH 1:* UID
            UID STORE 5 +FLAGS.SILENT (\Deleted)
            UNSELECT
            STATUS INBOX (MESSAGES UIDNEXT)
            EXAMINE INBOX
            EXPUNGE
            CLOSE
            STATUS INBOX (MESSAGES)
            SELECT INBOX
            CLOSE
            STATUS INBOX (MESSAGES UIDNEXT)
        """),
    ],
    "rights": commands("""
        MYRIGHTS Archive
        SETACL Archive bob lrs
        GETACL Archive
        SETACL Archive bob +i
        SETACL Archive bob -r
        GETACL Archive
        SETACL Archive eve lr
        DELETEACL Archive bob
        DELETEACL Archive bob
        GETACL Archive
        SETACL Archive bob !
        LISTRIGHTS Archive bob
        LISTRIGHTS Archive anyone
        LISTRIGHTS Archive
        GETACL nowhere
        SETACL nowhere bob l
        DELETEACL nowhere bob
    """),
    "sorting and threads": [
        *TALK,
        *commands("""
            SELECT INBOX
            UID SORT (SUBJECT) UTF-8 ALL
            UID SORT (DATE) UTF-8 ALL
            UID SORT (REVERSE DATE) UTF-8 ALL
            UID SORT (FROM DATE) UTF-8 ALL
            UID SORT (REVERSE FROM SIZE) UTF-8 ALL
            SORT (ARRIVAL) US-ASCII SUBJECT lunch
            SORT (SUBJECT REVERSE DATE) UTF-8 1:6
            SORT (NONSENSE) UTF-8 ALL
            SORT () UTF-8 ALL
            SORT (DATE) UTF-8
            UID THREAD REFERENCES UTF-8 ALL
            UID THREAD ORDEREDSUBJECT UTF-8 ALL
            THREAD REFERENCES UTF-8 2:5
            THREAD REFERENCES UTF-8 SUBJECT nothing-like-it
            THREAD NONSENSE UTF-8 ALL
        """),
    ],
    "several messages at once": [
        Step(command=b"APPEND INBOX (\\Seen) {%d+}\r\n%b (work) {%d+}\r\n%b" % (len(PLAIN), PLAIN, len(BARE), BARE)),
        *commands("""
            SELECT INBOX
            UID FETCH 1:* (FLAGS RFC822.SIZE)
        """),
    ],
    "sizes and ages": [
        *FIVE,
        *commands("""
            STATUS INBOX (MESSAGES SIZE)
            SELECT INBOX
            SEARCH OLDER 3600
            SEARCH YOUNGER 3600
            SEARCH OLDER nonsense
        """),
    ],
    "metadata": commands("""
        SETMETADATA INBOX (/private/comment "mine")
        GETMETADATA INBOX /private/comment
        GETMETADATA INBOX (/private/comment /private/nothing)
        SETMETADATA INBOX (/private/comment NIL)
        GETMETADATA INBOX /private/comment
        SETMETADATA INBOX (/private/vendor/x/a "1" /private/vendor/x/b "two words")
        GETMETADATA (DEPTH 1) INBOX /private/vendor/x
        GETMETADATA (MAXSIZE 3) INBOX (/private/vendor/x/a /private/vendor/x/b)
        GETMETADATA INBOX nonsense
        GETMETADATA nowhere /private/comment
    """),
    "coming back": [
        *FIVE,
        *commands("""
            ENABLE QRESYNC
            SELECT INBOX
            UID STORE 1 +FLAGS (\\Flagged)
            UID STORE 2 +FLAGS.SILENT (\\Deleted)
            UID EXPUNGE 2
            UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)
            UID FETCH 1:* (FLAGS) (VANISHED)
            UNSELECT
        """),
    ],
    "two clients": [
        *FIVE, *commands("SELECT INBOX"), *commands("SELECT INBOX", client=2),
        *commands("UID STORE 2 +FLAGS (\\Answered seen-by-one)"), *commands("NOOP", client=2),
        append(PLAIN, client=2), *commands("NOOP"),
        *commands("UID STORE 1 +FLAGS.SILENT (\\Deleted)", "UID EXPUNGE 1", client=2), *commands("NOOP", "FETCH 1 UID"),
        *commands("UID MOVE 2:3 Archive", client=2), *commands("""
            NOOP
            UID FETCH 1:* FLAGS
            NOOP
        """),
        Step(command=b"IDLE", continued=(b"DONE\r\n",), client=2), *commands("UNSELECT", client=2),
    ],
}  # fmt: skip

DOVECOT_ONLY: dict[str, list[Step]] = {
    "saved results": [
        *FIVE,
        *commands("""
            SELECT INBOX
            UID SEARCH RETURN (SAVE) SEEN
            UID FETCH $ FLAGS
            UID SEARCH RETURN (SAVE COUNT) $ ANSWERED
            UID SEARCH RETURN (SAVE MIN) ALL
            FETCH $ UID
            UID SEARCH UID $
            UID STORE $ +FLAGS (kept)
            UID COPY $ Archive
            SELECT Archive
            SEARCH $
        """),
    ],
}
"""Scripts of what Cyrus 3.6 does not have."""

CYRUS_ONLY: dict[str, list[Step]] = {
    "quota": commands("""
        GETQUOTAROOT INBOX
        SETQUOTA "" (STORAGE 100)
    """),
    "special uses": commands("""
        CREATE Post (USE (\\Sent))
        CREATE More (USE (\\Sent))
        CREATE Odd (USE (\\Nonsense))
        LIST (SPECIAL-USE) "" *
    """),
}
"""Scripts of what Dovecot 2.3 does not have."""
