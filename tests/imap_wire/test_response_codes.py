"""Response codes with arguments: the RFCs' own examples, and arguments that are none."""

from __future__ import annotations

import pytest

from mailrules.imap.response_codes import (
    BadEventCode,
    Code,
    DowngradedCode,
    InProgressCode,
    MessageLimitCode,
    MetadataCode,
    NumberCode,
    ResponseCode,
    TextCode,
    UrlMechanismsCode,
    WordsCode,
)
from mailrules.imap.responses import Status, StatusResponse, Tagged
from mailrules.imap.sequence_set import SequenceSet
from tests.imap_wire.reading import response_of


def code_of(line: bytes) -> object:
    response = response_of(line)
    assert isinstance(response, Tagged | StatusResponse), response
    return response.code


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # RFC 4467 section 7
        (
            b"a34 OK [URLMECH INTERNAL] mechs",
            UrlMechanismsCode(arguments=b"INTERNAL", mechanisms={"INTERNAL": ""}),
        ),
        (
            b"a35 OK [URLMECH INTERNAL XSAMPLE=P34OKhO7VEkCbsiYY8rGEg==] done",
            UrlMechanismsCode(
                arguments=b"INTERNAL XSAMPLE=P34OKhO7VEkCbsiYY8rGEg==",
                mechanisms={"INTERNAL": "", "XSAMPLE": "P34OKhO7VEkCbsiYY8rGEg=="},
            ),
        ),
        # RFC 4469 appendix A, example 4
        (
            b'A003 NO [BADURL "/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9"] CATENATE append has failed',
            TextCode(
                name="BADURL",
                arguments=b'"/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9"',
                text="/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9",
            ),
        ),
        (b"A1 NO [BADURL /a;UID=3] x", TextCode(name="BADURL", arguments=b"/a;UID=3", text="/a;UID=3")),
        # RFC 2221 section 4.2
        (
            b"A001 NO [REFERRAL IMAP://user;AUTH=*@SERVER2/] Specified user is invalid on this server.Try SERVER2.",
            TextCode(
                name="REFERRAL",
                arguments=b"IMAP://user;AUTH=*@SERVER2/",
                text="IMAP://user;AUTH=*@SERVER2/",
            ),
        ),
        # RFC 5267 section 4.3.1
        (
            b'* NO [NOUPDATE "B02"] Too many contexts',
            TextCode(name="NOUPDATE", arguments=b'"B02"', text="B02"),
        ),
        # RFC 5466 section 3.1
        (
            b"t1 NO [UNDEFINED-FILTER on-the-road] Filter on-the-road not defined",
            TextCode(name="UNDEFINED-FILTER", arguments=b"on-the-road", text="on-the-road"),
        ),
        # RFC 8474 section 4.1
        (
            b"3 OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Completed",
            TextCode(
                name="MAILBOXID",
                arguments=b"(F2212ea87-6097-4256-9d51-71338625)",
                text="F2212ea87-6097-4256-9d51-71338625",
            ),
        ),
        # RFC 5464 sections 4.2.1 and 4.3
        (
            b"a OK [METADATA LONGENTRIES 2199] GETMETADATA complete",
            MetadataCode(arguments=b"LONGENTRIES 2199", reason="LONGENTRIES", number=2199),
        ),
        (b"a NO [METADATA TOOMANY] x", MetadataCode(arguments=b"TOOMANY", reason="TOOMANY")),
        (b"a NO [ANNOTATE TOOBIG] x", WordsCode(name="ANNOTATE", arguments=b"TOOBIG", words=("TOOBIG",))),
        # RFC 5257 section 4.1
        (b"* OK [ANNOTATIONS 65536] Ok", WordsCode(name="ANNOTATIONS", arguments=b"65536", words=("65536",))),
        (
            b"b NO [BADEVENT (MessageNew MessageExpunge FlagChange)] x",
            BadEventCode(
                arguments=b"(MessageNew MessageExpunge FlagChange)",
                events=("MessageNew", "MessageExpunge", "FlagChange"),
            ),
        ),
        # Dovecot 2.3.19
        (
            b"b NO [BADEVENT MailboxMetadataChange] Unsupported NOTIFY events",
            BadEventCode(arguments=b"MailboxMetadataChange", events=("MailboxMetadataChange",)),
        ),
        # RFC 5465 section 5.8
        (b"* OK [NOTIFICATIONOVERFLOW] ...A comment can go here...", ResponseCode(name=Code.NOTIFICATION_OVERFLOW)),
        # RFC 7162 section 3.1.2.2
        (
            b"* OK [NOMODSEQ] Sorry, this mailbox format doesn't support modsequences",
            ResponseCode(name=Code.NO_MODSEQ),
        ),
        # RFC 9585 section 4
        (b"* OK [INPROGRESS] Hang in there...", InProgressCode()),
        (
            b'* OK [INPROGRESS ("A001" 454 1000)] Processed 45% of the items',
            InProgressCode(arguments=b'("A001" 454 1000)', tag="A001", done=454, goal=1000),
        ),
        (
            b'* OK [inprogress ("A001" 175 NIL)] x',
            InProgressCode(arguments=b'("A001" 175 NIL)', tag="A001", done=175),
        ),
        (b"* OK [INPROGRESS (NIL NIL NIL)] x", InProgressCode(arguments=b"(NIL NIL NIL)")),
        (b"* BAD [UIDREQUIRED] Message numbers are not allowed", ResponseCode(name=Code.UID_REQUIRED)),
        # RFC 9738 section 3.1
        (
            b"03 OK [MESSAGELIMIT 1000 23221] FETCH completed with 1000 partial results",
            MessageLimitCode(arguments=b"1000 23221", limit=1000, lowest_uid=23221),
        ),
        (b"18 NO [MESSAGELIMIT 1000] too many", MessageLimitCode(arguments=b"1000", limit=1000)),
        (
            b"* OK [DOWNGRADED 70,105,108,109] x",
            DowngradedCode(arguments=b"70,105,108,109", messages=SequenceSet.of((70, 105, 108, 109))),
        ),
        (
            b"a NO [MAXCONVERTMESSAGES 1] x",
            NumberCode(name=Code.MAX_CONVERT_MESSAGES, arguments=b"1", value=1),
        ),
    ],
)
def test_arguments_are_typed(line, expected):
    assert code_of(line) == expected


@pytest.mark.parametrize(
    "code",
    [
        b"METADATA",
        b"METADATA MAXSIZE x",
        b"MESSAGELIMIT",
        b"MESSAGELIMIT 0",
        b"MESSAGELIMIT x",
        b"INPROGRESS (1 2)",
        b"INPROGRESS (A 1 -1)",
        b"INPROGRESS A",
        b"BADEVENT",
        b"BADEVENT (MessageNew",
        b"MAILBOXID",
        b"MAILBOXID ((x))",
        b"NOUPDATE",
        b"DOWNGRADED x",
        b"MODIFIED",
        b"MAXCONVERTPARTS x",
    ],
)
def test_a_code_whose_arguments_cannot_be_read_keeps_them_raw(code):
    name, _, arguments = code.partition(b" ")

    assert code_of(b"* OK [" + code + b"] text") == ResponseCode(name=name.decode(), arguments=arguments)


@pytest.mark.parametrize("name", [code for code in Code if code not in {Code.URL_MECHANISMS, Code.IN_PROGRESS}])
def test_every_name_is_read_bare_and_keeps_the_text_behind_it(name):
    response = response_of(f"* NO [{name.lower()}] words for people".encode())

    assert isinstance(response, StatusResponse)
    assert (response.status, response.text) == (Status.NO, "words for people")
    assert response.code is not None
    assert response.code.name == name
