"""Sets of numbers: read, written, asked, cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.errors import LocalProtocolError, RemoteProtocolError
from mailrules.imap.sequence_set import (
    LARGEST_NUMBER,
    STAR,
    SequenceSet,
    cut_by_bytes,
    parse_ranges,
    parse_sequence_set,
)

numbers = st.integers(min_value=1, max_value=300)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        (b"1", ((1, 1),)),
        (b"4:1", ((1, 4),)),
        (b"1:4,7,*", ((1, 4), (7, 7), (STAR, STAR))),
        (b"5:6,1:4,3,9:8", ((1, 6), (8, 9))),
        (b"*:10", ((10, STAR),)),
        (b"1:4294967295", ((1, LARGEST_NUMBER),)),
        (b"4294967295,*", ((LARGEST_NUMBER, LARGEST_NUMBER), (STAR, STAR))),
    ],
)
def test_sets_are_read_ascending_and_merged(text, ranges):
    assert parse_sequence_set(text).ranges == ranges


@pytest.mark.parametrize("text", [b"", b"0", b"1,", b",1", b"1:", b"1:2:3", b"4294967296", b"-1", b"1 2", b"a", b"01"])
def test_what_is_no_set_is_refused(text):
    with pytest.raises(RemoteProtocolError):
        parse_sequence_set(text)


def test_ranges_keep_their_order_where_it_matters():
    assert parse_ranges(b"7,3:5,9:8") == ((7, 7), (3, 5), (9, 8))


def test_a_set_is_written_in_the_fewest_ranges():
    assert SequenceSet.of([7, 1, 3, 2, 2, 9, 8]).to_bytes() == b"1:3,7:9"
    assert SequenceSet.starting_at(5).to_bytes() == b"5:*"
    assert parse_sequence_set(b"*").to_bytes() == b"*"


@given(st.sets(numbers, min_size=1))
def test_a_set_survives_being_written_and_read(members):
    written = SequenceSet.of(members)

    read = parse_sequence_set(written.to_bytes())

    assert read == written
    assert list(read) == sorted(members)
    assert read.count == len(members)
    assert {number for number in range(1, 310) if number in read} == members


def test_the_whole_range_of_numbers_costs_nothing():
    everything = parse_sequence_set(b"1:4294967295")

    assert everything.count == LARGEST_NUMBER
    assert next(iter(everything)) == 1
    assert 4_000_000_000 in everything
    assert 0 not in everything


def test_star_stands_for_a_number_that_only_the_server_knows():
    open_ended = parse_sequence_set(b"1:3,10:*")

    assert open_ended.has_star
    assert 11 in open_ended
    assert STAR not in open_ended
    assert 9 not in open_ended
    for ask in (lambda: open_ended.count, lambda: list(open_ended)):
        with pytest.raises(LocalProtocolError, match=r"\*"):
            ask()


def test_an_empty_set_is_false_and_cannot_be_sent():
    assert not SequenceSet.of([])
    with pytest.raises(LocalProtocolError, match="empty"):
        SequenceSet.of([]).to_bytes()


@pytest.mark.parametrize("number", [0, -1, LARGEST_NUMBER + 1])
def test_only_message_numbers_make_a_set(number):
    with pytest.raises(LocalProtocolError):
        SequenceSet.of([1, number])
    with pytest.raises(LocalProtocolError):
        SequenceSet.starting_at(number)


@given(
    members=st.sets(numbers),
    max_bytes=st.integers(min_value=21, max_value=60),
    max_count=st.integers(min_value=1, max_value=20),
)
def test_cut_sets_fit_and_lose_nothing(members, max_bytes, max_count):
    pieces = list(cut_by_bytes(members, max_bytes=max_bytes, max_count=max_count))

    assert [number for piece in pieces for number in piece] == sorted(members)
    assert all(len(piece.to_bytes()) <= max_bytes and piece.count <= max_count for piece in pieces)
    assert all(piece == SequenceSet.of(piece) for piece in pieces)


def test_a_hundred_thousand_scattered_uids_are_cut_for_the_server_at_hand():
    pieces = list(cut_by_bytes(range(1, 200_000, 2), max_bytes=8000))

    assert sum(piece.count for piece in pieces) == 100_000
    assert 7990 < len(pieces[0].to_bytes()) <= 8000


@pytest.mark.parametrize(("max_bytes", "max_count"), [(20, 5), (100, 0)])
def test_a_cut_that_cannot_hold_one_range_is_refused(max_bytes, max_count):
    with pytest.raises(LocalProtocolError):
        list(cut_by_bytes([1], max_bytes=max_bytes, max_count=max_count))


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        (b"1:9", b"4", b"1:3,5:9"),
        (b"1:9", b"1:3,9", b"4:8"),
        (b"1:3,5:7,9", b"2:6", b"1,7,9"),
        (b"1:3,5:7", b"3:5,7:20", b"1:2,6"),
        (b"5", b"1:9", b""),
        (b"5", b"6", b"5"),
        (b"1:4294967295", b"2", b"1,3:4294967295"),
    ],
)
def test_a_set_without_another(first, second, left):
    expected = parse_sequence_set(left) if left else SequenceSet()

    assert parse_sequence_set(first).without(parse_sequence_set(second)) == expected


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)), st.integers(1, 61))
def test_sets_are_what_sets_are(first, second, number):
    one, other = SequenceSet.of(first), SequenceSet.of(second)

    assert one.union(other) == SequenceSet.of(first | second)
    assert one.without(other) == SequenceSet.of(first - second)
    assert one.below(number) == SequenceSet.of({member for member in first if member < number})


def test_star_stays_in_unions_and_is_below_nothing():
    both = SequenceSet.of((1, 2)).union(SequenceSet.starting_at(7))

    assert both == parse_sequence_set(b"1:2,7:*")
    assert both.below(9) == parse_sequence_set(b"1:2,7:8")
    with pytest.raises(LocalProtocolError):
        both.without(SequenceSet.of((1,)))
