"""Mailbox names with fields: what they read, how values of strangers are cleaned, what is refused."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.message import RECEIVED, header_fact
from mailrules.rules.templates import MAX_VALUE_CHARACTERS, Field, TemplateError, parse_template

LATE = datetime(2026, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-8)))


def _render(text: str, delimiter: str = "/", **values: object) -> str:
    return parse_template(text).render(
        {name.replace("__", "."): value for name, value in values.items()}, delimiter=delimiter
    )


def test_parts_are_literals_and_fields_in_order() -> None:
    template = parse_template("A/{list|lower|slug}/{received:%Y/%m} {{x}}")

    assert template.parts == (
        "A/",
        Field(name="list", filters=("lower", "slug")),
        "/",
        Field(name="received", format="%Y/%m"),
        " {x}",
    )
    assert template.literal_prefix == "A/"
    assert template.captures == ("list",)
    assert not template.is_literal
    assert parse_template("A/{{b}}").is_literal


def test_a_template_names_the_facts_that_it_reads() -> None:
    template = parse_template("A/{x}{received:%Y}{sent:%Y}{from}{from.domain}{reply_to.name}{subject}{list_id}")

    assert template.needs == (
        RECEIVED,
        header_fact("date"),
        header_fact("from"),
        header_fact("reply-to"),
        header_fact("subject"),
        header_fact("list-id"),
    )


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("A/{list", 'a single "{"; write "{{" for a brace'),
        ("A/list}", 'a single "}"; write "}}" for a brace'),
        ("A/{}", '"{}" is no field; '),
        ("A/{a b}", '"{a b}" is no field; '),
        ("A/{x|upper}", 'unknown filter "upper"; filters are lower, slug, domain'),
        ("A/{x|}", 'unknown filter ""; '),
        ("A/{from.host}", 'unknown field "from.host"; address fields have address, local, domain, detail, name'),
        ("A/{received}", "a date needs a format: {received:%Y} or {received:%Y-%m}"),
        ("A/{received:%Y %H}", '"%H" is no part of a date; use %Y %y %m %d %j %G %V %u'),
        ("A/{received:%}", '"%" is no part of a date; '),
        ("A/{x:%Y}", '"x" is no date, so it takes no format'),
    ],
)
def test_a_mistake_in_a_template_has_its_sentence(text: str, mistake: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(text)

    assert str(caught.value).startswith(mistake)


def test_dates_are_in_the_zone_of_their_time_stamp_and_may_make_levels() -> None:
    assert _render("A/{received:%Y/%m-%d}", received=LATE) == "A/2026/12-31"


@pytest.mark.parametrize(
    ("text", "value", "name"),
    [
        ("L/{x}", "plain", "L/plain"),
        ("L/{x}", "../../INBOX", "L/-..-INBOX"),
        ("L/{x}", "a/b\\c*d%e", "L/a-b-c-d-e"),
        ("L/{x}", " a \r\n\t\x00 b ", "L/a b"),
        ("L/{x}", "e\u0301\u202eevil", "L/é evil"),
        ("L/{x}", "x" * 300, "L/" + "x" * MAX_VALUE_CHARACTERS),
        ("L/{x|lower}", "ÄB", "L/äb"),
        ("L/{x|slug}", "Crème Brûlée & Co.", "L/creme-brulee-co"),
        ("L/{x|domain}", "Bob <bob@Example.ORG>", "L/example.org"),
        ("L/{x|domain|slug}", "bob@a.example.org", "L/a-example-org"),
        ("L/{from__name}", "Ann", None),
    ],
)
def test_values_of_strangers_are_cleaned(text: str, value: str, name: str | None) -> None:
    if name is None:
        assert _render("L/{from.name}", from__name=value) == "L/Ann"
    else:
        assert _render(text, x=value) == name


def test_the_delimiter_of_the_server_is_cleaned_too() -> None:
    assert _render("L/{x}", ".", x="a.b.c") == "L/a-b-c"
    assert _render("L/{x}", "", x="a.b.c") == "L/a.b.c"


@pytest.mark.parametrize("value", ["", "   ", "\x00", "...", "\u202e"])
def test_a_value_with_nothing_in_it_is_missing(value: str) -> None:
    with pytest.raises(KeyError, match="x"):
        _render("L/{x}", x=value)


def test_a_value_that_is_not_given_is_missing() -> None:
    with pytest.raises(KeyError, match="x"):
        _render("L/{x}")


@given(value=st.text(max_size=200), delimiter=st.sampled_from(["/", ".", "\\", ""]))
def test_no_value_leaves_its_level(value: str, delimiter: str) -> None:
    try:
        name = _render("Lists/{x}", delimiter, x=value)
    except KeyError:
        return

    level = name.removeprefix("Lists/")
    assert name.startswith("Lists/")
    assert not set(level) & ({"/", "*", "%", "\r", "\n", "\x00", delimiter} - {""})
    assert level.strip(" .") == level != ""
    assert len(level) <= MAX_VALUE_CHARACTERS
