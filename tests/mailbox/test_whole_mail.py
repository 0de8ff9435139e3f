"""What a whole message on disk holds is what a server would tell of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailrules.mailbox.message import Part, Unreadable
from mailrules.mailbox.whole_mail import MAX_PARTS, WholeMail
from mailrules.testing.builders import message
from mailrules.testing.message_parts import parts_of, texts_of
from tests.hostile_mail.corpus import MAILS

NESTED = b"""\
Content-Type: multipart/mixed; boundary="a b"

preamble
--a b
Content-Type: multipart/alternative; boundary=c

--c

plain
--c
Content-Type: text/html; charset=utf-8

<p>html
--c--
--a b
Content-Type: message/rfc822

Subject: inner
Content-Type: multipart/mixed; boundary=d

--d
Content-Disposition: attachment; filename*=utf-8''%e2%82%ac.txt

x
--d--
--a b
Content-Type: message/rfc822

Subject: another

y
--a b
Content-Type: multipart/digest; boundary=e

--e

Subject: in a digest

z
--e--
--a b--
epilogue
"""
NOT_AS_THE_KIT = {"multipart without a part": "we number it as one part, as Dovecot does"}


def _outline(part: Part) -> tuple[object, ...]:
    """What the test kit reads by itself; names and parameters are decoded by what the client uses too."""
    return (part.number, part.media_type, part.encoding, part.disposition, part.size_bytes)


@pytest.mark.parametrize("name", [name for name in MAILS if name not in NOT_AS_THE_KIT])
def test_every_hostile_mail_has_the_parts_that_another_reader_finds_or_is_too_complex(name: str) -> None:
    mail = WholeMail.of_file(MAILS[name]())

    structure, texts = mail.structure, mail.texts

    if isinstance(structure, Unreadable):
        assert structure.is_too_complex
        assert texts == structure
    else:
        assert len(structure) <= MAX_PARTS
        assert list(map(_outline, structure)) == list(map(_outline, parts_of(mail.content)))
        assert isinstance(texts, Unreadable) or [raw for _, raw in texts] == [raw for _, raw in texts_of(mail.content)]


def test_parts_within_parts_and_messages_within_messages_have_the_sections_of_imap() -> None:
    mail = WholeMail.of_file(NESTED)

    assert isinstance(mail.structure, tuple)
    assert [(part.number, part.media_type, part.file_name) for part in mail.structure] == [
        ("", "multipart/mixed", ""),
        ("1", "multipart/alternative", ""),
        ("1.1", "text/plain", ""),
        ("1.2", "text/html", ""),
        ("2", "message/rfc822", ""),
        ("2.TEXT", "multipart/mixed", ""),
        ("2.1", "text/plain", "€.txt"),
        ("3", "message/rfc822", ""),
        ("3.1", "text/plain", ""),
        ("4", "multipart/digest", ""),
        ("4.1", "message/rfc822", ""),
        ("4.1.1", "text/plain", ""),
    ]
    assert isinstance(mail.texts, tuple)
    assert [(part.number, content) for part, content in mail.texts] == [
        ("1.1", b"plain"),
        ("3.1", b"y"),
        ("4.1.1", b"z"),
    ]


def test_lines_that_end_in_lf_alone_are_ended_as_on_the_wire() -> None:
    content = message(subject="Hello", body="one\r\ntwo\r\n")

    assert WholeMail.of_file(content.replace(b"\r\n", b"\n")).content == content
    assert WholeMail.of_file(content).content is content


def test_the_fields_that_are_asked_for_are_given_with_their_folds() -> None:
    mail = WholeMail.of_file(b"Subject: a\n b\nX-Two: 1\nx-two: 2\nFrom: c\n\nSubject: no field\n")

    assert mail.fields(["Subject", "x-two"]) == b"subject: a\r\n b\r\nx-two: 1\r\nx-two: 2\r\n"


@pytest.mark.parametrize(
    ("header", "received"),
    [
        (b"Received: from a by b;\n Tue, 4 Mar 2025 09:30:00 +0000\nReceived: x; 1 Jan 2020 00:00:00 +0000", 2025),
        (b"Received: from a by b\nDate: Tue, 4 Mar 2024 09:30:00 +0000", 2024),
        (b"Date: Tue, 4 Mar 2024 09:30:00 +0000", 2024),
        (b"Date: never", None),
        (b"Subject: x", None),
    ],
)
def test_when_it_came_is_read_from_the_topmost_hop_else_from_the_date(header: bytes, received: int | None) -> None:
    told = WholeMail.of_file(header + b"\n\n").received

    if received is None:
        assert isinstance(told, Unreadable)
    else:
        assert told == datetime(received, 3, 4, 9, 30, tzinfo=UTC)
