"""What does a real mailbox look like: lists, newsletters, receipts, people, and every oddity of mail?

Twenty thousand messages of three years, the same for the same seed, in a few seconds: texts and
attachments come from a small stock made once, so each message only picks and joins.
"""

from __future__ import annotations

import random
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from quopri import encodestring
from typing import TYPE_CHECKING

from mailrules.testing.builders import SampleMessage, multipart
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAST_DAY = datetime(2026, 6, 30, 18, 0, tzinfo=UTC)
"""The newest message is of this day, whatever the clock says."""
DAYS = 3 * 365
LISTS = (
    "python-dev",
    "debian-user",
    "lkml",
    "postfix-users",
    "imap-protocol",
    "choir",
    "chess",
    "garden",
    "rust",
    "ops",
)
SHOPS = ("books.example", "tickets.example", "groceries.example", "hosting.example", "trains.example", "phones.example")
NEWSLETTERS = ("weekly.example", "deals.example", "culture.example", "science.example", "sports.example")
KEYWORDS = ("$Label1", "$Forwarded", "todo", "family", "Invoices", "$MDNSent")

FIRST_NAMES = (
    "Ann", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gül", "Hana", "Ivo", "Jörg", "Kai", "Léa", "Mats", "Nora",
    "Omar", "Pia", "Quin", "Rosa", "Sven", "Tess",
)  # fmt: skip
LAST_NAMES = (
    "Abe", "Baker", "Chen", "Diaz", "Ekström", "Fischer", "Gupta", "Haddad", "Ito", "Jansen",
)  # fmt: skip
WORDS = (
    "meeting", "report", "draft", "question", "patch", "release", "summer", "review", "plan", "budget", "photo",
    "concert", "ticket", "notes", "minutes", "update", "weekend", "dinner", "invoice", "proposal", "schedule",
    "travel", "server", "backup", "kernel", "memory", "thread", "index", "mailbox",
)  # fmt: skip
_FOREIGN = (
    ("utf-8", "Grüße aus Zürich – Überraschung"),
    ("iso-8859-1", "Café crème à la carte"),
    ("windows-1252", "“Quoted” — and dashed…"),
    ("koi8-r", "Привет из Москвы"),
    ("iso-2022-jp", "会議のお知らせ"),
    ("gb18030", "关于明天的会议"),
    ("utf-8", "مرحبا بالعالم"),
)
_ME = "me@example.net"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stock:
    """What messages are put together from, made once for a mailbox."""

    people: tuple[str, ...]
    plain: tuple[bytes, ...]
    html: tuple[bytes, ...]
    encoded: tuple[bytes, ...]
    pdfs: tuple[bytes, ...]
    odd_subjects: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What every kind of message is given."""

    number: int
    sent: datetime
    chance: random.Random
    stock: _Stock

    def words(self, count: int) -> str:
        return " ".join(self.chance.choices(WORDS, k=count))


def varied_mailbox(count: int, *, seed: int = 1) -> Iterator[SampleMessage]:
    """So many messages, oldest first; the same ones for the same count and seed.

    About a third is list mail, a third automatic (newsletters, code hosting, receipts), the rest from
    people. A few in a hundred are odd: no Date, raw 8-bit headers, broken encodings, folded fields.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing secret: a test's data must repeat
    stock = _make_stock(chance)
    step = timedelta(days=DAYS) / max(count, 1)
    kinds = list(_KINDS)
    weights = list(_KINDS.values())
    for number, kind in enumerate(chance.choices(kinds, weights=weights, k=count)):
        sent = (LAST_DAY - timedelta(days=DAYS) + step * number).replace(microsecond=0)
        draft = _Draft(number=number, sent=sent, chance=chance, stock=stock)
        received = sent + timedelta(seconds=chance.randrange(1, 600))
        yield SampleMessage(content=kind(draft), flags=_flags(chance), received=received)


def _list_mail(draft: _Draft) -> bytes:
    name = draft.chance.choice(LISTS)
    subject = f"Re: [{name}] {draft.words(5)}" if draft.number % 3 else f"[{name}] {draft.words(4)}"
    fields = [
        ("From", draft.chance.choice(draft.stock.people)),
        ("To", f"{name}@lists.example.org"),
        ("Cc", _ME if draft.number % 7 == 0 else ""),
        ("Subject", subject),
        ("List-Id", f"The {name} list\r\n <{name}.lists.example.org>"),
        ("List-Unsubscribe", f"<mailto:{name}-request@lists.example.org?subject=unsubscribe>"),
        ("In-Reply-To", f"<{draft.number - 1}.{name}@lists.example.org>" if draft.number % 3 else ""),
        ("Precedence", "list"),
    ]
    return _assemble(draft, fields, _text(draft))


def _newsletter(draft: _Draft) -> bytes:
    host = draft.chance.choice(NEWSLETTERS)
    fields = [
        ("From", f'"{host.split(".")[0].title()} Newsletter" <news@{host}>'),
        ("To", _ME),
        ("Subject", f"{draft.words(3).title()}: {draft.chance.randrange(5, 80)}% off this week"),
        ("Reply-To", f"noreply@{host}"),
        ("List-Unsubscribe", f"<https://{host}/unsubscribe?user={draft.number}>"),
        ("Precedence", "bulk"),
        ("X-Mailer", "MassMail 4.2"),
    ]
    return _assemble(draft, fields, _alternative(draft))


def _code_hosting(draft: _Draft) -> bytes:
    repository = f"{draft.chance.choice(WORDS)}/{draft.chance.choice(WORDS)}"
    author = draft.chance.choice(FIRST_NAMES).lower()
    fields = [
        ("From", f'"{author}" <notifications@github.example>'),
        ("To", f"{repository} <{repository.replace('/', '+')}@noreply.github.example>"),
        ("Cc", "Subscribed <subscribed@noreply.github.example>"),
        ("Subject", f"Re: [{repository}] {draft.words(4)} (#{draft.chance.randrange(1, 9_000)})"),
        ("List-Id", f"{repository} <{repository.replace('/', '.')}.github.example>"),
        ("X-GitHub-Reason", draft.chance.choice(("mention", "subscribed", "review_requested", "author"))),
        ("Precedence", "list"),
    ]
    return _assemble(draft, fields, _text(draft))


def _receipt(draft: _Draft) -> bytes:
    shop = draft.chance.choice(SHOPS)
    order = draft.chance.randrange(10_000, 99_999)
    fields = [
        ("From", f"Orders <orders@{shop}>"),
        ("To", _ME),
        ("Subject", draft.chance.choice((f"Your receipt {order}", f"Invoice {order}", f"Order confirmation {order}"))),
        ("Auto-Submitted", "auto-generated"),
    ]
    pdf = (
        f'Content-Type: application/pdf; name="invoice-{order}.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="invoice-{order}.pdf"\r\n\r\n'
    ).encode() + draft.chance.choice(draft.stock.pdfs)
    return _assemble(draft, fields, multipart("mixed", [_text(draft), pdf]))


def _personal(draft: _Draft) -> bytes:
    fields = [
        ("From", draft.chance.choice(draft.stock.people)),
        ("To", f"Me <{_ME}>, {draft.chance.choice(draft.stock.people)}" if draft.number % 4 == 0 else _ME),
        ("Subject", draft.words(draft.chance.randrange(1, 7)).capitalize()),
        ("X-Spam-Status", f"No, score={draft.chance.uniform(-5, 4):.1f} required=5.0"),
    ]
    return _assemble(draft, fields, _text(draft) if draft.number % 3 else _alternative(draft))


def _foreign(draft: _Draft) -> bytes:
    charset, text = draft.chance.choice(_FOREIGN)
    raw = f"{text} {draft.number}".encode(charset, "replace")
    subject = f"=?{charset}?B?{b64encode(raw).decode()}?=\r\n =?utf-8?Q?_=E2=80=93_{draft.number}?="
    fields = [("From", draft.chance.choice(draft.stock.people)), ("To", _ME), ("Subject", subject)]
    body = b64encode(text.encode(charset, "replace") * 3)
    head = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return _assemble(draft, fields, head.encode() + body + b"\r\n")


def _spam(draft: _Draft) -> bytes:
    score = draft.chance.uniform(5, 30)
    fields = [
        ("From", f"Winner <win{draft.number}@{draft.chance.choice(WORDS)}.invalid>"),
        ("To", "undisclosed-recipients:;"),
        ("Subject", f"*** {draft.words(3).upper()} !!!"),
        ("X-Spam-Flag", "YES"),
        ("X-Spam-Status", f"Yes, score={score:.1f} required=5.0 tests=BAYES_99,\r\n\tHTML_MESSAGE,URIBL_BLACK"),
    ]
    return _assemble(draft, fields, _alternative(draft))


def _odd(draft: _Draft) -> bytes:
    """Mail as it should not be: each kind of oddity in turn."""
    subject = draft.chance.choice(draft.stock.odd_subjects)
    fields: list[tuple[str, str | bytes]] = [
        ("From", draft.chance.choice(draft.stock.people) if draft.number % 5 else ""),
        ("To", _ME),
        ("Subject", subject),
        ("Subject", "a second subject" if draft.number % 11 == 0 else ""),
    ]
    return _assemble(draft, fields, _text(draft), with_date=draft.number % 2 == 0)


_KINDS: dict[Callable[[_Draft], bytes], int] = {
    _list_mail: 33, _newsletter: 14, _code_hosting: 10, _receipt: 6, _personal: 25, _foreign: 5, _spam: 4, _odd: 3,
}  # fmt: skip


def _assemble(
    draft: _Draft,
    fields: list[tuple[str, str]] | list[tuple[str, str | bytes]],
    entity: bytes,
    *,
    with_date: bool = True,
) -> bytes:
    """A message of these fields, empty ones left out; ``entity`` begins with its own fields."""
    lines = [
        f"Return-Path: <bounce-{draft.number}@example.org>\r\n"
        f"Received: from mx{draft.number % 5}.example.org ([192.0.2.{draft.number % 250}])\r\n"
        f"\tby mail.example.net with ESMTPS id {draft.number:08x};\r\n\t{format_datetime(draft.sent)}\r\n".encode()
    ]
    for name, value in fields:
        if value:
            lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) + b"\r\n")
    if with_date:
        lines.append(f"Date: {format_datetime(draft.sent)}\r\n".encode())
    lines.append(f"Message-ID: <{draft.number}.{draft.chance.getrandbits(48):012x}@example.org>\r\n".encode())
    return b"".join(lines) + b"MIME-Version: 1.0\r\n" + entity


def _text(draft: _Draft) -> bytes:
    if draft.number % 9 == 0:
        head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        return head + draft.chance.choice(draft.stock.encoded)
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    return head + draft.chance.choice(draft.stock.plain)


def _alternative(draft: _Draft) -> bytes:
    html = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + draft.chance.choice(draft.stock.html)
    return multipart("alternative", [_text(draft), html])


def _flags(chance: random.Random) -> frozenset[str]:
    flags = set()
    if chance.random() < 0.8:
        flags.add("\\Seen")
        if chance.random() < 0.15:
            flags.add("\\Answered")
    if chance.random() < 0.05:
        flags.add("\\Flagged")
    if chance.random() < 0.12:
        flags.add(chance.choice(KEYWORDS))
    return frozenset(flags)


def _make_stock(chance: random.Random) -> _Stock:
    people = tuple(_person(first, last, chance) for first in FIRST_NAMES for last in LAST_NAMES)
    plain = tuple(_paragraphs(chance, size=chance.choice((300, 600, 1_200, 2_500, 6_000))) for _ in range(80))
    return _Stock(
        people=people,
        plain=plain,
        html=tuple(
            b"<html><body><p>" + text.replace(b"\r\n", b"<br>\r\n") + b"</p></body></html>\r\n" for text in plain
        ),
        encoded=tuple(
            encodestring(f"Grüße, {number}! ".encode() + text[:1_500].replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
            for number, text in enumerate(plain)
        ),
        pdfs=tuple(_pdf(chance, size=chance.choice((4_000, 9_000, 20_000, 40_000))) for _ in range(30)),
        odd_subjects=(
            "Größe und Übermaß".encode("latin-1"),
            "Größe und Übermaß".encode(),
            b"=?utf-8?B?not base64 at all?=",
            b"=?no-such-charset?Q?caf=E9?=",
            b"=?utf-8?Q?cut in the midd",
            b"=?utf-8?Q?two?= =?utf-8?Q?_words?=",
            b"folded\r\n\tover\r\n   three lines",
            b"",
        ),
    )


def _person(first: str, last: str, chance: random.Random) -> str:
    host = chance.choice(("example.org", "example.com", "home.example"))
    return f"{_phrase(f'{first} {last}')} <{_ascii(first)}.{_ascii(last)}@{host}>"


def _paragraphs(chance: random.Random, *, size: int) -> bytes:
    lines: list[str] = []
    length = 0
    while length < size:
        lines.append(" ".join(chance.choices(WORDS, k=9)) + ".")
        length += len(lines[-1]) + 2
    return "\r\n".join(lines).encode() + b"\r\n"


def _pdf(chance: random.Random, *, size: int) -> bytes:
    encoded = b64encode(b"%PDF-1.4\n" + chance.randbytes(size))
    return b"".join(encoded[start : start + 76] + b"\r\n" for start in range(0, len(encoded), 76))


def _phrase(name: str) -> str:
    if name.isascii():
        return name
    return f"=?utf-8?Q?{''.join(c if c.isalnum() and c.isascii() else _octets(c) for c in name)}?="


def _octets(character: str) -> str:
    return "_" if character == " " else "".join(f"={octet:02X}" for octet in character.encode())


def _ascii(name: str) -> str:
    return name.lower().encode("ascii", "ignore").decode()
