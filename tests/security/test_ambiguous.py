"""Mail that two programs may read differently: rules can ask for it, and no rule throws it away by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.ambiguity import ONCE_FIELDS, is_plain, why_ambiguous
from mailrules.testing.builders import message
from tests.hostile_mail.corpus import MAILS
from tests.plan.planned import HEAD, mail, plan, steps_of

ALLOWED = HEAD + "allow: [delete]\n"
TWO_AUTHORS = b"From: boss@work.example\r\nFrom: eve@evil.example\r\nSubject: x\r\n\r\nhello\r\n"


@pytest.mark.parametrize("name", ONCE_FIELDS)
def test_each_field_may_stand_once(name: str) -> None:
    assert why_ambiguous({name: (b"a@x.example",)}) == ""
    assert why_ambiguous({name: (b"a@x.example", b"a@x.example")}).startswith("2 ")


@pytest.mark.parametrize(
    ("author", "why"),
    [
        (b"Ann <ann@x.example>", ""),
        (b"root (Cron Daemon)", ""),
        (b'"Ann, <not> (me)" <ann@x.example>', ""),
        (b"=?utf-8?Q?Ann=22?= <ann@x.example>", ""),
        (b"", ""),
        (b"a@x.example, b@x.example", "2 authors and no Sender field"),
        (b"<boss@work.example> <eve@evil.example>", "several addresses"),
        (b"boss@work.example@evil.example", "several addresses"),
        (b'"boss@work.example <eve@evil.example>', "an open quote"),
        (b"eve@evil.example\0", "a NUL"),
        (b"eve@evil.example\rFrom: boss@work.example", "bare CR"),
    ],
)
def test_an_author_is_ambiguous_where_programs_may_disagree(author: bytes, why: str) -> None:
    found = why_ambiguous({"from": (author,)})

    assert why in found
    assert bool(found) is bool(why)


def test_several_authors_with_a_sender_are_as_the_rfc_has_it() -> None:
    assert why_ambiguous({"from": (b"a@x.example, b@x.example",), "sender": (b"a@x.example",)}) == ""


def test_folding_is_no_bare_cr() -> None:
    assert why_ambiguous({"subject": (b"one\r\n two",)}) == ""


@pytest.mark.parametrize(("value", "is_broken"), [(b"Multipart/Mixed", True), (b"multipart/mixed; boundary=b", False)])
def test_a_multipart_without_a_boundary_is_ambiguous(value: bytes, *, is_broken: bool) -> None:
    assert bool(why_ambiguous({"content-type": (value,)})) is is_broken


_PIECES = (
    b"Ann", b" ", b".", b"<", b">", b"@", b"x.example", b",", b";", b":", b'"', b"\\", b"(", b")", b"=?utf-8?q?=22?=",
    b"\r\n ", b"\r", b"\0", b"-", b"'", b"_", b"\xe4", b"multipart/mixed", b"; boundary=b", b"\t",
)  # fmt: skip


@given(
    name=st.sampled_from(ONCE_FIELDS),
    values=st.lists(st.lists(st.sampled_from(_PIECES), max_size=8).map(b"".join), max_size=2).map(tuple),
)
def test_what_is_plain_at_a_glance_is_not_ambiguous(name: str, values: tuple[bytes, ...]) -> None:
    if is_plain(name, values):
        assert why_ambiguous({name: values}) == ""


def test_an_author_as_most_have_it_is_plain_at_a_glance() -> None:
    assert is_plain("from", (b"Ann-Mary O'Neil <ann.mary+x@x-y.example>",))
    assert is_plain("from", (b"ann@x.example",))
    assert is_plain("sender", ())
    assert not is_plain("from", (b"ann@x.example, bob@x.example",))


@pytest.mark.parametrize("name", ["two From fields", "two Content-Type fields", "multipart without a boundary"])
async def test_rules_can_ask_for_it(name: str) -> None:
    rules = """
rules:
  - {name: odd, if: {ambiguous: true}, do: [{flag: flagged}]}
  - {name: fine, if: {ambiguous: false}, do: [{flag: seen}]}
"""

    made = await plan(rules, mail(MAILS[name](), message()))

    assert [one.rules for one in made.messages] == [("odd",), ("fine",)]


@pytest.mark.parametrize("action", ["trash", "delete", "{expire: 1d}"])
async def test_no_rule_throws_it_away_by_itself(action: str) -> None:
    rules = f"rules: [{{name: spam, if: always, do: [{action}], events: [{{every: 1d}}]}}]"

    made = await plan(rules, mail(TWO_AUTHORS, message()), head=_head())

    assert list(steps_of(made)) == [2]
    (finding,) = made.findings
    assert (finding.uid, finding.kind) == (1, "held")
    assert "ambiguous (2 From fields)" in finding.reason


async def test_a_rule_that_asks_for_it_may_throw_it_away() -> None:
    rules = "rules: [{name: forged, if: {ambiguous: true}, do: [trash]}]"

    made = await plan(rules, mail(TWO_AUTHORS), head=_head())

    assert list(steps_of(made)) == [1]


async def test_a_move_is_not_destructive() -> None:
    made = await plan("rules: [{name: file, if: always, do: [{move: Archive}]}]", mail(TWO_AUTHORS))

    assert list(steps_of(made)) == [1]


def _head() -> str:
    return ALLOWED.replace("user: me@example.org", "user: me@example.org, trash: Trash")
