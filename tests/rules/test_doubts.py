"""What is hardly meant is told with its place, the reason and what to write."""

from __future__ import annotations

import time

import pytest

from mailrules.mailbox.address import parse_addresses
from tests.rules.loading import HEAD, load

FIRST_LINE = HEAD.count("\n") + 2


def _told(rules: str, *, before: str = "") -> list[str]:
    """Warnings and notices of rules, each rule on a line of its own from line 1."""
    loaded = load(HEAD + before + "rules:\n" + rules)
    shift = FIRST_LINE - 1 + before.count("\n")
    found = sorted([*loaded.warnings, *loaded.notices], key=lambda one: one.where)
    return [f"{one.where.line - shift} {one.severity}: {one.message}" for one in found]


def _rule(name: str, condition: str, action: str = "keep", more: str = "") -> str:
    return f"  - {{name: {name}, if: {condition}, do: [{action}]{more}}}\n"


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (
            "{size: {at_least: 5, at_most: 3}}",
            "nothing fulfils size: {at_least: 5, at_most: 3}",
        ),
        ("{size: {over: 5, under: 6}}", "nothing fulfils size: {over: 5, under: 6}"),
        (
            "{received: {older_than: 30d, newer_than: 7d}}",
            "nothing fulfils received: {older_than: 30d, newer_than: 7d}",
        ),
        (
            "{received: {after: 2026-01-31, before: 2026-02-01}}",
            "nothing fulfils received: {after: 2026-01-31, before: 2026-02-01}",
        ),
        ("{subject: {equals: a, contains: b}}", "nothing fulfils subject: {equals: a, contains: b}"),
        (
            "{from: {address: a@x.example, domain: y.example}}",
            "nothing fulfils from: {address: a@x.example, domain: y.example}",
        ),
        (
            "{all: [{received: {older_than: 30d}}, {received: {newer_than: 7d}}]}",
            "received: {older_than: 30d} (line 7) and received: {newer_than: 7d} (line 7) exclude each other",
        ),
        ("{all: [{flag: seen}, {not: {flag: [seen, draft]}}]}", "flag: seen (line 7) and not {flag: [seen, draft]}"),
        ("{attachment: true, not: {attachment: {exists: true}}}", "attachment: true (line 7) and not {attachment"),
        ("{list_id: {exists: false}, any: [{list_id: a}, {list_id: b}]}", "list_id: {exists: false} (line 7) and "),
        ("{all: [{auth: {spf: pass}}, {auth: {spf: [fail, none]}}]}", "auth: {spf: pass} (line 7) and auth"),
        ("{all: [{event: new}, {event: schedule}]}", "event: new (line 7) and event: schedule (line 7)"),
        ("{all: [{mailbox: A}, {mailbox: B}]}", "mailbox: A (line 7) and mailbox: B (line 7)"),
        ("{not: always}", "nothing is left of it but the contrary of always"),
        ("{subject: a, any: [{not: always}]}", "nothing is left of it but the contrary of always"),
        ("{account: work}", "account: work does not fit the rule's mailboxes"),
        ("{spam_score: {over: 5}, not: {spam_score: {over: 5}}}", "spam_score: {over: 5} (line 7) and not"),
    ],
)
def test_a_condition_that_can_never_hold_is_a_warning(condition: str, reason: str) -> None:
    (told,) = _told(_rule("r", condition))

    assert told.startswith(f'1 warning: the rule "r" can never match: {reason}')


@pytest.mark.parametrize(
    "condition",
    [
        "{all: [{subject: {equals: a}}, {subject: {equals: b}}]}",
        "{size: {at_least: 5, at_most: 5}}",
        "{received: {older_than: 7d, newer_than: 30d}}",
        "{none: [{spam_score: {over: 5}}, {spam_score: {at_most: 5}}]}",
        "{all: [{from: a@x.example}, {from: b@x.example}]}",
        "{all: [{flag: [seen, draft]}, {not: {flag: seen}}]}",
        "{sent: {after: 2026-01-30, before: 2026-02-01}}",
        "{received: {on: 2026-01-31}, sent: {on: 2026-02-01}}",
        "{attachment: {size: {over: 5, under: 5}, exists: false}}",
    ],
)
def test_what_some_message_could_fulfil_is_not_doubted(condition: str) -> None:
    assert _told(_rule("r", condition)) == []


def test_an_alternative_that_can_never_hold_is_told_at_its_place() -> None:
    condition = "{flag: seen, any: [{subject: a}, {not: {flag: seen}}]}"

    (told,) = _told(_rule("r", condition))

    assert told.startswith("1 warning: this alternative can never hold: flag: seen (line 7) and not {flag: seen}")


def test_a_condition_that_holds_for_every_message_is_a_notice() -> None:
    assert _told(_rule("r", "{any: [{flag: seen}, {not: {flag: seen}}]}")) == [
        '1 notice: the condition of "r" holds for every message'
    ]
    # A message whose date cannot be read is neither.
    assert _told(_rule("r", "{any: [{sent: {older_than: 1d}}, {not: {sent: {older_than: 1d}}}]}")) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{from: '@x.example'}", "{from: ann@x.example}"),
        ("{from: {subdomain_of: x.example}}", "{from: {domain: mail.x.example}, flag: seen}"),
        ("{from: {subdomain_of: x.example}}", "{from: {subdomain_of: [a.x.example, b.x.example]}}"),
        ("{from: {in: [a@x.example, b@x.example]}}", "{from: b@x.example}"),
        ("{subject: sale}", "{subject: Summer Sale}"),
        ("{subject: sale}", "{subject: {equals: 'the sale'}}"),
        ("{subject: {starts_with: '['}}", "{subject: {starts_with: '[list]'}}"),
        ("{subject: {ends_with: '!'}}", "{subject: {equals: now!}}"),
        ("{subject: {glob: 'a*z'}}", "{subject: {glob: ['a*z', 'A*Z']}}"),
        ("{subject: [a, b]}", "{all: [{subject: ab}, {size: {over: 5}}]}"),
        ("{size: {over: 1MiB}}", "{size: {over: 2MiB}}"),
        ("{size: {at_least: 2, at_most: 9}}", "{all: [{size: {over: 3}}, {size: {under: 8}}]}"),
        ("{received: {older_than: 7d}}", "{received: {older_than: 30d}, flag: seen}"),
        ("{flag: [seen, draft]}", "{flag: draft}"),
        ("{not: {flag: seen}}", "{not: {flag: [draft, seen]}}"),
        ("{not: {size: {under: 5}}}", "{size: {over: 7}}"),
        ("{any: [{flag: seen}, {list_id: a}]}", "{list_id: {equals: abc}}"),
        ("{any: [{flag: seen}, {list_id: a}]}", "{any: [{list_id: ba}, {flag: seen}]}"),
        ("{list_id: {exists: true}}", "{list_id: x}"),
        ("{attachment: {type: image/png}}", "{attachment: {type: image/png}}"),
        ("{body: code}", "{body: the code}"),
    ],
)
def test_a_rule_behind_one_that_matches_whatever_it_matches_is_unreachable(first: str, second: str) -> None:
    (told,) = _told(_rule("one", first) + _rule("two", second, "{flag: flagged}"))

    assert told == (
        '2 warning: no message reaches this rule: "one" (main.yaml:7:12) matches whatever it matches, '
        "and ends the judging"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (_rule("one", "{subject: a}", "{flag: seen}"), _rule("two", "{subject: ab}")),
        (_rule("one", "{subject: a}", more=", stop: false"), _rule("two", "{subject: ab}")),
        (_rule("one", "{subject: ab}"), _rule("two", "{subject: a}")),
        (_rule("one", "{from: ann@x.example}"), _rule("two", "{participants: ann@x.example}")),
        (_rule("one", "{subject: {equals: a, case: match}}"), _rule("two", "{subject: {equals: a}}")),
        # A mailbox name that lacks a value lets the message go on.
        (_rule("one", "{subject: a}", "{move: 'A/{from.domain}'}"), _rule("two", "{subject: ab}")),
        (_rule("one", "{subject: a}", more=", in: home/B"), _rule("two", "{subject: ab}")),
        (_rule("one", "{subject: a}", more=", events: {at: '03:20'}"), _rule("two", "{subject: ab}")),
        (_rule("one", "{subject: a}"), _rule("two", "{subject: ab, flag: deleted}")),
        # A message without a readable date is not known to be younger.
        (_rule("one", "{not: {sent: {newer_than: 9d}}}"), _rule("two", "{not: {received: {newer_than: 9d}}}")),
    ],
)
def test_a_rule_that_some_message_reaches_is_not_doubted(first: str, second: str) -> None:
    assert _told(first + second) == []


def test_a_branch_behind_one_that_holds_wherever_it_does_is_never_reached() -> None:
    rules = (
        "  - name: r\n"
        "    if: {list_id: {exists: true}}\n"
        "    choose:\n"
        "      - {if: {subject: a}, do: [{flag: seen}]}\n"
        "      - {if: {subject: ab}, do: [{flag: flagged}]}\n"
        "      - {if: {list_id: {exists: false}}, do: [{flag: draft}]}\n"
        "      - {else: true, do: [{flag: answered}]}\n"
    )

    covered, excluded = _told(rules)

    assert covered == "5 warning: no message reaches this branch: the one at main.yaml:10:9 holds wherever it does"
    assert excluded.startswith("6 warning: this branch can never be taken: list_id: {exists: true} (line 8) and list")


def test_a_rule_that_says_the_same_again_is_a_notice() -> None:
    same = _rule("one", "{subject: a}", "{flag: seen}") + _rule("two", "{subject: a}", "{flag: seen}")
    other = _rule("one", "{subject: a}", "{flag: seen}") + _rule("two", "{subject: a}", "{flag: draft}")

    assert _told(same) == ['2 notice: this rule says the same as "one" (main.yaml:7:12)']
    assert _told(other) == []


def test_lists_and_conditions_that_nothing_uses_are_notices() -> None:
    before = "lists: {used: [a], idle: [b]}\nconditions: {used: {subject: {in: used}}, idle: {subject: a}}\n"

    assert _told(_rule("r", "used"), before=before) == [
        '-2 notice: nothing uses the list "idle"',
        '-1 notice: nothing uses the condition "idle"',
    ]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{subject: '*sale*'}", 'contains takes the "*" in "*sale*" literally'),
        ("{from: {domain: '*.example.org'}}", 'equals takes the "*" in "*.example.org" literally'),
        ("{from: '*@example.org'}", 'the "*" in "*@example.org" means itself'),
        ("{list_id: {starts_with: 'a*'}}", 'starts_with takes the "*" in "a*" literally'),
        (r'{subject: {regex: "\bfoo"}}', r"\b in double quotes became a control character"),
        ("{subject: {regex: '(foo)?'}}", 'the regex "(foo)?" is found in every text'),
        ("{subject: {regex: '.*'}}", 'the regex ".*" is found in every text'),
        ("{list_id: {regex: 'lists.example.org'}}", 'the dots in "lists.example.org" fit any character'),
        ("{subject: {regex: 'invoice*'}}", 'in the regex "invoice*" the "*" repeats the character before it'),
        ("{subject: {regex: '[A-z]+'}}", "the range A-z also holds [ \\ ] ^ _ and `"),
        ("{subject: {regex: '^re|fwd$'}}", 'in the regex "^re|fwd$" ^ and $ belong to one alternative only'),
    ],
)
def test_what_means_something_else_than_it_seems_is_a_warning(condition: str, message: str) -> None:
    assert _told(_rule("r", condition)) == [f"1 warning: {message}"]


@pytest.mark.parametrize(
    "regex",
    [r"lists\.example\.org", "invoices?", "^(re|fwd)$", "a.*b", "^$", r"\burgent\b", "[A-Z]+", "x.y", "v[0-9.]+com"],
)
def test_a_regex_that_means_what_it_says_is_not_doubted(regex: str) -> None:
    assert _told(_rule("r", f"{{subject: {{regex: '{regex}'}}}}")) == []


def test_thousands_of_rules_are_compared_without_comparing_each_with_each() -> None:
    rules = "".join(
        _rule(f"a{number}", f"{{from: s{number}@x{number}.example}}")
        + _rule(f"b{number}", f"{{subject: 'word {number}.'}}")
        + _rule(f"c{number}", f"{{size: {{over: {3000 - number}}}}}")
        for number in range(500)
    )

    begin = time.process_time()
    told = _told(rules + _rule("last", "{from: s7@x7.example, flag: seen}"))

    assert told[-1].startswith('1501 warning: no message reaches this rule: "a7"')
    assert time.process_time() - begin < 10


def test_a_local_part_alone_does_not_pass_for_an_address() -> None:
    (address,) = parse_addresses(b'"ann@example.org"@')  # type: ignore[misc]  # not Unreadable

    assert address.domain == ""
    assert address.address != "ann@example.org"
