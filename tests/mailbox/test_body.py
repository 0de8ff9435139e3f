"""The readable text of a message: decoded plain text, else HTML as a person reads it."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.body import MAX_TEXT_BYTES, body_text
from mailrules.mailbox.html_text import html_text
from mailrules.mailbox.message import Part, Unreadable


def part(subtype: str = "plain", *, encoding: str = "7bit", charset: str = "utf-8") -> Part:
    return Part(number="1", type="text", subtype=subtype, encoding=encoding, parameters={"charset": charset})


def test_plain_parts_are_decoded_and_joined() -> None:
    parts = (
        (part(encoding="quoted-printable"), b"Gr=C3=BC=C3=9Fe,\r\nlong =\r\nline"),
        (part("html"), b"<b>not read</b>"),
        (part(encoding="base64", charset="iso-8859-1"), b"S/ZsbiE="),
    )

    assert body_text(parts) == "Grüße, long line Köln!"


def test_html_is_read_where_no_plain_text_has_content() -> None:
    assert body_text(((part(), b" \r\n"), (part("html"), b"<p>Hello <b>you</b>&excl;</p>"))) == "Hello you!"
    assert body_text(()) == ""


def test_unreadable_text_stays_unreadable_and_too_much_is() -> None:
    assert body_text(Unreadable(reason="gone")) == Unreadable(reason="gone")
    assert isinstance(body_text(((part(), b"a" * (MAX_TEXT_BYTES + 1)),)), Unreadable)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("a<br>b<p>c</p>d", "a b c d"),
        ("a<b>b</b>c", "abc"),
        ("a <!-- b > c --> d<!-->e", "a de"),
        ("a<!-- b", "a"),
        ("a<!-- b > c", "a c"),
        ("<!DOCTYPE html><?xml x?>a", "a"),
        ("<style>p {}</style>a<SCRIPT>if (a<b) x()</Script>b", "ab"),
        ("<script>never closed", "never closed"),
        ("<title>t</title>a<template>b<p>c</template>d</template>e", "ade"),
        ("<template/>a", "a"),
        ("1 < 2 && 3 > 2 &amp; &lt;b&gt; &#228; &nosuch;", "1 < 2 && 3 > 2 & <b> ä &nosuch;"),
        ("a<", "a<"),
        ("a<b", "a"),
        ("<td>x</td><td>y</td>", "x y"),
        ("</>a</ b>", "</>a</ b>"),
    ],
)
def test_html_becomes_what_a_person_reads(source: str, text: str) -> None:
    assert " ".join(html_text(source).split()) == text


@given(st.text(alphabet="<>/!-?&;abcpscript template='\n", max_size=80))
def test_no_html_raises(source: str) -> None:
    html_text(source)


@pytest.mark.parametrize("piece", ["<div>", "<", "<!--", "<script>", "<!", "</p", "<template>", "&", "<a href='", "&#"])
def test_hostile_html_takes_linear_time(piece: str) -> None:
    start = process_time()

    html_text(piece * (1_000_000 // len(piece)))

    assert process_time() - start < 3
