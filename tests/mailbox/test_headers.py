"""A raw header block becomes fields, and a field's bytes become the text that rules see."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox import headers
from mailrules.mailbox.headers import MAX_ENCODED_WORDS, header_fields, header_text
from mailrules.mailbox.message import Unreadable


def test_fields_come_in_order_with_lower_case_names_and_folded_values() -> None:
    block = b"Subject: one\r\n two\r\nX-A:x\nno field\r\n lost\r\nSUBJECT :\tthree\r\n\r\n"

    assert list(header_fields(block)) == [("subject", b"one\r\n two"), ("x-a", b"x"), ("subject", b"three")]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"one\r\n\t two   three", "one two three"),
        (b"=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus?= =?UTF-8?B?IEvDtmxu?=", "Grüße aus Köln"),
        (b"=?iso-8859-1?q?a=FCb?= and =?utf-8*de?q?c?=", "aüb and c"),
        (b"a=?utf-8?q?b?=c", "abc"),
        # A character cut in two by a mailer that folds bytes.
        (b"=?utf-8?B?w7w=?= =?utf-8?Q?=C3?=\r\n =?utf-8?Q?=BC?=", "üü"),
        (b"=?utf-8?Q?two words?=", "two words"),
        (b"=?utf-8?Q?broken", "=?utf-8?Q?broken"),
        (b"=?utf-8?X?what?=", "=?utf-8?X?what?="),
        (b"=?no-such?Q?Gr=FC?=", "Grü"),
        (b"=?utf-8?Q?=ZZ=4?=", "=ZZ=4"),
        (b"=?utf-8?B?!!!?=", ""),
        ("Grüße".encode(), "Grüße"),
        (b"Gr\xfc\xdfe", "Grüße"),
        (b"u\xcc\x88", "ü"),
    ],
)
def test_values_are_unfolded_decoded_and_composed(raw: bytes, text: str) -> None:
    assert header_text(raw) == text


def test_the_limit_of_encoded_words_is_exact() -> None:
    word = b"=?utf-8?q?a?= "

    assert header_text(word * (MAX_ENCODED_WORDS - 1)) == "a" * (MAX_ENCODED_WORDS - 1)
    assert header_text(word * MAX_ENCODED_WORDS) == "a" * MAX_ENCODED_WORDS
    assert header_text(word * (MAX_ENCODED_WORDS + 1)) == Unreadable(
        reason="too complex: over 1,000 encoded words in one header field", is_too_complex=True
    )


@given(st.lists(st.sampled_from([b"=?", b"?=", b"utf-8", b"?Q?", b"?b?", b"=C3", b"\xff", b" ", b"\r\n ", b"w6"])))
def test_no_value_raises(pieces: list[bytes]) -> None:
    text = header_text(b"".join(pieces))

    assert isinstance(text, str)
    assert "\n" not in text


@pytest.mark.parametrize(
    "raw",
    [
        b"=?a?Q?" * 900,
        b"=?" + b"a" * 250_000,
        b" " * 250_000,
        b"=?utf-8?q?" + b"=41" * 80_000 + b"?=",
        b"\xcc\x81" * 99_000,
    ],
)
def test_hostile_values_take_linear_time(raw: bytes) -> None:
    start = process_time()

    header_text(raw)
    list(header_fields(b"a: b\n" + raw.replace(b" ", b" \n")))

    assert process_time() - start < 1


def test_long_names_are_read_and_not_kept_in_memory():
    before = headers._name.cache_info().currsize

    assert list(header_fields(b"X" * 200 + b": 1\r\n")) == [("x" * 200, b"1")]

    assert headers._name.cache_info().currsize == before
