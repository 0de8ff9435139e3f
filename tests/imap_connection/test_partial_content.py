"""A part of a content that passes in pieces is named with where it begins, as it is in FetchData."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.imap.content_commands import UidFetchContent
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import BodySection, Partial
from tests.imap_connection.exchange import ask, selected

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.imap.command import ContentBegun


@pytest.mark.parametrize("content", [b"{3}\r\nabc", b'"abc"'])
def test_where_it_begins_is_part_of_its_name(content):
    begun: list[str] = []
    pieces: list[bytes] = []

    def open_sink(told: ContentBegun) -> Callable[[bytes], None]:
        begun.append(told.section)
        return pieces.append

    section = BodySection(part="1.2", partial=Partial(100, 3))
    wire, _ = ask(
        selected(),
        UidFetchContent(SequenceSet.of((4,)), section, open_sink),
        b"* 1 FETCH (UID 4 BODY[1.2]<100> " + content + b")\r\nTAG OK\r\n",
    )

    assert wire == b"TAG UID FETCH 4 (UID BODY.PEEK[1.2]<100.3>)\r\n"
    assert (begun, b"".join(pieces)) == (["1.2<100>"], b"abc")
