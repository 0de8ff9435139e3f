"""Tests of which authors count as pretending to be somebody else."""

from __future__ import annotations

import pytest
from mailrules_lookalike.pretence import pretence

from mailrules.mailbox.address import Address, parse_addresses


def author(text: str) -> Address:
    addresses = parse_addresses(text.encode())
    assert isinstance(addresses, tuple)
    return addresses[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"service@bank.example" <x@other.example>', "the name shows bank.example, the address is at other.example"),
        ("Bank.com Support <x@other.example>", "the name shows bank.com, the address is at other.example"),
        ("=?utf-8?q?service=40bank=2Eexample?= <x@other.example>", "the name shows bank.example"),
        ("Bank <x@b\u0430nk.example>", "mixes Cyrillic and Latin letters"),
        ("Bank <x@xn--80ak6aa92e.com>", "is spelled in letters that look like Latin ones"),
    ],
)
def test_a_pretender_is_recognised_and_the_reason_told(text: str, reason: str) -> None:
    assert reason in pretence(author(text))


@pytest.mark.parametrize(
    "text",
    [
        "Bo Ek <bo@people.example>",
        "bo@people.example",
        '"bo@people.example" <bo@people.example>',
        '"news@bank.example" <bounce@mail.bank.example>',
        '"shop.co.uk" <x@mail.shop.co.uk>',
        "Dr.Smith <smith@clinic.example>",
        "J.R. Hartley <jr@books.example>",
        "Müller <info@xn--mller-kva.example>",
        "Почта <info@почта.example>",
        "日本 <info@例え.example>",
        "Somebody",
        "Version 2.10 <x@people.example>",
    ],
)
def test_an_ordinary_author_is_left_alone(text: str) -> None:
    assert pretence(author(text)) == ""


def test_a_very_long_name_is_judged_in_time() -> None:
    assert pretence(Address(name="a." * 500_000, local="x", domain="people.example")) == ""
