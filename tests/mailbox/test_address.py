"""Addresses are read from whatever strangers write into an address field."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.address import MAX_ADDRESSES, Address, domain_text, parse_addresses
from mailrules.mailbox.message import Unreadable


def one(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(name=name, local=local, domain=domain)


@pytest.mark.parametrize(
    ("raw", "addresses"),
    [
        ("ann@example.org", [one("", "ann@example.org")]),
        ("<ann@example.org>", [one("", "ann@example.org")]),
        ("Ann B. Example <Ann@Example.ORG.>", [one("Ann B. Example", "Ann@example.org")]),
        ('"Example, Ann" <ann@example.org>', [one("Example, Ann", "ann@example.org")]),
        (r'"Ann \"A\" \\ B" <ann@example.org>', [one('Ann "A" \\ B', "ann@example.org")]),
        ("a@x.org, b@y.org ,\r\n C <c@z.org>", [one("", "a@x.org"), one("", "b@y.org"), one("C", "c@z.org")]),
        ("friends: a@x.org, B <b@y.org>; c@z.org", [one("", "a@x.org"), one("B", "b@y.org"), one("", "c@z.org")]),
        ("undisclosed-recipients:;", []),
        ("", []),
        ("ann@example.org (Ann (from) work)", [one("Ann (from) work", "ann@example.org")]),
        ("(1) Ann (2) <ann@(3)example.org>", [one("Ann", "ann@example.org")]),
        ('ann@x.org (5" disk), b@y.org', [one('5" disk', "ann@x.org"), one("", "b@y.org")]),
        ("=?utf-8?Q?M=C3=BCller=2C_J?= <j@x.org>, k@y.org", [one("Müller, J", "j@x.org"), one("", "k@y.org")]),
        ("=?utf-8?Q?Smith,_Bob?= <b@x.org>", [one("Smith, Bob", "b@x.org")]),
        ('"=?utf-8?Q?M=C3=BCller?=" <j@x.org>', [one("Müller", "j@x.org")]),
        ("=?utf-8?Q?x=40evil.org=3E,?= <j@x.org>", [one("x@evil.org>,", "j@x.org")]),
        ("Müller <j@x.org>", [one("Müller", "j@x.org")]),
        ('"boss@bank.example" <evil@x.org>', [one("boss@bank.example", "evil@x.org")]),
        ("boss@bank.example <evil@x.org>", [one("boss@bank.example", "evil@x.org")]),
        ('<"a b"@x.org>', [one("", "a b@x.org")]),
        ("<@relay.org,@two.org:ann@x.org>", [one("", "ann@x.org")]),
        ("Ann ann@x.org", [one("Ann", "ann@x.org")]),
        ("root", [Address(local="root")]),
        ("Mailer Daemon", [Address(name="Mailer Daemon")]),
        ("Ann <ann>", [Address(name="Ann", local="ann")]),
        ("Ann <ann@x.org", [one("Ann", "ann@x.org")]),
        ("Ann <ann@x.org, b@y.org", [one("Ann", "ann@x.org"), one("", "b@y.org")]),
        ('"Ann <ann@x.org>, b@y.org', [one("Ann", "ann@x.org"), one("", "b@y.org")]),
        ("(Ann <ann@x.org>", [one("Ann", "ann@x.org")]),
        ("bob+lists@xn--mnchen-3ya.example", [one("", "bob+lists@münchen.example")]),
        ("a@[192.0.2.1]", [one("", "a@[192.0.2.1]")]),
        (",,;", []),
    ],
)
def test_address_lists_are_read_in_order(raw: str, addresses: list[Address]) -> None:
    assert parse_addresses(raw.encode()) == tuple(addresses)


def test_an_address_tells_its_parts() -> None:
    address = one("Bob", "bob+lists+a@example.org")

    assert (address.address, address.detail, str(address)) == (
        "bob+lists+a@example.org",
        "lists+a",
        "Bob <bob+lists+a@example.org>",
    )
    assert one("", "bob@x").detail == ""


def test_latin_1_bytes_are_read() -> None:
    assert parse_addresses(b"M\xfcller <j@x.org>") == (one("Müller", "j@x.org"),)


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("EXAMPLE.org.", "example.org"),
        ("xn--mnchen-3ya.de", "münchen.de"),
        ("xn--\xff.de", "xn--\xff.de"),
        ("xn--" + "a" * 70, "xn--" + "a" * 70),
    ],
)
def test_domains_compare_in_unicode_and_lower_case(written: str, compared: str) -> None:
    assert domain_text(written) == compared


@pytest.mark.parametrize("item", ["a@x.org", '"a\\b"@x.org'])
def test_the_limit_of_addresses_is_exact(item: str) -> None:
    below, above = parse_addresses(", ".join([item] * MAX_ADDRESSES).encode()), [item] * (MAX_ADDRESSES + 1)

    assert isinstance(below, tuple)
    assert len(below) == MAX_ADDRESSES
    assert isinstance(parse_addresses(", ".join(above).encode()), Unreadable)


def test_too_many_encoded_words_are_unreadable() -> None:
    assert isinstance(parse_addresses(b"=?utf-8?q?a?= " * 1_001 + b"<a@x.org>"), Unreadable)


@given(st.text(alphabet='ab@.,;:<>()"\\[] =?\r\n\xfc', max_size=60))
def test_no_value_raises(text: str) -> None:
    addresses = parse_addresses(text.encode())

    assert isinstance(addresses, tuple)
    assert all(address.name or address.local or address.domain for address in addresses)


@pytest.mark.parametrize("piece", ["(", '"', '"\\"', "<", "[", " ", "=?", "a:", "<a", "((a)", "\\", "a@", '"a" '])
def test_hostile_values_take_linear_time(piece: str) -> None:
    start = process_time()

    parse_addresses((piece * 200_000)[:250_000].encode())

    assert process_time() - start < 2
