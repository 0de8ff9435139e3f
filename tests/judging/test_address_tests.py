"""Address conditions hold for one address, under any of its names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.message import UID, FactRequest, MessageFacts, header_fact
from mailrules.rules.address_tests import (
    ADDRESS_FIELDS,
    AddressMatch,
    AddressPart,
    AddressTest,
    bare_match,
    part_match,
    part_presence,
    subdomains_of,
)
from mailrules.rules.text_match import TextOperator
from mailrules.rules.truth import Truth
from tests.judging.conditions import bits, judged
from tests.mailbox.samples import header_snapshot

SENDERS = header_snapshot(
    "From: Ann Example <Ann+News@Example.org>\n",
    "From: =?utf-8?q?J=C3=B6rg?= <joerg@mail.github.com>\n",
    "From: Bob <bob@notgithub.com>, Ann <ann@github.com>\n",
    "From: Mailer Daemon\n",
    "From: undisclosed:;\n",
    "X: y\n",
    fields=["from"],
)


def part(name: str, operator: str, *values: str, match_case: bool = False) -> AddressMatch:
    return part_match(AddressPart(name), TextOperator(operator), values, match_case=match_case)


@pytest.mark.parametrize(
    ("match", "rows"),
    [
        (part("address", "equals", "ann+news@EXAMPLE.org", "nobody@x"), "100000"),
        (part("address", "equals", "ann+news@example.org", match_case=True), "000000"),
        (part("address", "glob", "*@*github.com"), "011000"),
        (part("local", "equals", "ann"), "001000"),
        (part("detail", "equals", "news"), "100000"),
        (part("domain", "equals", "@GitHub.com"), "001000"),
        (part("domain", "ends_with", ".com"), "011000"),
        (part("name", "contains", "jörg", "daemon"), "010100"),
        (part("name", "regex", "^a"), "101000"),
        (part("any", "contains", "github"), "011000"),
        (part("any", "starts_with", "ann"), "101000"),
        (part("any", "equals", "Bob"), "001000"),
        (part_presence(AddressPart.DETAIL, is_there=True), "100000"),
        (part_presence(AddressPart.DETAIL, is_there=False), "011100"),
        (part_presence(AddressPart.NAME, is_there=False), "000000"),
        (subdomains_of(["github.com"]), "011000"),
        (subdomains_of(["@COM"]), "011000"),
        (bare_match(["ann+news@example.org"]), "100000"),
        (bare_match(["@github.com"]), "001000"),
        (bare_match(["ann", "joerg"]), "111000"),
        (bare_match(["ann+news@example.org", "@notgithub.com", "daemon"]), "101100"),
    ],
)
def test_matches_look_at_parts_of_an_address(match: AddressMatch, rows: str) -> None:
    truth = judged(AddressTest(fields=("from",), matches=(match,)), SENDERS)

    assert bits(truth.true, SENDERS) == rows
    assert (truth.known, truth.unknowable) == (0b111111, 0)


def test_all_operators_hold_for_one_address() -> None:
    ann_elsewhere = AddressTest(
        fields=("from",), matches=(part("domain", "equals", "notgithub.com"), part("name", "contains", "Ann"))
    )
    bob = AddressTest(
        fields=("from",), matches=(subdomains_of(["notgithub.com"]), part("any", "regex", r"(?P<who>b\w+)$"))
    )

    assert judged(ann_elsewhere, SENDERS).true == 0
    assert bits(judged(bob, SENDERS).true, SENDERS) == "001000"
    assert bob.captures(SENDERS, 2) == {"who": "Bob"}
    assert bob.captures(SENDERS, 0) is None
    assert bare_match(["a", "@b"]).captures(SENDERS.addresses("from", 0)[0]) is None


@pytest.mark.parametrize(
    ("exists", "empty", "rows"),
    [(True, None, "111110"), (False, None, "000001"), (None, True, "000011"), (None, False, "111100")],
)
def test_presence_of_the_field_and_of_somebody(exists: bool | None, empty: bool | None, rows: str) -> None:
    truth = judged(AddressTest(fields=("from",), exists=exists, empty=empty), SENDERS)

    assert bits(truth.true, SENDERS) == rows


def test_several_fields_are_one_list_of_people() -> None:
    snapshot = header_snapshot("To: a@x.org\nCc: b@x.org\n", "Bcc: b@x.org\n", "X: y\n", fields=["to", "cc", "bcc"])
    test = AddressTest(fields=ADDRESS_FIELDS["any_recipient"], matches=(bare_match(["b@x.org"]),))

    assert bits(judged(test, snapshot).true, snapshot) == "110"
    assert test.seen(snapshot, 0) == "a@x.org, b@x.org"
    assert test.needs == (header_fact("to"), header_fact("cc"), header_fact("bcc"))


def test_a_field_that_cannot_be_read_makes_all_of_them_unknowable() -> None:
    snapshot = header_snapshot("To: a@x.org\nCc: " + "c@x.org," * 2_001, "To: a@x.org\n", fields=["to", "cc", "bcc"])
    test = AddressTest(fields=ADDRESS_FIELDS["any_recipient"], matches=(bare_match(["a@x.org"]),))

    assert judged(test, snapshot) == Truth(0b10, 0b10, 0b01)
    assert "over 2,000 addresses" in test.why_unknowable(snapshot, 0)
    assert test.why_unknowable(snapshot, 1) == ""


def test_a_field_that_is_missing_leaves_the_row_open() -> None:
    snapshot = header_snapshot("To: a@x.org\n", "To: b@x.org\n", fields=["to"])
    snapshot.add(FactRequest(header_fields=("cc",)), [MessageFacts(uid=UID(2), header=b"")])

    assert judged(AddressTest(fields=("to", "cc"), matches=(bare_match(["b"]),)), snapshot) == Truth(0b10, 0b10)


def test_a_list_of_thousands_is_one_lookup_in_dictionaries() -> None:
    people = [f"person{number}@x{number}.example" for number in range(10_000)]

    match = bare_match([*people, "ann@github.com"])

    assert match.proposed(SENDERS.columns.addresses("from")) == [3]


WORDS = st.text(alphabet="aAbBßé.", min_size=1, max_size=3)
MATCHES: st.SearchStrategy[AddressMatch] = st.one_of(
    st.builds(
        lambda name, operator, values, match_case: part(name, operator, *values, match_case=match_case),
        st.sampled_from(list(AddressPart)).map(str),
        st.sampled_from(["equals", "contains", "starts_with", "ends_with", "glob"]),
        st.lists(WORDS | st.builds("{}@{}".format, WORDS, WORDS), min_size=1, max_size=2),
        st.booleans(),
    ),
    st.builds(
        lambda name, pattern: part(name, "regex", pattern),
        st.sampled_from(list(AddressPart)).map(str),
        st.sampled_from(["a", "^a", "b$", "aa.", "@b", r"\Aa", "[^a]b", "a@a|^é"]),
    ),
    st.lists(WORDS, min_size=1, max_size=2).map(subdomains_of),
    st.lists(WORDS | st.builds("{}@{}".format, WORDS, WORDS) | WORDS.map("@{}".format), min_size=1, max_size=3).map(
        bare_match
    ),
)


@given(
    st.lists(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=3), min_size=1, max_size=6),
    st.lists(MATCHES, min_size=1, max_size=2),
    st.booleans(),
)
def test_whole_columns_judge_as_one_address_after_the_other(
    messages: list[list[tuple[str, str, str]]], matches: list[AddressMatch], is_large: bool
) -> None:
    filler = [f"From: {number}@{number}" for number in range(120 if is_large else 0)]
    headers = ["From: " + ", ".join(f'"{name}" <{local}@{domain}>' for name, local, domain in one) for one in messages]
    snapshot = header_snapshot(*headers, *filler, fields=["from"])

    truth = judged(AddressTest(fields=("from",), matches=tuple(matches)), snapshot)

    for row in range(len(messages)):
        expected = any(all(match.holds(one) for match in matches) for one in snapshot.addresses("from", row))
        assert bool(truth.true >> row & 1) == expected
