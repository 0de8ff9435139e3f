"""What servers do otherwise than the RFCs say, and what we do about it.

Each deviation that the framing and the parser put up with has a name here; its bytes are in
``tests/traces/<name>.txt``, and a test says what they are read as. How much a server takes in one
command line is here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_OTHERS_TAKE_BYTES: Final = 8000
# Looked for in the name that ID gives and in the greeting, in this order.
_LINE_BYTES: Final = (
    ("dovecot", 60_000),
    ("gimap", 16_000),
    ("courier", 16_000),
    ("cyrus", 16_000),
    ("yahoo", 1000),
    ("imap4rev1 20", 1000),  # UW: "* OK [CAPABILITY ...] host IMAP4rev1 2007e.404 at ..."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """One deviation: its name, who was seen doing it, and what happens in one sentence."""

    name: str
    servers: str
    sentence: str


QUIRKS: Final = (
    Quirk(
        name="blank-line-after-literal",
        servers="several, reported for imaplib",
        sentence="After the last byte of a literal comes an empty line, and then the rest of the FETCH.",
    ),
    Quirk(
        name="blank-line-between-responses",
        servers="several, reported for imaplib",
        sentence="An empty line stands between two responses.",
    ),
    Quirk(
        name="status-text-ends-like-a-literal",
        servers="any that repeats our words",
        sentence="The text of a NO ends in {5} and no literal follows.",
    ),
    Quirk(
        name="missing-text",
        servers="mail.ru, and others that say a bare BYE",
        sentence="A status response ends after its status, or after its code.",
    ),
    Quirk(
        name="trailing-space",
        servers="Exchange, Outlook, exmail.qq.com",
        sentence="STATUS, CAPABILITY, SEARCH and FETCH have a space before their end.",
    ),
    Quirk(
        name="doubled-space",
        servers="DavMail, Exchange behind proxies",
        sentence="Two spaces stand where one should.",
    ),
    Quirk(
        name="code-with-quoted-bracket",
        servers="Outlook 365",
        sentence="The name of a response code goes on as an error report with quoted strings.",
    ),
    Quirk(
        name="bracket-in-flag",
        servers="Gmail, reported for imaplib",
        sentence="A flag, in PERMANENTFLAGS too, holds a closing bracket.",
    ),
    Quirk(
        name="uidvalidity-over-32-bits",
        servers="reported for NeoMutt, server not named",
        sentence="UIDVALIDITY is a time in milliseconds.",
    ),
    Quirk(
        name="float-size",
        servers="mail.ru",
        sentence="Sizes over a million are written in floating point.",
    ),
    Quirk(
        name="negative-size",
        servers="Exchange, SmarterMail, Dovecot in front of others",
        sentence="Sizes and line counts that the server does not know are -1 or -2.",
    ),
    Quirk(
        name="boundary-nil",
        servers="mail.ru",
        sentence="A parameter has NIL where its value should be.",
    ),
    Quirk(
        name="disposition-string",
        servers="Exchange",
        sentence="The disposition is a string instead of a list.",
    ),
    Quirk(
        name="multipart-without-parts",
        servers="Gmail",
        sentence="A multipart without parts begins with its subtype, as if that were a type.",
    ),
    Quirk(
        name="multipart-as-single-part",
        servers="gmx.net, Exchange",
        sentence="A multipart that the server could not split looks like a single part.",
    ),
    Quirk(
        name="message-without-envelope",
        servers="Gmail, mail.ru",
        sentence="An attached message is described without its envelope and structure.",
    ),
    Quirk(
        name="text-without-lines",
        servers="Yahoo",
        sentence="A text part has no line count, so what follows stands one place earlier.",
    ),
    Quirk(
        name="missing-content",
        servers="Yandex",
        sentence="Nothing at all stands where the content of an empty part should.",
    ),
    Quirk(
        name="envelope-empty-list",
        servers="mail.ru, hydroxide",
        sentence="An empty list stands where NIL should, and NIL where Sender should be a copy of From.",
    ),
    Quirk(
        name="envelope-short-address",
        servers="Yahoo",
        sentence="An address has three fields, or NIL stands among the addresses.",
    ),
    Quirk(
        name="envelope-missing-fields",
        servers="reported for go-imap",
        sentence="An envelope has fewer than ten fields.",
    ),
    Quirk(
        name="nil-for-list",
        servers="several",
        sentence="NIL stands where an empty list or a number should.",
    ),
    Quirk(
        name="unquoted-mailbox",
        servers="several, old ones",
        sentence="A mailbox name with spaces or parentheses is not quoted.",
    ),
    Quirk(
        name="raw-mailbox-name",
        servers="several, old ones",
        sentence="A mailbox name has 8-bit bytes or broken modified UTF-7.",
    ),
)


def command_line_bytes(*, server_name: str, greeting: str) -> int:
    """How long a command line this server takes; sets of UIDs are cut to fit.

    ``server_name`` is what ID calls "name", "" where the server has none.
    """
    told = f"{server_name} {greeting}".lower()
    return next((line_bytes for word, line_bytes in _LINE_BYTES if word in told), _OTHERS_TAKE_BYTES)
