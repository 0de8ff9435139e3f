"""Charsets, transfer encodings and white space of mail become text, whatever the bytes are."""

import unicodedata
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.text import clean_text, compose, decode_base64, decode_bytes, fold


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        (b"Gr\xc3\xbc\xc3\x9fe", "utf-8", "Grüße"),
        (b"Gr\xfc\xdfe", "ISO-8859-1", "Grüße"),
        (b"\x82\xa0", "Shift_JIS", "あ"),
        (b"\xe4", "koi8-r", "Д"),
        (b"Gr\xc3\xbc\xc3\x9fe", "us-ascii", "Grüße"),
        (b"Gr\xc3\xbc\xc3\x9fe", "x-unknown", "Grüße"),
        (b"Gr\xfc\xdfe", "x-unknown", "Grüße"),
        (b"Gr\xfc\xdfe", "", "Grüße"),
        (b"\xff!", "utf-8", "\ufffd!"),
    ],
)
def test_bytes_are_read_in_their_charset_or_the_likeliest_one(raw: bytes, charset: str, text: str) -> None:
    assert decode_bytes(raw, charset) == text


@pytest.mark.parametrize(
    "charset", ["hex", "zlib", "rot13", "idna", "punycode", "unicode_escape", "os.path", "\0", "é"]
)
def test_python_codecs_that_are_no_charsets_are_not_used(charset: str) -> None:
    assert decode_bytes(rb"\x41 6161", charset) == r"\x41 6161"


@given(st.binary(max_size=60), st.sampled_from(["utf-7", "utf-16", "utf-8", "iso-2022-jp", "hz", "big5", "mbcs", "x"]))
def test_no_bytes_raise_and_no_lone_surrogate_comes_out(raw: bytes, charset: str) -> None:
    decode_bytes(raw, charset).encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "content"),
    [(b"aGFsbG8=", b"hallo"), (b"aGFsbG8", b"hallo"), (b"aGF\r\n sbG8!", b"hallo"), (b"a", b""), (b"", b"")],
)
def test_base64_is_read_as_mail_has_it(raw: bytes, content: bytes) -> None:
    assert decode_base64(raw) == content


def test_white_space_collapses_and_letters_are_composed() -> None:
    assert clean_text("  Gru\u0308\u00dfe \r\n\t aus\u00a0Ko\u0308ln ") == "Grüße aus Köln"


@given(st.text(max_size=40), st.integers(min_value=0, max_value=40), st.integers(min_value=0, max_value=40))
def test_a_part_of_a_text_folds_to_a_part_of_the_folded_text(text: str, start: int, end: int) -> None:
    assert fold(text[start:end]) in fold(text)


@given(st.text(alphabet="ae \u0301\u0308\u0316", max_size=4_000))
def test_long_texts_compose_as_short_ones_do(text: str) -> None:
    runs = max((len(run) for run in text.replace("a", " ").replace("e", " ").split()), default=0)

    if runs <= 30:
        assert compose(text) == unicodedata.normalize("NFC", text)


def test_composing_a_long_run_of_marks_takes_linear_time() -> None:
    start = process_time()

    compose("a" + "\u0316\u0301" * 60_000)

    assert process_time() - start < 2
