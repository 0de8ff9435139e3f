"""The kit's own reader of MIME: numbers, ranges, and its bounds."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from mailrules.testing.builders import Attachment, message, multipart
from mailrules.testing.mime_structure import MOST_LEVELS, MOST_PARTS, parse_content_value, read_entities
from mailrules.testing.server_structure import body_structure, envelope

INNER = b"Subject: inner\r\nContent-Type: text/plain\r\n\r\ninside\r\n"


def test_parts_are_numbered_as_imap_numbers_them() -> None:
    content = b"Subject: outer\r\n" + multipart(
        "mixed", [b"\r\none", b"Content-Type: message/rfc822\r\n\r\n" + INNER, multipart("alternative", [b"\r\na"])]
    )

    entities = read_entities(content)

    assert [entity.number for entity in entities] == ["", "1", "2", "2.1", "3", "3.1"]
    assert content[entities[3].body_start : entities[3].end] == b"inside\r\n"


def test_a_message_of_one_part_is_part_one() -> None:
    [only] = read_entities(message(body="text\r\n"))

    assert only.number == "1"


def test_parameters_are_read_quoted_or_not_and_comments_left_out() -> None:
    value = parse_content_value(b'text/plain (a comment); charset=utf-8;\r\n name="a \\"b\\"; c.txt"')

    assert value.value == b"text/plain"
    assert value.parameters == ((b"charset", b"utf-8"), (b"name", b'a "b"; c.txt'))


def test_a_multipart_without_its_boundary_is_a_leaf() -> None:
    [only] = read_entities(b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno such line\r\n")

    assert only.children == []


def test_depth_and_number_of_parts_are_bounded() -> None:
    deep = INNER
    for level in range(MOST_LEVELS * 3):
        boundary = b"b%d" % level
        head = b"Content-Type: multipart/mixed; boundary=" + boundary + b"\r\n\r\n"
        deep = head + b"--" + boundary + b"\r\n" + deep + b"\r\n--" + boundary + b"--\r\n"
    wide = multipart("mixed", [b"\r\nx"] * (MOST_PARTS * 3))

    assert len(read_entities(deep)) == MOST_LEVELS + 1
    assert len(read_entities(wide)) <= MOST_PARTS
    assert body_structure(deep, extended=True).count(b"(") > MOST_LEVELS


def test_hostile_headers_take_linear_time() -> None:
    started = time.process_time()

    for field in (b"To", b"Content-Type", b"Content-Disposition"):
        for filling in (b"(" * 50_000, b'"\\' * 50_000, b"<" * 50_000, b"; a=" * 25_000, b",:;" * 30_000):
            entity = read_entities(field + b": " + filling + b"\r\n\r\n")[0]
            envelope(entity)
            entity.structured(b"content-disposition")

    assert time.process_time() - started < 5


@given(st.binary(max_size=300))
def test_any_bytes_have_a_structure(content: bytes) -> None:
    assert body_structure(content, extended=True).startswith(b"(")
    assert envelope(read_entities(content)[0]).startswith(b"(")


def test_an_attachment_keeps_its_name() -> None:
    content = message(attachments=[Attachment(file_name="a b.pdf")])

    assert b'"attachment" ("filename" "a b.pdf")' in body_structure(content, extended=True)
