"""Which hostile mails are there? Each is made by code, named by what is wrong with it."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b1m\x90q\x9c"
"""Sets a terminal's title, clears it, colours it; the last three with C1 controls."""
INVISIBLE = "\u202egnp.exe\u202c\u200b\u2066\u2069\ufeff\u00ad\U000e0041"
"""Turns the direction of text, and hides characters in it."""
LINE_BREAKS = "\u2028\u2029\x85\x0b\x0c"


def _mail(*fields: bytes, body: bytes = b"Hello.\r\n", from_: bytes = b"Eve <eve@evil.example>") -> bytes:
    usual = [b"From: " + from_, b"To: me@example.net", b"Date: Tue, 4 Mar 2025 09:30:00 +0000"]
    names = {one.partition(b":")[0].lower() for one in fields}
    kept = [one for one in usual if one.partition(b":")[0].lower() not in names]
    if b"message-id" not in names:
        kept.append(b"Message-ID: <hostile@evil.example>")
    return b"\r\n".join([*kept, *fields]) + b"\r\n\r\n" + body


def _word(text: str) -> bytes:
    return b"=?utf-8?B?" + b64encode(text.encode("utf-8", "surrogatepass")) + b"?="


def _nested_parts(depth: int) -> bytes:
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(depth)
    )
    return b"From: eve@evil.example\r\nMIME-Version: 1.0\r\n" + opened + b"\r\nthe core\r\n"


def _nested_messages(depth: int) -> bytes:
    return b"From: eve@evil.example\r\nContent-Type: message/rfc822\r\n\r\n" * depth + b"\r\nthe core\r\n"


def _flat_parts(count: int) -> bytes:
    parts = b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * count
    return _mail(b"Content-Type: multipart/mixed; boundary=b", body=parts + b"--b--\r\n")


def _multipart(*parts: bytes, subtype: bytes = b"mixed") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    return _mail(b"Content-Type: multipart/" + subtype + b"; boundary=b", body=body)


def _html(body: bytes) -> bytes:
    return _mail(b"Content-Type: text/html; charset=utf-8", body=body)


def _text(body: bytes, *, charset: bytes = b"utf-8", encoding: bytes = b"8bit") -> bytes:
    fields = (b"Content-Type: text/plain; charset=" + charset, b"Content-Transfer-Encoding: " + encoding)
    return _mail(*fields, body=body)


def _attached(name: bytes) -> bytes:
    disposition = b"Content-Type: application/pdf\r\nContent-Disposition: attachment; " + name + b"\r\n\r\n%PDF"
    return _multipart(b"Content-Type: text/plain\r\n\r\nsee there", disposition)


_100_KB = 100_000

MAILS: dict[str, Callable[[], bytes]] = {
    # Nothing, or hardly anything.
    "empty": lambda: b"",
    "one NUL": lambda: b"\0",
    "no header": lambda: b"\r\nonly a body\r\n",
    "no body": lambda: b"From: eve@evil.example\r\n",
    "a header without an end": lambda: b"Subject: x\r\n" + b"X-Long: y\r\n" * 10,
    "lines that are no fields": lambda: b"From eve\r\n\tcontinued\r\n:\r\n : \r\n::\r\nSubject\r\n\r\nx",
    # Structure.
    "10,000 nested parts": lambda: _nested_parts(10_000),
    "2,000 nested messages": lambda: _nested_messages(2_000),
    "10,000 flat parts": lambda: _flat_parts(10_000),
    "multipart without a boundary": lambda: _mail(b"Content-Type: multipart/mixed", body=b"--\r\n\r\nx\r\n----\r\n"),
    "multipart without a part": lambda: _mail(b"Content-Type: multipart/mixed; boundary=b", body=b"--b--\r\n"),
    "a boundary of 10,000 characters": lambda: _mail(
        b'Content-Type: multipart/mixed; boundary="' + b"b" * 10_000 + b'"', body=b"--" + b"b" * 10_000 + b"\r\n\r\nx"
    ),
    "boundaries that begin alike": lambda: _multipart(
        b"Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb--", b"\r\ny"
    ),
    "two Content-Type fields": lambda: _mail(
        b"Content-Type: text/plain", b"Content-Type: multipart/mixed; boundary=b", body=b"--b\r\n\r\nx\r\n--b--\r\n"
    ),
    "10,000 parameters": lambda: _mail(
        b"Content-Type: text/plain;" + b";".join(b"\r\n a%d=%d" % (number, number) for number in range(10_000))
    ),
    "10,000 continued parameters": lambda: _attached(
        b";".join(b"\r\n filename*%d*=%%41" % number for number in range(10_000))
    ),
    "parameters with open quotes": lambda: _mail(b'Content-Type: text/plain; charset="' + b'\\"' * 20_000),
    # Headers.
    "100,000 header fields": lambda: _mail(*[b"X-%d: y" % number for number in range(100_000)]),
    "40,000 times From": lambda: b"From:a\n" * 40_000 + b"\n",
    "40,000 folds": lambda: _mail(b"Subject: x" + b"\r\n y" * 40_000),
    "a header of 1 MiB": lambda: _mail(b"Subject: " + b"x" * (1 << 20)),
    "a header just over 256 KiB": lambda: _mail(b"X-Pad: " + b"\r\n y" * 100, b"Subject: " + b"x" * (256 << 10)),
    "a Subject of 240 kB": lambda: _mail(b"Subject: " + b"r\xc3\xb6ses " * 30_000),
    "two From fields": lambda: _mail(b"From: boss@work.example", b"From: eve@evil.example"),
    "two From fields, one folded away": lambda: _mail(b"From: boss@work.example\r\n", b"From: eve@evil.example"),
    "8-bit headers": lambda: _mail(
        b"Subject: caf\xe9 \xff\xfe \xc3\x28 \xf0\x9f", from_=b"Ren\xe9 <rene@evil.example>"
    ),
    "NULs everywhere": lambda: _mail(b"Subject: a\0b\0", from_=b"E\0ve <e\0ve@ev\0il.example>", body=b"\0" * 1_000),
    "bare CR and LF": lambda: _mail(b"Subject: one\rX-Injected: yes\nBcc: all@example.net"),
    "UTF-8 that is none": lambda: _mail(b"Subject: \xed\xa0\x80\xed\xb0\x80 \xc0\xaf \xf8\x88\x80\x80\x80"),
    "31 times Received": lambda: _mail(*[b"Received: from a by b; Tue, 4 Mar 2025 09:30:00 +0000"] * 31),
    "results that it gives itself": lambda: _mail(
        b"Authentication-Results: mx.example.net; spf=pass; dkim=pass; dmarc=pass"
    ),
    "a List-Id that climbs": lambda: _mail(b"List-Id: <../../../../etc/passwd." + b"a/" * 500 + b"x>"),
    "a List-Id that is a command": lambda: _mail(b'List-Id: <x%d%s{from.domain}*"\\.evil.example>'),
    "a Message-ID that is a command": lambda: _mail(b'Message-ID: <x>" {5+}\r\n a1 DELETE INBOX\r\n'),
    "a Message-ID of 100 kB": lambda: _mail(b"Message-ID: <" + b"x" * _100_KB + b"@evil.example>"),
    "a subject for spreadsheets": lambda: _mail(b'Subject: =HYPERLINK("http://evil.example";"x")'),
    "a subject that is markup": lambda: _mail(b"Subject: [bold red]x[/] [link=http://evil.example]y[/link] <script>"),
    # Encoded words.
    "an unknown charset": lambda: _mail(b"Subject: =?x-klingon?Q?=FF=FE?= =?zlib_codec?B?eJw=?= =?idna?Q?xn--a?="),
    "broken encoded words": lambda: _mail(b"Subject: =?utf-8?B?@@@?= =?utf-8?Q?=ZZ=?= =??B??= =?utf-8?B?w6Q"),
    "1,001 encoded words": lambda: _mail(b"Subject: " + b" ".join([b"=?utf-8?Q?x?="] * 1_001)),
    "100,000 beginnings of encoded words": lambda: _mail(b"Subject: " + b"=?" * 100_000),
    "UTF-7 that smuggles": lambda: _mail(b"Subject: =?utf-7?Q?+AAo-X-Injected:+ACA-yes?="),
    "escape sequences in encoded words": lambda: _mail(b"Subject: " + _word(ESCAPES + INVISIBLE + LINE_BREAKS)),
    "escape sequences as they are": lambda: _mail(b"Subject: " + (ESCAPES + INVISIBLE).encode()),
    "lone surrogates": lambda: _mail(b"Subject: " + _word("\ud800x\udfff")),
    "100,000 combining marks": lambda: _mail(
        b"Subject: " + _word("a" + "\u0301" * 30_000), body=b"a" + b"\xcc\x81" * 100_000
    ),
    # Addresses.
    "5,000 parentheses in From": lambda: _mail(from_=b"(" * 5_000 + b"eve@evil.example" + b")" * 5_000),
    "5,000 open parentheses in From": lambda: _mail(from_=b"(" * 5_000 + b"eve@evil.example"),
    "5,000 open quotes in From": lambda: _mail(from_=b'"' + b'\\"' * 5_000 + b" <eve@evil.example>"),
    "5,000 angle brackets in From": lambda: _mail(from_=b"<" * 5_000 + b"eve@evil.example" + b">" * 5_000),
    "100,000 addresses": lambda: _mail(b"To: " + b",".join(b"\r\n u%d@x.example" % number for number in range(10_000))),
    "2,001 addresses": lambda: _mail(b"To: " + b", ".join(b"u%d@x.example" % number for number in range(2_001))),
    "addresses with escape sequences": lambda: _mail(
        b'Reply-To: "\x1b[31mBoss" <boss\x1b[0m@work.example>',
        from_=_word("Boss <boss@work.example>" + ESCAPES) + b" <eve\x07@evil\x1b.example>",
    ),
    "an address in an encoded word": lambda: _mail(from_=b"=?utf-8?Q?boss=40work.example=2C_?= <eve@evil.example>"),
    "routes and groups": lambda: _mail(b"To: all: <@a,@b:c@d.example>, e@f@g;; ,,, undisclosed:;;"),
    "punycode that is none": lambda: _mail(from_=b"eve@xn--" + b"9" * 5_000 + b".xn--\xff.xn--a-.example"),
    "an address without a domain": lambda: _mail(from_=b"<@>, <>, @, <eve>"),
    # Dates.
    "a date in the year 0": lambda: _mail(b"Date: Mon, 1 Jan 0000 00:00:00 +0000"),
    "a date in the year 99999": lambda: _mail(b"Date: Mon, 1 Jan 99999 00:00:00 +0000"),
    "a date at the end of time": lambda: _mail(b"Date: Fri, 31 Dec 9999 23:59:59 -2359"),
    "a date at the beginning of time": lambda: _mail(b"Date: Mon, 1 Jan 0001 00:00:00 +2359"),
    "a date that is none": lambda: _mail(b"Date: 99 Foo 2025 99:99:99 +9999"),
    "a date of digits": lambda: _mail(b"Date: " + b"9" * 5_000),
    "a date with 5,000 comments": lambda: _mail(b"Date: " + b"(" * 5_000 + b"4 Mar 2025 09:30:00" + b")" * 5_000),
    # Bodies.
    "an HTML bomb of 100 kB": lambda: _html(b"<div>" * (_100_KB // 5)),
    "HTML of open comments": lambda: _html(b"<!--" * (_100_KB // 4)),
    "HTML of open tags": lambda: _html(b"<a " * (_100_KB // 3)),
    "HTML of open scripts": lambda: _html(b"<script>" * (_100_KB // 8)),
    "HTML of entities": lambda: _html(b"&#0;&#x1b;&#x202e;&" + b"amp;" * (_100_KB // 4) + b"&#999999999999;"),
    "HTML of templates": lambda: _html(b"<template>" * 5_000 + b"x" + b"</template>" * 5_000),
    "base64 that is none": lambda: _text(b"@@@@" + b"A" * 4_001, encoding=b"base64"),
    "quoted-printable that is none": lambda: _text(b"=" * _100_KB, encoding=b"quoted-printable"),
    "an encoding that nobody knows": lambda: _text(b"x", encoding=b"x-uuencode"),
    "a charset that is a codec": lambda: _text(b"x\x9c", charset=b"zlib_codec"),
    "a charset that is a path": lambda: _text(b"x", charset=b"../../os"),
    "UTF-7 of shifts": lambda: _text(b"+" * _100_KB, charset=b"utf-7"),
    "UTF-16 cut in half": lambda: _text(b"\xd8\x00" * 1_000 + b"\xd8", charset=b"utf-16-be"),
    "5 MB on one line": lambda: _text(b"a" * 5_000_000),
    "4 MB of regex bait": lambda: _text(b"invoice 1 invoice " * 220_000 + b"!"),
    "3 MB of expanding letters": lambda: _text("ﷺİ".encode() * 600_000),
    # File names.
    "a file name that climbs": lambda: _attached(b'filename="../../../.ssh/authorized_keys\0.pdf"'),
    "a file name with escape sequences": lambda: _attached(b'filename="' + (ESCAPES + INVISIBLE).encode() + b'.pdf"'),
    "a file name of 100 kB": lambda: _attached(b'filename="' + b"x" * _100_KB + b'.pdf"'),
}
"""Names read as the subject of "... is judged without an exception"."""
