"""Over a limit is a verdict: no rule acts on the message, it is reported, and it is not judged for ever."""

from __future__ import annotations

import pytest

from mailrules.client.fetching import facts_of
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.limits import Limits
from mailrules.imap.responses import Malformed
from mailrules.mailbox.address import MAX_ADDRESSES
from mailrules.mailbox.body import MAX_TEXT_BYTES
from mailrules.mailbox.headers import MAX_ENCODED_WORDS, MAX_HEADER_BYTES
from mailrules.mailbox.message import FactRequest, Unreadable
from mailrules.rules.structure_tests import MAX_PARTS
from mailrules.testing.builders import message
from tests.imap_wire.reading import fetch_of
from tests.plan.planned import mail, plan, steps_of

RULES = """
rules:
  - {name: large, if: {size: {over: 100}}, do: [{flag: flagged}]}
  - {name: lottery, if: {subject: lottery}, do: [trash]}
  - {name: rest, if: always, do: [{move: {to: Rest, create: true}}]}
"""
TOO_MANY = b"Subject: " + b" ".join([b"=?utf-8?Q?x?="] * (MAX_ENCODED_WORDS + 1)) + b"\r\n\r\nhello\r\n"
JUST_SO_MANY = b"Subject: " + b" ".join([b"=?utf-8?Q?x?="] * MAX_ENCODED_WORDS) + b"\r\n\r\nhello\r\n"


async def test_no_rule_acts_not_even_one_that_stands_before() -> None:
    made = await plan(RULES, mail(TOO_MANY))

    (finding,) = made.findings
    assert steps_of(made) == {}
    assert (finding.kind, finding.rule) == ("too_complex", "lottery")
    assert "over 1,000 encoded words" in finding.reason


async def test_it_is_final_since_judging_it_again_would_say_the_same() -> None:
    made = await plan(RULES, mail(TOO_MANY, message()))

    assert made.final_uids == (1, 2)
    assert made.pending_uids == ()


async def test_at_the_limit_the_rules_act() -> None:
    made = await plan(RULES, mail(JUST_SO_MANY))

    assert steps_of(made) != {}
    assert made.findings == ()


async def test_a_rule_that_says_so_lets_the_others_go_on() -> None:
    rules = RULES.replace("do: [trash]", "do: [trash], if_unknowable: skip")

    made = await plan(rules, mail(TOO_MANY))

    assert [one.kind for one in made.findings] == ["too_complex"]
    assert list(steps_of(made)) == [1]


async def test_a_limit_that_no_rule_comes_upon_stops_nothing() -> None:
    made = await plan("rules: [{name: all, if: always, do: [{flag: seen}]}]", mail(TOO_MANY))

    assert list(steps_of(made)) == [1]


@pytest.mark.parametrize(("parts", "is_over"), [(1_000, False), (1_001, True)])
def test_a_structure_beyond_the_clients_limits_is_too_complex(parts: int, *, is_over: bool) -> None:
    leaf = b'("text" "plain" NIL NIL NIL "7bit" 1 1)'

    data = fetch_of(b"UID 1 BODYSTRUCTURE (" + leaf * (parts - 1) + b' "mixed")')

    facts = facts_of(data, FactRequest(structure=True))
    assert facts is not None
    assert isinstance(facts.structure, Unreadable) is is_over
    assert (isinstance(facts.structure, Unreadable) and facts.structure.is_too_complex) is is_over


def test_a_structure_that_is_garbled_is_only_unknowable() -> None:
    data = FetchData(sequence_number=1, uid=1, malformed={"BODYSTRUCTURE": Malformed(raw=b"", reason="no list")})

    facts = facts_of(data, FactRequest(structure=True))

    assert facts is not None
    assert facts.structure == Unreadable(reason="no list")


def test_the_limits_are_those_that_the_page_names() -> None:
    limits = Limits()

    assert (limits.line_bytes, limits.nesting, limits.parts, limits.addresses) == (64 << 10, 50, 1_000, 2_000)
    assert (MAX_HEADER_BYTES, MAX_ENCODED_WORDS, MAX_ADDRESSES) == (256 << 10, 1_000, 2_000)
    assert (MAX_PARTS, MAX_TEXT_BYTES) == (1_000, 64 << 20)
