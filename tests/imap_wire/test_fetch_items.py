"""What FETCH is asked for, as bytes, and which extensions that takes."""

from __future__ import annotations

import pytest

from mailrules.errors import LocalProtocolError
from mailrules.imap.fetch_items import FetchItem, FetchItems, LazyPreview, extensions_of, fetch_nodes
from mailrules.imap.writer import (
    BinaryLiteral,
    BinarySection,
    BinarySize,
    BodySection,
    LiteralSupport,
    Partial,
    SectionText,
    write_command,
)


def written(*items: object) -> bytes:
    wanted: FetchItems = items  # type: ignore[assignment] # the tests give items only
    (line,) = write_command("A1", (fetch_nodes(wanted),))
    return line.removeprefix(b"A1 ").removesuffix(b"\r\n")


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (BodySection(partial=Partial(0, 2048)), b"BODY.PEEK[]<0.2048>"),
        (BodySection(part="1.2", partial=Partial(2048, 1)), b"BODY.PEEK[1.2]<2048.1>"),
        (BodySection(sets_seen=True), b"BODY[]"),
        (BodySection(part="1", text=SectionText.TEXT, sets_seen=True), b"BODY[1.TEXT]"),
        (BodySection(other_than=("Received", "X-Spam")), b"BODY.PEEK[HEADER.FIELDS.NOT (Received X-Spam)]"),
        (BodySection(part="2", other_than=("DKIM-Signature",)), b"BODY.PEEK[2.HEADER.FIELDS.NOT (DKIM-Signature)]"),
        (BinarySection(), b"BINARY.PEEK[]"),
        (BinarySection(part="1.2", partial=Partial(0, 100)), b"BINARY.PEEK[1.2]<0.100>"),
        (BinarySection(part="1", sets_seen=True), b"BINARY[1]"),
        (BinarySize(part="3"), b"BINARY.SIZE[3]"),
        (FetchItem.PREVIEW, b"PREVIEW"),
        (LazyPreview(), b"PREVIEW (LAZY)"),
        (FetchItem.GMAIL_LABELS, b"X-GM-LABELS"),
    ],
)
def test_each_item_has_one_form(item, expected):
    assert written(item) == b"(" + expected + b")"


def test_items_stand_in_their_order():
    items = (FetchItem.UID, LazyPreview(), BodySection(), FetchItem.SAVE_DATE)

    assert written(*items) == b"(UID PREVIEW (LAZY) BODY.PEEK[] SAVEDATE)"


@pytest.mark.parametrize(
    "item",
    [
        BodySection(part="1.x"),
        BodySection(part="0"),
        BodySection(partial=Partial(-1, 5)),
        BodySection(partial=Partial(0, 0)),
        BodySection(partial=Partial(0, 2**63)),
        BodySection(header_fields=("a",), other_than=("b",)),
        BodySection(text=SectionText.HEADER, header_fields=("a",)),
        BinarySection(part="HEADER"),
        BinarySize(part="1]"),
    ],
)
def test_what_is_no_section_is_refused(item):
    with pytest.raises(LocalProtocolError):
        written(item)


@pytest.mark.parametrize(
    ("items", "capabilities"),
    [
        ((FetchItem.UID, FetchItem.ENVELOPE, FetchItem.X_GUID, BodySection()), ()),
        ((FetchItem.MODSEQ,), ("CONDSTORE",)),
        ((FetchItem.EMAIL_ID, FetchItem.THREAD_ID), ("OBJECTID",)),
        ((FetchItem.PREVIEW, LazyPreview()), ("PREVIEW",)),
        ((FetchItem.SAVE_DATE, BinarySize()), ("SAVEDATE", "BINARY")),
        ((FetchItem.GMAIL_THREAD_ID, FetchItem.GMAIL_MESSAGE_ID, FetchItem.GMAIL_LABELS), ("X-GM-EXT-1",)),
    ],
)
def test_items_name_the_extensions_they_need(items, capabilities):
    assert tuple(extension.capability for extension in extensions_of(items)) == capabilities


@pytest.mark.parametrize(
    ("support", "fragments"),
    [
        (LiteralSupport.SYNCHRONISING, (b"A1 ~{3}\r\n", b"a\0b\r\n")),
        (LiteralSupport.PLUS, (b"A1 ~{3+}\r\na\0b\r\n",)),
    ],
)
def test_a_binary_literal_may_hold_nul(support, fragments):
    assert write_command("A1", (BinaryLiteral(b"a\0b"),), literals=support) == fragments
