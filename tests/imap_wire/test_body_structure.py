"""BODYSTRUCTURE: flat, in order, each part with the number that BODY[...] takes."""

from __future__ import annotations

import pytest

from mailrules.imap.limits import Limits
from tests.imap_wire.reading import fetch_of

TEXT = b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)'
ENVELOPE = b'("date" "subject" NIL NIL NIL NIL NIL NIL NIL "<id>")'


def outline(structure: bytes, *, limits: Limits | None = None) -> list[str]:
    fetched = fetch_of(b"BODYSTRUCTURE " + structure, limits=limits or Limits())
    assert fetched.body_structure is not None, fetched.malformed
    return [f"{part.number}:{part.type}/{part.subtype}" for part in fetched.body_structure]


def test_a_single_part_is_number_one():
    fetched = fetch_of(b"BODYSTRUCTURE " + TEXT)

    (part,) = fetched.body_structure or ()
    assert (part.number, part.type, part.subtype, part.size_bytes) == ("1", "text", "plain", 1152)
    assert (part.encoding, part.parameters) == ("7bit", {"charset": b"US-ASCII"})


def test_body_without_extensions_is_a_structure_too():
    assert fetch_of(b"BODY " + TEXT).body_structure == fetch_of(b"BODYSTRUCTURE " + TEXT).body_structure


def test_parts_are_numbered_as_rfc_9051_section_6_4_5_does():
    # 1 TEXT/PLAIN, 2 APPLICATION/OCTET-STREAM, 3 MESSAGE/RFC822 (3.1, 3.2),
    # 4 MULTIPART/MIXED with 4.1 IMAGE/GIF and 4.2 MESSAGE/RFC822 (4.2.1, and 4.2.2 MULTIPART/ALTERNATIVE).
    octets = b'("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BASE64" 100)'
    gif = b'("IMAGE" "GIF" NIL NIL NIL "BASE64" 100)'
    message = b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 500 ' + ENVELOPE + b" %b 9)"
    inner = message % (b"(" + TEXT + octets + b' "MIXED")')
    alternative = b"(" + TEXT + TEXT + b' "ALTERNATIVE")'
    innermost = message % (b"(" + TEXT + alternative + b' "MIXED")')
    whole = b"(" + TEXT + octets + inner + b"(" + gif + innermost + b' "MIXED") "MIXED")'

    assert outline(whole) == [
        ":multipart/mixed",
        "1:text/plain",
        "2:application/octet-stream",
        "3:message/rfc822",
        "3.TEXT:multipart/mixed",
        "3.1:text/plain",
        "3.2:application/octet-stream",
        "4:multipart/mixed",
        "4.1:image/gif",
        "4.2:message/rfc822",
        "4.2.TEXT:multipart/mixed",
        "4.2.1:text/plain",
        "4.2.2:multipart/alternative",
        "4.2.2.1:text/plain",
        "4.2.2.2:text/plain",
    ]


def test_the_only_part_of_an_attached_message_has_a_number():
    message = b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 500 ' + ENVELOPE + TEXT + b" 9)"

    assert outline(message) == ["1:message/rfc822", "1.1:text/plain"]
    assert outline(b"(" + TEXT + message + b' "MIXED")')[-2:] == ["2:message/rfc822", "2.1:text/plain"]


def test_an_attached_message_is_entered_though_its_envelope_is_nil():
    assert outline(b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 500 NIL ' + TEXT + b" 9)")[1:] == ["1.1:text/plain"]


@pytest.mark.parametrize(
    ("structure", "disposition", "file_name"),
    [
        (b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1 NIL ("ATTACHMENT" ("FILENAME" "a")))', "attachment", b"a"),
        (b'("IMAGE" "GIF" NIL NIL NIL "7BIT" 5 NIL ("inline" ("filename" "b")) NIL NIL)', "inline", b"b"),
        (b'("IMAGE" "GIF" NIL NIL NIL "7BIT" 5 NIL ("attachment" "filename" "c"))', "attachment", b"c"),
        (b'("IMAGE" "GIF" NIL NIL NIL "7BIT" 5 NIL ("attachment"))', "attachment", None),
        (b'("IMAGE" "GIF" NIL NIL NIL "7BIT" 5 "md5" NIL ("en"))', "", None),
        (b'("IMAGE" "GIF" NIL NIL NIL "7BIT" 5 NIL ("attachment" ("filename")))', "attachment", None),
    ],
)
def test_dispositions_are_found(structure, disposition, file_name):
    (part,) = fetch_of(b"BODYSTRUCTURE " + structure).body_structure or ()

    assert part.disposition == disposition
    assert part.disposition_parameters.get("filename") == file_name


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (b"()", ["1:/"]),
        (b'("TEXT")', ["1:text/"]),
        (b"(NIL NIL NIL NIL NIL NIL NIL)", ["1:/"]),
        (b'((NIL) NIL "MIXED")', [":multipart/mixed", "1:/", "2:/"]),
        (b"(" + TEXT + b")", [":multipart/", "1:text/plain"]),
        (b"((" + TEXT + b"))", [":multipart/", "1:multipart/", "1.1:text/plain"]),
    ],
)
def test_what_the_server_garbled_is_empty(structure, expected):
    assert outline(structure) == expected


def test_parts_are_counted_against_the_limit():
    def structure(count: int) -> bytes:
        return b"(" + TEXT * count + b' "MIXED")'

    limits = Limits(parts=10)

    assert len(outline(structure(9), limits=limits)) == 10
    over = fetch_of(b"UID 5 BODYSTRUCTURE " + structure(10), limits=limits)
    assert over.uid == 5
    assert "limits.parts" in over.malformed["BODYSTRUCTURE"].reason


def test_nesting_is_counted_against_the_limit():
    def structure(depth: int) -> bytes:
        return b"(" * (depth - 1) + TEXT + b' "MIXED")' * (depth - 1)

    limits = Limits(nesting=6)

    assert len(outline(structure(5), limits=limits)) == 5  # the parameters of the text are the sixth list
    over = fetch_of(b"UID 5 BODYSTRUCTURE " + structure(6), limits=limits)
    assert over.uid == 5
    assert "limits.nesting" in over.malformed["BODYSTRUCTURE"].reason
