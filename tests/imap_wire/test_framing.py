"""Where responses end, how the bytes may be cut, and what is too much."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.errors import RemoteProtocolError
from mailrules.imap.framing import Framer
from mailrules.imap.limits import Limits
from tests.imap_wire.reading import TRACES, frames_of

SESSION = (
    b"* OK [CAPABILITY IMAP4rev1] ready {3}\r\n"
    b"\r\n"
    b'* LIST () "/" {5}\r\nCaf&-\r\n'
    b"* 1 FETCH (BODY[] {7}\r\nab\r\ncd\n FLAGS (\\Seen) BODY[1] ~{0}\r\n)\r\n"
    b"* 2 FETCH (BODY[] {2+}\r\nab\r\n)\r\n"
    b"+ go {4}\r\n"
    b"A1 OK done {4}\r\n"
)
FRAMES = [
    b"* OK [CAPABILITY IMAP4rev1] ready {3}",
    b'* LIST () "/" {5}\r\nCaf&-',
    b"* 1 FETCH (BODY[] {7}\r\nab\r\ncd\n FLAGS (\\Seen) BODY[1] ~{0}\r\n)",
    b"* 2 FETCH (BODY[] {2+}\r\nab\r\n)",
    b"+ go {4}",
    b"A1 OK done {4}",
]


def test_a_response_holds_its_literals_and_not_the_line_end():
    assert frames_of(SESSION) == FRAMES


@pytest.mark.parametrize("chunk_bytes", range(1, 40))
def test_frames_do_not_depend_on_how_the_bytes_are_cut(chunk_bytes):
    assert frames_of(SESSION, chunk_bytes=chunk_bytes) == FRAMES


@pytest.mark.parametrize("path", sorted(TRACES.glob("*.txt")), ids=lambda path: path.stem)
def test_real_bytes_give_the_same_frames_one_byte_at_a_time(path):
    data = path.read_bytes()

    assert frames_of(data, chunk_bytes=1) == frames_of(data)


@given(cuts=st.lists(st.integers(min_value=0, max_value=len(SESSION))))
def test_frames_do_not_depend_on_where_any_cuts_are(cuts):
    framer = Framer()
    frames = []

    for start, end in pairwise([0, *sorted(cuts), len(SESSION)]):
        framer.feed(SESSION[start:end])
        while (frame := framer.next_response()) is not None:
            frames.append(frame)

    assert frames == FRAMES


def test_what_has_not_been_taken_is_counted():
    framer = Framer()
    framer.feed(b"A1 OK begin TLS now\r\n* CAPA")

    assert framer.next_response() == b"A1 OK begin TLS now"

    assert framer.buffered_bytes == len(b"* CAPA")


def test_a_bare_line_feed_ends_nothing():
    assert frames_of(b'* LIST () "/" "a\nb"\r\n') == [b'* LIST () "/" "a\nb"']


def test_a_blank_line_after_a_literal_does_not_swallow_what_follows_a_broken_fetch():
    assert frames_of(b"* 1 FETCH (BODY[] {2}\r\nab\r\nA1 OK done\r\n") == [
        b"* 1 FETCH (BODY[] {2}\r\nab",
        b"A1 OK done",
    ]


SMALL = Limits(line_bytes=30, data_line_bytes=50, literal_bytes=20, response_bytes=60)


@pytest.mark.parametrize("chunk_bytes", [0, 1, 7])
@pytest.mark.parametrize(
    ("accepted", "refused", "limit"),
    [
        (b"* OK " + b"x" * 25, b"* OK " + b"x" * 26, "line_bytes"),
        (b"* SEARCH " + b"1" * 41, b"* SEARCH " + b"1" * 42, "data_line_bytes"),
        (b"* 1 FETCH (" + b"1" * 39, b"* 1 FETCH (" + b"1" * 40, "data_line_bytes"),
        (b"* X {20}\r\n" + b"y" * 20, b"* X {21}\r\n" + b"y" * 21, "literal_bytes"),
    ],
)
def test_each_limit_holds_at_its_number(accepted, refused, limit, chunk_bytes):
    assert frames_of(accepted + b"\r\n", chunk_bytes=chunk_bytes, limits=SMALL) == [accepted]

    with pytest.raises(RemoteProtocolError, match=f"limits.{limit}"):
        frames_of(refused + b"\r\n", chunk_bytes=chunk_bytes, limits=SMALL)


def test_a_response_is_limited_over_all_its_literals():
    at_limit = b"* X {20}\r\n" + b"y" * 20 + b"{20}\r\n"
    limits = Limits(line_bytes=30, literal_bytes=20, response_bytes=len(at_limit) + 20)

    assert len(frames_of(at_limit + b"z" * 20 + b"\r\n", limits=limits)) == 1

    with pytest.raises(RemoteProtocolError, match=r"response of 57 bytes is over 56; raise limits.response_bytes"):
        frames_of(b"* X  {20}\r\n" + b"y" * 20 + b"{20}\r\n", limits=limits)


@pytest.mark.parametrize("chunk_bytes", [0, 1, 7])
@pytest.mark.parametrize(
    ("response", "limits"),
    [
        (b"* X {5}\r\n" + b"y" * 5 + b"z" * 20, Limits(line_bytes=30, response_bytes=34)),
        (b"* X {5}\r\n" + b"y" * 5 + b"{5}\r\n" + b"y" * 5 + b" end", Limits(line_bytes=30, response_bytes=28)),
        (b"* OK " + b"x" * 20, Limits(response_bytes=25)),
        (b"* SEARCH " + b"1" * 20, Limits(response_bytes=29)),
        (b"* 1 FETCH (BODY[] {2}\r\nab\r\n FLAGS ())", Limits(response_bytes=37)),
    ],
)
def test_a_response_is_limited_over_its_lines_and_literals_alike(response, limits, chunk_bytes):
    assert len(response) == limits.response_bytes
    shorter = response[:-1]

    assert frames_of(shorter + b"\r\n", chunk_bytes=chunk_bytes, limits=limits) == [shorter]
    assert frames_of(response + b"\r\n", chunk_bytes=chunk_bytes, limits=limits) == [response]
    with pytest.raises(RemoteProtocolError, match=rf"response of \d+ bytes is over {len(response)}; raise limits"):
        frames_of(response + b"x\r\n", chunk_bytes=chunk_bytes, limits=limits)


@pytest.mark.parametrize("announced", [b"9223372036854775808", b"9" * 5000, b"0" * 40 + b"9" * 30])
def test_a_huge_literal_is_refused_before_a_byte_of_it_arrives(announced):
    with pytest.raises(RemoteProtocolError, match="literal_bytes"):
        frames_of(b"* 1 FETCH (BODY[] {" + announced + b"}\r\n")


def test_leading_zeros_do_not_hide_the_size_of_a_literal():
    data = b"* X {" + b"0" * 30 + b"2}\r\nab"

    assert frames_of(data + b"\r\nA1 OK\r\n") == [data, b"A1 OK"]


def test_an_endless_line_is_refused_while_it_arrives():
    framer = Framer(SMALL)
    framer.feed(b"x" * 31)
    assert framer.next_response() is None  # the last byte could have been the CR

    framer.feed(b"x")

    with pytest.raises(RemoteProtocolError, match="line of 31 bytes is over 30"):
        framer.next_response()


def test_a_framer_that_failed_goes_on_failing_and_holds_nothing():
    framer = Framer(SMALL)
    framer.feed(b"x" * 100 + b"\r\nA1 OK\r\n")
    with pytest.raises(RemoteProtocolError):
        framer.next_response()

    framer.feed(b"A2 OK\r\n")

    with pytest.raises(RemoteProtocolError):
        framer.next_response()
    assert framer.buffered_bytes == 0


@given(data=st.binary(), chunk_bytes=st.integers(min_value=1, max_value=5))
def test_garbage_raises_only_remote_protocol_errors_and_the_same_ones_however_cut(data, chunk_bytes):
    def outcome(size: int) -> object:
        try:
            return frames_of(data, chunk_bytes=size, limits=SMALL)
        except RemoteProtocolError:
            return "refused"

    assert outcome(0) == outcome(chunk_bytes)


def test_time_is_linear_for_a_large_literal_and_many_literals_byte_by_byte():
    # A quadratic framer takes minutes for these; a linear one under a second.
    large = b"* 1 FETCH (BODY[] {200000}\r\n" + b"x" * 200_000 + b")\r\n"
    many = b"* 1 FETCH (" + b"A {0}\r\n " * 20_000 + b")\r\n"

    assert len(frames_of(large, chunk_bytes=1)) == 1
    assert len(frames_of(many, chunk_bytes=1)) == 1
