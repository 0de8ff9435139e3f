"""What servers do otherwise than the RFCs say, and what we do about it.

Each deviation that the framing and the parser put up with has a name here; its bytes are in
``tests/traces/<name>.txt``, and a test says what they are read as. What has to be done otherwise for a
server that is recognised is here too: how long its command lines may be, and what it says it can and cannot.
"""

from __future__ import annotations

from typing import Final

from mailrules.values import dataclass

_OTHERS_TAKE_BYTES: Final = 8000
# Looked for in the name that ID gives and in the greeting, in this order; or the capability tells.
_LINE_BYTES: Final = (
    ("dovecot", "", 60_000),
    ("gimap", "X-GM-EXT-1", 16_000),
    ("courier", "ACL2=UNION", 16_000),
    ("cyrus", "", 16_000),
    ("yahoo", "XYMHIGHESTMODSEQ", 1000),
    ("imap4rev1 20", "", 1000),  # UW: "* OK [CAPABILITY ...] host IMAP4rev1 2007e.404 at ..."
)
_WANTS_ID_FIRST: Final = "coremail"
# What a server announces and does not have, by a word of its greeting.
_UNTRUE: Final = (("microsoft exchange server 2003", frozenset({"NAMESPACE"})),)
# After how many days providers say that they remove what lies in the trash, by the end of the host's name or by a
# capability. Business accounts of the same hosts may keep it longer: the account's ``trash_days`` says so.
_TRASH_DAYS: Final = (
    (("gmail.com", "googlemail.com"), "X-GM-EXT-1", 30),
    (("mail.me.com", "icloud.com"), "", 30),
    (("outlook.com", "office365.com", "hotmail.com", "live.com"), "", 30),
    (("yahoo.com", "aol.com"), "XYMHIGHESTMODSEQ", 7),
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
        name="numbers-left-out",
        servers="Yandex, reported for MailKit",
        sentence="A part ends where its size, or its line count, should be.",
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
    Quirk(
        name="bye-without-reply",
        servers="Yandex",
        sentence="BYE comes again and again, and the command before it never gets its tagged reply.",
    ),
    Quirk(
        name="enable-without-enabled",
        servers="iCloud",
        sentence="ENABLE is answered with OK and no ENABLED, and is done all the same.",
    ),
    Quirk(
        name="content-left-out",
        servers="iCloud",
        sentence="FETCH of RFC822 is answered without it, so content is always asked for as BODY.PEEK[].",
    ),
    Quirk(
        name="capability-before-ok",
        servers="Gmail, Yandex, Zoho, SmarterMail",
        sentence="New capabilities come untagged before the OK of the login instead of in its code.",
    ),
    Quirk(
        name="backend-lost",
        servers="Exchange, Outlook 365",
        sentence="Once its mailbox cannot be reached the server says BAD to everything; a new connection helps.",
    ),
    Quirk(
        name="id-wanted-first",
        servers="163.com, 126.com, yeah.net (Coremail)",
        sentence="Mailboxes do not open, and some logins are refused, until ID has told who the client is.",
    ),
    Quirk(
        name="list-return-unanswered",
        servers="strato",
        sentence="LIST-EXTENDED is announced, and LIST with RETURN lists nothing; without it, everything.",
    ),
    Quirk(
        name="namespace-drops",
        servers="Exchange 2003",
        sentence="NAMESPACE is announced, and the connection drops when it is sent.",
    ),
    Quirk(
        name="descending-range-refused",
        servers="hMailServer, imap.exmail.qq.com",
        sentence="A range such as 11609:11590 is refused as no sequence set, so ranges are written ascending.",
    ),
    Quirk(
        name="badcharset-utf-8",
        servers="Exchange",
        sentence="SEARCH in UTF-8 is refused by BADCHARSET, with US-ASCII as the only choice.",
    ),
    Quirk(
        name="flipped-fields",
        servers="reported for MailKit and vmime",
        sentence="In an envelope a string stands where addresses should, or addresses where a string should.",
    ),
)


def command_line_bytes(*, server_name: str, greeting: str, capabilities: frozenset[str] = frozenset()) -> int:
    """How long a command line this server takes; sets of UIDs are cut to fit.

    ``server_name`` is what ID calls "name", "" where the server has none; ``greeting`` its first text.
    """
    told = f"{server_name} {greeting}".lower()
    for word, capability, line_bytes in _LINE_BYTES:
        if word in told or capability in capabilities:
            return line_bytes
    return _OTHERS_TAKE_BYTES


def wants_id_first(greeting: str) -> bool:
    """Whether the server lets nobody in who has not said by ID who they are, the login included.

    163.com and its kin (Coremail) answer "NO SELECT Unsafe Login" after a login that seemed to succeed; some
    of them refuse the login itself.
    """
    return _WANTS_ID_FIRST in greeting.lower()


def untrue_capabilities(greeting: str) -> frozenset[str]:
    """What this server announces and must not be asked for: Exchange 2003 drops the connection at NAMESPACE."""
    told = greeting.lower()
    return frozenset().union(*(untrue for word, untrue in _UNTRUE if word in told))


def trash_kept_days(host: str, capabilities: frozenset[str] = frozenset()) -> int | None:
    """After how many days this provider removes what lies in the trash; None where nothing is known of it."""
    name = f".{host.lower().rstrip('.')}"
    for ends, capability, days in _TRASH_DAYS:
        if capability in capabilities or any(name.endswith(f".{end}") for end in ends):
            return days
    return None
