"""Literals of messages that are taken in pieces: what is offered, what is held, and how they may be cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.errors import LocalProtocolError, RemoteProtocolError
from mailrules.imap.framing import ContentOffered, ContentPiece, Framer
from mailrules.imap.limits import DEFAULT_LIMITS, Limits

CONTENT = bytes(range(1, 250)) * 4
RESPONSE = b"* 1 FETCH (UID 5 BODY[] {%d}\r\n%b FLAGS (\\Seen))\r\n" % (len(CONTENT), CONTENT)
SMALL = Limits(line_bytes=100, data_line_bytes=100, literal_bytes=20, response_bytes=200)


def pieces_of(
    data: bytes, *, chunk_bytes: int = 0, limits: Limits = DEFAULT_LIMITS, takes: bool = True
) -> list[object]:
    """What a framer gives that offers contents; pieces of one literal put together, offers as what they offer."""
    framer = Framer(limits)
    framer.offers_content = True
    found: list[object] = []
    step = chunk_bytes or len(data)
    for start in range(0, len(data), step):
        framer.feed(data[start : start + step])
        while (piece := framer.next_response()) is not None:
            if isinstance(piece, ContentOffered):
                found.append((piece.head, piece.section, piece.size_bytes))
                if takes:
                    framer.take_in_pieces()
                    found.append(b"")
            elif isinstance(piece, ContentPiece):
                found[-1] += piece.data
            else:
                found.append(piece)
    return found


@pytest.mark.parametrize("chunk_bytes", [0, *range(1, 60), 999])
def test_content_comes_before_the_rest_of_its_response(chunk_bytes):
    assert pieces_of(RESPONSE + b"A1 OK done\r\n", chunk_bytes=chunk_bytes) == [
        (b"* 1 FETCH (UID 5 BODY[] NIL)", b"", len(CONTENT)),
        CONTENT,
        b"* 1 FETCH (UID 5 BODY[] NIL FLAGS (\\Seen))",
        b"A1 OK done",
    ]


def test_content_that_is_not_taken_is_held():
    assert pieces_of(RESPONSE, takes=False)[-1] == RESPONSE.removesuffix(b"\r\n")


def test_several_contents_of_one_message():
    data = b"* 1 FETCH (BODY[1] {2}\r\nab BODY[2]<0> {0}\r\n BINARY[3.1] ~{3}\r\na\0b RFC822.TEXT {1}\r\nx UID 5)\r\n"

    assert pieces_of(data) == [
        (b"* 1 FETCH (BODY[1] NIL)", b"1", 2),
        b"ab",
        (b"* 1 FETCH (BODY[1] NIL BODY[2]<0> NIL)", b"2<0>", 0),
        b"",
        (b"* 1 FETCH (BODY[1] NIL BODY[2]<0> NIL BINARY[3.1] NIL)", b"3.1", 3),
        b"a\0b",
        (b"* 1 FETCH (BODY[1] NIL BODY[2]<0> NIL BINARY[3.1] NIL RFC822.TEXT NIL)", b"TEXT", 1),
        b"x",
        b"* 1 FETCH (BODY[1] NIL BODY[2]<0> NIL BINARY[3.1] NIL RFC822.TEXT NIL UID 5)",
    ]


@pytest.mark.parametrize(
    "response",
    [
        b'* LIST () "/" {2}\r\nab',
        b"* 1 FETCH (ENVELOPE (NIL {2}\r\nab NIL))",
        b"* 1 FETCH (X-BODY[] {2}\r\nab)",
        b"* OK [ALERT] BODY[] {2}",
    ],
)
def test_other_literals_are_not_offered(response):
    assert pieces_of(response + b"\r\n") == [response]


def test_nothing_is_offered_to_who_has_not_asked():
    framer = Framer()
    framer.feed(RESPONSE)

    assert framer.next_response() == RESPONSE.removesuffix(b"\r\n")


def test_a_content_that_is_taken_may_pass_the_limits_of_what_is_held():
    data = b"* 1 FETCH (BODY[] {1000}\r\n" + b"x" * 1000 + b")\r\n"

    assert pieces_of(data, limits=SMALL)[1] == b"x" * 1000
    with pytest.raises(RemoteProtocolError, match=r"limits.literal_bytes"):
        pieces_of(data, limits=SMALL, takes=False)


def test_a_content_is_limited_by_what_the_grammar_allows():
    at_limit = b"* 1 FETCH (BODY[] {%d}\r\n" % (2**63 - 1)

    assert pieces_of(at_limit)[0] == (b"* 1 FETCH (BODY[] NIL)", b"", 2**63 - 1)
    with pytest.raises(RemoteProtocolError, match=r"limits.streamed_bytes"):
        pieces_of(b"* 1 FETCH (BODY[] {%d}\r\n" % 2**63)


def test_a_response_of_ever_more_contents_is_limited():
    data = b"* 1 FETCH (BODY[1] {1}\r\nx" + b" BODY[1] {1}\r\nx" * 20

    with pytest.raises(RemoteProtocolError, match=r"limits.response_bytes"):
        pieces_of(data, limits=SMALL)


def test_what_is_taken_in_pieces_does_not_count_and_its_lines_do():
    limits = Limits(line_bytes=100, data_line_bytes=100, response_bytes=40)
    data = b"* 1 FETCH (BODY[] {1000}\r\n" + b"x" * 1000

    # The response as it is given back, with NIL for the content, is 40 bytes long.
    assert pieces_of(data + b" FLAGS (abcd))\r\n", limits=limits)[-1] == b"* 1 FETCH (BODY[] NIL FLAGS (abcd))"
    assert len(pieces_of(data + b" FLAGS (abcdefghi))\r\n", limits=limits)[-1]) == 40
    with pytest.raises(RemoteProtocolError, match=r"limits.response_bytes"):
        pieces_of(data + b" FLAGS (abcdefghij))\r\n", limits=limits)


def test_a_framer_holds_no_more_than_what_has_just_arrived():
    framer = Framer()
    framer.offers_content = True
    framer.feed(b"* 1 FETCH (BODY[] {1000000}\r\n")
    assert isinstance(framer.next_response(), ContentOffered)
    framer.take_in_pieces()

    for _ in range(100):
        framer.feed(b"x" * 1000)
        assert framer.next_response() == ContentPiece(b"x" * 1000)
        assert framer.next_response() is None
        assert framer.buffered_bytes == 0


def test_only_what_is_offered_can_be_taken():
    with pytest.raises(LocalProtocolError, match="no content is offered"):
        Framer().take_in_pieces()


@given(content=st.binary(max_size=300), chunk_bytes=st.integers(min_value=1, max_value=80))
def test_any_content_in_any_cut_is_what_it_was(content, chunk_bytes):
    data = b"* 7 FETCH (BODY[TEXT] {%d}\r\n%b)\r\n" % (len(content), content)

    assert pieces_of(data, chunk_bytes=chunk_bytes) == [
        (b"* 7 FETCH (BODY[TEXT] NIL)", b"TEXT", len(content)),
        content,
        b"* 7 FETCH (BODY[TEXT] NIL)",
    ]
