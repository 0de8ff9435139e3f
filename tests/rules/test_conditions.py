"""Condition text becomes the values that it says, and each mistake has its sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from mailrules.rules.address_tests import (
    AddressPart,
    AddressTest,
    AnyAddressMatch,
    PartMatch,
    SubdomainMatch,
    bare_match,
    part_match,
    part_presence,
)
from mailrules.rules.conditions import All, Always, AnyOf, Leaf, LeafTest, Named, Node, Not
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, MailboxTest, NumberBounds, SizeTest, TimeSource, TimeTest
from tests.rules.loading import mistakes_of, rules_of

LISTS = 'lists: {vip: [alice@example.org, "@family.example"], words: [offer, sale], nobody: []}\n'


def _condition(text: str, *, before: str = LISTS) -> Node:
    (rule,) = rules_of(f"{before}rules: [{{name: r, if: {text}, do: [keep]}}]\n").rules.rules
    return rule.condition


def _test(text: str) -> LeafTest:
    node = _condition(text)
    assert isinstance(node, Leaf)
    return node.test


def _match(operator: TextOperator, *values: str, match_case: bool = False) -> TextMatch:
    return TextMatch(operator=operator, values=values, match_case=match_case)


CONTAINS, EQUALS = TextOperator.CONTAINS, TextOperator.EQUALS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{subject: offer}", TextTest(field="subject", matches=(_match(CONTAINS, "offer"),))),
        ("{subject: [offer, 007x, 12]}", TextTest(field="subject", matches=(_match(CONTAINS, "offer", "007x", "12"),))),
        (
            "{subject: {equals: A, case: match}}",
            TextTest(field="subject", matches=(_match(EQUALS, "A", match_case=True),)),
        ),
        ("{subject: {in: words}}", TextTest(field="subject", matches=(_match(EQUALS, "offer", "sale"),))),
        ("{subject: {in: [x, y]}}", TextTest(field="subject", matches=(_match(EQUALS, "x", "y"),))),
        (
            "{subject: {starts_with: a, ends_with: b}}",
            TextTest(
                field="subject", matches=(_match(TextOperator.STARTS_WITH, "a"), _match(TextOperator.ENDS_WITH, "b"))
            ),
        ),
        ("{list_id: {exists: false}}", TextTest(field="list-id", exists=False)),
        ("{message_id: {empty: true}}", TextTest(field="message-id", empty=True)),
        (
            "{header: {name: X-Mailer, glob: 'x*'}}",
            TextTest(field="x-mailer", matches=(_match(TextOperator.GLOB, "x*"),)),
        ),
        ("{body: hello}", BodyTest(matches=(_match(CONTAINS, "hello"),))),
        ("{mailbox: Lists/a}", MailboxTest(match=_match(EQUALS, "Lists/a"))),
        ("{mailbox: {starts_with: Lists/}}", MailboxTest(match=_match(TextOperator.STARTS_WITH, "Lists/"))),
        ("{flag: seen}", FlagTest(flags=("\\Seen",))),
        ("{flag: [Flagged, answered]}", FlagTest(flags=("\\Flagged", "\\Answered"))),
        ("{keyword: $Important}", FlagTest(flags=("$Important",))),
        ("{size: {over: 5MiB, at_most: 1000000000}}", SizeTest(bounds=NumberBounds(over=5 * 2**20, at_most=10**9))),
        ("{size: {under: 1.5 KiB}}", SizeTest(bounds=NumberBounds(under=1536))),
        ("{received: {older_than: 2w}}", TimeTest(source=TimeSource.RECEIVED, older_than=timedelta(weeks=2))),
        ("{received: {newer_than: 15m}}", TimeTest(source=TimeSource.RECEIVED, newer_than=timedelta(minutes=15))),
        ("{sent: 2026-01-31}", TimeTest(source=TimeSource.SENT, on=date(2026, 1, 31))),
        (
            "{sent: {before: '2026-01-31T08:00:00Z', after: 2025-12-31}}",
            TimeTest(source=TimeSource.SENT, before=datetime(2026, 1, 31, 8, tzinfo=UTC), after=date(2025, 12, 31)),
        ),
        ("{attachment: true}", AttachmentTest()),
        ("{attachment: false}", AttachmentTest(exists=False)),
        (
            "{attachment: {name: pdf, type: image/*, size: {over: 1KiB}, count: 2, exists: false}}",
            AttachmentTest(
                name=_match(CONTAINS, "pdf"),
                type=_match(TextOperator.GLOB, "image/*"),
                size=NumberBounds(over=1024),
                count=NumberBounds(equals=2),
                exists=False,
            ),
        ),
    ],
)
def test_a_condition_means(text: str, expected: LeafTest) -> None:
    assert _test(text) == expected


@pytest.mark.parametrize(
    ("options", "matches"),
    [
        ("alice@example.org", (part_match(AddressPart.ADDRESS, EQUALS, ["alice@example.org"]),)),
        ("'@example.org'", (part_match(AddressPart.DOMAIN, EQUALS, ["example.org"]),)),
        ("example", (part_match(AddressPart.ANY, CONTAINS, ["example"]),)),
        ("[a@b.c, '@d.e', f]", (bare_match(["a@b.c", "@d.e", "f"]),)),
        ("{in: vip}", (bare_match(["alice@example.org", "@family.example"]),)),
        ("{in: nobody}", (AnyAddressMatch(alternatives=()),)),
        ("{domain: {in: words}}", (part_match(AddressPart.DOMAIN, EQUALS, ["offer", "sale"]),)),
        ("{subdomain_of: example.org}", (SubdomainMatch(domains=frozenset({"example.org"})),)),
        ("{subdomain_of: {in: [example.org]}}", (SubdomainMatch(domains=frozenset({"example.org"})),)),
        ("{name: Bob}", (part_match(AddressPart.NAME, CONTAINS, ["Bob"]),)),
        ("{local: {starts_with: news}}", (part_match(AddressPart.LOCAL, TextOperator.STARTS_WITH, ["news"]),)),
        ("{detail: x, case: match}", (part_match(AddressPart.DETAIL, EQUALS, ["x"], match_case=True),)),
        ("{detail: {exists: false}}", (part_presence(AddressPart.DETAIL, is_there=False),)),
        ("{name: {empty: false}}", (part_presence(AddressPart.NAME, is_there=True),)),
        ("{regex: 'a+'}", (PartMatch(part=AddressPart.ANY, match=_match(TextOperator.REGEX, "a+")),)),
        (
            "{domain: x.y, name: {contains: z}}",
            (part_match(AddressPart.DOMAIN, EQUALS, ["x.y"]), part_match(AddressPart.NAME, CONTAINS, ["z"])),
        ),
    ],
)
def test_address_options_mean(options: str, matches: tuple[object, ...]) -> None:
    assert _test(f"{{from: {options}}}") == AddressTest(fields=("from",), matches=matches)  # type: ignore[arg-type]


def test_address_conditions_read_their_fields() -> None:
    fields = {word: _test(f"{{{word}: {{exists: true}}}}").needs for word in ("reply_to", "any_recipient")}

    assert [fact.name for fact in fields["reply_to"]] == ["reply-to"]
    assert [fact.name for fact in fields["any_recipient"]] == ["to", "cc", "bcc"]


def test_combinators_nest() -> None:
    node = _condition("{all: [{flag: seen}, always], any: [{flag: draft}], none: [{subject: a}], not: {subject: b}}")

    assert isinstance(node, All)
    both, one, none, negated = node.parts
    assert isinstance(both, All)
    assert isinstance(both.parts[1], Always)
    assert isinstance(one, AnyOf)
    assert isinstance(none, Not)
    assert isinstance(none.part, AnyOf)
    assert isinstance(negated, Not)
    assert isinstance(negated.part, Leaf)


NAMED = "conditions: {bulk: {subject: offer}, quiet: {all: [bulk, {flag: seen}]}}\n"


@pytest.mark.parametrize("text", ["bulk", "{bulk: true}", "{all: {bulk: true}}"])
def test_a_named_condition_is_used_by_its_name(text: str) -> None:
    node = _condition(text, before=NAMED)

    assert isinstance(node, Named)
    assert node.name == "bulk"


def test_a_named_condition_can_be_denied_and_built_on() -> None:
    node = _condition("{bulk: false, any: [quiet]}", before=NAMED)

    assert isinstance(node, All)
    assert isinstance(node.parts[0], Not)
    assert isinstance(node.parts[1], AnyOf)


def test_a_leaf_shows_the_text_that_the_user_wrote_and_its_place() -> None:
    node = _condition("{from: {domain: [x.y], name: z}}")

    assert isinstance(node, Leaf)
    assert (node.name, node.text) == ("from", "from: {domain: [x.y], name: z}")
    assert str(node.where) == "main.yaml:7:24"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{subjct: a}", 'unknown condition "subjct"; did you mean "subject"?'),
        ("bulkk", 'unknown condition "bulkk"; did you mean "bulk"?'),
        ("subject", 'the condition "subject" needs a value; write subject: ...'),
        ("[always]", "a list does not say whether all or any must hold; write all: [...] or any: [...]"),
        ("{}", "this condition is empty; write if: always to match every message"),
        ("3", "a condition is expected here, not a number; write if: always to match every message"),
        ("{not: [always]}", "not takes one condition, and this is a list; write none: [...]: none of these"),
        ("{always: 1}", "always takes true; write if: always"),
        (
            "{any: []}",
            "any takes a list of conditions, not an empty list; write any: [{subject: offer}, {from: a@example.org}]",
        ),
        ("{bulk: 3}", 'the named condition "bulk" takes true or false, not a number; write bulk: true'),
        ("{subject: ''}", "an empty text is contained in everything; use exists or empty to ask for the field itself"),
        ("{subject: []}", "this list is empty, so it can never hold; add a value"),
        ("{subject: true}", "text is expected here, not true; quote it: 'true'"),
        ("{subject: [[a]]}", "text is expected here, not a list; "),
        ("{subject: {like: a}}", 'unknown operator "like" under subject; '),
        ("{subject: {contain: a}}", 'unknown operator "contain" under subject; did you mean "contains"?'),
        ("{subject: {}}", "subject has no operator; known here: equals, contains"),
        ("{body: {exists: maybe}}", "exists takes true or false, not text; "),
        ("{body: ''}", "an empty text is contained in everything; "),
        ("{header: {name: X, contains: ''}}", "an empty text is contained in everything; "),
        ("{mailbox: ''}", "an empty text is contained in everything; "),
        ("{attachment: {name: ''}}", "an empty text is contained in everything; "),
        ("{flag: {seen: true}}", "text is expected here, not a mapping; "),
        ("{keyword: ~}", "text is expected here, not nothing; "),
        ("{subject: {exists: 1}}", "exists takes true or false, not a number; "),
        ("{subject: {equals: a, case: maybe}}", 'case is "match" or "ignore", not maybe; '),
        ("{subject: {in: wrds}}", 'there is no list "wrds"; add wrds under lists, or write in: [...]'),
        ("{subject: {in: {a: b}}}", "a list's name is expected here, not a mapping; write in: my_list, or in: [a, b]"),
        ("{subject: {regex: '('}}", "this regex does not compile: "),
        ("{subject: {regex: '(?=a)'}}", "this regex does not compile: look-around is not supported"),
        ("{header: x}", "header needs the name of a field; write header: {name: X-Mailer, contains: ...}"),
        (
            "{header: {name: 'X:', exists: true}}",
            '"X:" is no name of a header field; write it without the colon: X-Mailer',
        ),
        ("{header: {name: X}}", "header needs an operator beside the name; write header: {name: X, exists: true}"),
        ("{mailbox: {exists: true}}", "mailbox takes one operator; write mailbox: NAME, or use all: [...] for several"),
        ("{from: {domian: a}}", 'unknown operator "domian" under from; did you mean "domain"?'),
        ("{from: {domain: {bigger: a}}}", 'unknown operator "bigger" under domain; '),
        ("{flag: sen}", 'unknown flag "sen"; did you mean "seen"?'),
        ("{flag: $Work}", 'unknown flag "$Work"; write keyword: $Work; '),
        ("{keyword: seen}", '"seen" is a flag, not a keyword; write flag: seen'),
        ("{keyword: 'a b'}", 'no server can store the keyword "a b"; use ASCII letters'),
        ("{size: 5MiB}", "size needs an operator; write size: {over: 5MiB}"),
        ("{size: {over: 5MB}}", '"5MB" has no unit that rules know; write MiB (1024s)'),
        ("{size: {over: big}}", '"big" is not a size; write bytes, or a number with KiB, MiB or GiB: 20MiB'),
        ("{size: {over: [1]}}", "one value is expected here, not a list; "),
        ("{received: {older_than: 1y}}", '"1y" is not a duration; write a number with s, m (minutes), h, d or w'),
        ("{received: {before: 31.1.2026}}", '"31.1.2026" is not a date; write year-month-day: 2026-01-31'),
        ("{received: {before: '2026-01-31T08:00'}}", '"2026-01-31T08:00" has no time zone; add it'),
        ("{received: '2026-01-31T08:00:00Z'}", '"2026-01-31T08:00:00Z" is an instant, not a day; write the date alone'),
        ("{received: {younger: 1d}}", 'unknown operator "younger" under received; '),
        ("{attachment: pdf}", "attachment takes operators, not text; write attachment: true"),
        ("{attachment: {kind: pdf}}", 'unknown operator "kind" under attachment; '),
        ("{attachment: {count: many}}", '"many" is not a whole number; write digits only: 2'),
        ("{attachment: {name: {exists: true}}}", "name takes one operator; write name: {glob: '*.pdf'}"),
    ],
)
def test_a_mistake_has_its_sentence(text: str, mistake: str) -> None:
    (found,) = mistakes_of(f"conditions: {{bulk: always}}\nrules: [{{name: r, if: {text}, do: [keep]}}]\n")

    assert found.startswith(mistake)


def test_every_mistake_of_one_condition_is_told() -> None:
    found = mistakes_of(
        "rules: [{name: r, if: {frm: a, any: [{subject: ''}, {size: 3}], to: {domain: ''}}, do: [keep]}]\n"
    )

    assert len(found) == 4


def test_named_conditions_may_not_use_themselves() -> None:
    (found,) = mistakes_of("conditions: {a: {not: b}, b: {any: [c]}, c: a}\n")

    assert found == "the named condition uses itself: a -> b -> c -> a; break the circle"


def test_named_conditions_may_not_hide_words() -> None:
    (found,) = mistakes_of("conditions: {subject: always}\n")

    assert found == '"subject" is a word of the rule language; choose another name, for example "my_subject"'


def test_conditions_that_double_at_each_level_are_refused_before_they_grow() -> None:
    levels = "".join(f"  c{n}: {{any: [c{n - 1}, c{n - 1}, c{n - 1}, c{n - 1}]}}\n" for n in range(1, 15))

    found = mistakes_of(f"conditions:\n  c0: {{subject: a}}\n{levels}")

    assert found == [
        "the condition has 16384 parts, over 10000; put long alternatives into a list and use in: NAME",
    ]


def test_named_conditions_have_a_depth() -> None:
    levels = "".join(f"  c{n}: {{not: c{n - 1}}}\n" for n in range(1, 17))

    (found,) = mistakes_of(f"conditions:\n  c0: {{subject: a}}\n{levels}")

    assert found.startswith("named conditions are nested deeper than 16 levels")


def test_a_star_in_contains_is_a_warning() -> None:
    configuration = rules_of("rules: [{name: r, if: {subject: '*offer*'}, do: [keep]}]\n")

    (warning,) = configuration.warnings
    assert str(warning) == (
        'main.yaml:6:33: warning: contains takes the "*" in "*offer*" literally; '
        "use glob: '*offer*', or leave the * out"
    )
