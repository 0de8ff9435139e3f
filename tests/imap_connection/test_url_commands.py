"""URLAUTH (RFC 4467) and JMAPACCESS (RFC 9698); their own examples are in tests/imap_wire/rfc_examples."""

from __future__ import annotations

import pytest

from mailrules.errors import LocalProtocolError, MissingCapability, RemoteProtocolError
from mailrules.imap.responses import Malformed
from mailrules.imap.url_commands import GenUrlAuth, GetJmapAccess, ResetKey, UrlFetch
from tests.imap_connection.exchange import ask, authenticated
from tests.imap_wire.reading import response_of

RUMP = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred"
SIGNED = RUMP + ":internal:91354a473744909de610943775f92038"


def test_urls_are_signed():
    # RFC 4467 section 7
    wire, urls = ask(
        authenticated("URLAUTH"),
        GenUrlAuth((RUMP,)),
        b'* GENURLAUTH "%b"\r\nTAG OK GENURLAUTH completed\r\n' % SIGNED.encode(),
    )

    assert wire == b'TAG GENURLAUTH "%b" INTERNAL\r\n' % RUMP.encode()
    assert urls == (SIGNED,)


def test_urls_are_read_by():
    # RFC 4467 section 7
    wire, contents = ask(
        authenticated("URLAUTH"),
        UrlFetch((SIGNED, "imap://x")),
        b'* URLFETCH "%b" {28}\r\nSi vis pacem, para bellum.\r\n "imap://x" NIL\r\nTAG OK URLFETCH completed\r\n'
        % SIGNED.encode(),
    )

    assert wire == b'TAG URLFETCH "%b" "imap://x"\r\n' % SIGNED.encode()
    assert contents == {SIGNED: b"Si vis pacem, para bellum.\r\n", "imap://x": None}


def test_a_signed_url_is_kept_out_of_transcripts():
    connection = authenticated("URLAUTH")
    connection.submit(UrlFetch((SIGNED,)))

    shown = [piece.data for piece in connection.data_to_send() if not piece.is_secret]

    assert shown == [b"A2 URLFETCH "]


@pytest.mark.parametrize(
    ("command", "sent", "answer", "mechanisms"),
    [
        (ResetKey(), b"TAG RESETKEY\r\n", b"TAG OK All keys removed\r\n", {}),
        (ResetKey("INBOX"), b"TAG RESETKEY INBOX\r\n", b"TAG OK [URLMECH INTERNAL] mechs\r\n", {"INTERNAL": ""}),
        (
            ResetKey("INBOX", ("XSAMPLE",)),
            b"TAG RESETKEY INBOX XSAMPLE\r\n",
            b"TAG OK [URLMECH INTERNAL XSAMPLE=P34OKhO7VEkCbsiYY8rGEg==] done\r\n",
            {"INTERNAL": "", "XSAMPLE": "P34OKhO7VEkCbsiYY8rGEg=="},
        ),
    ],
)
def test_keys_are_reset(command, sent, answer, mechanisms):
    # RFC 4467 section 7
    assert ask(authenticated("URLAUTH"), command, answer) == (sent, mechanisms)


@pytest.mark.parametrize("wrong", [GenUrlAuth(()), UrlFetch(()), ResetKey("", ("X",)), GenUrlAuth(("a\r\nb",))])
def test_what_says_nothing_is_not_sent(wrong):
    with pytest.raises(LocalProtocolError):
        authenticated("URLAUTH").submit(wrong)


def test_another_number_of_urls_is_an_error():
    with pytest.raises(RemoteProtocolError, match="signed 2 URLs of 1"):
        ask(authenticated("URLAUTH"), GenUrlAuth((RUMP,)), b"* GENURLAUTH a b\r\nTAG OK\r\n")


def test_jmap_is_where_the_server_says():
    # A "]" in the URL, as drafts of RFC 9698 had it
    wire, url = ask(
        authenticated("JMAPACCESS"),
        GetJmapAccess(),
        b'* JMAPACCESS "https://example.com/.s/[jmap]"\r\nTAG OK done\r\n',
    )

    assert (wire, url) == (b"TAG GETJMAPACCESS\r\n", "https://example.com/.s/[jmap]")


def test_servers_without_them_are_not_asked():
    with pytest.raises(MissingCapability, match=r"URLFETCH needs URLAUTH \(RFC 4467\)"):
        authenticated().submit(UrlFetch((SIGNED,)))
    with pytest.raises(MissingCapability, match=r"GETJMAPACCESS needs JMAPACCESS \(RFC 9698\)"):
        authenticated().submit(GetJmapAccess())


@pytest.mark.parametrize("line", [b"* URLFETCH a", b"* URLFETCH a (b)", b"* JMAPACCESS", b"* GENURLAUTH (a)"])
def test_what_cannot_be_read_is_malformed(line):
    assert isinstance(response_of(line), Malformed)
