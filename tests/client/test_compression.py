"""COMPRESS=DEFLATE both ways, and streams that are broken or out to exhaust us."""

from __future__ import annotations

import zlib

import pytest

from mailrules.client.compression import EXPECTED_RATIO, DeflateLayer
from mailrules.errors import ConnectionLost

ANSWER = b"".join(b"* %d FETCH (UID %d FLAGS (\\Seen))\r\n" % (n, n + 7) for n in range(2_000))


def server_deflate(*pieces: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return b"".join(deflater.compress(piece) + deflater.flush(zlib.Z_SYNC_FLUSH) for piece in pieces)


def decode_all(layer: DeflateLayer, *, max_bytes: int = 4096) -> bytes:
    plain = b""
    while data := layer.decode(max_bytes=max_bytes):
        assert len(data) <= max_bytes
        plain += data
    return plain


def test_two_layers_understand_each_other_however_the_bytes_are_cut() -> None:
    ours, theirs = DeflateLayer(), DeflateLayer()
    wire = ours.encode(ANSWER) + ours.encode(b"A1 OK\r\n")

    for size in (1, 7, 1000):
        plain, theirs = b"", DeflateLayer()
        for start in range(0, len(wire), size):
            theirs.feed(wire[start : start + size])
            plain += decode_all(theirs)

        assert plain == ANSWER + b"A1 OK\r\n"


def test_each_write_can_be_read_at_once() -> None:
    ours, theirs = DeflateLayer(), DeflateLayer()

    theirs.feed(ours.encode(b"A1 NOOP\r\n"))

    assert theirs.decode(max_bytes=100) == b"A1 NOOP\r\n"


def test_one_decode_gives_no_more_than_asked_for() -> None:
    layer = DeflateLayer()
    layer.feed(server_deflate(bytes(1_000_000)))

    assert len(layer.decode(max_bytes=1000)) == 1000


def test_garbage_ends_the_connection() -> None:
    layer = DeflateLayer()
    layer.feed(b"* OK this is not deflate\r\n")

    with pytest.raises(ConnectionLost, match="cannot be read"):
        layer.decode(max_bytes=100)


def test_an_ended_stream_ends_the_connection() -> None:
    deflater = zlib.compressobj(wbits=-15)
    layer = DeflateLayer()
    layer.feed(deflater.compress(b"* BYE\r\n") + deflater.flush(zlib.Z_FINISH))

    with pytest.raises(ConnectionLost, match="ended its compressed stream"):
        layer.decode(max_bytes=100)


@pytest.mark.parametrize(("excess", "is_bomb"), [(-1, False), (0, False), (1, True)])
def test_output_may_run_ahead_of_its_input_by_the_slack_and_no_further(*, excess: int, is_bomb: bool) -> None:
    plain_bytes = 300_000 + excess
    layer = DeflateLayer(slack_bytes=300_000)
    layer.feed(server_deflate(bytes(plain_bytes)))

    if is_bomb:
        with pytest.raises(ConnectionLost, match=f"{EXPECTED_RATIO}-fold"):
            decode_all(layer)
    else:
        assert len(decode_all(layer)) == plain_bytes


def test_honest_data_never_uses_the_slack_up() -> None:
    server, layer = DeflateLayer(), DeflateLayer(slack_bytes=len(ANSWER))

    for _ in range(20):
        layer.feed(server.encode(ANSWER))
        assert decode_all(layer) == ANSWER
