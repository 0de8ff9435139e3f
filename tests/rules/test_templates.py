"""Mailbox names with fields: what they read, how values of strangers are cleaned, what is refused."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.imap.mailbox_name import decode_mailbox_name, encode_mailbox_name
from mailrules.mailbox.message import RECEIVED, header_fact
from mailrules.mailbox.store import MailboxInfo
from mailrules.plan.actions import SetRights
from mailrules.plan.directory import directory_of
from mailrules.rules.templates import MAX_VALUE_BYTES, MAX_VALUE_CHARACTERS, Field, TemplateError, parse_template
from tests.rules.loading import HEAD, diagnostics_in, load, mistakes_of, rules_of

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


HOSTILE = {
    "..": None,
    ".": None,
    "/": "-",
    "../..": "-",
    "../../INBOX": "-..-INBOX",
    "a/../b": "a-..-b",
    "&": "&",
    "&AC8-": "&AC8-",
    "inbox": "inbox",
    "INBOX": "INBOX",
    "~root": "~root",
    "#news.": "#news",
    "\u2044\u2215\u29f8etc": "---etc",
    "\uff0fetc\uff3cx": "-etc-x",
    "\u2100": "-",
    "\uff0e\uff0e": "\uff0e\uff0e",
    "\u2024\u2024": "\u2024\u2024",
    "a\r\nDELETE INBOX": "a DELETE INBOX",
    "a\x00\x1b[31mb": "a [31mb",
    "\u202ea\u200bb\ufeff": "a b",
    "\ud800x": "x",
    "a\u2028b\x85c": "a b c",
    "  ": None,
    "\uef0d\uef0a\uef26x\uefff": "x",
    "{subject}": "{subject}",
    '"x" (y)': '"x" (y)',
}
"""What strangers may write, and what is left of it on a server with "/"; None: nothing, so the value is missing."""


@pytest.mark.parametrize(("value", "level"), HOSTILE.items(), ids=map(ascii, HOSTILE))
@pytest.mark.parametrize("delimiter", ["/", "."])
def test_a_hostile_value_is_a_part_of_one_level_or_nothing(value: str, level: str | None, delimiter: str) -> None:
    if level is None and (delimiter == "/" or not value.strip()):
        with pytest.raises(KeyError, match="x"):
            _render("Lists/{x}", delimiter, x=value)
        return

    name = _server_name("Lists/{x}", delimiter, value)

    head, _, rest = name.partition(delimiter)
    assert (head, delimiter in rest) == ("Lists", False)
    if delimiter == "/":
        assert rest == level
    else:
        assert not set(rest) & {".", "\uff0e", "\u2024"}


@pytest.mark.parametrize(
    "value", ["x" * 300, "\u5b57" * 300, "\U0001f4e7" * 300, "a\u0301" * 300, "&" * 300, "x/" * 500_000]
)
@pytest.mark.parametrize("delimiter", ["/", "."])
def test_a_long_value_is_cut_by_characters_and_by_what_goes_over_the_wire(value: str, delimiter: str) -> None:
    level = _server_name("L/{x}", delimiter, value).removeprefix("L" + delimiter)

    assert 0 < len(level) <= MAX_VALUE_CHARACTERS
    assert 0 < len(encode_mailbox_name(level)) <= MAX_VALUE_BYTES


def _server_name(text: str, delimiter: str, value: str) -> str:
    directory = directory_of([MailboxInfo(name="INBOX", delimiter=delimiter)], account="home", user="me")
    return directory.server_name(_render(text, delimiter, x=value))


@given(
    value=st.text(max_size=200) | st.text("./\\~#&*%-\uff0f\uff0e\u2044 IiNnBOX\x00\x7f", max_size=30),
    delimiter=st.sampled_from(["/", ".", "\\", ""]),
    filters=st.sampled_from(["", "|lower", "|slug", "|domain", "|lower|domain"]),
)
def test_no_value_leaves_its_level_whatever_the_filter(value: str, delimiter: str, filters: str) -> None:
    try:
        name = _server_name(f"Lists/{{x{filters}}}", delimiter, value)
    except KeyError:
        return

    level = name.removeprefix("Lists" + (delimiter or "/"))
    assert level != name
    assert not set(level) & ({"/", "*", "%", "\r", "\n", "\x00", delimiter} - {""})
    assert level.strip(" .") == level != ""
    assert len(level) <= MAX_VALUE_CHARACTERS
    assert decode_mailbox_name(encode_mailbox_name(name)) == name


@pytest.mark.parametrize(
    "action",
    [
        "setacl: {mailbox: 'S/{subject}', rights: {bob: l}}",
        "deleteacl: {mailbox: 'S/{subject}', identifiers: bob}",
        "setmetadata: {mailbox: 'S/{subject}', entry: /shared/comment, value: x}",
        "setquota: {mailbox: 'S/{subject}', storage: 1GiB}",
        "rename: {mailbox: 'S/{subject}', to: B}",
        "rename: {mailbox: B, to: 'S/{subject}'}",
    ],
)
def test_what_changes_who_may_read_mail_or_how_much_takes_no_field(action: str) -> None:
    (mistake,) = mistakes_of(f"rules: [{{name: r, if: always, do: [{{{action}}}]}}]\n")

    assert "takes a fixed mailbox" in mistake


@pytest.mark.parametrize("who", ["{from}", "{subject}", "{from.domain|lower}"])
def test_braces_in_an_identifier_are_not_a_field(who: str) -> None:
    (rule,) = rules_of(
        f"rules: [{{name: r, if: always, do: [{{setacl: {{mailbox: S, rights: {{'{who}': l}}}}}}]}}]\n"
    ).rules.rules

    value = rule.branches[0].actions[0].value
    assert isinstance(value, SetRights)
    assert value.rights == ((who, "l"),)


@pytest.mark.parametrize("target", ["wor{subject}/A", "w{from.domain}", "work{subject}", "work/S/{subject}"])
def test_no_value_can_choose_an_account(target: str) -> None:
    text = HEAD.replace("defaults", "  work: {host: a.example, user: me, secret: {env: X}}\ndefaults")
    rules = f"rules: [{{name: r, if: always, do: [{{move: '{target}'}}]}}]\n"
    if target.startswith("work"):
        assert load(text + rules).rules.rules
        return

    (mistake,) = diagnostics_in(text + rules)

    assert f'a message could make "{target}" begin with the account "work"' in mistake
