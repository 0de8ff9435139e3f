"""What errors quote of a server's bytes is bounded, escaped, and opens nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.imap.shown import SHOWN_BYTES, shown, without_tokens

SIGNED = b"imap://joe@example.com/INBOX/;uid=20;URLAUTH=user+fred:INTERNAL:91354a473744909de610943775f92038"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", ""),
        ("", ""),
        (b"* OK x", "'* OK x'"),
        ("gr\u00fc\u00dfe\ud800"[:5], "'gr\\xc3\\xbc\\xc3\\x9fe'"),
        (b"a\r\n\x1b[2J\0", "'a\\r\\n\\x1b[2J\\x00'"),
        (b"x" * SHOWN_BYTES, repr("x" * SHOWN_BYTES)),
        (b"x" * (SHOWN_BYTES + 1), repr("x" * SHOWN_BYTES) + "..."),
    ],
)
def test_bytes_are_quoted_up_to_a_bound(sent, expected):
    assert shown(sent) == expected


def test_a_token_is_covered_before_the_cut():
    assert "91354a" not in shown(b"* URLFETCH " + SIGNED)
    assert "91354a" not in shown(b"* URLFETCH " + SIGNED[-70:])


@given(data=st.binary(max_size=300))
def test_what_is_quoted_is_printable_and_bounded(data):
    text = shown(data)

    assert text.isascii()
    assert text.isprintable() or not text
    assert len(text) <= 4 * SHOWN_BYTES + 5


@given(data=st.binary(max_size=60))
def test_covering_twice_changes_nothing_more(data):
    once = without_tokens(data + SIGNED + data)

    assert without_tokens(once) == once


@pytest.mark.parametrize(
    "hostile",
    [b";URLAUTH=" * 100_000, b";URLAUTH=a:" * 100_000, b"[URLMECH " * 100_000, b";URLAUTH=" + b"a" * 1_000_000],
)
def test_hostile_bytes_cost_linear_time(hostile):
    without_tokens(hostile)
