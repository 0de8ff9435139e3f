"""URLAUTH: the examples of RFC 4467, sections 7 (commands) and 8 (responses, which repeats some of those)."""

from __future__ import annotations

from mailrules.errors import CommandRefused
from mailrules.imap.response_codes import UrlMechanismsCode
from mailrules.imap.url_commands import GenUrlAuth, ResetKey, UrlFetch
from tests.imap_connection.exchange import authenticated
from tests.imap_wire.rfc_examples.example import Example, play

RUMP = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred"
SIGNED = f"{RUMP}:internal:91354a473744909de610943775f92038"

RESETKEY = Example(
    section="7, BASE.6.3.RESETKEY",
    text="""
      C: a31 RESETKEY
      S: a31 OK All keys removed
      C: a32 RESETKEY INBOX
      S: a32 OK [URLMECH INTERNAL] mechs
      C: a33 RESETKEY INBOX XSAMPLE
      S: a33 OK [URLMECH INTERNAL XSAMPLE=P34OKhO7VEkCbsiYY8rGEg==] done
    """,
)
GENURLAUTH = (
    Example(
        section="7, BASE.6.3.GENURLAUTH",
        joint="",
        text="""
      C: a775 GENURLAUTH "imap://joe@example.com/INBOX/;uid=20/
         ;section=1.2" INTERNAL
      S: a775 BAD missing access identifier in supplied URL
        """,
    ),
    Example(
        section="7, BASE.6.3.GENURLAUTH",
        joint="",
        text="""
      C: a776 GENURLAUTH "imap://example.com/Shared/;uid=20/
         ;section=1.2;urlauth=submit+fred" INTERNAL
      S: a776 BAD missing owner username in supplied URL
        """,
    ),
    Example(
        section="7, BASE.6.3.GENURLAUTH",
        joint="",
        text="""
      C: a777 GENURLAUTH "imap://joe@example.com/INBOX/;uid=20/
         ;section=1.2;urlauth=submit+fred" INTERNAL
      S: * GENURLAUTH "imap://joe@example.com/INBOX/;uid=20/;section=1.2
         ;urlauth=submit+fred:internal:91354a473744909de610943775f92038"
      S: a777 OK GENURLAUTH completed
        """,
    ),
)
URLFETCH = Example(
    section="7, BASE.6.3.URLFETCH",
    joint="",
    text="""
      C: a002 URLFETCH "imap://joe@example.com/INBOX/;uid=20/
         ;section=1.2;urlauth=submit+fred:internal
         :91354a473744909de610943775f92038"
      S: * URLFETCH "imap://joe@example.com/INBOX/;uid=20/;section=1.2
         ;urlauth=submit+fred:internal
         :91354a473744909de610943775f92038" {28}
      S: Si vis pacem, para bellum.
      S:
      S: a002 OK URLFETCH completed
    """,
)


def test_keys_are_reset():
    outcomes = _each(RESETKEY, ResetKey(), ResetKey("INBOX"), ResetKey("INBOX", ("XSAMPLE",)))

    assert outcomes == [{}, {"INTERNAL": ""}, {"INTERNAL": "", "XSAMPLE": "P34OKhO7VEkCbsiYY8rGEg=="}]
    code = RESETKEY.responses()[2].code
    assert isinstance(code, UrlMechanismsCode)


def test_a_url_is_signed_or_refused():
    rumps = (
        "imap://joe@example.com/INBOX/;uid=20/;section=1.2",
        RUMP.replace("joe@", "").replace("INBOX", "Shared"),
        RUMP,
    )
    outcomes = []
    for example, rump in zip(GENURLAUTH, rumps, strict=True):
        outcomes += play(example, GenUrlAuth((rump,)), on=authenticated("URLAUTH"))

    assert [(type(one), one.status, one.text) for one in outcomes[:2]] == [
        (CommandRefused, "BAD", "missing access identifier in supplied URL"),
        (CommandRefused, "BAD", "missing owner username in supplied URL"),
    ]
    assert outcomes[2] == (SIGNED,)


def test_the_content_of_a_url_is_fetched():
    """The literal has 28 bytes: 26 of text, CRLF; the empty line after it ends the response."""
    assert play(URLFETCH, UrlFetch((SIGNED,)), on=authenticated("URLAUTH")) == [
        {SIGNED: b"Si vis pacem, para bellum.\r\n"}
    ]


def _each(example, *commands):
    outcomes = []
    lines = zip(example.client(), example.server().decode().splitlines(), commands, strict=True)
    for line, reply, command in lines:
        one = Example(section=example.section, text=f"C: a {line}\nS: a {reply.partition(' ')[2]}")
        outcomes += play(one, command, on=authenticated("URLAUTH"))
    return outcomes
