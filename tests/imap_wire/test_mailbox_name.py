"""Mailbox names: modified UTF-7 both ways, and bytes that are not even that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.errors import LocalProtocolError
from mailrules.imap.mailbox_name import decode_mailbox_name, encode_mailbox_name


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("INBOX", b"INBOX"),
        ("Sent Items", b"Sent Items"),
        ("Entwürfe", b"Entw&APw-rfe"),
        ("Tom & Jerry", b"Tom &- Jerry"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 section 5.1.3
        ("a😀b", b"a&2D3eAA-b"),
        ("&", b"&-"),
        ("", b""),
    ],
)
def test_names_travel_as_modified_utf7(name, raw):
    assert encode_mailbox_name(name) == raw
    assert decode_mailbox_name(raw) == name


def test_inbox_has_one_spelling():
    assert decode_mailbox_name(b"inbox") == "INBOX"
    assert decode_mailbox_name(b"Inbox/old") == "Inbox/old"


@pytest.mark.parametrize(
    "raw",
    [
        b"Foo&Bar",
        b"R&D",
        b"&",
        b"Entw\xfcrfe",
        b"Entw\xc3\xbcrfe",
        b"&2AA-",  # half of a surrogate pair
        b"&AGE-",  # "a", which needs no shifting
        b"&AP-",  # half of a UTF-16 unit
        b"&A-",
        b"a\tb\x7f",
        b"&7yY-",  # U+EF26, which stands for an odd byte here
        b"&U,BTFw-&ZeVnLIqe-",  # two runs where one is the rule
    ],
)
def test_a_name_that_is_not_well_formed_is_written_back_as_it_came(raw):
    name = decode_mailbox_name(raw)

    assert encode_mailbox_name(name) == raw
    assert name.encode()  # can be stored and shown


def test_utf8_names_are_for_connections_that_enabled_it():
    assert decode_mailbox_name("Entwürfe & mehr".encode(), utf8=True) == "Entwürfe & mehr"
    assert encode_mailbox_name("Entwürfe & mehr", utf8=True) == "Entwürfe & mehr".encode()


@given(st.binary())
def test_no_bytes_are_lost(raw):
    assert encode_mailbox_name(decode_mailbox_name(raw)) in {raw, b"INBOX"}
    assert encode_mailbox_name(decode_mailbox_name(raw, utf8=True), utf8=True) in {raw, b"INBOX"}


ordinary_names = st.text(st.characters(exclude_categories=["Cs"])).filter(
    lambda name: name.upper() != "INBOX" and not any("\uef00" <= character <= "\uefff" for character in name)
)


@given(ordinary_names)
def test_no_name_is_lost(name):
    assert decode_mailbox_name(encode_mailbox_name(name)) == name
    assert encode_mailbox_name(name).isascii()


def test_half_of_a_surrogate_pair_cannot_be_sent():
    with pytest.raises(LocalProtocolError, match="surrogate"):
        encode_mailbox_name("a\ud800b")
