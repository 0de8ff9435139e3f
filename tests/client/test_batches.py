"""In which pieces a set of UIDs is asked for."""

from __future__ import annotations

import pytest

from mailrules.client.batches import batches_of
from mailrules.imap.sequence_set import parse_sequence_set


def written(uids: bytes, *, messages: int = 10, uidnext: int | None = 11, line_bytes: int = 100) -> list[bytes]:
    batches = batches_of(
        parse_sequence_set(uids), messages=messages, uidnext=uidnext, messages_per_command=4, line_bytes=line_bytes
    )
    return [batch.to_bytes() for batch in batches]


@pytest.mark.parametrize(
    ("uids", "batches"),
    [
        (b"1:10", [b"1:4", b"5:8", b"9:10"]),
        (b"1:*", [b"1:4", b"5:8", b"9:10,11:*"]),
        (b"1,3,5,7,9", [b"1,3,5,7", b"9"]),
        (b"2:3,8:10", [b"2:3,8:9", b"10"]),
        (b"9:4294967295", [b"9:10,11:4294967295"]),
        (b"4", [b"4"]),
    ],
)
def test_each_piece_has_so_many_messages_and_what_is_unknown_comes_last(uids, batches):
    assert written(uids) == batches


def test_where_messages_are_rare_a_piece_spans_more():
    assert written(b"1:*", messages=2, uidnext=11) == [b"1:10,11:*"]


def test_a_mailbox_that_tells_no_uidnext():
    assert written(b"1:*", uidnext=None) == [b"1:*"]
    assert written(b"1:6", uidnext=None) == [b"1:4", b"5:6"]
    assert len(written(b"1:4294967295", uidnext=None)) == 1000


def test_a_piece_is_cut_by_bytes_too():
    assert written(b"1,3,5,7,9", line_bytes=4) == [b"1,3", b"5,7", b"9"]
