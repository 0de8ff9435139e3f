"""Words, strings and lists: what is one, where it ends, and what is none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.tokens import Reader, Unreadable, read_number, read_size, unescape


def reader_of(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Reader:
    return Reader(data, limits=limits)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"atom", b"atom"),
        (b"  spaced ", b"spaced"),
        (b"NIL", None),
        (b"nil", None),
        (b'"NIL"', b"NIL"),
        (b'""', b""),
        (b'"a\\"b\\\\c"', b'a"b\\c'),
        (b'"C:\\temp"', b"C:\\temp"),
        (b"{3}\r\na)b", b"a)b"),
        (b"~{2}\r\n\0x", b"\0x"),
        (b"{0}\r\n", b""),
        (b"()", []),
        (b'(a (b "c") NIL ({1}\r\n)))', [b"a", [b"b", b"c"], None, [b")"]]),
        (b"(a)(b)", [b"a"]),
    ],
)
def test_values_are_bytes_nil_and_lists(data, value):
    assert reader_of(data).value() == value


@pytest.mark.parametrize(
    "data", [b"", b"  ", b")", b"{x", b'"open', b"(a", b"{3}\r\nab", b"{3} abc", b"{" + b"9" * 30 + b"}\r\n"]
)
def test_what_is_no_value_is_unreadable_and_moves_nothing(data):
    reader = reader_of(data)

    with pytest.raises(Unreadable):
        reader.value()

    assert reader.position == 0


values = st.recursive(
    st.none() | st.binary(min_size=1).filter(lambda text: text.upper() != b"NIL"),
    lambda children: st.lists(children, max_size=4),
    max_leaves=20,
)


def written(value) -> bytes:
    match value:
        case None:
            return b"NIL"
        case bytes():
            return b"{%d}\r\n%b" % (len(value), value)
    return b"(" + b" ".join(written(one) for one in value) + b")"


@given(values)
def test_a_value_that_is_written_is_read_and_can_be_passed_over(value):
    data = written(value) + b" next"

    reader = reader_of(data)
    assert reader.value() == value
    assert reader.value() == b"next"

    reader = reader_of(data)
    reader.skip_value()
    assert reader.rest() == b"next"


def test_a_value_that_is_too_deep_to_read_can_be_passed_over():
    reader = reader_of(b"((((x)))) next", limits=Limits(nesting=3))
    with pytest.raises(Unreadable, match=r"limits\.nesting"):
        reader.value()

    reader.skip_value()

    assert reader.value() == b"next"


def test_items_are_counted_against_the_limit():
    limits = Limits(items=5)

    assert reader_of(b"(a b c)", limits=limits).value() == [b"a", b"b", b"c"]
    with pytest.raises(Unreadable, match=r"over 5 items in one value \(limits\.items\)"):
        reader_of(b"(a b c d)", limits=limits).value()


def test_a_closing_parenthesis_is_no_value_to_pass_over():
    reader = reader_of(b" ) x")

    reader.skip_value()

    assert reader.take(b")")


@pytest.mark.parametrize("data", [b"(a", b'"open', b"({3}\r\nab"])
def test_a_value_without_an_end_cannot_be_passed_over(data):
    with pytest.raises(Unreadable):
        reader_of(data).skip_value()


def test_a_mailbox_without_quotes_ends_where_the_pattern_says():
    pattern = re.compile(rb" \(X")

    reader = reader_of(b"my (old) mail (X 1)")
    assert reader.mailbox(before=pattern) == "my (old) mail"
    assert reader.value() == [b"X", b"1"]
    assert reader_of(b'"my mail" (X 1)').mailbox(before=pattern) == "my mail"
    assert reader_of(b"{4}\r\na (X (X 1)").mailbox(before=pattern) == "a (X"


@pytest.mark.parametrize("data", [b"NIL", b"", b" (X 1)"])
def test_a_mailbox_without_a_name_is_unreadable(data):
    with pytest.raises(Unreadable):
        reader_of(data).mailbox(before=re.compile(rb" \(X"))
    with pytest.raises(Unreadable):
        reader_of(data).mailbox()


@pytest.mark.parametrize(("text", "number"), [(b"0", 0), (b"007", 7), (b"9223372036854775807", 2**63 - 1)])
def test_numbers_are_exact(text, number):
    assert read_number(text) == number


@pytest.mark.parametrize(
    "value",
    [b"", b"-1", b"+1", b"1_0", b"1.0", b"1e3", b"9223372036854775808", b"9" * 5000, "٣".encode(), None, [b"1"]],
)
def test_what_is_no_exact_number_is_unreadable(value):
    with pytest.raises(Unreadable):
        read_number(value)


def test_numbers_have_bounds():
    assert read_number(b"4", smallest=4, largest=5) == 4
    for outside in (b"3", b"6"):
        with pytest.raises(Unreadable, match="from 4 to 5"):
            read_number(outside, smallest=4, largest=5)


@pytest.mark.parametrize(
    ("text", "size_bytes"), [(b"0", 0), (b"1.86e+06", 1_860_000), (b"9.3736E6", 9_373_600), (b"12.0", 12)]
)
def test_sizes_may_be_rounded(text, size_bytes):
    assert read_size(text) == size_bytes


@pytest.mark.parametrize("value", [b"", b"-1", b"1e19", b"1e999", b"inf", b"nan", b".5", b"1.", None])
def test_what_is_no_size_is_unreadable(value):
    with pytest.raises(Unreadable):
        read_size(value)


def test_only_quotes_and_backslashes_are_escaped():
    assert unescape(rb"a\"b\\c\d") == rb'a"b\c\d'
