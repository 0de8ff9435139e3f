"""Every limit holds at its number: below and at it a response is read, above it is refused or malformed."""

from __future__ import annotations

from dataclasses import fields

import pytest

from mailrules.errors import RemoteProtocolError
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.limits import Limits
from mailrules.imap.response_codes import CopyUid
from mailrules.imap.responses import Malformed
from tests.imap_wire.reading import responses_of

PART = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)'
ADDRESS = b'("n" NIL "m" "h")'


def fetch(name: bytes, value: bytes) -> bytes:
    return b"* 1 FETCH (UID 5 %b %b)" % (name, value)


def of_bytes(start: bytes, count: int) -> bytes:
    return start + b"1" * (count - len(start))


def response_of_bytes(count: int) -> bytes:
    announced = count - len(b"* X {dd}\r\n")
    return b"* X {%d}\r\n" % announced + b"y" * announced


def copied(count: int) -> bytes:
    return b"A1 OK [COPYUID 1 1:%d 11:%d] done" % (count, count + 10)


def envelope(count: int) -> bytes:
    return fetch(b"ENVELOPE", b"(NIL NIL NIL NIL NIL (%b) NIL NIL NIL NIL)" % (ADDRESS * count))


def structure(count: int) -> bytes:
    return fetch(b"BODYSTRUCTURE", b'(%b "MIXED")' % (PART * (count - 1)))


def nested(depth: int) -> bytes:
    return fetch(b"BODYSTRUCTURE", b"(" * (depth - 1) + b'("TEXT" "PLAIN")' + b' "MIXED")' * (depth - 1))


MADE = {
    "line_bytes": (40, lambda count: of_bytes(b"* OK ", count)),
    "data_line_bytes": (100, lambda count: of_bytes(b"* 1 FETCH (UID ", count)),
    "literal_bytes": (30, lambda count: b"* X {%d}\r\n" % count + b"y" * count),
    "response_bytes": (60, response_of_bytes),
    "nesting": (7, nested),
    "items": (9, lambda count: b"* FLAGS (" + b"a " * (count - 2) + b")"),
    "parts": (6, structure),
    "addresses": (4, envelope),
    "copied_uids": (8, copied),
}
"""For each limit a small number, and a response that is as large as asked for."""
ELSEWHERE = {"streamed_bytes"}  # tests/imap_wire/test_content_in_pieces.py


def is_taken(name: str, size: int, limits: Limits) -> bool:
    """Whether a response of this size is read whole."""
    try:
        (response,) = responses_of(MADE[name][1](size) + b"\r\n", limits=limits)
    except RemoteProtocolError as error:
        return f"limits.{name}" not in str(error)
    if name == "copied_uids":
        return isinstance(response.code, CopyUid)
    if isinstance(response, Malformed):
        return f"limits.{name}" not in response.reason
    if isinstance(response, FetchData):
        assert response.uid == 5 or name == "data_line_bytes"
        return not any(f"limits.{name}" in one.reason for one in response.malformed.values())
    return True


def test_every_limit_is_tested():
    assert MADE.keys() | ELSEWHERE == {one.name for one in fields(Limits)}


@pytest.mark.parametrize("name", MADE)
def test_a_limit_holds_at_its_number(name):
    number, _ = MADE[name]
    # Lines of data have their bound above that of other lines.
    limits = Limits(line_bytes=50, data_line_bytes=number) if name == "data_line_bytes" else Limits(**{name: number})

    assert is_taken(name, number - 1, limits)
    assert is_taken(name, number, limits)
    assert not is_taken(name, number + 1, limits)
