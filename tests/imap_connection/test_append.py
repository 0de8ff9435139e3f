"""MULTIAPPEND, CATENATE, REPLACE, BINARY and APPENDLIMIT: the RFCs' own examples, and what is not sent."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mailrules.errors import CommandRefused, LocalProtocolError, MissingCapability
from mailrules.imap.announced_limits import append_limit, message_limit, save_limit
from mailrules.imap.append_commands import Append, Catenated, MultiAppend, NewMessage, UidReplace
from mailrules.imap.message_url import MessageUrl
from mailrules.imap.response_codes import Code, TextCode
from mailrules.imap.writer import Partial, StreamedLiteral
from tests.imap_connection.exchange import ask, authenticated, selected, sent

LINE = b"\r\n--------------030308070208000400050907\r\n"
END = b"\r\n--------------030308070208000400050907--\r\n"
MESSAGE = b"Subject: new\r\n\r\nhi"
FROM_FRED = b"""Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)
From: Fred Foobar <foobar@Blurdybloop.example.COM>
Subject: afternoon meeting
To: mooch@owatagu.example.net
Message-Id: <B27397-0100000@Blurdybloop.example.COM>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

Hello Joe, do you think we can meet at 3:30 tomorrow?
""".replace(b"\n", b"\r\n")
FROM_JOE = b"""Date: Mon, 7 Feb 1994 22:43:04 -0800 (PST)
From: Joe Mooch <mooch@OWaTaGu.example.net>
Subject: Re: afternoon meeting
To: foobar@blurdybloop.example.com
Message-Id: <a0434793874930@OWaTaGu.example.net>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

3:30 is fine with me.
""".replace(b"\n", b"\r\n")


def test_several_messages_go_in_one_command():
    # RFC 3502 section 6.3.11, whose literals have 329 bytes because a Message-Id there is written longer
    wire, told = ask(
        authenticated("MULTIAPPEND LITERAL+"),
        MultiAppend(
            "saved-messages",
            (
                NewMessage(FROM_FRED, ("\\Seen",)),
                NewMessage(
                    FROM_JOE, ("\\Seen",), datetime(1994, 2, 7, 22, 43, 4, tzinfo=timezone(-timedelta(hours=8)))
                ),
            ),
        ),
        b"TAG OK [APPENDUID 38505 3955:3956] APPEND completed\r\n",
    )

    assert wire == (
        b"TAG APPEND saved-messages (\\Seen) {%d+}\r\n%b" % (len(FROM_FRED), FROM_FRED)
        + b' (\\Seen) " 7-Feb-1994 22:43:04 -0800" {%d+}\r\n%b\r\n' % (len(FROM_JOE), FROM_JOE)
    )
    assert told is not None
    assert tuple(told.uids) == (3955, 3956)


@pytest.mark.parametrize("code", [b"", b"[APPENDUID 1 5]", b"[APPENDUID 1 5:7]", b"[APPENDUID 1 5:*]"])
def test_a_proof_of_another_number_of_messages_is_none(code):
    two = MultiAppend("x", (NewMessage(b"a"), NewMessage(b"b")))

    assert ask(authenticated("MULTIAPPEND LITERAL+"), two, b"TAG OK %b done\r\n" % code)[1] is None


def test_the_server_puts_a_message_together():
    # RFC 4469 appendix A, example 1
    wire, _ = ask(
        authenticated("CATENATE LITERAL+"),
        Append(
            "Drafts",
            Catenated(
                (
                    "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER",
                    LINE,
                    "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME",
                    "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1",
                    LINE,
                    MessageUrl(mailbox="Drafts", uidvalidity=385759045, uid=30),
                    END,
                )
            ),
            ("\\Seen", "\\Draft", "$MDNSent"),
        ),
        b"TAG OK catenate append completed\r\n",
    )

    assert (len(LINE), len(END)) == (42, 44)
    assert wire.replace(b"+}", b"}") == (
        b'TAG APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE '
        b'(URL "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER" TEXT {42}\r\n' + LINE
        + b' URL "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME"'
        + b' URL "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1" TEXT {42}\r\n' + LINE
        + b' URL "/Drafts;UIDVALIDITY=385759045/;UID=30" TEXT {44}\r\n' + END + b")\r\n"
    )  # fmt: skip


def test_a_url_that_cannot_be_followed_is_named():
    # RFC 4469 appendix A, example 4
    with pytest.raises(CommandRefused) as caught:
        ask(
            authenticated("CATENATE LITERAL+"),
            Append("Sent", Catenated(("/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9",))),
            b'TAG NO [BADURL "/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9"] CATENATE append has failed\r\n',
        )

    assert caught.value.code == Code.BAD_URL
    assert isinstance(caught.value.detail, TextCode)
    assert caught.value.detail.text == "/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (MessageUrl(mailbox="INBOX", uid=20), "/INBOX/;UID=20"),
        (
            MessageUrl(mailbox="a;b?/Entwürfe 100%", uid=4, uidvalidity=9, section="1.2.MIME"),
            "/a%3Bb%3F/Entw%C3%BCrfe%20100%25;UIDVALIDITY=9/;UID=4/;SECTION=1.2.MIME",
        ),
        (
            MessageUrl(mailbox="x", uid=4, section="HEADER.FIELDS (To)", partial=Partial(0, 100)),
            "/x/;UID=4/;SECTION=HEADER.FIELDS%20(To)/;PARTIAL=0.100",
        ),
    ],
)
def test_urls_keep_to_what_a_url_may_hold(url, expected):
    assert url.relative() == expected


def test_one_message_takes_the_place_of_another():
    # RFC 8508 section 3.3
    wire, told = ask(
        selected("REPLACE LITERAL+"),
        UidReplace(2000, "Drafts", MESSAGE, ("\\Seen", "\\Draft")),
        b"* OK [APPENDUID 1 2001] Replacement Message ready\r\n* 5 EXISTS\r\n* 4 EXPUNGE\r\n"
        b"TAG OK Replace completed\r\n",
    )

    assert wire == b"TAG UID REPLACE 2000 Drafts (\\Seen \\Draft) {%d+}\r\n%b\r\n" % (len(MESSAGE), MESSAGE)
    assert told is not None
    assert (told.uidvalidity, tuple(told.uids)) == (1, (2001,))


def test_replace_may_be_put_together_too_and_proved_by_the_tagged_reply():
    # RFC 8508 section 4.2
    header = b"To: Mitzy <miss.mitzy@example.org>\r\nSubject: My view of the fireworks\r\n"

    wire, told = ask(
        selected("REPLACE CATENATE LITERAL+"),
        UidReplace(3002, "Drafts", Catenated((header, "/Drafts/;UID=3002"))),
        b"* VANISHED 3002\r\nTAG OK [APPENDUID 1 3003] REPLACE completed\r\n",
    )

    assert len(header) == 71
    assert wire == (
        b'TAG UID REPLACE 3002 Drafts CATENATE (TEXT {71+}\r\n' + header + b' URL "/Drafts/;UID=3002")\r\n'
    )  # fmt: skip
    assert told is not None
    assert tuple(told.uids) == (3003,)


def test_nul_travels_as_a_binary_literal():
    wire, _ = ask(authenticated("BINARY LITERAL+"), Append("x", b"a\0b"), b"TAG OK\r\n")

    assert wire == b"TAG APPEND x ~{3+}\r\na\0b\r\n"


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (Append("x", b"a\0b"), "BINARY (RFC 3516 section 4.4)"),
        (Append("x", Catenated((b"a",))), "CATENATE (RFC 4469)"),
        (MultiAppend("x", (NewMessage(b"a"),)), "MULTIAPPEND (RFC 3502)"),
        (UidReplace(1, "x", b"a"), "REPLACE (RFC 8508)"),
    ],
)
def test_a_server_that_lacks_the_extension_is_not_asked(command, needed):
    with pytest.raises(MissingCapability, match=re.escape(needed)):
        ask(selected("IMAP4rev2"), command, b"TAG OK\r\n")


def test_the_server_may_announce_its_limits():
    # RFC 7889 section 2, RFC 9738 section 3
    offered = frozenset({"APPENDLIMIT=257890", "MESSAGELIMIT=1000", "SAVELIMIT=500"})

    assert (append_limit(offered), message_limit(offered), save_limit(offered)) == (257890, 1000, 500)
    assert save_limit(frozenset({"MESSAGELIMIT=100"})) == 100
    bare = frozenset({"APPENDLIMIT", "MESSAGELIMIT=", "SAVELIMIT=x"})
    assert (append_limit(bare), message_limit(bare), save_limit(bare)) == (None, None, None)


@pytest.mark.parametrize("at_most", [MESSAGE, StreamedLiteral(len(MESSAGE)), Catenated((MESSAGE * 2,))])
def test_a_message_up_to_the_limit_is_sent(at_most):
    connection = authenticated(f"APPENDLIMIT={len(MESSAGE)} CATENATE")

    connection.submit(Append("x", at_most))


@pytest.mark.parametrize("over", [MESSAGE + b"!", StreamedLiteral(len(MESSAGE) + 1)])
def test_a_message_over_the_limit_is_not_sent(over):
    size = len(MESSAGE)

    with pytest.raises(LocalProtocolError, match=rf"{size + 1} bytes is over the {size} .*RFC 7889"):
        authenticated(f"APPENDLIMIT={size}").submit(Append("x", over))


def test_no_messages_are_no_command():
    with pytest.raises(LocalProtocolError, match="APPEND of no messages"):
        authenticated("MULTIAPPEND").submit(MultiAppend("x", ()))


def test_a_url_for_others_ends_at_a_known_time():
    url = MessageUrl(mailbox="INBOX", uid=20, section="1.2")

    assert (
        url.rump(user="joe", host="example.com", access="submit+fred")
        == "imap://joe@example.com/INBOX/;UID=20/;SECTION=1.2;URLAUTH=submit+fred"
    )
    assert (
        url.rump(user="j d", host="example.com", access="anonymous", expires=datetime(2026, 1, 2, 3, tzinfo=UTC))
        == "imap://j%20d@example.com/INBOX/;UID=20/;SECTION=1.2;EXPIRE=2026-01-02T03:00:00+00:00;URLAUTH=anonymous"
    )
    with pytest.raises(LocalProtocolError, match="time zone"):
        url.rump(user="joe", host="h", access="anonymous", expires=datetime(2026, 1, 2))


@pytest.mark.parametrize(
    ("capabilities", "announced"),
    [("BINARY", b"~{4}"), ("BINARY LITERAL+", b"~{4+}"), ("BINARY LITERAL-", b"~{4+}")],
)
def test_a_streamed_message_may_hold_nul_where_the_server_has_binary(capabilities, announced):
    """RFC 3516 section 4.4: literal8."""
    connection = authenticated(capabilities)
    connection.submit(Append("INBOX", StreamedLiteral(4, is_binary=True)))

    before = sent(connection)
    if announced.endswith(b"{4}"):
        connection.receive_data(b"+ go ahead\r\n")
    connection.send_content(b"a\0")
    connection.send_content(b"\0b")

    assert before == b"A2 APPEND INBOX " + announced + b"\r\n"
    assert sent(connection) == b"a\0\0b\r\n"


def test_a_streamed_message_that_is_not_binary_may_hold_no_nul():
    connection = authenticated("BINARY LITERAL+")
    connection.submit(Append("INBOX", StreamedLiteral(4)))
    sent(connection)

    with pytest.raises(LocalProtocolError, match="NUL"):
        connection.send_content(b"a\0b")


def test_a_server_without_binary_is_sent_no_literal8():
    with pytest.raises(MissingCapability, match="BINARY"):
        authenticated().submit(Append("INBOX", StreamedLiteral(4, is_binary=True)))
